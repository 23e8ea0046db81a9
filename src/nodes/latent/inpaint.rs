//! Which part of a picture may change.

use crate::graph::{Function, Input, Kind, Output, Outputs, Schema};
use crate::image::Mask;
use crate::nodes::values::Latent;

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
