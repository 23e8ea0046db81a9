//! Where a new picture starts.

use super::FACTOR;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::node::Complaint;
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::limits;
use crate::nodes::values::Latent;

const BATCH_SIZE: Input = Input::int("batch_size", 1, 1..=4096)
    .doc("How many pictures; the first is the one you get with 1.");

/// Latents of noughts for Stable Diffusion 1 and 2 and SDXL.
pub(super) const EMPTY_LATENT_IMAGE: Function = Function::new(
    &Schema::new("EmptyLatentImage", "Empty Latent Image", "latent")
        .doc("The start of a new picture: its size, and how many of them.")
        .inputs(&[
            Input::int("width", 512, 16..=16384)
                .step(8)
                .doc("Width of the picture in pixels, a multiple of 8."),
            Input::int("height", 512, 16..=16384)
                .step(8)
                .doc("Height of the picture in pixels, a multiple of 8."),
            BATCH_SIZE,
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| empty(inputs, cx, 4),
)
.checked_by(multiples);

/// Latents of noughts for families of 16 channels.
pub(super) const EMPTY_SD3_LATENT_IMAGE: Function = Function::new(
    &Schema::new("EmptySD3LatentImage", "Empty SD3 Latent Image", "latent/sd3")
        .doc("The start of a new picture for models whose latents have 16 channels.")
        .inputs(&[
            Input::int("width", 1024, 16..=16384)
                .step(16)
                .doc("Width of the picture in pixels, a multiple of 8."),
            Input::int("height", 1024, 16..=16384)
                .step(16)
                .doc("Height of the picture in pixels, a multiple of 8."),
            BATCH_SIZE,
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| empty(inputs, cx, 16),
)
.checked_by(multiples);

fn multiples(inputs: &Inputs) -> Vec<Complaint> {
    let side = |input: &'static str| {
        let pixels = inputs.int::<usize>(input).ok()?;
        let below = pixels / FACTOR * FACTOR;
        let message =
            format!("{pixels} is not a multiple of {FACTOR}: use {below} or {}", below + FACTOR);
        (pixels != below).then_some(Complaint { input, message })
    };
    ["width", "height"].into_iter().filter_map(side).collect()
}

fn empty(inputs: &Inputs, cx: &Context<'_>, channels: usize) -> Result<Outputs> {
    let side = |input| -> Result<usize> {
        let pixels = inputs.int::<usize>(input)?;
        if pixels % FACTOR == 0 {
            return Ok(pixels / FACTOR);
        }
        let (got, of) = (pixels as u64, FACTOR as u64);
        let below = pixels / FACTOR * FACTOR;
        Err(Error::new(ErrorKind::NotAMultiple { input, got, of })
            .hint(format!("use {below} or {}", below + FACTOR)))
    };
    let shape = [inputs.int("batch_size")?, channels, side("height")?, side("width")?];
    let numbers = limits::check_latent(cx.env(), "an empty latent of this size", shape)?;
    Ok(Outputs::one(Latent::new(shape, vec![0.0; numbers])?))
}
