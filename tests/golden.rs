//! The bundled model against diffusers: three whole runs, step by step.
//!
//! The references are `tests/fixtures/golden` (see the README there). f32 on the CPU; tolerance 1e-3 of the
//! largest number of a tensor, and 2/255 for the picture.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tintype::device;
use tintype::diffusion::guidance;
use tintype::diffusion::noise::Generator;
use tintype::diffusion::samplers::{self, Denoise, Sampler, StepInfo, StepNoise};
use tintype::diffusion::schedule::{NoiseSchedule, ScheduleConfig};
use tintype::error::Result;
use tintype::models::Unet;
use tintype::models::unet::UnetCondition;
use tintype::prompt::Tokenizer;
use tintype::store::native::FolderStore;

use crate::support::{
    Closeness, Folder, Reference, block_on, bundled_models, cpu, fixture, references, values,
};

const TOLERANCE: f32 = 1e-3;
/// A latent of a picture of 128×128.
const SHAPE: [usize; 4] = [1, 4, 16, 16];

/// A reference run.
struct Golden {
    tensors: BTreeMap<String, Reference>,
    settings: Value,
}

impl Golden {
    fn read(name: &str) -> Self {
        let settings = std::fs::read_to_string(fixture(&format!("golden/{name}.json"))).unwrap();
        // Python writes an infinity that JSON has not; no test reads it.
        let settings = settings.replace("-Infinity", "null");
        Self {
            tensors: references(&format!("golden/{name}.safetensors")),
            settings: serde_json::from_str(&settings).unwrap(),
        }
    }

    fn get(&self, name: &str) -> &Reference {
        &self.tensors[name]
    }

    fn text(&self, name: &str) -> &str {
        self.settings[name].as_str().unwrap()
    }

    fn number(&self, name: &str) -> f32 {
        self.settings[name].as_f64().unwrap() as f32
    }

    fn seed(&self) -> u64 {
        self.settings["seed"].as_u64().unwrap()
    }

    fn schedule(&self) -> NoiseSchedule {
        let config = self.settings["scheduler_config"].to_string();
        NoiseSchedule::new(&ScheduleConfig::from_json("golden", &config).unwrap())
    }
}

/// In which variables diffusers keeps a run's latents.
#[derive(Clone, Copy)]
enum Space {
    /// As our samplers: picture plus noise of deviation σ.
    Noise,
    /// Scaled back to variance 1.
    Variance,
}

impl Space {
    fn of_ours(self, x: &[f32], sigma: f32) -> Vec<f32> {
        match self {
            Self::Noise => x.to_vec(),
            Self::Variance => guidance::network_input(x, sigma),
        }
    }
}

/// The network under classifier-free guidance; each raw output is compared with the reference's.
struct Guided<'a> {
    golden: &'a Golden,
    unet: Unet,
    schedule: NoiseSchedule,
    condition: UnetCondition,
    calls: usize,
    closeness: Closeness,
}

impl Guided<'_> {
    async fn call(&mut self, x: &[f32], sigma: f32) -> Result<Vec<f32>> {
        let step = self.calls;
        self.calls += 1;
        let timestep = self.schedule.timestep(sigma);
        assert_eq!(timestep, self.golden.get("timesteps").data[step], "timestep {step}");
        let input = guidance::network_input(x, sigma).repeat(2);
        let input = TensorData::new(input, [2, SHAPE[1], SHAPE[2], SHAPE[3]]);
        let input = Tensor::from_data(input, self.unet.device());
        let output = self.unet.forward(input, &[timestep; 2], &self.condition);
        let output = device::read(output).await?;
        let reference = self.golden.get("unet_out").part(step);
        self.closeness.check(&format!("unet_out {step}"), &output, reference);
        let clean =
            |part: &[f32]| guidance::denoised(self.schedule.prediction(), x, part.to_vec(), sigma);
        let (negative, positive) = output.split_at(x.len());
        guidance::guided(&clean(positive)?, &clean(negative)?, self.golden.number("cfg"))
    }
}

impl Denoise for Guided<'_> {
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
        Box::pin(self.call(x, sigma))
    }
}

