//! Pictures from files and into files.

use super::*;

/// Three pictures of 2 × 4 in one file, the last one half transparent.
fn moving() -> Vec<u8> {
    let mut data: Vec<f32> = (0..3 * 8 * 4).map(|i| (i * 53 % 256) as f32 / 255.0 + 1e-3).collect();
    data.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 1.0);
    data[2 * 32 + 3] = 0.5;
    codec::encode_apng(&Image::new([3, 2, 4, 4], data).unwrap(), 6.0, 4, &[]).unwrap()
}

fn saving(node: Value) -> Value {
    json!({
        "1": { "class_type": "LoadImage", "inputs": { "image": "moving.png" } },
        "2": node,
    })
}

#[test]
fn an_animation_is_loaded_and_saved_with_its_graph() {
    let engine = open();
    engine.environment().put_input("moving.png", moving());
    let (given, mask) = codec::decode("moving", &moving()).unwrap();
    assert_eq!([given.batch, given.height, given.width, mask.batch], [3, 2, 4, 3]);
    let webp = json!({ "class_type": "SaveAnimatedWEBP", "inputs": {
        "images": ["1", 0], "filename_prefix": "films/%LoadImage.image%", "fps": 6.0,
        "lossless": true, "quality": 80, "method": "default",
    } });
    let png = json!({ "class_type": "SaveAnimatedPNG", "inputs": {
        "images": ["1", 0], "filename_prefix": "films/%LoadImage.image%", "fps": 6.0, "compress_level": 4,
    } });
    for (node, name, mime) in [
        (webp.clone(), "moving.png_00001_.webp", "image/webp"),
        (png, "moving.png_00002_.png", "image/png"),
    ] {
        let host = TestHost::default();
        let report = run(&engine, &saving(node), &host).unwrap();
        assert_eq!(
            report.outputs.get("2").unwrap(),
            &json!({
                "images": [{ "filename": name, "subfolder": "films", "type": "output" }],
                "animated": [true],
            })
        );
        let file = host.files().remove(0);
        assert_eq!((file.filename.as_str(), file.mime.as_str()), (name, mime));
        let (back, _) = codec::decode(name, &file.bytes).unwrap();
        // Colours are cut to whole steps once more.
        assert_close(name, &back.data, &given.data, 1.01 / 255.0);
        let texts = metadata::texts(&file.bytes).unwrap();
        let mut keys: Vec<&str> = texts.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["prompt", "workflow"], "{name}");
        assert!(texts.iter().any(|(_, text)| text.contains("LoadImage")), "{name}");
        assert!(!host.kinds().contains(&"notice"), "{name}");
    }
    let host = TestHost::default();
    run(&engine, &with(saving(webp), "2", "lossless", json!(false)), &host).unwrap();
    assert!(host.kinds().contains(&"notice"), "that nothing is lost is said");
    assert_eq!(host.files().len(), 1, "and no error");
}

#[test]
fn a_channel_of_a_file_becomes_a_mask() {
    let engine = open();
    let colours = vec![1.0, 0.0, 0.5, 0.25, 0.0, 1.0, 0.0, 1.0];
    let clear = Image::new([1, 1, 2, 4], colours).unwrap();
    engine.environment().put_input("clear.png", codec::encode_png(&clear, 0, &[]).unwrap());
    let opaque = Image::new([1, 1, 2, 3], vec![1.0, 0.0, 0.5, 0.0, 1.0, 0.0]).unwrap();
    engine.environment().put_input("opaque.png", codec::encode_png(&opaque, 0, &[]).unwrap());
    for (file, channel, want) in [
        ("clear.png", "alpha", [1.0 - 63.0 / 255.0, 0.0]),
        ("opaque.png", "alpha", [0.0, 0.0]),
        ("opaque.png", "red", [1.0, 0.0]),
        ("clear.png", "green", [0.0, 1.0]),
        ("clear.png", "blue", [127.0 / 255.0, 0.0]),
    ] {
        let graph = json!({
            "1": { "class_type": "LoadImageMask", "inputs": { "image": file, "channel": channel } },
            "2": { "class_type": "MaskPreview", "inputs": { "mask": ["1", 0] } },
        });
        let host = TestHost::default();
        let report = run(&engine, &graph, &host).unwrap();
        assert_eq!(report.outputs.get("2").unwrap()["images"][0]["type"], "temp");
        let (shown, _) = codec::decode("mask", &host.files()[0].bytes).unwrap();
        assert_eq!([shown.height, shown.width], [1, 2], "{file} {channel}");
        let want = want.map(|v| [v; 3]);
        assert_close(channel, &shown.data, want.as_flattened(), 1.01 / 255.0);
    }
}

#[test]
fn pictures_that_cannot_be_read_are_refused_with_what_to_do() {
    let engine = open();
    for (name, bytes, part) in [
        ("a.gif", &b"GIF89a\x01\0\x01\0"[..], "convert it to PNG"),
        ("a.avif", b"\0\0\0\x20ftypavif\0\0\0\0", "an AVIF file"),
        ("a.png", b"\xff\xfe\x80", "44 million"),
    ] {
        engine.environment().put_input(name, bytes);
        let node = json!({ "class_type": "PreviewImage", "inputs": { "images": ["1", 0] } });
        let graph = with(saving(node), "1", "image", json!(name));
        let Err(RunError::Failed(error)) = run(&engine, &graph, &TestHost::default()) else {
            panic!("{name} was read")
        };
        assert_eq!(error.kind().code(), "bad_image");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn pictures_are_saved_with_as_many_bits_as_asked_for() {
    let engine = open();
    let given = Image::new([1, 1, 2, 3], vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).unwrap();
    let wide = codec::encode_png16(&given, 0, &[]).unwrap();
    engine.environment().put_input("moving.png", wide);
    let node = |format: &str, bits: &str, space: &str| {
        saving(json!({ "class_type": "SaveImageAdvanced", "inputs": {
            "images": ["1", 0], "filename_prefix": "x", "format": format,
            "format.bit_depth": bits, "format.input_color_space": space,
        } }))
    };
    for (bits, tolerance) in [("8-bit", 1.0 / 255.0), ("16-bit", 1.0 / 65535.0)] {
        let host = TestHost::default();
        run(&engine, &node("png", bits, "sRGB"), &host).unwrap();
        let file = host.files().remove(0);
        let (back, _) = codec::decode(bits, &file.bytes).unwrap();
        assert_close(bits, &back.data, &given.data, tolerance);
        assert_eq!(metadata::texts(&file.bytes).unwrap().len(), 2, "{bits}");
    }
    let host = TestHost::default();
    run(&engine, &node("exr", "32-bit float", "linear"), &host).unwrap();
    let file = host.files().remove(0);
    assert_eq!((file.filename.as_str(), file.mime.as_str()), ("x_00003_.exr", "image/exr"));
    let last = f32::from_le_bytes(*file.bytes.last_chunk().unwrap());
    assert!((last - 0.4).abs() < 1e-4, "red of the second pixel: {last}");
    for (format, bits, space) in [("png", "32-bit float", "sRGB"), ("exr", "32-bit float", "HDR")] {
        let refused = run(&engine, &node(format, bits, space), &TestHost::default());
        assert!(matches!(refused, Err(RunError::Refused(_))), "{format} {bits} {space}");
    }
}
