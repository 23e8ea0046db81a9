//! Nodes of samplers whose numbers can be set.

use crate::diffusion::samplers::{ErNoise, Method, Sampler, SamplerOptions};
use crate::error::Result;
use crate::graph::{Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::values::{Model, SAMPLER};

const OUTPUT: &[Output] = &[Output::new(SAMPLER)];

const fn schema(class_type: &'static str, doc: &'static str, inputs: &'static [Input]) -> Schema {
    Schema::new(class_type, class_type, "sampling/custom_sampling/samplers")
        .doc(doc)
        .inputs(inputs)
        .outputs(OUTPUT)
}

const fn number(name: &'static str, default: f64, max: f64, doc: &'static str) -> Input {
    Input::float(name, default, 0.0..=max, 0.01).doc(doc)
}

const FRESH: &str = "How much of each step's noise is drawn anew: 0 draws none.";
const ETA: Input = number("eta", 1.0, 100.0, FRESH);
const S_NOISE: Input = number("s_noise", 1.0, 100.0, "Multiplies the noise that is added.");
const NOISE_DEVICE: Input = Input::combo("noise_device", &["gpu", "cpu"])
    .doc("Whose random numbers are drawn: a graphics card's, or a processor's.");

/// A setting's place among the others.
type Place<T> = fn(&mut SamplerOptions) -> &mut T;

/// The numbers that inputs set, by name.
const NUMBERS: [(&str, Place<f64>); 10] = [
    ("eta", |options| &mut options.eta),
    ("s_noise", |options| &mut options.s_noise),
    ("r", |options| &mut options.r),
    ("rtol", |options| &mut options.rtol),
    ("atol", |options| &mut options.atol),
    ("h_init", |options| &mut options.h_init),
    ("pcoeff", |options| &mut options.pcoeff),
    ("icoeff", |options| &mut options.icoeff),
    ("dcoeff", |options| &mut options.dcoeff),
    ("accept_safety", |options| &mut options.accept_safety),
];

/// The orders that inputs set, by name.
const ORDERS: [(&str, Place<usize>); 4] = [
    ("order", |options| &mut options.order),
    ("max_stage", |options| &mut options.max_stage),
    ("predictor_order", |options| &mut options.predictor_order),
    ("corrector_order", |options| &mut options.corrector_order),
];

/// The sampler with what the inputs say; what they do not name stays as its name means it.
fn options(inputs: &Inputs, sampler: Sampler) -> Result<SamplerOptions> {
    let mut options = sampler.options();
    for (name, place) in NUMBERS {
        if let Some(number) = inputs.optional_float(name)? {
            *place(&mut options) = number;
        }
    }
    for (name, place) in ORDERS {
        if let Some(order) = inputs.optional_int(name)? {
            *place(&mut options) = order;
        }
    }
    Ok(options)
}

fn set(inputs: &Inputs, sampler: Sampler) -> Result<Outputs> {
    Ok(Outputs::one(Method { sampler, options: options(inputs, sampler)? }))
}

/// The sampler of the noise that the inputs ask for.
fn drawn(inputs: &Inputs, cpu: Sampler, gpu: Sampler) -> Result<Outputs> {
    set(inputs, if inputs.string("noise_device")? == "cpu" { cpu } else { gpu })
}

/// `euler_ancestral`.
pub(super) const EULER_ANCESTRAL: Function = Function::new(
    &schema(
        "SamplerEulerAncestral",
        "First order, with fresh noise in every step.",
        &[ETA, S_NOISE],
    ),
    |inputs, _| set(inputs, Sampler::EulerAncestral),
);

/// `euler_ancestral_cfg_pp`.
pub(super) const EULER_ANCESTRAL_CFG_PP: Function = Function::new(
    &schema(
        "SamplerEulerAncestralCFGPP",
        "As SamplerEulerAncestral, for low guidance: it keeps the noise that the negative prompt sees.",
        &[
            number("eta", 1.0, 1.0, FRESH),
            number("s_noise", 1.0, 10.0, "Multiplies the noise that is added."),
        ],
    ),
    |inputs, _| set(inputs, Sampler::EulerAncestralCfgPp),
);

/// `lms`.
pub(super) const LMS: Function = Function::new(
    &schema(
        "SamplerLMS",
        "Steps along a curve through the last few steps.",
        &[Input::int("order", 4, 1..=100).doc("How many steps at most the curve goes through.")],
    ),
    |inputs, _| set(inputs, Sampler::Lms),
);

/// `dpmpp_2s_ancestral`.
pub(super) const DPMPP_2S_ANCESTRAL: Function = Function::new(
    &schema(
        "SamplerDPMPP_2S_Ancestral",
        "Second order by the middle of a step, with fresh noise: two network calls a step.",
        &[ETA, S_NOISE],
    ),
    |inputs, _| set(inputs, Sampler::Dpmpp2sAncestral),
);

/// `dpmpp_sde`.
pub(super) const DPMPP_SDE: Function = Function::new(
    &schema(
        "SamplerDPMPP_SDE",
        "Second order for the stochastic equation: two network calls a step.",
        &[
            ETA,
            S_NOISE,
            number("r", 0.5, 100.0, "Where in a step the second call is made."),
            NOISE_DEVICE,
        ],
    ),
    |inputs, _| drawn(inputs, Sampler::DpmppSde, Sampler::DpmppSdeGpu),
);

/// `dpmpp_2m_sde`.
pub(super) const DPMPP_2M_SDE: Function = Function::new(
    &schema(
        "SamplerDPMPP_2M_SDE",
        "Second order for the stochastic equation, looking one step back.",
        &[
            Input::combo("solver_type", &["midpoint", "heun"])
                .doc("How the last step counts: as at its middle, or exactly."),
            ETA,
            S_NOISE,
            NOISE_DEVICE,
        ],
    ),
    |inputs, _| match inputs.string("solver_type")? {
        "heun" => drawn(inputs, Sampler::Dpmpp2mSdeHeun, Sampler::Dpmpp2mSdeHeunGpu),
        _ => drawn(inputs, Sampler::Dpmpp2mSde, Sampler::Dpmpp2mSdeGpu),
    },
);

/// `dpmpp_3m_sde`.
pub(super) const DPMPP_3M_SDE: Function = Function::new(
    &schema(
        "SamplerDPMPP_3M_SDE",
        "Third order for the stochastic equation, looking two steps back.",
        &[ETA, S_NOISE, NOISE_DEVICE],
    ),
    |inputs, _| drawn(inputs, Sampler::Dpmpp3mSde, Sampler::Dpmpp3mSdeGpu),
);

/// `dpm_adaptive`.
pub(super) const DPM_ADAPTATIVE: Function = Function::new(
    &schema(
        "SamplerDPMAdaptative",
        "Chooses its own steps, as long as the error allows; of the levels only the ends count.",
        &[
            Input::int("order", 3, 2..=3).doc("The order of its steps."),
            number("rtol", 0.05, 100.0, "Error allowed in proportion to the latent."),
            number("atol", 0.0078, 100.0, "Error always allowed."),
            number("h_init", 0.05, 100.0, "The first step, in logarithms of the level."),
            number("pcoeff", 0.0, 100.0, "How much the last error counts for the next step."),
            number("icoeff", 1.0, 100.0, "How much the sum of the errors counts."),
            number("dcoeff", 0.0, 100.0, "How much the change of the errors counts."),
            number(
                "accept_safety",
                0.81,
                100.0,
                "A step is kept if the next may be that much longer.",
            ),
            number("eta", 0.0, 100.0, FRESH),
            S_NOISE,
        ],
    ),
    |inputs, _| set(inputs, Sampler::DpmAdaptive),
);

/// `er_sde`.
pub(super) const ER_SDE: Function = Function::new(
    &schema(
        "SamplerER_SDE",
        "Third order for a stochastic equation whose noise can be chosen.",
        &[
            Input::combo("solver_type", &["ER-SDE", "Reverse-time SDE", "ODE"])
                .doc("The noise: as its authors advise, by eta, or none."),
            Input::int("max_stage", 3, 1..=3).doc("The highest order of its steps."),
            number("eta", 1.0, 100.0, "How much noise there is with Reverse-time SDE."),
            S_NOISE,
        ],
    ),
    |inputs, _| {
        let mut options = options(inputs, Sampler::ErSde)?;
        match inputs.string("solver_type")? {
            "Reverse-time SDE" => options.er_noise = ErNoise::ReverseTime,
            "ODE" => (options.er_noise, options.eta) = (ErNoise::ReverseTime, 0.0),
            _ => {}
        }
        Ok(Outputs::one(Method { sampler: Sampler::ErSde, options }))
    },
);

/// `sa_solver` and `sa_solver_pece`.
pub(super) const SA_SOLVER: Function = Function::new(
    &schema(
        "SamplerSASolver",
        "Predicts each latent from the last few, and corrects it with what the network sees there.",
        &[
            Input::link("model", Kind::MODEL).doc("The network, for its noise levels."),
            number("eta", 1.0, 10.0, FRESH),
            Input::float("sde_start_percent", 0.2, 0.0..=1.0, 0.001)
                .doc("After which part of the run noise is added."),
            Input::float("sde_end_percent", 0.8, 0.0..=1.0, 0.001)
                .doc("Up to which part of the run."),
            S_NOISE,
            Input::int("predictor_order", 3, 1..=6).doc("The highest order of the prediction."),
            Input::int("corrector_order", 4, 0..=6)
                .doc("The highest order of the correction; 0 leaves it out."),
            Input::boolean("use_pece", false).doc("Calls the network again after each correction."),
            Input::boolean("simple_order_2", false).doc("Takes simpler weights at order 2."),
        ],
    ),
    |inputs, _| {
        let model = inputs.object::<Model>("model")?;
        let pece = inputs.boolean("use_pece")?;
        let sampler = if pece { Sampler::SaSolverPece } else { Sampler::SaSolver };
        let level = |name| -> Result<f64> {
            Ok(f64::from(model.schedule.percent_to_sigma(inputs.float(name)?)))
        };
        let options = SamplerOptions {
            noisy: [level("sde_start_percent")?, level("sde_end_percent")?],
            simple_order_2: inputs.boolean("simple_order_2")?,
            ..options(inputs, sampler)?
        };
        Ok(Outputs::one(Method { sampler, options }))
    },
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Type, Value};
    use crate::nodes::loaders;
    use crate::nodes::testing::{output, run};

    /// The inputs with the defaults of the schema, as a new node in an editor has them.
    fn defaults(node: &Function) -> Inputs {
        let mut inputs = Inputs::new();
        for input in crate::graph::Node::schema(node).inputs {
            let value: Value = match input.ty {
                Type::Float { default, .. } => default.into(),
                Type::Int { default, .. } => Value::Int(default),
                Type::Boolean { default } => default.into(),
                _ => continue,
            };
            inputs.set(input.name, value);
        }
        inputs
    }

    #[test]
    fn a_node_left_alone_is_the_sampler_of_its_name() {
        use Sampler as S;
        for (node, device, solver, sampler) in [
            (EULER_ANCESTRAL, "", "", S::EulerAncestral),
            (EULER_ANCESTRAL_CFG_PP, "", "", S::EulerAncestralCfgPp),
            (LMS, "", "", S::Lms),
            (DPMPP_2S_ANCESTRAL, "", "", S::Dpmpp2sAncestral),
            (DPMPP_SDE, "cpu", "", S::DpmppSde),
            (DPMPP_SDE, "gpu", "", S::DpmppSdeGpu),
            (DPMPP_2M_SDE, "cpu", "midpoint", S::Dpmpp2mSde),
            (DPMPP_2M_SDE, "gpu", "midpoint", S::Dpmpp2mSdeGpu),
            (DPMPP_2M_SDE, "cpu", "heun", S::Dpmpp2mSdeHeun),
            (DPMPP_2M_SDE, "gpu", "heun", S::Dpmpp2mSdeHeunGpu),
            (DPMPP_3M_SDE, "cpu", "", S::Dpmpp3mSde),
            (DPMPP_3M_SDE, "gpu", "", S::Dpmpp3mSdeGpu),
            (DPM_ADAPTATIVE, "", "", S::DpmAdaptive),
            (ER_SDE, "", "ER-SDE", S::ErSde),
        ] {
            let inputs = defaults(&node).with("noise_device", device).with("solver_type", solver);
            assert_eq!(*output::<Method>(&node, inputs), Method::from(sampler));
        }
    }

    #[test]
    fn inputs_set_what_they_are_named_after() {
        let inputs = defaults(&DPM_ADAPTATIVE).with("rtol", 0.1).with("order", 2_i64);
        let options = output::<Method>(&DPM_ADAPTATIVE, inputs.with("dcoeff", 0.5)).options;
        let standard = Sampler::DpmAdaptive.options();
        assert_eq!(options, SamplerOptions { rtol: 0.1, order: 2, dcoeff: 0.5, ..standard });

        let er = |kind: &str| {
            output::<Method>(&ER_SDE, defaults(&ER_SDE).with("solver_type", kind)).options
        };
        assert_eq!((er("ODE").er_noise, er("ODE").eta), (ErNoise::ReverseTime, 0.0));
        assert_eq!(er("Reverse-time SDE").eta, 1.0);
    }

    #[test]
    fn sa_solver_adds_noise_between_levels_of_the_model() {
        let inputs = Inputs::new().with("ckpt_name", "sprite");
        let model = run(&loaders::NODES[0], inputs).unwrap().values[0].clone();
        let inputs = || defaults(&SA_SOLVER).with("model", model.clone());
        let method = output::<Method>(&SA_SOLVER, inputs());
        // The defaults' levels are those of Stable Diffusion, rounded.
        let usual = Sampler::SaSolver.options();
        let near = method.options.noisy.iter().zip(usual.noisy);
        assert!(near.clone().all(|(a, b)| (a / b - 1.0).abs() < 1e-4), "{near:?}");
        assert_eq!(SamplerOptions { noisy: usual.noisy, ..method.options }, usual);
        assert_eq!(method.sampler, Sampler::SaSolver);
        let whole = inputs().with("sde_start_percent", 0.0).with("sde_end_percent", 1.0);
        let method = output::<Method>(&SA_SOLVER, whole.with("use_pece", true));
        assert_eq!(method.sampler, Sampler::SaSolverPece);
        assert!(method.options.noisy[0] > 1e8 && method.options.noisy[1] == 0.0);
    }
}
