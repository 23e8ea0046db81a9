//! Nodes that change how a model is used, not its weights.

use std::rc::Rc;

use crate::diffusion::schedule::{NoiseSchedule, Prediction};
use crate::error::Result;
use crate::graph::{Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::models::unet::{FreeU, Merging, Tiles};
use crate::nodes::values::{CfgRule, Model, ModelOptions, Reuse};

const OUTPUT: &[Output] = &[Output::new(Kind::MODEL)];
const MODEL: Input = Input::link("model", Kind::MODEL).doc("The model; it stays as it is.");

/// The same model with other options.
fn patched(inputs: &Inputs, change: impl FnOnce(&mut ModelOptions)) -> Result<Outputs> {
    let mut model = Model::clone(&*inputs.object("model")?);
    let mut options = (*model.options).clone();
    change(&mut options);
    model.options = Rc::new(options);
    Ok(Outputs::one(model))
}

/// The same model with levels made from those it was trained on.
fn scheduled(
    inputs: &Inputs,
    levels: impl FnOnce(NoiseSchedule) -> Result<NoiseSchedule>,
) -> Result<Outputs> {
    let mut model = Model::clone(&*inputs.object("model")?);
    let mut options = (*model.options).clone();
    let trained = options.trained.get_or_insert(model.schedule).clone();
    model.schedule = Rc::new(levels((*trained).clone())?);
    model.options = Rc::new(options);
    Ok(Outputs::one(model))
}

/// What the network predicts, and at which levels.
pub(super) const MODEL_SAMPLING_DISCRETE: Function = Function::new(
    &Schema::new("ModelSamplingDiscrete", "ModelSamplingDiscrete", "advanced/model")
        .doc("Says what a model predicts, where its file does not: noise, velocity, a consistency model's jump, or the picture.")
        .inputs(&[
            MODEL,
            Input::combo("sampling", &["eps", "v_prediction", "lcm", "x0", "img_to_img"])
                .doc("What it predicts; `lcm` also keeps only the 50 levels that such models know."),
            Input::boolean("zsnr", false)
                .doc("Whether it was trained to start from pure noise, without a trace of a picture."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let sampling = inputs.string("sampling")?;
        let zero_snr = inputs.boolean("zsnr")?;
        scheduled(inputs, |trained| {
            let levels = if zero_snr { trained.with_zero_snr() } else { trained };
            Ok(match sampling {
                "lcm" => levels.with_consistency(),
                "v_prediction" => levels.with_prediction(Prediction::VPrediction),
                "x0" => levels.with_prediction(Prediction::Sample),
                "img_to_img" => levels.with_prediction(Prediction::Image),
                _ => levels.with_prediction(Prediction::Epsilon),
            })
        })
    },
);

/// Levels without a table, told by their logarithm.
pub(super) const MODEL_SAMPLING_CONTINUOUS_EDM: Function = Function::new(
    &Schema::new("ModelSamplingContinuousEDM", "ModelSamplingContinuousEDM", "advanced/model")
        .doc("For models that were trained on noise levels without a table, and are told their logarithm.")
        .inputs(&[
            MODEL,
            Input::combo("sampling", &["v_prediction", "edm", "eps"]).doc("What the model predicts."),
            Input::float("sigma_max", 120.0, 0.0..=1000.0, 0.001).doc("The highest level."),
            Input::float("sigma_min", 0.002, 0.0..=1000.0, 0.001).doc("The lowest level."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let prediction = match inputs.string("sampling")? {
            "edm" => Prediction::Edm,
            "eps" => Prediction::Epsilon,
            _ => Prediction::VPrediction,
        };
        let (min, max) = (inputs.float("sigma_min")?, inputs.float("sigma_max")?);
        scheduled(inputs, |_| NoiseSchedule::edm(prediction, min, max))
    },
);

/// Levels without a table, told by their angle.
pub(super) const MODEL_SAMPLING_CONTINUOUS_V: Function = Function::new(
    &Schema::new("ModelSamplingContinuousV", "ModelSamplingContinuousV", "advanced/model")
        .doc("For models that were trained on noise levels without a table, and are told the angle between picture and noise.")
        .inputs(&[
            MODEL,
            Input::combo("sampling", &["v_prediction"]).doc("What the model predicts."),
            Input::float("sigma_max", 500.0, 0.0..=1000.0, 0.001).doc("The highest level."),
            Input::float("sigma_min", 0.03, 0.0..=1000.0, 0.001).doc("The lowest level."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let (min, max) = (inputs.float("sigma_min")?, inputs.float("sigma_max")?);
        scheduled(inputs, |_| NoiseSchedule::continuous_v(min, max))
    },
);

/// Guidance without its glare.
pub(super) const RESCALE_CFG: Function = Function::new(
    &Schema::new("RescaleCFG", "RescaleCFG", "advanced/model")
        .doc("Takes back the glare that strong guidance gives, above all to models that predict velocity.")
        .inputs(&[
            MODEL,
            Input::float("multiplier", 0.7, 0.0..=1.0, 0.01).doc("How much of it is taken back."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let share = inputs.float("multiplier")? as f32;
        patched(inputs, |options| options.cfg = CfgRule::Rescaled(share))
    },
);

/// Perp-Neg as a patch.
pub(super) const PERP_NEG: Function = Function::new(
    &Schema::new("PerpNeg", "Perp-Neg", "_for_testing")
        .doc("Keeps away only from what the negative prompt has apart from the positive one.")
        .inputs(&[
            MODEL,
            Input::link("empty_conditioning", Kind::CONDITIONING).doc("An empty prompt, encoded."),
            Input::float("neg_scale", 1.0, 0.0..=100.0, 0.01)
                .doc("How much the negative prompt counts."),
        ])
        .outputs(OUTPUT)
        .deprecated(),
    |inputs, _| {
        let (empty, scale) = (inputs.object("empty_conditioning")?, inputs.float("neg_scale")?);
        patched(inputs, |options| options.cfg = CfgRule::PerpNeg(empty, scale as f32))
    },
);

/// A noise mask by degrees.
pub(super) const DIFFERENTIAL_DIFFUSION: Function = Function::new(
    &Schema::new("DifferentialDiffusion", "Differential Diffusion", "_for_testing")
        .doc("Reads a grey noise mask as how much each place may change: the lighter, the earlier it is let free.")
        .inputs(&[
            MODEL,
            Input::float("strength", 1.0, 0.0..=1.0, 0.01)
                .optional()
                .doc("How much that counts against the mask as it is."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let strength = inputs.optional_float("strength")?.unwrap_or(1.0) as f32;
        patched(inputs, |options| options.differential = Some(strength))
    },
);

const fn factor(name: &'static str, default: f64, doc: &'static str) -> Input {
    Input::float(name, default, 0.0..=10.0, 0.01).doc(doc)
}

const B1: &str = "Factor of what comes from the lowest stage: more is clearer.";
const B2: &str = "Factor of what comes from the stage above it.";
const S1: &str =
    "Factor of the large shapes that skip over the lowest stage: less is less clutter.";
const S2: &str = "Factor of the large shapes that skip over the stage above it.";

/// FreeU.
pub(super) const FREE_U: Function = Function::new(
    &Schema::new("FreeU", "FreeU", "model_patches/unet")
        .doc("Makes pictures clearer by scaling what meets inside the network.")
        .inputs(&[
            MODEL,
            factor("b1", 1.1, B1),
            factor("b2", 1.2, B2),
            factor("s1", 0.9, S1),
            factor("s2", 0.2, S2),
        ])
        .outputs(OUTPUT),
    |inputs, _| free_u(inputs, false),
);

/// FreeU's second version.
pub(super) const FREE_U_V2: Function = Function::new(
    &Schema::new("FreeU_V2", "FreeU_V2", "model_patches/unet")
        .doc("Makes pictures clearer by scaling what meets inside the network, most where most is to be seen.")
        .inputs(&[
            MODEL,
            factor("b1", 1.3, B1),
            factor("b2", 1.4, B2),
            factor("s1", 0.9, S1),
            factor("s2", 0.2, S2),
        ])
        .outputs(OUTPUT),
    |inputs, _| free_u(inputs, true),
);

/// Self-attention in tiles.
pub(super) const HYPER_TILE: Function = Function::new(
    &Schema::new("HyperTile", "HyperTile", "model_patches/unet")
        .doc("Paints large pictures faster: parts of the picture see those in their tile only.")
        .inputs(&[
            MODEL,
            Input::int("tile_size", 256, 1..=2048)
                .doc("Smallest side of a tile, in pixels; fewer than 32 count as 32."),
            Input::int("swap_size", 2, 1..=128)
                .doc("From how many sizes one is drawn for each layer and step, so that no edge stays where it is. The same step draws the same."),
            Input::int("max_depth", 0, 0..=10)
                .doc("Down to which level of the network maps are cut; 0 is the largest maps."),
            Input::boolean("scale_depth", false)
                .doc("Whether tiles grow where maps are smaller."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let tiles = Tiles {
            side: inputs.int::<usize>("tile_size")?.max(32) / 8,
            sizes: inputs.int("swap_size")?,
            depth: inputs.int("max_depth")?,
            grow: inputs.boolean("scale_depth")?,
        };
        patched(inputs, |options| options.savings.tiles = Some(tiles))
    },
);

/// Merged tokens.
pub(super) const TOME_PATCH_MODEL: Function = Function::new(
    &Schema::new("TomePatchModel", "TomePatchModel", "model_patches/unet")
        .doc("Paints faster: places of the picture that look alike ask together what is around them.")
        .inputs(&[
            MODEL,
            Input::float("ratio", 0.3, 0.0..=1.0, 0.01)
                .doc("Share of the places that are merged with others, of which there are at most three in four."),
            Input::int("max_downsample", 1, 1..=8)
                .optional()
                .doc("Maps that are so many times smaller than the latent merge as well: 1, 2, 4 or 8. More saves little, and changes more."),
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let ratio = inputs.float("ratio")?;
        // Maps get half as large, and half as large again.
        let depth = inputs.int::<usize>("max_downsample")?.ilog2() as usize;
        let merging = Some(Merging { share: ratio, depth });
        patched(inputs, |options| options.savings.merging = merging)
    },
);

/// A share of a run, and its noise levels.
const START: Input = Input::float("start_percent", 0.0, 0.0..=1.0, 0.001)
    .doc("From which share of the run on, by the noise that is left.");
const END: Input =
    Input::float("end_percent", 1.0, 0.0..=1.0, 0.001).doc("Up to which share of the run.");

/// The levels between [`START`] and [`END`], the highest first.
fn levels(inputs: &Inputs) -> Result<[f32; 2]> {
    let schedule = inputs.object::<Model>("model")?.schedule.clone();
    let level = |name| inputs.float(name).map(|share| schedule.percent_to_sigma(share));
    Ok([level("start_percent")?, level("end_percent")?])
}

/// DeepCache.
pub(super) const DEEP_CACHE: Function = Function::new(
    &Schema::new("DeepCache", "DeepCache", "model_patches/unet")
        .doc("Paints faster: what the network's inner levels saw is used again for some steps, and only the outer layers work anew. The more steps a run has, the less it changes the picture.")
        .inputs(&[
            MODEL,
            Input::int("cache_interval", 3, 1..=1000)
                .doc("One step in so many computes everything; 1 changes nothing."),
            Input::int("cache_depth", 1, 1..=12)
                .doc("How many of the outermost layers every step computes: more keeps closer to the picture, and saves less."),
            START,
            END,
        ])
        .outputs(OUTPUT),
    |inputs, _| {
        let reuse = Reuse {
            interval: inputs.int("cache_interval")?,
            layers: inputs.int("cache_depth")?,
            between: levels(inputs)?,
        };
        patched(inputs, |options| options.reuse = (reuse.interval > 1).then_some(reuse))
    },
);

/// Guidance in a part of a run.
///
/// Source: Kynkäänniemi et al. 2024, <https://arxiv.org/abs/2404.07724>.
pub(super) const GUIDANCE_INTERVAL: Function = Function::new(
    &Schema::new("GuidanceInterval", "Guidance Interval", "advanced/model")
        .doc("Lets the negative prompt, and the strength of guidance, count in a part of the run only. The other steps follow the prompt as it is and take half the time; at high noise that also keeps pictures more varied.")
        .inputs(&[MODEL, START, END])
        .outputs(OUTPUT),
    |inputs, _| {
        let between = levels(inputs)?;
        patched(inputs, |options| options.guided_between = Some(between))
    },
);

fn free_u(inputs: &Inputs, adaptive: bool) -> Result<Outputs> {
    let number = |name| -> Result<f32> { Ok(inputs.float(name)? as f32) };
    let backbone = [number("b1")?, number("b2")?];
    let skip = [number("s1")?, number("s2")?];
    patched(inputs, |options| options.free_u = Some(FreeU { backbone, skip, adaptive }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Value;
    use crate::nodes::loaders;
    use crate::nodes::testing::{output, run};

    fn checkpoint() -> (Value, Rc<Model>) {
        let inputs = Inputs::new().with("ckpt_name", "sprite");
        let value = run(&loaders::NODES[0], inputs).unwrap().values[0].clone();
        let model = Inputs::new().with("model", value.clone()).object("model").unwrap();
        (value, model)
    }

    #[test]
    fn a_patched_model_has_the_levels_and_the_answers_it_is_said_to_have() {
        let (value, model) = checkpoint();
        let own = (*model.schedule).clone();
        let discrete = |model: &Value, sampling: &str, zsnr: bool| {
            let inputs = Inputs::new().with("model", model.clone());
            output::<Model>(
                &MODEL_SAMPLING_DISCRETE,
                inputs.with("sampling", sampling).with("zsnr", zsnr),
            )
        };
        for (sampling, prediction) in [
            ("eps", Prediction::Epsilon),
            ("v_prediction", Prediction::VPrediction),
            ("x0", Prediction::Sample),
            ("img_to_img", Prediction::Image),
        ] {
            let patched = discrete(&value, sampling, false);
            assert_eq!(*patched.schedule, own.clone().with_prediction(prediction), "{sampling}");
        }
        let lcm = discrete(&value, "lcm", false);
        assert_eq!(*lcm.schedule, own.clone().with_consistency());
        let zero = discrete(&value, "v_prediction", true);
        let expected = own.clone().with_prediction(Prediction::VPrediction).with_zero_snr();
        assert_eq!(*zero.schedule, expected);
        assert!(zero.schedule.sigma_max() > 4500.0 && model.schedule.sigma_max() < 100.0);
        // A second patch begins with the levels of the training.
        let again = discrete(&Value::from(Model::clone(&zero)), "lcm", false);
        assert_eq!(again.schedule, lcm.schedule);

        let range = || {
            let inputs = Inputs::new().with("model", value.clone());
            inputs.with("sigma_max", 80.0).with("sigma_min", 0.01)
        };
        for (sampling, prediction) in [
            ("v_prediction", Prediction::VPrediction),
            ("edm", Prediction::Edm),
            ("eps", Prediction::Epsilon),
        ] {
            let inputs = range().with("sampling", sampling);
            let patched = output::<Model>(&MODEL_SAMPLING_CONTINUOUS_EDM, inputs);
            assert_eq!(*patched.schedule, NoiseSchedule::edm(prediction, 0.01, 80.0).unwrap());
        }
        let patched = output::<Model>(&MODEL_SAMPLING_CONTINUOUS_V, range());
        assert_eq!(*patched.schedule, NoiseSchedule::continuous_v(0.01, 80.0).unwrap());
    }
}
