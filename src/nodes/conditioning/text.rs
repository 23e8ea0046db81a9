//! Words → conditions.

use burn::tensor::Tensor;
use futures_util::future::LocalBoxFuture;

use crate::error::Result;
use crate::graph::{Context, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::nodes::values::{Clip, Condition, Conditioning};

/// A prompt → what a denoising network is guided by.
pub(super) struct CLIPTextEncode;

const CLIP_TEXT_ENCODE: Schema =
    Schema::new("CLIPTextEncode", "CLIP Text Encode (Prompt)", "conditioning")
        .doc("Reads a prompt, or a negative prompt, for the network that paints. Longer than 75 tokens is read in several parts.")
        .inputs(&[
            Input::prompt("text").doc("What the picture should, or should not, show."),
            Input::link("clip", Kind::CLIP).doc("The text encoder of a loaded model."),
        ])
        .outputs(&[Output::new(Kind::CONDITIONING)]);

impl Node for CLIPTextEncode {
    fn schema(&self) -> &'static Schema {
        &CLIP_TEXT_ENCODE
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            cx.checkpoint().await?;
            let clip = inputs.object::<Clip>("clip")?;
            let condition = encode(&clip, inputs.string("text")?)?;
            Ok(Outputs::one(Conditioning(vec![condition])))
        })
    }
}

/// Encodes every window of 75 tokens by itself and puts the embeddings in a row.
///
/// One encoder (SD 1.x, 2.x): its last layer, normalised. Two (SDXL): the layer before the last of each,
/// not normalised, side by side; the pooled embedding is the second's.
fn encode(clip: &Clip, text: &str) -> Result<Condition> {
    let two = clip.encoders.len() > 1;
    let windows: Vec<Vec<Vec<u32>>> = clip
        .encoders
        .iter()
        .map(|encoder| encoder.tokenizer.windows(&encoder.tokenizer.ids(text)))
        .collect();
    let count = windows.iter().map(Vec::len).max().unwrap_or(1);
    let mut contexts = Vec::new();
    let mut pooled = None;
    for (encoder, mut windows) in clip.encoders.iter().zip(windows) {
        // Both encoders need as many windows, to lie side by side.
        let empty = encoder.tokenizer.windows(&[]);
        windows.resize(count, empty[0].clone());
        let out = encoder.model.forward(&windows)?;
        let hidden = if two { out.penultimate } else { out.last_hidden_state };
        let [windows, tokens, width] = hidden.dims();
        contexts.push(hidden.reshape([1, windows * tokens, width]));
        pooled = Some(out.pooled.narrow(0, 0, 1));
    }
    let pooled = pooled.expect("a loaded CLIP has an encoder");
    Ok(Condition::new(Tensor::cat(contexts, 2), pooled))
}
