//! Words → conditions.

use super::encode::{Emphasis, encode, trained_layers};
use super::learned::Learned;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema, Value};
use crate::nodes::values::{Clip, Condition, Conditioning, SizeNumbers};
use crate::prompt::{chunk, comfy};

/// A prompt → what a denoising network is guided by.
pub(super) const CLIP_TEXT_ENCODE: Function = Function::waiting(
    &Schema::new("CLIPTextEncode", "CLIP Text Encode (Prompt)", "conditioning")
        .doc("Reads a prompt, or a negative prompt, for the network that paints. `(word:1.2)` weighs more, `(word:0.8)` less. Longer than 75 tokens is read in several parts.")
        .inputs(&[
            Input::prompt("text").doc("What the picture should, or should not, show."),
            Input::link("clip", Kind::CLIP).doc("The text encoder of a loaded model."),
        ])
        .outputs(&[Output::new(Kind::CONDITIONING)]),
    |inputs, cx| Box::pin(clip_text_encode(inputs, cx)),
);

async fn clip_text_encode(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    cx.checkpoint().await?;
    let clip = inputs.object::<Clip>("clip")?;
    let text = inputs.string("text")?;
    one(encode_texts(cx, &clip, |_| text).await?)
}

/// Two prompts → a condition for SDXL, with the numbers on the picture's size that it was trained with.
pub(super) const CLIP_TEXT_ENCODE_SDXL: Function = Function::waiting(
    &Schema::new("CLIPTextEncodeSDXL", "CLIP Text Encode (SDXL)", "conditioning/advanced")
        .doc("Reads a prompt for each of SDXL's two text encoders, and tells it what kind of picture to think of: small originals look blurred, crops cut off.")
        .inputs(&[
            Input::link("clip", Kind::CLIP).doc("The text encoders of a loaded SDXL model."),
            size("width", 1024).doc("Width of the picture it was cut from, in pixels."),
            size("height", 1024).doc("Height of the picture it was cut from, in pixels."),
            size("crop_w", 0).doc("Pixels cut off on the left."),
            size("crop_h", 0).doc("Pixels cut off at the top."),
            size("target_width", 1024).doc("Width of the picture wanted."),
            size("target_height", 1024).doc("Height of the picture wanted."),
            Input::prompt("text_g").doc("What the larger encoder reads."),
            Input::prompt("text_l").doc("What the smaller encoder reads."),
        ])
        .outputs(&[Output::new(Kind::CONDITIONING)]),
    |inputs, cx| Box::pin(clip_text_encode_sdxl(inputs, cx)),
);

async fn clip_text_encode_sdxl(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    cx.checkpoint().await?;
    let clip = inputs.object::<Clip>("clip")?;
    if clip.encoders.len() != 2 {
        return Err(Error::new(ErrorKind::Mismatch {
            what: "clip",
            expected: "SDXL's two text encoders".to_owned(),
            got: clip.encoders.len().to_string(),
        })
        .hint("use `CLIPTextEncode` with this model"));
    }
    let (small, large) = (inputs.string("text_l")?, inputs.string("text_g")?);
    let mut condition = encode_texts(cx, &clip, |i| if i == 0 { small } else { large }).await?;
    condition.size = Some(SizeNumbers::Base {
        original: pixels(&inputs, ["height", "width"])?,
        crop: pixels(&inputs, ["crop_h", "crop_w"])?,
        target: pixels(&inputs, ["target_height", "target_width"])?,
    });
    one(condition)
}

