//! What a model that edits pictures is told besides its prompts.

use std::rc::Rc;

use crate::error::Result;
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::image::Image;
use crate::nodes::latent::vae::encode;
use crate::nodes::values::{Condition, Conditioning, Latent, VaeHandle};

/// Prompts and a picture to edit → prompts that carry the picture, and a latent of its size to begin with.
pub(super) const INSTRUCT_PIX_TO_PIX_CONDITIONING: Function = Function::waiting(
    &Schema::new("InstructPixToPixConditioning", "InstructPixToPixConditioning", "conditioning/instructpix2pix")
        .doc("Shows an editing model the picture that it is to change as the prompt says, and gives an empty latent of its size.")
        .inputs(&[
            Input::link("positive", Kind::CONDITIONING).doc("What to do with the picture."),
            Input::link("negative", Kind::CONDITIONING).doc("What not to do with it; mostly an empty prompt."),
            Input::link("vae", Kind::VAE).doc("The autoencoder of the model."),
            Input::link("pixels", Kind::IMAGE).doc("The pictures; their sides are cut to multiples of 8."),
        ])
        .outputs(&[
            Output::new(Kind::CONDITIONING).named("positive"),
            Output::new(Kind::CONDITIONING).named("negative"),
            Output::new(Kind::LATENT).named("latent"),
        ]),
    |inputs, cx| Box::pin(instruct_pix_to_pix_conditioning(inputs, cx)),
);

async fn instruct_pix_to_pix_conditioning(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let vae = inputs.object::<VaeHandle>("vae")?;
    let pixels = inputs.object::<Image>("pixels")?.with_channels(3);
    let picture = Rc::new(encode(&vae, &pixels, cx).await?);
    let empty = Latent::new(picture.shape, vec![0.0; picture.samples.len()])?;
    let told = |name| -> Result<_> {
        let mut prompt: Vec<Condition> = inputs.object::<Conditioning>(name)?.0.clone();
        prompt.iter_mut().for_each(|one| one.beside = Some(picture.clone()));
        Ok(Conditioning(prompt).into())
    };
    Ok(Outputs::new(vec![told("positive")?, told("negative")?, empty.into()]))
}
