//! Nodes that let a picture steer what is painted for a prompt.

use std::rc::Rc;

use crate::error::{ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::{CONTROL_NET, Conditioning, Control, ControlNet};

const CATEGORY: &str = "conditioning/controlnet";
const NET: Input = Input::link("control_net", CONTROL_NET).doc("A loaded control net.");
const IMAGE: Input = Input::link("image", Kind::IMAGE).doc(
    "The picture it looks at, of the kind it was trained on: outlines, depths, poses. It is cut around the middle to the latent's shape; several are for a batch.",
);
const STRENGTH: Input =
    Input::float("strength", 1.0, 0.0..=10.0, 0.01).doc("How much it counts; 0 leaves it out.");

/// For both prompts, in a part of the run.
pub(super) const CONTROL_NET_APPLY_ADVANCED: Function = Function::new(
    &Schema::new("ControlNetApplyAdvanced", "Apply ControlNet", CATEGORY)
        .doc("Lets a picture say where things are: its outlines, depths or poses, as the control net knows them. What was applied before adds up with it.")
        .inputs(&[
            Input::link("positive", Kind::CONDITIONING).doc("What the picture should show."),
            Input::link("negative", Kind::CONDITIONING).doc("What it should not show."),
            NET,
            IMAGE,
            STRENGTH,
            Input::float("start_percent", 0.0, 0.0..=1.0, 0.001)
                .doc("From when on it counts; 0 is the beginning of the run."),
            Input::float("end_percent", 1.0, 0.0..=1.0, 0.001)
                .doc("Until when it counts; 1 is the end. Earlier leaves the details to the model."),
            Input::link("vae", Kind::VAE)
                .optional()
                .doc("For control nets that look at latents; those of Stable Diffusion and SDXL do not need it."),
        ])
        .outputs(&[
            Output::new(Kind::CONDITIONING).named("positive"),
            Output::new(Kind::CONDITIONING).named("negative"),
        ]),
    |inputs, cx| {
        let prompts = [inputs.object("positive")?, inputs.object("negative")?];
        let stretch = [share(inputs, "start_percent")?, share(inputs, "end_percent")?];
        let prompts = applied(inputs, prompts, stretch, false, cx)?;
        Ok(Outputs::new(prompts.map(Into::into).to_vec()))
    },
);

/// For the positive prompt; the negative one takes it, too, where it has none.
pub(super) const CONTROL_NET_APPLY: Function = Function::new(
    &Schema::new("ControlNetApply", "Apply ControlNet (OLD)", CATEGORY)
        .doc("As ControlNetApplyAdvanced, for one prompt and the whole run. A negative prompt without a control net gets it as well.")
        .inputs(&[
            Input::link("conditioning", Kind::CONDITIONING).doc("What the picture should show."),
            NET,
            IMAGE,
            STRENGTH,
        ])
        .outputs(&[Output::new(Kind::CONDITIONING)])
        .deprecated(),
    |inputs, cx| {
        let prompts = [inputs.object("conditioning")?];
        let [prompt] = applied(inputs, prompts, [0.0, 1.0], true, cx)?;
        Ok(Outputs::one(prompt))
    },
);

/// The prompts under the node's control net. Those that had the same one before share the new one, so that the
/// network is asked for them together.
fn applied<const N: usize>(
    inputs: &Inputs,
    prompts: [Rc<Conditioning>; N],
    [start_percent, end_percent]: [f64; 2],
    lends_control: bool,
    cx: &Context<'_>,
) -> Result<[Conditioning; N]> {
    let strength = inputs.float("strength")?;
    if !(0.0..=10.0).contains(&strength) {
        let (input, got) = ("strength", strength);
        return Err(ErrorKind::ValueOutOfRange { input, got, min: 0.0, max: 10.0 }.into());
    }
    let mut prompts = prompts.map(|prompt| Conditioning::clone(&prompt));
    if start_percent > end_percent {
        cx.notice(format!(
            "the control net never counts: `start_percent`, {start_percent}, comes after `end_percent`, {end_percent}"
        ));
    }
    if strength == 0.0 {
        return Ok(prompts);
    }
    let net = ControlNet::clone(&*inputs.object("control_net")?);
    let hint = inputs.object("image")?;
    let mut made: Vec<Rc<Control>> = Vec::new();
    for one in prompts.iter_mut().flat_map(|prompt| &mut prompt.0) {
        let previous = one.control.take();
        let same = |made: &&Rc<Control>| match (&made.previous, &previous) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let known = made.iter().find(same).cloned();
        let control = known.unwrap_or_else(|| {
            let (net, hint, strength) = (net.clone(), Rc::clone(&hint), strength as f32);
            Rc::new(Control { net, hint, strength, start_percent, end_percent, previous })
        });
        if !made.iter().any(|known| Rc::ptr_eq(known, &control)) {
            made.push(control.clone());
        }
        (one.control, one.lends_control) = (Some(control), lends_control);
    }
    Ok(prompts)
}

/// A share of the run.
fn share(inputs: &Inputs, input: &'static str) -> Result<f64> {
    let got = inputs.float(input)?;
    if (0.0..=1.0).contains(&got) {
        return Ok(got);
    }
    Err(ErrorKind::ValueOutOfRange { input, got, min: 0.0, max: 1.0 }.into())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::image::Image;
    use crate::nodes::testing::{environment, run};
    use crate::nodes::values::Condition;

    #[test]
    fn numbers_that_come_along_links_are_checked_too() {
        let device = environment().unwrap().device;
        let (context, pooled) =
            (Tensor::zeros([1, 77, 12], &device), Tensor::zeros([1, 12], &device));
        let prompt = Conditioning(vec![Condition::new(context, pooled)]);
        let image = Image::new([1, 1, 1, 3], vec![0.0; 3]).unwrap();
        let inputs = |strength: f64, start: f64, end: f64| {
            let inputs = Inputs::new().with("positive", prompt.clone());
            let inputs = inputs.with("negative", prompt.clone()).with("image", image.clone());
            let inputs = inputs.with("strength", strength).with("start_percent", start);
            inputs.with("end_percent", end)
        };
        for (numbers, code) in [
            (inputs(f64::NAN, 0.0, 1.0), "not_finite"),
            (inputs(f64::INFINITY, 0.0, 1.0), "not_finite"),
            (inputs(-1.0, 0.0, 1.0), "value_out_of_range"),
            (inputs(1.0, f64::NAN, 1.0), "not_finite"),
            (inputs(1.0, 0.0, 1.1), "value_out_of_range"),
        ] {
            let error = run(&CONTROL_NET_APPLY_ADVANCED, numbers).unwrap_err();
            assert_eq!(error.kind().code(), code);
        }
        // Without strength nothing is asked of the net, which is not even there.
        run(&CONTROL_NET_APPLY_ADVANCED, inputs(0.0, 0.0, 1.0)).unwrap();
    }
}
