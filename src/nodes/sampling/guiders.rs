//! Nodes of guiders: a model with its prompts and how they guide it.

use std::rc::Rc;

use crate::error::{ErrorKind, Result};
use crate::graph::{Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::{GUIDER, Guidance, Guider, Model};

const CATEGORY: &str = "sampling/custom_sampling/guiders";
const MODEL: Input = Input::link("model", Kind::MODEL).doc("The network that paints.");
const POSITIVE: Input =
    Input::link("positive", Kind::CONDITIONING).doc("What the picture should show.");
const NEGATIVE: Input = Input::link("negative", Kind::CONDITIONING).doc("What it should not show.");
const OUTPUTS: &[Output] = &[Output::new(GUIDER)];

const fn strength(name: &'static str, doc: &'static str) -> Input {
    Input::float(name, 8.0, 0.0..=100.0, 0.1).doc(doc)
}

/// One prompt.
pub(super) const BASIC_GUIDER: Function = Function::new(
    &Schema::new("BasicGuider", "BasicGuider", CATEGORY)
        .doc("Follows one prompt, as models do that were distilled to need no negative one.")
        .inputs(&[
            MODEL,
            Input::link("conditioning", Kind::CONDITIONING).doc("What the picture should show."),
        ])
        .outputs(OUTPUTS),
    |inputs, _| guider(inputs, Guidance::Positive, &["conditioning"]).map(Outputs::one),
);

/// Two prompts.
pub(super) const CFG_GUIDER: Function = Function::new(
    &Schema::new("CFGGuider", "CFGGuider", CATEGORY)
        .doc("Follows a prompt and keeps away from another.")
        .inputs(&[
            MODEL,
            POSITIVE,
            NEGATIVE,
            strength(
                "cfg",
                "How closely the picture follows the prompt; 1 leaves the negative prompt out.",
            ),
        ])
        .outputs(OUTPUTS),
    |inputs, _| cfg_guider(inputs).map(Outputs::one),
);

/// Three prompts.
pub(super) const DUAL_CFG_GUIDER: Function = Function::new(
    &Schema::new("DualCFGGuider", "DualCFGGuider", CATEGORY)
        .doc("Follows two prompts, each as closely as it is told.")
        .inputs(&[
            MODEL,
            Input::link("cond1", Kind::CONDITIONING)
                .doc("What the picture should show first of all."),
            Input::link("cond2", Kind::CONDITIONING)
                .doc("What it should show besides: for editing models, the picture to edit alone."),
            NEGATIVE,
            strength("cfg_conds", "How far the picture goes from the second prompt to the first."),
            strength(
                "cfg_cond2_negative",
                "How far it goes from the negative prompt to the second.",
            ),
            Input::combo("style", &["regular", "nested"])
                .doc("Whether the first two are mixed before the negative prompt counts."),
        ])
        .outputs(OUTPUTS),
    |inputs, _| {
        let (first, second) = (cfg(inputs, "cfg_conds")?, cfg(inputs, "cfg_cond2_negative")?);
        let nested = inputs.optional_string("style")? == Some("nested");
        let guidance = Guidance::Dual { first, second, nested };
        guider(inputs, guidance, &["cond1", "negative", "cond2"]).map(Outputs::one)
    },
);

/// Perp-Neg.
pub(super) const PERP_NEG_GUIDER: Function = Function::new(
    &Schema::new("PerpNegGuider", "PerpNegGuider", CATEGORY)
        .doc("Keeps away only from what the negative prompt has apart from the positive one.")
        .inputs(&[
            MODEL,
            POSITIVE,
            NEGATIVE,
            Input::link("empty_conditioning", Kind::CONDITIONING).doc("An empty prompt, encoded."),
            strength("cfg", "How closely the picture follows the prompt."),
            Input::float("neg_scale", 1.0, 0.0..=100.0, 0.01)
                .doc("How much the negative prompt counts."),
        ])
        .outputs(OUTPUTS)
        .experimental(),
    |inputs, _| {
        let negative = inputs.float("neg_scale")? as f32;
        let guidance = Guidance::PerpNeg { cfg: cfg(inputs, "cfg")?, negative };
        guider(inputs, guidance, &["positive", "negative", "empty_conditioning"]).map(Outputs::one)
    },
);

/// The guider that samplers with `model`, `positive`, `negative` and `cfg` of their own mean.
pub(super) fn cfg_guider(inputs: &Inputs) -> Result<Guider> {
    guider(inputs, Guidance::Cfg(cfg(inputs, "cfg")?), &["positive", "negative"])
}

fn guider(inputs: &Inputs, guidance: Guidance, prompts: &[&'static str]) -> Result<Guider> {
    let model = Model::clone(&*inputs.object("model")?);
    let prompts = prompts.iter().map(|name| inputs.object(name)).collect::<Result<Vec<Rc<_>>>>()?;
    Ok(Guider { model, guidance, prompts })
}

fn cfg(inputs: &Inputs, name: &'static str) -> Result<f32> {
    let cfg = inputs.float(name)?;
    if (0.0..=100.0).contains(&cfg) {
        return Ok(cfg as f32);
    }
    Err(ErrorKind::ValueOutOfRange { input: name, got: cfg, min: 0.0, max: 100.0 }.into())
}
