//! Nodes that put prompts together.

use burn::tensor::Tensor;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Function, Input, Kind, Output, Outputs, Schema};
use crate::nodes::values::{Condition, Conditioning};

const OUTPUT: &[Output] = &[Output::new(Kind::CONDITIONING)];
const TO: Input = Input::link("conditioning_to", Kind::CONDITIONING);
const FROM: Input = Input::link("conditioning_from", Kind::CONDITIONING);

/// Two prompts at once.
pub(super) const CONDITIONING_COMBINE: Function = Function::new(
    &Schema::new("ConditioningCombine", "Conditioning (Combine)", "conditioning")
        .doc("Follows two prompts at once: the network is asked for each, and the answers are averaged by weight.")
        .inputs(&[
            Input::link("conditioning_1", Kind::CONDITIONING).doc("The one."),
            Input::link("conditioning_2", Kind::CONDITIONING).doc("The other."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let one = inputs.object::<Conditioning>("conditioning_1")?;
        let other = inputs.object::<Conditioning>("conditioning_2")?;
        Ok(Outputs::one(Conditioning([&one.0[..], &other.0].concat())))
    },
);

/// A prompt between two others.
pub(super) const CONDITIONING_AVERAGE: Function = Function::new(
    &Schema::new("ConditioningAverage", "ConditioningAverage", "conditioning")
        .doc("Mixes the numbers of two prompts into one prompt between them.")
        .inputs(&[
            TO.doc("The one; its length, areas and times are kept."),
            FROM.doc("The other; only the first of several combined prompts is used."),
            Input::float("conditioning_to_strength", 1.0, 0.0..=1.0, 0.01)
                .doc("How much of the one; the rest is of the other."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let to = inputs.object::<Conditioning>("conditioning_to")?;
        let from = inputs.object::<Conditioning>("conditioning_from")?;
        let strength = inputs.float("conditioning_to_strength")? as f32;
        let from = first(&from)?;
        let mixed = to.0.iter().map(|to| average(to, from, strength)).collect::<Result<_>>()?;
        Ok(Outputs::one(Conditioning(mixed)))
    },
);

fn average(to: &Condition, from: &Condition, strength: f32) -> Result<Condition> {
    same_width(to, from)?;
    let [_, length, width] = to.context.dims();
    let known = from.context.dims()[1].min(length);
    let mut context = from.context.clone().narrow(1, 0, known);
    if known < length {
        let missing = Tensor::zeros([1, length - known, width], &context.device());
        context = Tensor::cat(vec![context, missing], 1);
    }
    Ok(Condition {
        context: to.context.clone() * strength + context * (1.0 - strength),
        pooled: to.pooled.clone() * strength + from.pooled.clone() * (1.0 - strength),
        ..to.clone()
    })
}

/// A prompt behind another.
pub(super) const CONDITIONING_CONCAT: Function = Function::new(
    &Schema::new("ConditioningConcat", "Conditioning (Concat)", "conditioning")
        .doc("Puts one prompt behind another, read apart from it: a `BREAK` between the two.")
        .inputs(&[
            TO.doc("The first part."),
            FROM.doc("The second part; only the first of several combined prompts is used."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let to = inputs.object::<Conditioning>("conditioning_to")?;
        let from = inputs.object::<Conditioning>("conditioning_from")?;
        let from = first(&from)?;
        let joined = |to: &Condition| -> Result<Condition> {
            same_width(to, from)?;
            let context = Tensor::cat(vec![to.context.clone(), from.context.clone()], 1);
            Ok(Condition { context, ..to.clone() })
        };
        let joined = to.0.iter().map(joined).collect::<Result<_>>()?;
        Ok(Outputs::one(Conditioning(joined)))
    },
);

/// Nothing instead of a prompt.
pub(super) const CONDITIONING_ZERO_OUT: Function = Function::new(
    &Schema::new("ConditioningZeroOut", "ConditioningZeroOut", "conditioning")
        .doc("Puts noughts in place of a prompt: the negative prompt of some distilled models.")
        .inputs(&[Input::link("conditioning", Kind::CONDITIONING)
            .doc("A prompt; its length, areas and times are kept.")])
        .outputs(OUTPUT),
    |inputs, _| {
        let conditioning = inputs.object::<Conditioning>("conditioning")?;
        let nothing = |one: &Condition| Condition {
            context: one.context.zeros_like(),
            pooled: one.pooled.zeros_like(),
            ..one.clone()
        };
        Ok(Outputs::one(Conditioning(conditioning.0.iter().map(nothing).collect())))
    },
);

fn first(conditioning: &Conditioning) -> Result<&Condition> {
    conditioning.0.first().ok_or_else(|| {
        Error::new(ErrorKind::Mismatch {
            what: "conditioning_from",
            expected: "a prompt".to_owned(),
            got: "none".to_owned(),
        })
        .hint("link the output of a `CLIPTextEncode` node")
    })
}

/// Only prompts of the same text encoders can be mixed.
fn same_width(to: &Condition, from: &Condition) -> Result<()> {
    let widths = |one: &Condition| (one.context.dims()[2], one.pooled.dims()[1]);
    if widths(to) == widths(from) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Mismatch {
        what: "width of the prompt's embeddings",
        expected: format!("{:?}", widths(to)),
        got: format!("{:?}", widths(from)),
    })
    .hint("encode both prompts with the same text encoder"))
}
