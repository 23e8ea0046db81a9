//! Tiny autoencoders: both halves in one file, or a file for each.

use super::read::load_weights;
use crate::error::Result;
use crate::graph::Context;
use crate::models::taesd::{SCALE, Taesd, TinyDecoder, TinyEncoder};
use crate::models::{Autoencoder, Family};
use crate::nodes::Environment;
use crate::nodes::folders::{half_of, model_path};
use crate::nodes::values::VaeHandle;
use crate::store::Progress;
use crate::weights::{Weights, WeightsFile};

/// The one of both halves in this file. If it does not say which family's it is, its name does.
pub(super) async fn load(
    cx: &Context<'_>,
    path: &str,
    file: WeightsFile<'_>,
    progress: Progress<'_>,
) -> Result<(VaeHandle, usize)> {
    let told = file.numbers(SCALE).await?.and_then(|numbers| numbers.first().copied());
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let scale = told.unwrap_or_else(|| family_of(&name).scaling_factor());
    let weights = file.load(&cx.env::<Environment>().device, &[], progress).await?;
    let bytes = weights.device_bytes();
    Ok((VaeHandle::new(Autoencoder::Tiny { taesd: Box::new(Taesd::load(weights)?), scale }), bytes))
}

/// `taesd` or `taesdxl`, of a file for each half.
pub(super) async fn of_halves(cx: &Context<'_>, name: &str) -> Result<(VaeHandle, usize)> {
    let (encoder, encoder_bytes) = half(cx, name, "encoder").await?;
    let (decoder, decoder_bytes) = half(cx, name, "decoder").await?;
    let taesd = Box::new(Taesd::joined(TinyEncoder::load(encoder)?, TinyDecoder::load(decoder)?)?);
    let scale = family_of(name).scaling_factor();
    let bytes = encoder_bytes + decoder_bytes;
    Ok((VaeHandle::new(Autoencoder::Tiny { taesd, scale }), bytes))
}

async fn half(cx: &Context<'_>, name: &str, half: &str) -> Result<(Weights, usize)> {
    let path = match half_of(&cx.env::<Environment>().store.list(), name, half) {
        Some(path) => path.to_owned(),
        None => model_path(cx.env(), "vae_approx", &format!("{name}_{half}.safetensors"))?,
    };
    load_weights(cx, &path).await
}

/// The decoder of that name, if its file is there.
pub(in crate::nodes) async fn decoder(cx: &Context<'_>, name: &str) -> Result<Option<TinyDecoder>> {
    let env: &Environment = cx.env();
    let Some(path) = half_of(&env.store.list(), name, "decoder").map(str::to_owned) else {
        return Ok(None);
    };
    TinyDecoder::load(load_weights(cx, &path).await?.0).map(Some)
}

fn family_of(name: &str) -> Family {
    if name.contains("xl") { Family::Sdxl } else { Family::Sd1 }
}
