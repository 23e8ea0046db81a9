//! AUTOMATIC1111's prompts → conditions, each with the steps it is for.

use std::rc::Rc;

use super::encode::{Emphasis, encode};
use super::learned::{Learned, names};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::{Clip, Condition, Conditioning, TextEncoder};
use crate::nodes::{Environment, limits};
use crate::prompt::a1111::{self, Pass, Piece};
use crate::prompt::comfy::Span;
use crate::prompt::tokenizer::WINDOW;
use crate::prompt::{Chunk, chunk, dynamic};

/// A prompt in AUTOMATIC1111's dialect → what a denoising network is guided by.
pub(super) const CLIP_TEXT_ENCODE_A1111: Function = Function::waiting(
    &Schema::new("CLIPTextEncodeA1111", "CLIP Text Encode (AUTOMATIC1111)", "conditioning")
        .doc("Reads a prompt as AUTOMATIC1111's web UI does: weights multiply, `[cat:dog:0.5]` changes the words halfway, `[cat|dog]` at each step, `BREAK` begins a new part, `AND` joins several prompts.")
        .inputs(&[
            Input::link("clip", Kind::CLIP).doc("The text encoder of a loaded model."),
            Input::string("text").multiline().doc("What the picture should, or should not, show."),
            Input::int("steps", 20, 1..=10000)
                .doc("Steps of the sampler that this goes to: the words may change from step to step."),
            Input::combo("emphasis", &["Original", "No norm", "Ignore", "None"]).doc(
                "What weights do: `Original` keeps the embeddings' mean, `No norm` does not, `Ignore` reads them without effect, `None` takes brackets as text.",
            ),
            Input::int("first_pass_steps", 0, 0..=10000).optional().doc(
                "For the second pass, after enlarging: steps of the first. Step numbers in the prompt go on after them.",
            ),
        ])
        .outputs(&[Output::new(Kind::CONDITIONING)]),
    |inputs, cx| Box::pin(clip_text_encode_a1111(inputs, cx)),
);

async fn clip_text_encode_a1111(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let clip = inputs.object::<Clip>("clip")?;
    let steps = inputs.int("steps")?;
    let pass = match inputs.optional_int("first_pass_steps")?.unwrap_or(0) {
        0 => Pass::First { steps },
        first => Pass::Hires { first, steps },
    };
    let emphasis = match inputs.string("emphasis")? {
        "Original" => Some(Emphasis::Rescaled),
        "No norm" => Some(Emphasis::Plain),
        "Ignore" => Some(Emphasis::Ignored),
        _ => None,
    };
    let text = dynamic::strip_hash_lines(inputs.string("text")?);
    if emphasis.is_some() {
        // A mistake is told where it stands in the whole prompt.
        a1111::emphasis::parse(&text)?;
    }
    let (text, networks) = a1111::networks(&text);
    for network in networks {
        let (kind, arguments) = (network.kind, network.arguments.join(":"));
        cx.notice(format!(
            "`<{kind}:{arguments}>` is not loaded from a prompt: load it with a node of its own"
        ));
    }
    let prompts = a1111::conjunction(&text);
    check_weights(cx, &prompts)?;
    let lower = text.to_lowercase();
    let named = names(cx.env()).filter(|name| lower.contains(&name.to_lowercase()));
    let learned = Learned::load(cx, &clip, named.collect()).await?;
    let mut conditions = Vec::new();
    let mut numbers = 0;
    for prompt in prompts {
        for scheduled in a1111::scheduled(&prompt.text, pass)? {
            cx.checkpoint().await?;
            let mut condition = one(cx, &clip, &scheduled.text, &learned, emphasis, &mut numbers)?;
            condition.strength = prompt.weight as f32;
            condition.steps = scheduled.steps.map(Rc::new);
            conditions.push(condition);
        }
    }
    Ok(Outputs::one(Conditioning(conditions)))
}

/// Conditions are averaged by weight, where AUTOMATIC1111 adds them up: with weights that add up to n it
/// guides n times as strongly.
fn check_weights(cx: &Context<'_>, prompts: &[Span]) -> Result<()> {
    let sum: f64 = prompts.iter().map(|prompt| prompt.weight).sum();
    if sum <= 0.0 {
        let why =
            format!("the weights of prompts joined by `AND` add up to {sum}, expected more than 0");
        return Err(Error::new(ErrorKind::BadPrompt { at: 1, why })
            .hint("put what should not be there into the negative prompt"));
    }
    if sum != 1.0 {
        cx.notice(format!("the weights of the prompts joined by `AND` add up to {sum}: for AUTOMATIC1111's picture multiply `cfg` by {sum}"));
    }
    Ok(())
}

/// Encodes a text that no longer changes; `numbers` counts what all texts of the node take together.
fn one(
    cx: &Context<'_>,
    clip: &Clip,
    text: &str,
    learned: &Learned,
    emphasis: Option<Emphasis>,
    numbers: &mut u64,
) -> Result<Condition> {
    let pieces = match emphasis {
        Some(_) => a1111::emphasis::parse(text)?,
        None => vec![Piece::Words(Span { text: text.to_owned(), weight: 1.0 })],
    };
    let windows = |(i, encoder): (usize, &TextEncoder)| {
        let items = a1111::items(&encoder.tokenizer, &pieces);
        chunk::at_commas(&encoder.tokenizer, &learned.put_into(i, &encoder.tokenizer, items))
    };
    let chunks: Vec<Vec<Chunk>> = clip.encoders.iter().enumerate().map(windows).collect();
    for (encoder, chunks) in clip.encoders.iter().zip(&chunks) {
        let width = encoder.model.config().hidden_size;
        *numbers += (chunks.len() * WINDOW) as u64 * width as u64;
    }
    let device = &cx.env::<Environment>().device_info;
    limits::check_host(device, "a prompt that changes this often", *numbers)?;
    encode(cx, clip, chunks, learned, emphasis.unwrap_or(Emphasis::Ignored))
}
