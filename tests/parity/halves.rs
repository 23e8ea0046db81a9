//! Denoising networks and decoders whose maps are halves, as they are on GPUs that know them: on the CPU, which keeps none, the
//! same numbers.
//!
//! Tolerance 1e-2 of the largest number of a tensor: a half has eleven bits, and a network rounds to them some hundred times.

use std::cell::RefCell;

use burn::tensor::DType;
use tintype::device;
use tintype::models::unet::{Changes, FreeU, Inner, Merging, Savings, Tiles, Unet};

use super::controlnets::answer_with_both;
use super::networks::{TOLERANCE, condition};
use crate::support::{
    Closeness, Folder, assert_close, block_on, references, tested_device, values,
};

/// Whether maps may be halves on the tested device.
pub(crate) fn knows_halves() -> bool {
    let device = tested_device();
    !device::is_cpu(&device) && device.supports_dtype(DType::F16)
}

fn tolerance() -> f32 {
    if knows_halves() { 1e-2 } else { TOLERANCE }
}

/// The numbers that `run` gives with maps in f32, and with halves, which are others.
fn both_ways(run: impl Fn() -> Vec<f32>) -> [Vec<f32>; 2] {
    let floats = run();
    device::keep_halves(knows_halves());
    let halves = run();
    device::keep_halves(false);
    assert_eq!(floats == halves, !knows_halves(), "whether maps are halves");
    [floats, halves]
}

#[test]
fn unets_answer_as_the_references_do() {
    let mut closeness = Closeness::within(tolerance());
    for folder in ["sd15", "sd21", "sdxl", "variants/inpaint", "variants/lcm", "variants/pruned"] {
        let unet = Folder::tiny(folder).unet();
        let g = references(&format!("networks/{folder}/unet/reference.safetensors"));
        let [_, ours] = both_ways(|| {
            let (sample, timesteps) = (g["mixed.sample"].tensor(), &g["mixed.timestep"].data);
            values(unet.forward(sample, timesteps, &condition(&g, "mixed")))
        });
        closeness.check(folder, &ours, &g["mixed.output"].data);
    }
}

#[test]
fn decoders_give_the_references_pictures() {
    for folder in ["sd15", "sd21"] {
        let vae = Folder::tiny(folder).vae();
        let g = references(&format!("networks/{folder}/vae/reference.safetensors"));
        let [_, ours] = both_ways(|| {
            let image = vae.decode(g["decode.latent"].tensor(), async || Ok(()));
            values(block_on(image).unwrap())
        });
        assert_close(folder, &ours, &g["decode.image"].data, tolerance());
    }
    // SDXL's keeps f32.
    let vae = Folder::tiny("sdxl").vae();
    device::keep_halves(knows_halves());
    assert!(!vae.forgo_halves());
}

#[test]
fn control_nets_and_adapters_join_in() {
    let [floats, halves] = both_ways(answer_with_both);
    assert_close("answer", &halves, &floats, tolerance());
}

/// The tiny network's answers to two calls with changes on the way.
fn answers(unet: &Unet, changes: Changes<'_>) -> Vec<f32> {
    let g = references("networks/sd15/unet/reference.safetensors");
    let told = condition(&g, "even");
    let answer = |time: f32| {
        let sample = g["even.sample"].tensor();
        values(unet.forward_with(sample, &[time; 2], &told, changes))
    };
    [801.0, 741.0].map(answer).concat()
}

#[test]
fn what_changes_maps_on_their_way_works_with_halves() {
    let unet = Folder::tiny("sd15").unet();
    let tiles = Some(Tiles { side: 4, sizes: 2, depth: 1, grow: false });
    let free_u = FreeU { backbone: [1.3, 1.4], skip: [0.9, 0.2], adaptive: false };
    let adaptive = FreeU { adaptive: true, ..free_u };
    let merging = Some(Merging { share: 0.5, depth: 0 });
    let saved =
        |tiles, merging| Changes { savings: Savings { tiles, merging }, ..Changes::default() };
    // Which tokens are most alike may hang on a rounding.
    let of_merging = 10.0 * tolerance();
    for (name, changes, tolerance) in [
        ("tiles", saved(tiles, None), tolerance()),
        ("merging", saved(None, merging), of_merging),
        ("FreeU", Changes { free_u: Some(&free_u), ..Changes::default() }, tolerance()),
        ("adaptive FreeU", Changes { free_u: Some(&adaptive), ..Changes::default() }, tolerance()),
    ] {
        let [floats, halves] = both_ways(|| answers(&unet, changes));
        assert_close(name, &halves, &floats, tolerance);
    }
    let [floats, halves] = both_ways(|| {
        let map = RefCell::default();
        let inner = Some(Inner { layers: 1, map: &map });
        answers(&unet, Changes { inner, ..Changes::default() })
    });
    assert_close("inner maps of a call before", &halves, &floats, tolerance());
}
