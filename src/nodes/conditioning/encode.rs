//! Windows of weighted tokens → the numbers a denoising network is guided by.

use burn::tensor::{Tensor, TensorData};

use super::learned::Learned;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Context;
use crate::models::ClipTextModel;
use crate::models::clip::ClipConfig;
use crate::nodes::values::{Clip, Condition, TextEncoder, VIT_H_LAYERS};
use crate::nodes::{Environment, limits};
use crate::prompt::Chunk;
use crate::prompt::tokenizer::WINDOW;

/// What weights do to embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Emphasis {
    /// ComfyUI: `e + (z − e)·w`, where `e` is what the empty prompt has in the same place.
    FromEmpty,
    /// AUTOMATIC1111's "Original": `z·w`, then the whole window times a number that gives back its mean.
    Rescaled,
    /// AUTOMATIC1111's "No norm": `z·w`.
    Plain,
    /// Nothing.
    Ignored,
}

/// Encodes every window by itself and puts the embeddings in a row; `chunks` has one list an encoder, `learned` the
/// vectors of ids beyond the vocabulary.
///
/// One encoder (SD 1.x, 2.x): its last layer, normalised. Two (SDXL): the layer before the last of each,
/// not normalised, side by side. The pooled embedding is the last encoder's of the first window, and not
/// weighted.
pub(super) fn encode(
    cx: &Context<'_>,
    clip: &Clip,
    mut chunks: Vec<Vec<Chunk>>,
    learned: &Learned,
    emphasis: Emphasis,
) -> Result<Condition> {
    let count = chunks.iter().map(Vec::len).max().unwrap_or(1);
    let device = &cx.env::<Environment>().device_info;
    let mut contexts = Vec::new();
    let mut pooled = None;
    for (i, (encoder, chunks)) in clip.encoders.iter().zip(&mut chunks).enumerate() {
        limits::check_clip(device, encoder.model.config(), count)?;
        // Both encoders need as many windows, to lie side by side.
        chunks.resize(count, Chunk::empty(&encoder.tokenizer));
        let windows: Vec<Vec<u32>> = chunks.iter().map(|chunk| chunk.ids.clone()).collect();
        let (mut hidden, ends) = states(clip, encoder, &windows, learned.vectors(i))?;
        if emphasis != Emphasis::Ignored && chunks.iter().any(Chunk::is_weighted) {
            hidden = weigh(clip, encoder, hidden, chunks, emphasis)?;
        }
        let width = hidden.dims()[2];
        contexts.push(hidden.reshape([1, count * WINDOW, width]));
        pooled = Some(ends.narrow(0, 0, 1));
    }
    match pooled {
        Some(pooled) => Ok(Condition::new(Tensor::cat(contexts, 2), pooled)),
        None => Err(no_encoder()),
    }
}

/// The error for a checkpoint whose file has no text encoder.
fn no_encoder() -> Error {
    Error::new(ErrorKind::Mismatch {
        what: "clip",
        expected: "a text encoder".to_owned(),
        got: "a checkpoint without one".to_owned(),
    })
    .hint("load the text encoder from a file that has it")
}

/// Embeddings `[windows, 77, width]` of the layer in use, and the pooled ones.
fn states(
    clip: &Clip,
    encoder: &TextEncoder,
    windows: &[Vec<u32>],
    learned: &[f32],
) -> Result<(Tensor<3>, Tensor<2>)> {
    let config = encoder.model.config();
    let (layer, is_normed) = match clip.layer {
        None => (encoder.layer, encoder.is_normed),
        Some(stop) => match kept_layer(config, stop) {
            Some(layer) => (layer, encoder.is_normed),
            // More layers than there are: the last.
            None => (1, true),
        },
    };
    let out = encoder.model.forward_with(windows, layer, learned)?;
    let hidden = match (layer, is_normed) {
        (1, true) => out.last_hidden_state,
        (_, true) => encoder.model.normalise(out.hidden),
        (_, false) => out.hidden,
    };
    Ok((hidden, out.pooled))
}

/// Layers that the network was trained with; of 24, −2 is the last that Stable Diffusion 2's folders have.
pub(super) fn trained_layers(model: &ClipTextModel) -> usize {
    let stored = model.config().num_hidden_layers;
    stored + left_out(stored)
}

fn left_out(stored: usize) -> usize {
    usize::from(stored + 1 == VIT_H_LAYERS)
}

/// Where layer `stop` (−1 is the last trained) lies among the stored, from the end; nothing if there are
/// not as many.
fn kept_layer(config: &ClipConfig, stop: i32) -> Option<usize> {
    let stored = config.num_hidden_layers;
    let layer = (stop.unsigned_abs() as usize).checked_sub(left_out(stored))?.max(1);
    (layer <= stored).then_some(layer)
}

fn weigh(
    clip: &Clip,
    encoder: &TextEncoder,
    hidden: Tensor<3>,
    chunks: &[Chunk],
    emphasis: Emphasis,
) -> Result<Tensor<3>> {
    let weights: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.weights.iter().copied()).collect();
    let data = TensorData::new(weights, [chunks.len(), WINDOW, 1]);
    let weights = Tensor::<3>::from_data(data, &hidden.device());
    match emphasis {
        Emphasis::FromEmpty => {
            let (empty, _) = states(clip, encoder, &[encoder.tokenizer.window(&[])], &[])?;
            Ok((hidden - empty.clone()) * weights + empty)
        }
        Emphasis::Rescaled => {
            let [windows, tokens, width] = hidden.dims();
            let mean = |z: Tensor<3>| z.reshape([windows, 1, tokens * width]).mean_dim(2);
            let weighted = hidden.clone() * weights;
            Ok(weighted.clone() * (mean(hidden) / mean(weighted)))
        }
        Emphasis::Plain => Ok(hidden * weights),
        Emphasis::Ignored => Ok(hidden),
    }
}