/// Prompt to picture, each part compared on the way and handed on as ours.
fn check(golden: &Golden, sampler: Sampler, sigmas: &[f32], space: Space) {
    let mut closeness = Closeness::within(TOLERANCE);
    let model = Folder::new(bundled_models(), "sprite");
    let condition = encode(golden, &model, &mut closeness);

    let noise = Generator::new(golden.seed()).randn(SHAPE.iter().product());
    closeness.check("noise", &noise, &golden.get("noise").data);
    let scale = match space {
        Space::Noise => golden.number("init_noise_sigma"),
        Space::Variance => (sigmas[0] * sigmas[0] + 1.0).sqrt(),
    };
    let start = noise.iter().map(|v| v * scale).collect();

    let mut network = Guided {
        golden,
        unet: model.unet(),
        schedule: golden.schedule(),
        condition,
        calls: 0,
        closeness: Closeness::within(TOLERANCE),
    };
    let latents = golden.get("latents");
    let steps = golden.settings["steps"].as_u64().unwrap() as usize;
    let mut on_step = |info: StepInfo<'_>| {
        let x = space.of_ours(info.x, info.sigma);
        closeness.check(&format!("latent {}", info.step), &x, latents.part(info.step));
        assert_eq!(info.steps, steps);
        Ok(())
    };
    let mut step_noise = StepNoise::new(golden.seed());
    let run = samplers::sample(sampler, &mut network, start, sigmas, &mut step_noise, &mut on_step);
    let latent = block_on(run).unwrap();
    assert_eq!(network.calls, steps);
    let latent = space.of_ours(&latent, *sigmas.last().unwrap());
    closeness.check("final_latent", &latent, &golden.get("final_latent").data);
    check_picture(golden, &model, &latent);
}

/// Token ids and text embeddings of both prompts; the negative one comes first.
fn encode(golden: &Golden, model: &Folder, closeness: &mut Closeness) -> UnetCondition {
    let store = FolderStore::new(bundled_models());
    let tokenizer = block_on(Tokenizer::load(&store, "sprite/tokenizer")).unwrap();
    let clip = model.clip("text_encoder");
    let mut encode = |prompt: &str, ids: &str, embeddings: &str| {
        let windows = tokenizer.windows(&tokenizer.ids(golden.text(prompt)));
        assert_eq!(windows.concat(), golden.get(ids).ints(), "{ids}");
        let output = clip.forward(&windows).unwrap().last_hidden_state;
        closeness.check(embeddings, &values(output.clone()), &golden.get(embeddings).data);
        output
    };
    let negative = encode("negative", "negative_input_ids", "negative_embeddings");
    let positive = encode("prompt", "input_ids", "text_embeddings");
    let context = Tensor::cat(vec![negative, positive], 0);
    UnetCondition { context, added: None, timestep_cond: None }
}

fn check_picture(golden: &Golden, model: &Folder, latent: &[f32]) {
    let vae = model.vae();
    let scale = golden.number("vae_scaling_factor");
    assert_eq!(vae.config().scaling_factor as f32, scale);
    let latent: Vec<f32> = latent.iter().map(|v| v / scale).collect();
    let latent = Tensor::<4>::from_data(TensorData::new(latent, SHAPE), &cpu());
    let image = values(vae.decode(latent));
    let reference = &golden.get("image").data;
    assert_eq!(image.len(), reference.len());
    let shown = |v: f32| (v / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0;
    let worst = image.iter().zip(reference).map(|(a, b)| (shown(*a) - shown(*b)).abs());
    // A number that is none must not be lost in a comparison.
    let worst = worst.fold(0f32, |worst, v| if v <= worst { worst } else { v });
    println!("picture within {worst:.3} of 255");
    assert!(worst <= 2.0, "the picture is {worst} of 255 off");
}

#[test]
fn euler_in_8_steps() {
    let golden = Golden::read("euler8");
    let sigmas = golden.get("sigmas").data.clone();
    check(&golden, Sampler::Euler, &sigmas, Space::Noise);
}

#[test]
fn dpmpp_2m_in_12_steps() {
    let golden = Golden::read("dpmpp2m12");
    let sigmas = golden.get("sigmas").data.clone();
    check(&golden, Sampler::Dpmpp2m, &sigmas, Space::Variance);
}

/// diffusers' DDIM here ends at the level of the first timestep, not at 0 (`set_alpha_to_one` is false).
#[test]
fn ddim_in_20_steps() {
    let golden = Golden::read("ddim20");
    let level = |timestep: usize| {
        let alpha = golden.get("alphas_cumprod").data[timestep];
        ((1.0 - alpha) / alpha).sqrt()
    };
    let timesteps = golden.get("timesteps").data.iter().map(|t| *t as usize);
    let sigmas: Vec<f32> = timesteps.chain([0]).map(level).collect();
    check(&golden, Sampler::Ddim, &sigmas, Space::Variance);
}

/// The schedule from the config alone is the one the runs were made with.
#[test]
fn schedule_of_the_model() {
    let golden = Golden::read("ddim20");
    let schedule = golden.schedule();
    let alphas = &golden.get("alphas_cumprod").data;
    let sigmas: Vec<f32> = alphas.iter().map(|a| ((1.0 - a) / a).sqrt()).collect();
    Closeness::within(1e-5).check("sigmas", schedule.sigmas(), &sigmas);
}
