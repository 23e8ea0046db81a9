//! Nodes of noise levels.

use crate::diffusion::samplers::Sampler;
use crate::diffusion::schedule::edit::{self, Spacing};
use crate::diffusion::schedule::{SCHEDULERS, Scheduler, curves, sampling_sigmas};
use crate::graph::{Function, Input, Kind, Output, Outputs, Schema};
use crate::nodes::values::{Model, SIGMAS, Sigmas};

const SCHEDULERS_MENU: &str = "sampling/custom_sampling/schedulers";
const SIGMAS_MENU: &str = "sampling/custom_sampling/sigmas";
const OUTPUT: &[Output] = &[Output::new(SIGMAS)];
const HIGH_AND_LOW: &[Output] = &[
    Output::new(SIGMAS).named("high_sigmas").doc("The levels before."),
    Output::new(SIGMAS)
        .named("low_sigmas")
        .doc("The levels after, beginning with the one between."),
];
const SIGMAS_INPUT: Input = Input::link("sigmas", SIGMAS).doc("The noise levels.");
const MODEL: Input = Input::link("model", Kind::MODEL).doc("The network whose levels they are.");
const DENOISE: Input = Input::float("denoise", 1.0, 0.0..=1.0, 0.01)
    .doc("How much may change: less than 1 keeps only the last levels, for a picture to change.");

