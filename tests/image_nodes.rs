//! Pixel arithmetic and the nodes of pictures against torch, Pillow and kornia.
//!
//! The fixtures are written by `tests/reference/images.py`.

use tintype::image::filters::canny::canny;
use tintype::image::filters::morphology::{Operation, morphology};
use tintype::image::filters::{blur, sharpen};
use tintype::image::quantize::{Dither, quantize};
use tintype::image::resample::{self, Method};
use tintype::image::{Image, colour};

use crate::support::{Closeness, Reference, references};

fn picture(tensor: &Reference) -> Image {
    let [height, width, channels] = tensor.shape[..] else { panic!("a picture") };
    Image::new([1, height, width, channels], tensor.data.clone()).unwrap()
}

/// The first channel of every pixel.
fn firsts(image: &Image) -> Vec<f32> {
    image.data.iter().step_by(image.channels).copied().collect()
}

#[test]
fn resizing_is_torchs_and_pillows() {
    let tensors = references("images/resample.safetensors");
    let mut close = Closeness::within(1e-6);
    for (name, expected) in &tensors {
        let Some((method, case)) = name.split_once('.') else { continue };
        let channels = method.trim_start_matches(|c: char| !c.is_ascii_digit());
        let method = Method::from_name(method.trim_end_matches(channels)).unwrap();
        let got = match (channels, case.split_once('.')) {
            _ if case == "line" => {
                let line: Vec<f32> = (0..1500).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
                resample::planes(&line, [1, 1500], [1, 1100], method).split_off(1000)
            }
            ("", plane) => {
                let x = &tensors["planes"];
                let to = expected.shape.last_chunk().unwrap();
                let data = plane.map_or(&x.data[..], |(_, plane)| x.part(plane.parse().unwrap()));
                resample::planes(data, [x.shape[1], x.shape[2]], *to, method)
            }
            _ => {
                let x = &tensors[&format!("picture{channels}")];
                let [from, to] = [x, expected].map(|t| [t.shape[0], t.shape[1]]);
                resample::interleaved(&x.data, from, to, x.shape[2], method)
            }
        };
        close.check(name, &got, &expected.data);
    }
}

#[test]
fn filters_are_torchs_and_kornias() {
    let tensors = references("images/filters.safetensors");
    let mut close = Closeness::within(3e-6);
    let (x, scene) = (picture(&tensors["picture"]), picture(&tensors["scene"]));
    for (name, expected) in &tensors {
        let Some((function, numbers)) = name.split_once('/') else { continue };
        let numbers: Vec<f32> = numbers.split('/').map(|number| number.parse().unwrap()).collect();
        let got = match (function, &numbers[..]) {
            ("blur", [radius, sigma]) => blur(&x, *radius as usize, *sigma).data,
            ("sharpen", [radius, sigma, alpha]) => {
                sharpen(&x, *radius as usize, *sigma, *alpha).data
            }
            ("canny", [low, high]) => firsts(&canny(&scene, *low, *high)),
            (operation, numbers) => {
                let operation = Operation::from_name(operation).unwrap();
                morphology(&x, operation, numbers[0] as usize).data
            }
        };
        close.check(name, &got, &expected.data);
    }
    let yuv = colour::rgb_to_yuv(&x);
    for (part, expected) in yuv.iter().zip(tensors["yuv"].data.chunks(9 * 13)) {
        close.check("yuv", &firsts(part), expected);
    }
    let rolled = yuv.map(|part| {
        let rows = part.data.chunks(13 * 3);
        let data = rows.flat_map(|row| [&row[12 * 3..], &row[..12 * 3]].concat()).collect();
        Image { data, ..part }
    });
    let back = colour::yuv_to_rgb([&rolled[0], &rolled[1], &rolled[2]]);
    close.check("rgb", &back.data, &tensors["rgb"].data);
}

#[test]
fn colours_are_pillows() {
    let tensors = references("images/quantize.safetensors");
    let x = picture(&tensors["picture"]);
    for (name, expected) in &tensors {
        let Some((dither, colours)) = name.split_once('.') else { continue };
        let dither = Dither::from_name(dither).unwrap();
        let got = quantize(&x, colours.parse().unwrap(), dither);
        assert!(got.data == expected.data, "{name}");
    }
    // More than the 65536 colours that median cut tells apart.
    let pixels = (0..320 * 320_u32).flat_map(|i| {
        let [r, g, b, _] = i.wrapping_mul(2_654_435_761).to_be_bytes();
        [r, g, b].map(|v| f32::from(v) / 255.0)
    });
    let data = pixels.collect();
    let many = quantize(&Image::new([1, 320, 320, 3], data).unwrap(), 40, Dither::None);
    let rows = many.data.chunks(320 * 3).step_by(16);
    let kept: Vec<f32> =
        rows.flat_map(|row| row.chunks(3).step_by(16).flatten().copied()).collect();
    assert!(kept == tensors["many"].data);
}
