//! What an inpainting model is told besides its prompts.

use std::rc::Rc;

use crate::error::Result;
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::latent::inpaint::{grey, pixels_and_mask, rounded};
use crate::nodes::latent::vae::encode;
use crate::nodes::values::{Condition, Conditioning, Latent, VaeHandle};

/// Prompts, pictures and a hole → prompts that carry the pictures, and the latent to begin with.
pub(super) const INPAINT_MODEL_CONDITIONING: Function = Function::waiting(
    &Schema::new("InpaintModelConditioning", "Inpaint Model Conditioning", "conditioning/inpaint")
        .doc("Shows an inpainting model the picture around the hole, and gives the latent to sample from.")
        .inputs(&[
            Input::link("positive", Kind::CONDITIONING).doc("What the picture should be."),
            Input::link("negative", Kind::CONDITIONING).doc("What it should not be."),
            Input::link("vae", Kind::VAE).doc("The autoencoder of the model."),
            Input::link("pixels", Kind::IMAGE).doc("The pictures; their sides are cut to multiples of 8."),
            Input::link("mask", Kind::MASK).doc("White where the hole is."),
            Input::boolean("noise_mask", true)
                .doc("Lets only the hole change; without it the model may touch the rest, too."),
        ])
        .outputs(&[
            Output::new(Kind::CONDITIONING).named("positive"),
            Output::new(Kind::CONDITIONING).named("negative"),
            Output::new(Kind::LATENT).named("latent"),
        ]),
    |inputs, cx| Box::pin(inpaint_model_conditioning(inputs, cx)),
);

async fn inpaint_model_conditioning(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let vae = inputs.object::<VaeHandle>("vae")?;
    let (pixels, mask) = pixels_and_mask(&inputs, &vae, cx)?;
    let mask = Rc::new(mask);
    let mut around = pixels.clone();
    grey(&mut around, &rounded(&mask));
    let around = encode(&vae, &around, cx).await?;
    let around = Rc::new(Latent { noise_mask: Some(mask.clone()), ..around });
    let mut whole = encode(&vae, &pixels, cx).await?;
    whole.noise_mask = inputs.boolean("noise_mask")?.then_some(mask);
    let told = |name| -> Result<_> {
        let mut prompt: Vec<Condition> = inputs.object::<Conditioning>(name)?.0.clone();
        prompt.iter_mut().for_each(|one| one.beside = Some(around.clone()));
        Ok(Conditioning(prompt).into())
    };
    Ok(Outputs::new(vec![told("positive")?, told("negative")?, whole.into()]))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::image::{Image, Mask};
    use crate::nodes::latent::vae::VAE_ENCODE;
    use crate::nodes::loaders;
    use crate::nodes::testing::{environment, output, run};

    #[test]
    fn prompts_carry_the_picture_with_a_grey_hole_and_the_latent_the_whole_one() {
        let vae = run(loaders::NODES[0], Inputs::new().with("ckpt_name", "sprite")).unwrap();
        let vae = &vae.values[2];
        let (height, width) = (64, 67);
        let data: Vec<f32> = (0..height * width * 3).map(|i| (i % 97) as f32 / 97.0).collect();
        let pixels = Image::new([1, height, width, 3], data).unwrap();
        // White on the right, and a stripe of 0.4, which is no hole but is not nothing either.
        let weights = |i: usize| [0.0, 0.4, 1.0][i % width * 3 / width];
        let data = (0..height * width).map(weights).collect();
        let mask = Mask { batch: 1, height, width, data };
        let device = environment().unwrap().device;
        let prompt = |n: usize| {
            let one = Condition::new(
                Tensor::zeros([1, 77, 12], &device),
                Tensor::zeros([1, 12], &device),
            );
            Conditioning(vec![one; n])
        };
        let inputs = |noise_mask: bool| {
            let inputs = Inputs::new().with("positive", prompt(2)).with("negative", prompt(1));
            let inputs = inputs.with("vae", vae.clone()).with("pixels", pixels.clone());
            inputs.with("mask", mask.clone()).with("noise_mask", noise_mask)
        };
        let outputs = run(&INPAINT_MODEL_CONDITIONING, inputs(true)).unwrap();
        let get = |i: usize| Inputs::new().with("value", outputs.values[i].clone());
        let [positive, negative] = [0, 1].map(|i| get(i).object::<Conditioning>("value").unwrap());
        assert_eq!((positive.0.len(), negative.0.len()), (2, 1));
        let latent = get(2).object::<Latent>("value").unwrap();

        let encoded = |pixels: Image| {
            output::<Latent>(
                &VAE_ENCODE,
                Inputs::new().with("pixels", pixels).with("vae", vae.clone()),
            )
        };
        let whole = encoded(pixels.clone());
        assert_eq!((latent.shape, &latent.samples), ([1, 4, 8, 8], &whole.samples));
        let mut holed = pixels.clone();
        for (pixel, mask) in holed.data.chunks_mut(3).zip(&mask.data) {
            if *mask == 1.0 {
                pixel.fill(0.5);
            }
        }
        let holed = encoded(holed);
        assert_ne!(holed.samples, whole.samples);
        for one in positive.0.iter().chain(&negative.0) {
            let around = one.beside.as_deref().unwrap();
            assert_eq!((around.shape, &around.samples), (holed.shape, &holed.samples));
            assert_eq!(around.noise_mask, latent.noise_mask);
        }
        // One column of three is cut off at the left.
        let kept = latent.noise_mask.as_deref().unwrap();
        assert_eq!([kept.height, kept.width], [64, 64]);
        assert_eq!(kept.data[..64], mask.data[1..65]);

        let outputs = run(&INPAINT_MODEL_CONDITIONING, inputs(false)).unwrap();
        let get = |i: usize| Inputs::new().with("value", outputs.values[i].clone());
        assert!(get(2).object::<Latent>("value").unwrap().noise_mask.is_none());
        let positive = get(0).object::<Conditioning>("value").unwrap();
        assert!(positive.0[0].beside.as_ref().unwrap().noise_mask.is_some());
    }
}
