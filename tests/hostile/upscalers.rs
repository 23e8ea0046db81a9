//! Files that are no upscaler, or not quite one.

use serde_json::Map;
use tintype::models::Upscaler;
use tintype::store::MemorySource;
use tintype::weights::safetensors;

use super::{Tensors, assert_told, code};
use crate::support::{Reference, load, references};

const FILE: &str = "upscale_models/some.safetensors";

fn tensors(name: &str) -> Tensors {
    references(&format!("upscalers/upscale_models/{name}.safetensors"))
}

fn upscaler(tensors: &Tensors) -> tintype::error::Result<Upscaler> {
    let list: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), &tensor.shape[..], &tensor.data[..]))
        .collect();
    let bytes = safetensors::write(&list, &Map::new());
    Upscaler::load(load(&MemorySource::new(FILE, bytes))?)
}

/// A tensor of this shape.
fn of(shape: &[usize]) -> Reference {
    Reference { shape: shape.to_vec(), data: vec![0.5; shape.iter().product()] }
}

#[test]
fn another_network_is_told_apart() {
    let error =
        upscaler(&references("networks/sd15/vae/diffusion_pytorch_model.safetensors")).unwrap_err();
    let words = [
        FILE,
        "no upscaler",
        "expected an ESRGAN",
        "`conv_first.weight`",
        "`body.0.weight`",
        "`decoder.",
    ];
    assert_told(&error, "bad_file", &words);
    let error = upscaler(&Tensors::new()).unwrap_err();
    assert_told(&error, "bad_file", &[FILE, "no tensors"]);
}

#[test]
fn pictures_without_colours_are_not_made() {
    for (name, first, last) in [
        ("esrgan_old_x4", "model.0", "model.10"),
        ("esrgan_trunk_x2", "module.conv_first", "module.conv_last"),
        ("compact_x4", "body.0", "body.6"),
    ] {
        for channels in [1, 4, 13] {
            let mut inputs = tensors(name);
            let width = inputs[&format!("{first}.weight")].shape[0];
            inputs.insert(format!("{first}.weight"), of(&[width, channels, 3, 3]));
            let error = upscaler(&inputs).unwrap_err();
            assert_told(
                &error,
                "bad_file",
                &[FILE, &format!("{channels} channels in"), "expected 3"],
            );
            let mut outputs = tensors(name);
            outputs.insert(format!("{last}.weight"), of(&[channels, width, 3, 3]));
            let error = upscaler(&outputs).unwrap_err();
            assert_told(&error, "bad_file", &[FILE, &format!("{channels} out")]);
        }
    }
}

#[test]
fn missing_misshapen_and_unknown_tensors_are_named() {
    for name in ["esrgan_old_x4", "esrgan_trunk_x2", "esrgan_body_x4", "compact_x2", "compact_x4"] {
        let whole = tensors(name);
        upscaler(&whole).unwrap();
        for tensor in whole.keys() {
            let mut missing = whole.clone();
            missing.remove(tensor);
            let error = upscaler(&missing).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(FILE) && error.fix().is_some(), "{tensor}: {message}");
            assert!(
                ["missing_tensor", "bad_file", "unused_tensors"].contains(&error.kind().code()),
                "{tensor}: {message}"
            );

            let mut flat = whole.clone();
            let shape = flat[tensor].shape.iter().product::<usize>() + 1;
            flat.insert(tensor.clone(), of(&[shape]));
            let error = upscaler(&flat).unwrap_err();
            assert!(error.to_string().contains(tensor.as_str()), "{tensor}: {error}");
            assert!(!error.to_string().contains("config"), "{error}");
        }
        let mut more = whole.clone();
        more.insert("conv_extra.weight".to_owned(), of(&[2]));
        assert_told(&upscaler(&more).unwrap_err(), "unused_tensors", &["conv_extra.weight", FILE]);
    }
}

#[test]
fn widths_of_nothing_and_odd_scales_are_refused() {
    for (name, tensor, shape) in [
        ("compact_x4", "body.0.weight", [0, 3, 3, 3]),
        ("compact_x4", "body.6.weight", [0, 6, 3, 3]),
        ("compact_x4", "body.6.weight", [24, 6, 3, 3]),
        ("compact_x4", "body.6.weight", [3, 6, 1, 1]),
        ("esrgan_old_x4", "model.0.weight", [0, 3, 3, 3]),
        ("esrgan_old_x4", "model.1.sub.0.RDB1.conv1.0.weight", [0, 5, 3, 3]),
        // Squares of 16 pixels that are doubled twice, of the file that doubles once: half of a picture.
        ("esrgan_old_x2", "model.0.weight", [5, 48, 3, 3]),
    ] {
        let mut wrong = tensors(name);
        wrong.insert(tensor.to_owned(), of(&shape));
        assert_eq!(code(upscaler(&wrong)), Some("bad_file"), "{name} {shape:?}");
    }
}

#[test]
fn averaged_tensors_are_taken_rather_than_trained_ones() {
    let mut both = tensors("esrgan_squares_x2");
    assert!(both.contains_key("params.conv_first.weight"));
    upscaler(&both).unwrap();
    both.insert("others.conv_first.weight".to_owned(), of(&[2]));
    assert_eq!(code(upscaler(&both)), Some("unused_tensors"));
    both.retain(|name, _| name.starts_with("params."));
    upscaler(&both).unwrap();
}
