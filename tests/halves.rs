//! Models whose numbers are too large for halves: told, and run in f32. (What halves give is in `parity/halves.rs`.)

use std::rc::Rc;

use half::f16;
use serde_json::json;
use tintype::device;
use tintype::engine::Engine;
use tintype::store::native::FolderStore;

use crate::checkpoints::{graph, node};
use crate::nodes::{TestHost, run};
use crate::support::tiny::{Models, names, theirs, write};
use crate::support::{block_on, tested_kind};

/// A tiny model with one tensor changed.
fn changed(checkpoint: &str, tensor: &str, change: impl Fn(f16) -> f16) -> Vec<u8> {
    let named = |one: crate::support::tiny::Named| {
        let numbers = theirs(&one).into_iter();
        let is_it = one.theirs == tensor;
        let numbers = numbers.map(|number| if is_it { change(number) } else { number });
        (one.theirs, one.shape, numbers.collect())
    };
    write(names(checkpoint).into_iter().map(named).collect())
}

#[test]
fn a_model_that_is_too_large_for_halves_is_run_in_full() {
    let grown = |number: f16| number * f16::from_f32(1e4);
    // Maps of a million, which the norms after them make small again.
    let large = changed("tiny_sd1", "model.diffusion_model.input_blocks.0.0.weight", grown);
    let decoder = changed("tiny_sd1", "first_stage_model.decoder.conv_in.weight", grown);
    let sdxl = changed("tiny_sdxl", "first_stage_model.decoder.conv_in.weight", grown);
    let broken = changed("tiny_sd1", "model.diffusion_model.out.2.bias", |_| f16::INFINITY);
    let models = Models::new()
        .with("checkpoints/large.safetensors", &large)
        .with("checkpoints/decoder.safetensors", &decoder)
        .with("checkpoints/sdxl.safetensors", &sdxl)
        .with("checkpoints/broken.safetensors", &broken);
    let store = Rc::new(FolderStore::new(models.path()));
    let engine = block_on(Engine::open(tested_kind(), store, |_| {})).unwrap();
    let told = |file: &str| {
        format!(
            "`checkpoints/{file}` has numbers that are too large for halves: full precision from now on"
        )
    };
    let paint = |file: &str| {
        let loader = json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": file })) });
        let host = TestHost::default();
        let made = run(&engine, &graph(loader, [("4", 0), ("4", 1), ("4", 2)]), &host);
        (made.map_err(|error| error.to_string()), host.notices())
    };

    device::keep_halves(true);
    let (made, notices) = paint("large.safetensors");
    made.unwrap();
    assert_eq!(notices.contains(&told("large.safetensors")), engine.device_info().f16);
    assert_eq!(device::keeps_halves(), !engine.device_info().f16);

    // As large in the decoder, whose norms make it small as well.
    device::keep_halves(true);
    let (made, notices) = paint("decoder.safetensors");
    made.unwrap();
    let told_of_decoder =
        "the autoencoder has numbers that are too large for halves: full precision from now on";
    let is_told = notices.iter().any(|notice| notice == told_of_decoder);
    assert_eq!(is_told, engine.device_info().f16);
    assert!(device::keeps_halves());

    // SDXL's is known to be large, and begins in f32.
    let (made, notices) = paint("sdxl.safetensors");
    made.unwrap();
    assert!(notices.is_empty(), "{notices:?}");

    // What no precision mends is an error, and not a reason to give up halves.
    let (made, notices) = paint("broken.safetensors");
    let error = made.unwrap_err();
    assert!(error.contains("`network output` is not a finite number"), "{error}");
    assert!(notices.is_empty(), "{notices:?}");
    assert!(device::keeps_halves());
}
