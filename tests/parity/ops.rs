//! Every function of `ops` (`shared::ops`), on the CPU.
//!
//! Tolerance 1e-5 of the largest number of an output: f32 sums in another order.

use crate::shared::ops;
use crate::shared::reference::References;
use crate::support::{Closeness, block_on, cpu, fixture};

const TOLERANCE: f32 = 1e-5;

fn check(family: &str) {
    let bytes = std::fs::read(fixture(&format!("ops/{family}.safetensors"))).unwrap();
    let references = References::parse(&bytes);
    let comparisons = block_on(ops::compare(family, &references, &cpu(), TOLERANCE));
    assert!(comparisons.len() > 1);
    Closeness::of(comparisons);
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
