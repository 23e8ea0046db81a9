//! Upscalers of tiny width under every set of names, and the one that ships with the page, against spandrel.
//!
//! Tolerance 1e-5 of the largest number for the tiny ones, whose tensors matter by 1e-4; 1/255 of white for the
//! bundled one's pair, which another program computed.

use tintype::image::Image;
use tintype::image::layout::mirrored_to;
use tintype::models::Upscaler;
use tintype::store::ModelStore;
use tintype::store::native::FolderStore;

use super::networks::{blocks, check_blocks, observed};
use crate::support::{
    Closeness, Reference, block_on, bundled_models, fixture, load, references, tested_device,
    values,
};

use burn::tensor::{Tensor, TensorData};

fn upscaler(models: FolderStore, name: &str) -> Upscaler {
    let path = format!("upscale_models/{name}.safetensors");
    let source = block_on(models.open(&path, &mut |_, _| Ok(()))).unwrap();
    Upscaler::load(load(&*source).unwrap()).unwrap()
}

fn tiny(name: &str) -> Upscaler {
    upscaler(FolderStore::new(fixture("upscalers")), name)
}

fn forward(upscaler: &Upscaler, x: Tensor<4>) -> Tensor<4> {
    block_on(upscaler.forward(x, async || Ok(()))).unwrap()
}

/// What is made of a picture `[batch, 3, height, width]`, mirrored at its edges to the sides the network wants.
fn enlarged(upscaler: &Upscaler, x: &Reference) -> Vec<f32> {
    let x: Tensor<4> = x.tensor();
    let [batch, channels, height, width] = x.dims();
    let image = values(x.permute([0, 2, 3, 1]));
    let image = Image::new([batch, height, width, channels], image).unwrap();
    let whole = upscaler.whole([height, width]);
    let image = mirrored_to(&image, whole);
    let x = TensorData::new(image.data, [batch, whole[0], whole[1], channels]);
    let y = forward(upscaler, Tensor::<4>::from_data(x, &tested_device()).permute([0, 3, 1, 2]));
    let [height, width] = [height, width].map(|side| side * upscaler.scale());
    values(y.narrow(2, 0, height).narrow(3, 0, width))
}

#[test]
fn every_set_of_names_and_every_scale() {
    let cases = [
        ("esrgan_old_x1", 1),
        ("esrgan_old_x2", 2),
        ("esrgan_old_x4", 4),
        ("esrgan_old_x8", 8),
        ("esrgan_trunk_x2", 2),
        ("esrgan_body_x4", 4),
        ("esrgan_squares_x2", 2),
        ("esrgan_squares_x1", 1),
        ("esrgan_plus_x4", 4),
        ("compact_x1", 1),
        ("compact_x2", 2),
        ("compact_x4", 4),
    ];
    let files = std::fs::read_dir(fixture("upscalers/upscale_models")).unwrap();
    assert_eq!(files.count(), cases.len());
    let mut closeness = Closeness::within(1e-5);
    for (name, scale) in cases {
        let (upscaler, r) =
            (tiny(name), references(&format!("upscalers/{name}.reference.safetensors")));
        assert_eq!(upscaler.scale(), scale, "{name}");
        for [x, y] in [["x", "y"], ["small.x", "small.y"]] {
            let ours = enlarged(&upscaler, &r[x]);
            closeness.check(&format!("{name} {y}"), &ours, &r[y].data);
        }
    }
}

#[test]
fn blocks_of_both_networks() {
    let mut closeness = Closeness::within(1e-5);
    for name in ["esrgan_old_x4", "compact_x4"] {
        let (upscaler, r) =
            (tiny(name), references(&format!("upscalers/{name}.reference.safetensors")));
        let outputs = observed(|| drop(forward(&upscaler, r["x"].tensor())));
        check_blocks(&mut closeness, outputs, blocks(&r, "blocks.", &[]));
    }
}

#[test]
fn what_a_pixel_sees_is_what_changes_it() {
    for name in ["esrgan_old_x4", "esrgan_old_x1", "esrgan_squares_x2", "compact_x2"] {
        let upscaler = tiny(name);
        let (context, scale) = (upscaler.context(), upscaler.scale());
        let (side, cut) = (2 * context.next_multiple_of(4) + 8, 4);
        let numbers = |i: usize| (i * 7919 % 1013) as f32 / 1013.0;
        let x: Vec<f32> = (0..3 * 4 * side).map(numbers).collect();
        let x = Tensor::<4>::from_data(TensorData::new(x, [1, 3, 4, side]), &tested_device());
        let whole = forward(&upscaler, x.clone());
        let part = forward(&upscaler, x.narrow(3, cut, side - cut));
        let whole = whole.narrow(3, cut * scale, (side - cut) * scale);
        let difference = values((whole - part).abs().max_dim(1).max_dim(2));
        let [near, far] = [&difference[..context * scale], &difference[context * scale..]];
        assert!(far.iter().all(|v| *v < 1e-6), "{name}: {far:?}");
        assert!(near.iter().any(|v| *v > 1e-3), "{name}: {near:?}");
    }
}

/// Pixels are made some rows at a time where the picture is large: 238 of this one's.
#[test]
fn strips_of_a_large_picture_do_not_show() {
    let upscaler = tiny("esrgan_old_x8");
    let (height, width, cut) = (260, 220, 160);
    let x: Vec<f32> = (0..3 * height * width).map(|i| (i * 7919 % 1013) as f32 / 1013.0).collect();
    let x = Tensor::<4>::from_data(TensorData::new(x, [1, 3, height, width]), &tested_device());
    let mut strips = 0;
    let pause = async || {
        strips += 1;
        Ok(())
    };
    let whole = block_on(upscaler.forward(x.clone(), pause)).unwrap();
    let mut alone = 0;
    let pause = async || {
        alone += 1;
        Ok(())
    };
    let part = block_on(upscaler.forward(x.narrow(2, cut, height - cut), pause)).unwrap();
    assert_eq!(strips, alone + 1, "the part is made at once");
    let first = cut + upscaler.context();
    let rows = (height - first) * 8;
    let part = part.narrow(2, upscaler.context() * 8, rows);
    let whole = whole.narrow(2, first * 8, rows);
    assert!(values((whole - part).abs()).iter().all(|v| *v < 1e-5));
}

/// The upper left corner of the pair that came with the model; of the picture made what the corner decides alone.
#[test]
fn the_bundled_upscaler_gives_its_reference() {
    let upscaler = upscaler(FolderStore::new(bundled_models()), "realesr-animevideov3-x4");
    assert_eq!((upscaler.scale(), upscaler.context()), (4, 18));
    let r = references("upscalers/animevideov3.safetensors");
    let y = forward(&upscaler, r["x"].tensor());
    let [_, _, height, width] = r["y"].shape[..] else { panic!("a batch of pictures") };
    let y = values(y.narrow(2, 0, height).narrow(3, 0, width));
    let worst = y.iter().zip(&r["y"].data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1.0 / 255.0, "{worst}");
    // It is the same arithmetic, in another order.
    Closeness::within(1e-5).check("animevideov3", &y, &r["y"].data);
}
