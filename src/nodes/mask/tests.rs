use std::rc::Rc;

use serde_json::Value as Json;

use super::*;
use crate::nodes::testing::{output, run};

/// `python tests/reference/masks.py`
fn reference(part: &str) -> Json {
    let all = include_str!("../../../tests/fixtures/masks.json");
    serde_json::from_str::<Json>(all).unwrap()[part].take()
}

fn numbers(json: &Json) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

fn mask(shape: &Json, data: &Json) -> Mask {
    let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
    Mask { batch: shape[0], height: shape[1], width: shape[2], data: numbers(data) }
}

fn small(batch: usize, height: usize, width: usize, data: &[f32]) -> Mask {
    Mask { batch, height, width, data: data.to_vec() }
}

fn close(got: &[f32], want: &[f32], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= 1e-6, "{what}: number {i} is {a}, expected {b}");
    }
}

fn code(node: &dyn Node, inputs: Inputs) -> &'static str {
    run(node, inputs).unwrap_err().kind().code()
}

#[test]
fn masks_grow_and_shrink_as_scipy_has_it() {
    let given = reference("grow");
    let mask = mask(&given["shape"], &given["mask"]);
    for case in given["cases"].as_array().unwrap() {
        let inputs = Inputs::new()
            .with("mask", mask.clone())
            .with("expand", case["expand"].as_i64().unwrap())
            .with("tapered_corners", case["tapered"].as_bool().unwrap());
        let out: Rc<Mask> = output(&GROW_MASK, inputs);
        assert_eq!([out.batch, out.height, out.width], [mask.batch, mask.height, mask.width]);
        assert_eq!(out.data, numbers(&case["out"]), "{} {}", case["expand"], case["tapered"]);
    }
}

#[test]
fn masks_are_combined_as_torch_has_it() {
    let given = reference("composite");
    let destination = mask(&given["destination_shape"], &given["destination"]);
    let source = mask(&given["source_shape"], &given["source"]);
    for case in given["cases"].as_array().unwrap() {
        let inputs = Inputs::new()
            .with("destination", destination.clone())
            .with("source", source.clone())
            .with("x", case["x"].as_i64().unwrap())
            .with("y", case["y"].as_i64().unwrap())
            .with("operation", case["operation"].as_str().unwrap());
        let out: Rc<Mask> = output(&MASK_COMPOSITE, inputs);
        close(&out.data, &numbers(&case["out"]), &case["operation"].to_string());
    }
    let odd = Inputs::new().with("destination", source.clone()).with("source", source);
    let odd = odd.with("x", 0).with("y", 0).with("operation", "divide");
    assert_eq!(code(&MASK_COMPOSITE, odd), "unknown_name");
}

#[test]
fn threshold_is_above_and_not_at() {
    let given = reference("threshold");
    let mask = mask(&given["shape"], &given["mask"]);
    for case in given["cases"].as_array().unwrap() {
        let value = case["value"].as_f64().unwrap();
        let inputs = Inputs::new().with("mask", mask.clone()).with("value", value);
        let out: Rc<Mask> = output(&THRESHOLD_MASK, inputs);
        assert_eq!(out.data, numbers(&case["out"]), "{value}");
    }
}

#[test]
fn masks_are_made_turned_round_and_cut() {
    let inputs = Inputs::new().with("value", 0.25).with("width", 3).with("height", 2);
    let solid: Rc<Mask> = output(&SOLID_MASK, inputs);
    assert_eq!(*solid, small(1, 2, 3, &[0.25; 6]));
    let inverted: Rc<Mask> = output(&INVERT_MASK, Inputs::new().with("mask", (*solid).clone()));
    assert_eq!(inverted.data, [0.75; 6]);
    let cut = |x: i64| {
        let inputs = Inputs::new().with("mask", (*solid).clone()).with("x", x).with("y", 1);
        inputs.with("width", 512).with("height", 512)
    };
    let part: Rc<Mask> = output(&CROP_MASK, cut(1));
    assert_eq!([part.height, part.width], [1, 2]);
    let error = run(&CROP_MASK, cut(3)).unwrap_err().to_string();
    assert!(error.contains("expected x below 3 and y below 2, got x 3 and y 1"), "{error}");
    let feather = Inputs::new().with("mask", (*solid).clone()).with("left", 2).with("top", 0);
    let feather: Rc<Mask> = output(&FEATHER_MASK, feather.with("right", 0).with("bottom", 0));
    assert_eq!(feather.data, [0.125, 0.25, 0.25, 0.125, 0.25, 0.25]);
}

#[test]
fn pictures_become_masks_and_masks_pictures() {
    let pixels = vec![0.1, 0.2, 0.3, 0.4, 1.0, 0.502, 0.0, 0.8];
    let image = Image::new([1, 1, 2, 4], pixels).unwrap();
    let channel = |image: &Image, name: &str| {
        Inputs::new().with("image", image.clone()).with("channel", name)
    };
    for (name, want) in [("red", [0.1, 1.0]), ("blue", [0.3, 0.0]), ("alpha", [0.4, 0.8])] {
        let out: Rc<Mask> = output(&IMAGE_TO_MASK, channel(&image, name));
        assert_eq!(*out, small(1, 1, 2, &want), "{name}");
    }
    let plain = Image::new([1, 1, 1, 3], vec![0.5; 3]).unwrap();
    assert_eq!(code(&IMAGE_TO_MASK, channel(&plain, "alpha")), "mismatch");
    // 0.502 · 255 = 128.01
    let color = Inputs::new().with("image", image).with("color", 0xff_80_00);
    let out: Rc<Mask> = output(&IMAGE_COLOR_TO_MASK, color);
    assert_eq!(out.data, [0.0, 1.0]);
    let shown: Rc<Image> =
        output(&MASK_TO_IMAGE, Inputs::new().with("mask", small(2, 1, 1, &[0.25, 1.0])));
    assert_eq!([shown.batch, shown.channels], [2, 3]);
    assert_eq!(shown.data, [0.25, 0.25, 0.25, 1.0, 1.0, 1.0]);
}

#[test]
fn absurd_numbers_cost_nothing() {
    let (below, many) = (small(1, 1024, 1024, &[0.0; 1 << 20]), small(2048, 1, 1, &[1.0; 2048]));
    let huge = Inputs::new().with("destination", below).with("source", many);
    let huge = huge.with("x", 0).with("y", 0).with("operation", "add");
    assert_eq!(code(&MASK_COMPOSITE, huge), "too_large");
    let tall = small(1, 1, 1, &[1.0]);
    let far = Inputs::new().with("mask", tall).with("expand", -16384).with("tapered_corners", true);
    let out: Rc<Mask> = output(&GROW_MASK, far);
    assert_eq!(out.data, [1.0], "it ends where nothing changes any more");
}
