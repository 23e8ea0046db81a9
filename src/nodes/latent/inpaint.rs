//! Which part of a picture may change.

use super::vae::encode;
use crate::error::Result;
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::image::resample::{Crop, Method};
use crate::image::{Image, Mask};
use crate::nodes::limits;
use crate::nodes::values::{Latent, VaeHandle};

/// A latent of which only a part may change.
pub(super) const SET_LATENT_NOISE_MASK: Function = Function::new(
    &Schema::new("SetLatentNoiseMask", "Set Latent Noise Mask", "latent/inpaint")
        .doc("Lets only the masked part of a picture change.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The latent of the picture."),
            Input::link("mask", Kind::MASK).doc("White where the picture may change."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let mut latent = (*inputs.object::<Latent>("samples")?).clone();
        latent.noise_mask = Some(inputs.object::<Mask>("mask")?);
        Ok(Outputs::one(latent))
    },
);

/// Pictures with a hole → a latent of which only the hole may change.
pub(super) const VAE_ENCODE_FOR_INPAINT: Function = Function::waiting(
    &Schema::new("VAEEncodeForInpaint", "VAE Encode (for Inpainting)", "latent/inpaint")
        .doc("Turns pictures into latents with a grey hole that a sampler fills; use it with denoise 1.")
        .inputs(&[
            Input::link("pixels", Kind::IMAGE).doc("The pictures; their sides are cut to multiples of 8."),
            Input::link("vae", Kind::VAE).doc("The autoencoder of a loaded model."),
            Input::link("mask", Kind::MASK).doc("White where the hole is."),
            Input::int("grow_mask_by", 6, 0..=64)
                .doc("How many pixels wider the part that may change is than the hole."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| Box::pin(vae_encode_for_inpaint(inputs, cx)),
);

async fn vae_encode_for_inpaint(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let vae = inputs.object::<VaeHandle>("vae")?;
    let (mut pixels, mask) = pixels_and_mask(&inputs, &vae, cx)?;
    let mask = rounded(&mask);
    grey(&mut pixels, &mask);
    let mut latent = encode(&vae, &pixels, cx).await?;
    latent.noise_mask = Some(grown(&mask, inputs.int("grow_mask_by")?).into());
    Ok(Outputs::one(latent))
}

/// The inputs `pixels` and `mask` of one size: the pictures cut for this autoencoder, the masks stretched over them.
pub(in crate::nodes) fn pixels_and_mask(
    inputs: &Inputs,
    vae: &VaeHandle,
    cx: &Context<'_>,
) -> Result<(Image, Mask)> {
    let pixels = inputs.object::<Image>("pixels")?;
    let mask = inputs.object::<Mask>("mask")?;
    let shape = [mask.batch, 1, pixels.height, pixels.width];
    limits::check_latent(cx.env(), "masks of this size", shape)?;
    let factor = vae.network()?.factor();
    Ok((pixels.cropped_to_multiple(factor)?, stretched(&mask, &pixels, factor)))
}

/// The masks stretched over the pictures, and cut as these are before they are encoded.
fn stretched(mask: &Mask, pixels: &Image, factor: usize) -> Mask {
    let mask = mask.resized([pixels.height, pixels.width], Method::Bilinear, Crop::Disabled);
    let [top, left] = [pixels.height, pixels.width].map(|side| side % factor / 2);
    let [height, width] = [pixels.height, pixels.width].map(|side| side / factor * factor);
    let rows = mask.data.chunks(mask.width).enumerate();
    // Row `i` of all masks is row `i % mask.height` of one.
    let rows = rows.filter(|(i, _)| (top..top + height).contains(&(i % mask.height)));
    let data = rows.flat_map(|(_, row)| &row[left..left + width]);
    Mask { batch: mask.batch, height, width, data: data.copied().collect() }
}

/// The masks, either 0 or 1 everywhere.
pub(in crate::nodes) fn rounded(mask: &Mask) -> Mask {
    let data = mask.data.iter().map(|v| f32::from(*v > 0.5)).collect();
    Mask { data, ..*mask }
}

/// Makes the masked pixels grey; the masks are repeated where there are more pictures.
pub(in crate::nodes) fn grey(pixels: &mut Image, mask: &Mask) {
    let channels = pixels.channels;
    let mask = mask.data.iter().cycle();
    for (pixel, mask) in pixels.data.chunks_mut(channels).zip(mask) {
        if *mask > 0.0 {
            pixel.fill(0.5);
        }
    }
}

/// The masks with every white pixel made a square of `by` pixels, half of them before it.
fn grown(mask: &Mask, by: usize) -> Mask {
    if by < 2 {
        return mask.clone();
    }
    let (before, after) = (by - 1 - by / 2, by / 2);
    // White at `i` reaches from `i - before` to `i + after`: the largest of a window, by rows and by columns.
    let window = |i: usize, length: usize| i.saturating_sub(after)..(i + before + 1).min(length);
    let [height, width] = [mask.height, mask.width];
    let mut data = Vec::with_capacity(mask.data.len());
    for plane in mask.data.chunks(height * width) {
        let mut wide = Vec::with_capacity(plane.len());
        for row in plane.chunks(width) {
            let any = |x| row[window(x, width)].contains(&1.0);
            wide.extend((0..width).map(any));
        }
        for y in 0..height {
            let any = |x| window(y, height).any(|y| wide[y * width + x]);
            data.extend((0..width).map(any).map(f32::from));
        }
    }
    Mask { data, ..*mask }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::loaders;
    use crate::nodes::testing::{output, run};

    fn spot(length: usize, white: usize) -> Mask {
        let data = (0..length).map(|x| f32::from(x == white)).collect();
        Mask { batch: 1, height: 1, width: length, data }
    }

    /// torch: `conv2d(mask, ones(1, 1, k, k), padding=ceil((k - 1) / 2))` of a row with one 1 at place 5.
    #[test]
    fn a_mask_grows_as_a_convolution_with_ones() {
        let white = |by: usize| -> Vec<usize> {
            let data = grown(&spot(12, 5), by).data;
            (0..12).filter(|x| data[*x] == 1.0).collect()
        };
        assert_eq!(white(0), [5]);
        assert_eq!(white(1), [5]);
        assert_eq!(white(2), [5, 6]);
        assert_eq!(white(3), [4, 5, 6]);
        assert_eq!(white(6), [3, 4, 5, 6, 7, 8]);
        assert_eq!(white(64).len(), 12);
        let column = Mask { batch: 2, height: 4, width: 1, data: [0.0, 1.0, 0.0, 0.0].repeat(2) };
        assert_eq!(grown(&column, 2).data, [0.0, 1.0, 1.0, 0.0].repeat(2));
    }

    #[test]
    fn a_mask_is_stretched_and_cut_as_the_picture_is() {
        let pixels = Image::new([1, 11, 9, 3], vec![0.0; 11 * 9 * 3]).unwrap();
        let data = (0..11 * 9).map(|i| f32::from(i / 9 == 1)).collect();
        let mask = stretched(&Mask { batch: 1, height: 11, width: 9, data }, &pixels, 8);
        assert_eq!([mask.height, mask.width], [8, 8]);
        // One row of three is cut off above.
        assert_eq!((mask.data[..8].iter().sum::<f32>(), mask.data.iter().sum::<f32>()), (8.0, 8.0));
        let half = Mask { batch: 1, height: 1, width: 1, data: vec![0.5] };
        let half = stretched(&half, &pixels, 8);
        assert!(half.data.iter().all(|v| *v == 0.5));
        // Half of a white pixel is not enough.
        assert!(rounded(&half).data.iter().all(|v| *v == 0.0));
    }

    #[test]
    fn the_hole_is_grey_before_it_is_encoded() {
        let vae = run(&loaders::NODES[0], Inputs::new().with("ckpt_name", "sprite")).unwrap();
        let vae = &vae.values[2];
        let side = 64;
        let mask = Mask { batch: 1, height: side, width: side, data: vec![1.0; side * side] };
        let pixels = |value: f32| Image::new([2, side, side, 3], vec![value; 2 * side * side * 3]);
        let inputs = Inputs::new().with("pixels", pixels(0.9).unwrap()).with("mask", mask);
        let inputs = inputs.with("vae", vae.clone()).with("grow_mask_by", 6_i64);
        let holes = output::<Latent>(&VAE_ENCODE_FOR_INPAINT, inputs);
        let grey = Inputs::new().with("pixels", pixels(0.5).unwrap()).with("vae", vae.clone());
        let grey = output::<Latent>(&super::super::vae::VAE_ENCODE, grey);
        assert_eq!((holes.shape, &holes.samples), (grey.shape, &grey.samples));
        let mask = holes.noise_mask.as_ref().unwrap();
        assert_eq!([mask.batch, mask.height, mask.width], [1, side, side]);
        assert!(mask.data.iter().all(|v| *v == 1.0));
    }
}