/// A scheduler by its name.
pub(super) const BASIC_SCHEDULER: Function = Function::new(
    &Schema::new("BasicScheduler", "BasicScheduler", SCHEDULERS_MENU)
        .doc("The noise levels that a scheduler chooses for a model.")
        .inputs(&[
            MODEL,
            Input::combo("scheduler", &SCHEDULERS).doc("How much noise is removed in which step."),
            Input::int("steps", 20, 1..=10000).doc("How many steps."),
            DENOISE,
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let model = inputs.object::<Model>("model")?;
        let scheduler = Scheduler::from_name(inputs.string("scheduler")?)?;
        let (steps, denoise) = (inputs.int("steps")?, inputs.float("denoise")?);
        // Which sampler it is for is not known: none of its peculiarities count.
        let sigmas = sampling_sigmas(&model.schedule, scheduler, Sampler::Euler, steps, denoise)?;
        Ok(Outputs::one(Sigmas(sigmas)))
    },
);

/// The levels that SD Turbo was distilled for.
pub(super) const SD_TURBO_SCHEDULER: Function = Function::new(
    &Schema::new("SDTurboScheduler", "SDTurboScheduler", SCHEDULERS_MENU)
        .doc("The noise levels of turbo models: 10 at most, from the top.")
        .inputs(&[MODEL, Input::int("steps", 1, 1..=10).doc("How many steps."), DENOISE])
        .outputs(OUTPUT),
    |inputs, _| {
        let model = inputs.object::<Model>("model")?;
        let sigmas =
            curves::sd_turbo(&model.schedule, inputs.int("steps")?, inputs.float("denoise")?)?;
        Ok(Outputs::one(Sigmas(sigmas)))
    },
);

const STEPS: Input = Input::int("steps", 20, 1..=10000).doc("How many steps.");
const MAX: Input =
    Input::float("sigma_max", 14.614642, 0.0..=5000.0, 0.01).doc("The highest level.");
const MIN: Input =
    Input::float("sigma_min", 0.0291675, 0.0..=5000.0, 0.01).doc("The lowest level.");

/// Levels by Karras.
pub(super) const KARRAS_SCHEDULER: Function = Function::new(
    &Schema::new("KarrasScheduler", "KarrasScheduler", SCHEDULERS_MENU)
        .doc("Many levels where there is little noise.")
        .inputs(&[
            STEPS,
            MAX,
            MIN,
            Input::float("rho", 7.0, 0.0..=100.0, 0.01)
                .doc("How many: 1 spaces the levels evenly."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let (max, min) = (inputs.float("sigma_max")?, inputs.float("sigma_min")?);
        let sigmas = curves::karras(inputs.int("steps")?, max, min, inputs.float("rho")?)?;
        Ok(Outputs::one(Sigmas(sigmas)))
    },
);

/// Levels at even distances in their logarithm.
pub(super) const EXPONENTIAL_SCHEDULER: Function = Function::new(
    &Schema::new("ExponentialScheduler", "ExponentialScheduler", SCHEDULERS_MENU)
        .doc("Every step removes the same share of the noise.")
        .inputs(&[STEPS, MAX, MIN])
        .outputs(OUTPUT),
    |inputs, _| {
        let (max, min) = (inputs.float("sigma_max")?, inputs.float("sigma_min")?);
        Ok(Outputs::one(Sigmas(curves::exponential(inputs.int("steps")?, max, min)?)))
    },
);

/// Levels along a power of the logarithm.
pub(super) const POLYEXPONENTIAL_SCHEDULER: Function = Function::new(
    &Schema::new("PolyexponentialScheduler", "PolyexponentialScheduler", SCHEDULERS_MENU)
        .doc("As exponential, with more steps at one of the ends.")
        .inputs(&[
            STEPS,
            MAX,
            MIN,
            Input::float("rho", 1.0, 0.0..=100.0, 0.01).doc(
                "At 1 as exponential; above it there are more steps where there is little noise.",
            ),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let (max, min) = (inputs.float("sigma_max")?, inputs.float("sigma_min")?);
        let sigmas = curves::polyexponential(inputs.int("steps")?, max, min, inputs.float("rho")?)?;
        Ok(Outputs::one(Sigmas(sigmas)))
    },
);

/// Levels around one of them.
pub(super) const LAPLACE_SCHEDULER: Function = Function::new(
    &Schema::new("LaplaceScheduler", "LaplaceScheduler", SCHEDULERS_MENU)
        .doc("Many levels in the middle of the run.")
        .inputs(&[
            STEPS,
            MAX,
            MIN,
            Input::float("mu", 0.0, -10.0..=10.0, 0.1).doc("The logarithm of the middle level."),
            Input::float("beta", 0.5, 0.0..=10.0, 0.1).doc("How far the levels are spread."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let (max, min) = (inputs.float("sigma_max")?, inputs.float("sigma_min")?);
        let (mu, beta) = (inputs.float("mu")?, inputs.float("beta")?);
        Ok(Outputs::one(Sigmas(curves::laplace(inputs.int("steps")?, max, min, mu, beta)?)))
    },
);

/// Levels of the variance-preserving process.
pub(super) const VP_SCHEDULER: Function = Function::new(
    &Schema::new("VPScheduler", "VPScheduler", SCHEDULERS_MENU)
        .doc("The levels of the process that most models were trained with, without their table.")
        .inputs(&[
            STEPS,
            Input::float("beta_d", 19.9, 0.0..=5000.0, 0.01)
                .doc("How fast the noise grows faster."),
            Input::float("beta_min", 0.1, 0.0..=5000.0, 0.01).doc("How fast it grows at first."),
            Input::float("eps_s", 0.001, 0.0..=1.0, 0.0001).doc("The time of the lowest level."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let (beta_d, beta_min) = (inputs.float("beta_d")?, inputs.float("beta_min")?);
        let sigmas = curves::vp(inputs.int("steps")?, beta_d, beta_min, inputs.float("eps_s")?)?;
        Ok(Outputs::one(Sigmas(sigmas)))
    },
);

/// Levels by the quantiles of a beta distribution.
pub(super) const BETA_SAMPLING_SCHEDULER: Function = Function::new(
    &Schema::new("BetaSamplingScheduler", "BetaSamplingScheduler", SCHEDULERS_MENU)
        .doc("Many levels at the beginning, at the end, or at both.")
        .inputs(&[
            MODEL,
            STEPS,
            Input::float("alpha", 0.6, 0.0..=50.0, 0.01).doc("Less is more steps at the end."),
            Input::float("beta", 0.6, 0.0..=50.0, 0.01).doc("Less is more steps at the beginning."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let schedule = &inputs.object::<Model>("model")?.schedule;
        let (alpha, beta) = (inputs.float("alpha")?, inputs.float("beta")?);
        Ok(Outputs::one(Sigmas(curves::beta(schedule, inputs.int("steps")?, alpha, beta)?)))
    },
);

/// A level of the model by its place in the run.
pub(super) const SAMPLING_PERCENT_TO_SIGMA: Function = Function::new(
    &Schema::new("SamplingPercentToSigma", "SamplingPercentToSigma", SIGMAS_MENU)
        .doc("The noise level at a part of the run.")
        .inputs(&[
            MODEL,
            Input::float("sampling_percent", 0.0, 0.0..=1.0, 0.0001)
                .doc("The part: 0 is the beginning, 1 the end."),
            Input::boolean("return_actual_sigma", false).doc(
                "At the ends give the model's highest and lowest level, not a number beyond them.",
            ),
        ])
        .outputs(&[Output::new(Kind::FLOAT).named("sigma_value").doc("The level.")]),
    |inputs, _| {
        let schedule = &inputs.object::<Model>("model")?.schedule;
        let part = inputs.float("sampling_percent")?;
        let sigma = match (inputs.boolean("return_actual_sigma")?, part) {
            (true, part) if part <= 0.0 => f64::from(schedule.sigma_max()),
            (true, part) if part >= 1.0 => f64::from(schedule.sigma_min()),
            (false, part) if part <= 0.0 => 999_999_999.9,
            (false, part) if part >= 1.0 => 0.0,
            _ => f64::from(schedule.sigma_at(part)),
        };
        Ok(Outputs::one(sigma))
    },
);

/// Levels in two, by steps.
pub(super) const SPLIT_SIGMAS: Function = Function::new(
    &Schema::new("SplitSigmas", "SplitSigmas", SIGMAS_MENU)
        .doc("Splits the noise levels after a step, for two samplers.")
        .inputs(&[
            SIGMAS_INPUT,
            Input::int("step", 0, 0..=10000).doc("How many steps come before."),
        ])
        .outputs(HIGH_AND_LOW),
    |inputs, _| {
        let sigmas = inputs.object::<Sigmas>("sigmas")?;
        Ok(pair(edit::split(&sigmas.0, inputs.int("step")?)))
    },
);

/// Levels in two, by the share of steps.
pub(super) const SPLIT_SIGMAS_DENOISE: Function = Function::new(
    &Schema::new("SplitSigmasDenoise", "SplitSigmasDenoise", SIGMAS_MENU)
        .doc("Splits the noise levels so that this share of the steps comes after.")
        .inputs(&[
            SIGMAS_INPUT,
            Input::float("denoise", 1.0, 0.0..=1.0, 0.01)
                .doc("The share of steps after the split."),
        ])
        .outputs(HIGH_AND_LOW),
    |inputs, _| {
        let sigmas = inputs.object::<Sigmas>("sigmas")?;
        Ok(pair(edit::split_denoise(&sigmas.0, inputs.float("denoise")?)?))
    },
);

fn pair(parts: [Vec<f32>; 2]) -> Outputs {
    Outputs::new(parts.map(|part| Sigmas(part).into()).to_vec())
}

/// Levels from the end to the beginning.
pub(super) const FLIP_SIGMAS: Function = Function::new(
    &Schema::new("FlipSigmas", "FlipSigmas", SIGMAS_MENU)
        .doc("Turns the noise levels round, to go from a picture to the noise behind it.")
        .inputs(&[SIGMAS_INPUT])
        .outputs(OUTPUT),
    |inputs, _| Ok(Outputs::one(Sigmas(edit::flip(&inputs.object::<Sigmas>("sigmas")?.0)))),
);

/// Another first level.
pub(super) const SET_FIRST_SIGMA: Function = Function::new(
    &Schema::new("SetFirstSigma", "SetFirstSigma", SIGMAS_MENU)
        .doc("Sets the noise level that a run begins at.")
        .inputs(&[
            SIGMAS_INPUT,
            Input::float("sigma", 136.0, 0.0..=20000.0, 0.001).doc("The first level."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let mut sigmas = inputs.object::<Sigmas>("sigmas")?.0.clone();
        if let Some(first) = sigmas.first_mut() {
            *first = inputs.float("sigma")? as f32;
        }
        Ok(Outputs::one(Sigmas(sigmas)))
    },
);

/// More levels between those there are.
pub(super) const EXTEND_INTERMEDIATE_SIGMAS: Function = Function::new(
    &Schema::new("ExtendIntermediateSigmas", "ExtendIntermediateSigmas", SIGMAS_MENU)
        .doc("Puts further noise levels between those of a part of the run.")
        .inputs(&[
            SIGMAS_INPUT,
            Input::int("steps", 2, 1..=100).doc("How many steps each step of that part becomes."),
            Input::float("start_at_sigma", -1.0, -1.0..=20000.0, 0.01)
                .doc("The level that part begins at; -1 is the first."),
            Input::float("end_at_sigma", 12.0, 0.0..=20000.0, 0.01).doc("The level it ends at."),
            Input::combo("spacing", &["linear", "cosine", "sine"])
                .doc("Whether the new levels lie evenly, nearer to the next one, or nearer to the one before."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let sigmas = inputs.object::<Sigmas>("sigmas")?;
        let (start, end) = (inputs.float("start_at_sigma")?, inputs.float("end_at_sigma")?);
        let spacing = match inputs.string("spacing")? {
            "cosine" => Spacing::Cosine,
            "sine" => Spacing::Sine,
            _ => Spacing::Linear,
        };
        let steps = inputs.int("steps")?;
        let extended = edit::extend_intermediate(&sigmas.0, steps, start, end, spacing)?;
        Ok(Outputs::one(Sigmas(extended)))
    },
);

/// Levels typed in.
pub(super) const MANUAL_SIGMAS: Function = Function::new(
    &Schema::new("ManualSigmas", "ManualSigmas", SIGMAS_MENU)
        .doc("Noise levels of your own.")
        .inputs(&[Input::string("sigmas")
            .or("1, 0.5")
            .doc("The levels, first to last, with commas.")])
        .outputs(OUTPUT)
        .experimental(),
    |inputs, _| Ok(Outputs::one(Sigmas(edit::parse(inputs.string("sigmas")?)?))),
);