/// A prompt → a condition for SDXL's refiner.
pub(super) const CLIP_TEXT_ENCODE_SDXL_REFINER: Function = Function::waiting(
    &Schema::new(
        "CLIPTextEncodeSDXLRefiner",
        "CLIP Text Encode (SDXL Refiner)",
        "conditioning/advanced",
    )
    .doc("Reads a prompt for SDXL's refiner, and tells it how well the picture should be liked.")
    .inputs(&[
        Input::float("ascore", 6.0, 0.0..=1000.0, 0.01)
            .doc("Aesthetic score: about 6 for the prompt, 2.5 for the negative prompt."),
        size("width", 1024).doc("Width of the picture, in pixels."),
        size("height", 1024).doc("Height of the picture, in pixels."),
        Input::prompt("text").doc("What the picture should, or should not, show."),
        Input::link("clip", Kind::CLIP).doc("The text encoder of the refiner."),
    ])
    .outputs(&[Output::new(Kind::CONDITIONING)]),
    |inputs, cx| Box::pin(clip_text_encode_sdxl_refiner(inputs, cx)),
);

async fn clip_text_encode_sdxl_refiner(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    cx.checkpoint().await?;
    let clip = inputs.object::<Clip>("clip")?;
    let text = inputs.string("text")?;
    let mut condition = encode_texts(cx, &clip, |_| text).await?;
    condition.size = Some(SizeNumbers::Refiner {
        original: pixels(&inputs, ["height", "width"])?,
        crop: [0.0; 2],
        score: inputs.float("ascore")? as f32,
    });
    one(condition)
}

/// Which layer of the text encoder counts.
pub(super) const CLIP_SET_LAST_LAYER: Function = Function::new(
    &Schema::new("CLIPSetLastLayer", "CLIP Set Last Layer", "conditioning")
        .doc("Makes prompts be read from an earlier layer of the text encoder. AUTOMATIC1111's \"Clip skip\" 2 is -2 here.")
        .inputs(&[
            Input::link("clip", Kind::CLIP).doc("The text encoder of a loaded model."),
            Input::int("stop_at_clip_layer", -1, -24..=-1)
                .doc("The layer whose output counts; -1 is the last."),
        ])
        .outputs(&[Output::new(Kind::CLIP)]),
    |inputs, cx| {
        let stop: i32 = inputs.int("stop_at_clip_layer")?;
        let mut clip = Clip::clone(&*inputs.object::<Clip>("clip")?);
        for encoder in clip.encoders.iter() {
            let layers = trained_layers(&encoder.model);
            if stop.unsigned_abs() as usize > layers {
                cx.notice(format!("the text encoder has {layers} layers: its last one is used for {stop}"));
            }
            if stop == -1 && layers > encoder.model.config().num_hidden_layers {
                cx.notice("this model comes without its last layer: -2 is used for -1");
            }
        }
        clip.layer = Some(stop);
        // The weights are counted where they were loaded.
        Ok(Outputs::one(Value::object(Kind::CLIP, 0, clip)))
    },
);

/// A number of pixels.
const fn size(name: &'static str, default: i128) -> Input {
    Input::int(name, default, 0..=16384)
}

fn pixels(inputs: &Inputs, names: [&'static str; 2]) -> Result<[f32; 2]> {
    Ok([f32::from(inputs.int::<u16>(names[0])?), f32::from(inputs.int::<u16>(names[1])?)])
}

fn one(condition: Condition) -> Result<Outputs> {
    Ok(Outputs::one(Conditioning(vec![condition])))
}

/// Encodes the text of each encoder, in ComfyUI's dialect.
async fn encode_texts<'t>(
    cx: &Context<'_>,
    clip: &Clip,
    text: impl Fn(usize) -> &'t str,
) -> Result<Condition> {
    let count = clip.encoders.len();
    let spans = (0..count).map(|i| comfy::parse(text(i))).collect::<Result<Vec<_>>>()?;
    let names = spans.iter().flat_map(|spans| comfy::embeddings(spans)).map(str::to_owned);
    let learned = Learned::load(cx, clip, names.collect()).await?;
    let chunks = clip.encoders.iter().zip(&spans).enumerate().map(|(i, (encoder, spans))| {
        let words = comfy::words(&encoder.tokenizer, spans, &|name| learned.ids(i, name));
        chunk::whole_words(&encoder.tokenizer, &words)
    });
    encode(cx, clip, chunks.collect(), &learned, Emphasis::FromEmpty)
}
