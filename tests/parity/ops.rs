//! Every function of `ops` (`shared::ops`), and its layers at the sizes of real networks (`shared::kernels`).
//!
//! Tolerance 1e-5 of the largest number of an output: f32 sums in another order; of halves, where a GPU knows them, 2e-3.

use tintype::device;

use super::halves::knows_halves;
use crate::shared::reference::References;
use crate::shared::{kernels, ops};
use crate::support::{Closeness, block_on, fixture, tested_device};

const TOLERANCE: f32 = 1e-5;
const TOLERANCE_OF_HALVES: f32 = 2e-3;

fn check(family: &str) {
    let bytes = std::fs::read(fixture(&format!("ops/{family}.safetensors"))).unwrap();
    let references = References::parse(&bytes);
    let comparisons = block_on(ops::compare(family, &references, &tested_device(), TOLERANCE));
    assert!(comparisons.len() > 1);
    Closeness::of(comparisons);
}

fn check_at_real_sizes(kind: &str) {
    let device = tested_device();
    let ways: &[bool] = if device::is_cpu(&device) { &[false] } else { &[false, true] };
    let mut numbers = vec![(false, TOLERANCE)];
    if knows_halves() {
        numbers.push((true, TOLERANCE_OF_HALVES));
    }
    for software in ways.iter().copied() {
        device::take_for_software(software);
        for (halves, tolerance) in &numbers {
            let comparisons = block_on(kernels::compare(kind, &device, *halves, *tolerance));
            assert!(comparisons.len() > 10);
            Closeness::of(comparisons);
        }
    }
    device::take_for_software(false);
}

#[test]
fn convolutions_of_real_networks() {
    check_at_real_sizes("convolutions");
}

#[test]
fn convolutions_of_real_networks_in_shares() {
    check_at_real_sizes("convolutions in shares");
}

#[test]
fn linear_layers_of_real_networks() {
    check_at_real_sizes("linear layers");
}

#[test]
fn attention_of_real_networks() {
    check_at_real_sizes("attention");
}

#[test]
fn norms_of_real_networks() {
    check_at_real_sizes("norms");
}

#[test]
fn activation() {
    check("activation");
}

#[test]
fn parts_of_adapters() {
    check("adapter");
}

#[test]
fn attention() {
    check("attention");
}

#[test]
fn convolution() {
    check("conv");
}

#[test]
fn linear() {
    check("linear");
}

#[test]
fn normalisation() {
    check("norm");
}

#[test]
fn shuffling() {
    check("shuffle");
}

#[test]
fn timestep_embedding() {
    check("embedding");
}

#[test]
fn upsampling() {
    check("upsample");
}
