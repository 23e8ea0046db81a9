//! Nodes that say where, when and how much a prompt counts.

use crate::error::Result;
use crate::graph::{Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::{Area, AreaMask, Condition, Conditioning};

const OUTPUT: &[Output] = &[Output::new(Kind::CONDITIONING)];
const CONDITIONING: Input =
    Input::link("conditioning", Kind::CONDITIONING).doc("The prompt, or several combined.");
const STRENGTH: Input = Input::float("strength", 1.0, 0.0..=10.0, 0.01)
    .doc("How much it counts against other prompts at the same place.");

/// A rectangle in pixels.
pub(super) const CONDITIONING_SET_AREA: Function = Function::new(
    &Schema::new("ConditioningSetArea", "Conditioning (Set Area)", "conditioning")
        .doc("Lets a prompt count in a rectangle of the picture; combine it with a prompt for the rest.")
        .inputs(&[
            CONDITIONING,
            Input::int("width", 64, 64..=16384).step(8).doc("Width in pixels, in steps of 8."),
            Input::int("height", 64, 64..=16384).step(8).doc("Height in pixels, in steps of 8."),
            Input::int("x", 0, 0..=16384).step(8).doc("Left edge in pixels, in steps of 8."),
            Input::int("y", 0, 0..=16384).step(8).doc("Top edge in pixels, in steps of 8."),
            STRENGTH,
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let positions = |name| -> Result<usize> { Ok(inputs.int::<usize>(name)? / 8) };
        let area = Area::Latent {
            height: positions("height")?,
            width: positions("width")?,
            y: positions("y")?,
            x: positions("x")?,
        };
        set_area(inputs, area)
    },
);

/// A rectangle in parts of the picture.
pub(super) const CONDITIONING_SET_AREA_PERCENTAGE: Function = Function::new(
    &Schema::new(
        "ConditioningSetAreaPercentage",
        "Conditioning (Set Area with Percentage)",
        "conditioning",
    )
    .doc("Lets a prompt count in a rectangle of the picture, given in parts of its sides.")
    .inputs(&[
        CONDITIONING,
        Input::float("width", 1.0, 0.0..=1.0, 0.01).doc("Width; 1 is the picture's."),
        Input::float("height", 1.0, 0.0..=1.0, 0.01).doc("Height; 1 is the picture's."),
        Input::float("x", 0.0, 0.0..=1.0, 0.01).doc("Left edge; 0.5 is the middle."),
        Input::float("y", 0.0, 0.0..=1.0, 0.01).doc("Top edge; 0.5 is the middle."),
        STRENGTH,
    ])
    .outputs(OUTPUT),
    |inputs, _| {
        let area = Area::Part {
            height: inputs.float("height")?,
            width: inputs.float("width")?,
            y: inputs.float("y")?,
            x: inputs.float("x")?,
        };
        set_area(inputs, area)
    },
);

/// A weight.
pub(super) const CONDITIONING_SET_AREA_STRENGTH: Function = Function::new(
    &Schema::new("ConditioningSetAreaStrength", "ConditioningSetAreaStrength", "conditioning")
        .doc("Sets how much a prompt counts against the others it is combined with.")
        .inputs(&[CONDITIONING, STRENGTH])
        .outputs(OUTPUT),
    |inputs, _| {
        let strength = inputs.float("strength")? as f32;
        each(inputs, |one| one.strength = strength)
    },
);

/// A weight by place.
pub(super) const CONDITIONING_SET_MASK: Function = Function::new(
    &Schema::new("ConditioningSetMask", "Conditioning (Set Mask)", "conditioning")
        .doc("Lets a prompt count where a mask is white; combine it with a prompt for the rest.")
        .inputs(&[
            CONDITIONING,
            Input::link("mask", Kind::MASK).doc("White where the prompt counts; stretched over the picture."),
            STRENGTH,
            Input::combo("set_cond_area", &["default", "mask bounds"])
                .doc("With bounds only the rectangle around the mask is painted, as a picture of its own."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let mask = AreaMask {
            mask: inputs.object("mask")?,
            strength: inputs.float("strength")? as f32,
            bounds_only: inputs.string("set_cond_area")? == "mask bounds",
        };
        each(inputs, |one| one.mask = Some(mask.clone()))
    },
);

/// A stretch of time.
pub(super) const CONDITIONING_SET_TIMESTEP_RANGE: Function = Function::new(
    &Schema::new(
        "ConditioningSetTimestepRange",
        "ConditioningSetTimestepRange",
        "advanced/conditioning",
    )
    .doc("Lets a prompt count in a part of the run: the beginning makes the composition, the end the details.")
    .inputs(&[
        CONDITIONING,
        Input::float("start", 0.0, 0.0..=1.0, 0.001).doc("From when on; 0 is the beginning."),
        Input::float("end", 1.0, 0.0..=1.0, 0.001).doc("Until when; 1 is the end."),
    ])
    .outputs(OUTPUT),
    |inputs, _| {
        let (start, end) = (inputs.float("start")?, inputs.float("end")?);
        each(inputs, |one| (one.start_percent, one.end_percent) = (start, end))
    },
);

fn set_area(inputs: &Inputs, area: Area) -> Result<Outputs> {
    let strength = inputs.float("strength")? as f32;
    each(inputs, |one| {
        (one.area, one.strength) = (Some(area), strength);
        // The rectangle given last counts, whichever node it is from.
        if let Some(mask) = &mut one.mask {
            mask.bounds_only = false;
        }
    })
}

/// The same prompts, each changed.
fn each(inputs: &Inputs, change: impl Fn(&mut Condition)) -> Result<Outputs> {
    let mut conditioning = Conditioning::clone(&*inputs.object("conditioning")?);
    conditioning.0.iter_mut().for_each(change);
    Ok(Outputs::one(conditioning))
}
