use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::*;
use crate::image::Image;
use crate::image::metadata::tests::png_of;

/// Files that Pillow wrote: `python tests/reference/pictures.py`.
macro_rules! pillow {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("../../../tests/fixtures/pictures/", $name)).as_slice())),*]
    };
}

const PILLOW: [(&str, &[u8]); 24] = pillow![
    "rgb.png",
    "rgba.png",
    "grey.png",
    "grey_alpha.png",
    "bits.png",
    "palette.png",
    "palette_transparent.png",
    "colour_key.png",
    "turned_1.png",
    "turned_2.png",
    "turned_3.png",
    "turned_4.png",
    "turned_5.png",
    "turned_6.png",
    "turned_7.png",
    "turned_8.png",
    "turned_6.webp",
    "turned_8.jpg",
    "still.webp",
    "moving_rgb.png",
    "moving_rgb.webp",
    "moving_rgba.png",
    "moving_rgba.webp",
    "wide.png"
];

fn numbers(json: &Json, scale: f32) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as f32 / scale).collect()
}

#[test]
fn every_kind_of_file_is_read_as_pillow_reads_it() {
    let index = include_str!("../../../tests/fixtures/pictures/index.json");
    let index: BTreeMap<String, Json> = serde_json::from_str(index).unwrap();
    assert_eq!(index.len(), PILLOW.len());
    for (name, bytes) in PILLOW {
        let want = &index[name];
        let (image, mask) = decode(name, bytes).unwrap();
        let shape = [image.batch, image.height, image.width, image.channels];
        assert_eq!(serde_json::json!(shape), want["shape"], "{name}");
        let colours = match &want["wide"] {
            Json::Null => numbers(&want["colours"], 255.0),
            wide => numbers(wide, 65535.0),
        };
        // `image` lays the parts of a moving WebP on each other in whole numbers that lose up to a step.
        let tolerance = if name == "moving_rgb.webp" { 1.01 / 255.0 } else { 0.0 };
        let off = image.data.iter().zip(&colours).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off <= tolerance, "{name}: {off}");
        let mask_shape = [mask.batch, mask.height, mask.width];
        if let Some(opacity) = want.get("opacity") {
            let transparent: Vec<f32> = numbers(opacity, 255.0).iter().map(|v| 1.0 - v).collect();
            assert_eq!(mask_shape, shape[..3], "{name}");
            assert_eq!(mask.data, transparent, "{name}");
        } else {
            assert_eq!(mask_shape, [image.batch, 64, 64], "{name}");
            assert!(mask.data.iter().all(|v| *v == 0.0), "{name}");
        }
    }
}

/// Cut anywhere, or with any one byte changed, a file gives a picture or an error.
#[test]
fn damaged_files_give_a_picture_or_an_error() {
    for (name, bytes) in PILLOW {
        for end in (0..bytes.len()).step_by(3) {
            let _ = decode(name, &bytes[..end]);
        }
        let mut changed = bytes.to_vec();
        for at in 0..bytes.len() {
            for value in [0, 0xff, bytes[at] ^ 1] {
                changed[at] = value;
                if let Err(error) = decode(name, &changed) {
                    assert_eq!(error.kind().code(), "bad_image", "{name} at {at}");
                }
            }
            changed[at] = bytes[at];
        }
    }
}

fn header(width: u32, height: u32) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat()
}

#[test]
fn pictures_of_a_billion_pixels_are_refused_by_their_header() {
    for (width, height) in [(1_000_000, 1_000), (16384, 16384), (u32::MAX, u32::MAX)] {
        let bomb = png_of(&[(b"IHDR", &header(width, height)), (b"IDAT", &[]), (b"IEND", &[])]);
        let error = decode("bomb.png", &bomb).unwrap_err();
        assert_eq!(error.kind().code(), "bad_image");
        assert!(error.to_string().contains("44 million"), "{error}");
    }
    // The sides of a WebP are 14 bits each, less one.
    let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xfe\xbf\xff\x0f\0\0\0\0\0\0\0\0\0";
    let error = decode("bomb.webp", webp).unwrap_err();
    assert!(error.to_string().contains("16383 × 16383"), "{error}");
}

/// A file of a thousand pictures stops at the first that is too many, whatever its header claims.
#[test]
fn animations_of_more_pixels_than_a_page_has_are_refused() {
    let image = Image::new([9, 4, 4, 3], vec![0.5; 9 * 48]).unwrap();
    let files = [encode_webp(&image, 6.0, &[]).unwrap(), encode_apng(&image, 6.0, 4, &[]).unwrap()];
    for file in files {
        assert!(decode::read(&file, 9 * 16).is_ok());
        let why = decode::read(&file, 4 * 16).err().unwrap();
        assert_eq!(why, "it has more than 4 pictures of its size");
        assert_eq!(decode::read(&file, 15).err().unwrap(), "it is 4 × 4 pixels");
    }
}

#[test]
fn other_formats_are_refused_by_name() {
    let files: [(&[u8], &str); 6] = [
        (b"GIF89a....", "a GIF"),
        (b"BM....\0\0\0\0", "a BMP"),
        (b"II*\0....", "a TIFF"),
        (b"\0\0\0\x20ftypavif", "an AVIF"),
        (b"\0\0\0\x20ftypheic", "a HEIC"),
        (b"<svg xmlns=", "an SVG"),
    ];
    for (bytes, name) in files {
        let error = decode("a", bytes).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("convert it to PNG"), "{error}");
    }
    assert!(decode("a", b"MZ\x90").unwrap_err().to_string().contains("no PNG, JPEG or WebP"));
}
