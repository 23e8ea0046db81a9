//! Style transfer in graphs: what it makes of pictures, and what it refuses.

use super::*;

fn repainting(height: usize, width: usize, more: Value) -> (Engine, Value) {
    let data = (0..height * width * 4).map(|i| (i * 53 % 256) as f32 / 255.0);
    let image = Image::new([1, height, width, 4], data.collect()).unwrap();
    let engine = open();
    engine.environment().put_input("in.png", codec::encode_png(&image, 0, &[]).unwrap());
    let mut graph = json!({
        "1": { "class_type": "LoadImage", "inputs": { "image": "in.png" } },
        "2": { "class_type": "StyleTransferModelLoader", "inputs": { "model_name": "multistyle26.safetensors" } },
        "3": { "class_type": "ImageStyleTransfer", "inputs": {
            "style_model": ["2", 0], "image": ["1", 0], "style": 1, "second_style": 2, "mix": 0.0, "strength": 1.0,
        } },
        "4": { "class_type": "SaveImage", "inputs": { "images": ["3", 0], "filename_prefix": "painted" } },
    });
    graph["3"]["inputs"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (engine, graph)
}

fn painted(more: Value) -> Image {
    let (engine, graph) = repainting(35, 42, more);
    let host = TestHost::default();
    run(&engine, &graph, &host).unwrap_or_else(|error| panic!("{error}"));
    let file = host.files().remove(0);
    codec::decode(&file.filename, &file.bytes).unwrap().0
}

#[test]
fn a_picture_of_any_size_is_repainted_in_styles_and_between_them() {
    let [first, second] = [json!({}), json!({ "style": 2, "second_style": 1 })].map(painted);
    assert_eq!(first.shape(), [1, 35, 42, 3]);
    assert!(first.data != second.data);
    assert_eq!(painted(json!({ "mix": 1.0 })).data, second.data);
    let between = painted(json!({ "mix": 0.5 })).data;
    assert!(between != first.data && between != second.data);
    // Without strength the picture stays: what it was made of, in 8 bits.
    let same = painted(json!({ "strength": 0.0 })).data;
    let before = |i: usize| ((i / 3 * 4 + i % 3) * 53 % 256) as f32 / 255.0;
    assert!(same.iter().enumerate().all(|(i, v)| (v - before(i)).abs() < 0.005));
    // A style that does not count need not be there.
    assert_eq!(painted(json!({ "second_style": 99 })).data, first.data);
}

#[test]
fn styles_that_are_not_there_and_tiny_pictures_are_refused() {
    for (height, more, words) in [
        (40, json!({ "style": 27 }), "`style` is 27, expected 1 to 26"),
        (40, json!({ "second_style": 30, "mix": 0.5 }), "`second_style` is 30, expected 1 to 26"),
        (31, json!({}), "expected 32 pixels at least, got 40 × 31"),
    ] {
        let (engine, graph) = repainting(height, 40, more);
        let text = match run(&engine, &graph, &TestHost::default()) {
            Err(RunError::Failed(error)) => error.to_string(),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("not refused: {words}"),
        };
        assert!(text.contains(words), "{text}");
    }
}
