//! The bundled model against diffusers: a whole run from prompt to picture, step by step.
//!
//! The references are `tests/fixtures/golden` (see the README there). Every part is compared on the way and
//! handed on as ours.

use std::rc::Rc;

use burn::tensor::{Device, Tensor, TensorData};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tintype::device::read;
use tintype::diffusion::guidance;
use tintype::diffusion::noise::Generator;
use tintype::diffusion::samplers::{self, Denoise, Sampler, StepInfo, StepNoise};
use tintype::diffusion::schedule::{NoiseSchedule, ScheduleConfig};
use tintype::error::Result;
use tintype::models::clip::{ClipConfig, TOKEN_TABLE};
use tintype::models::unet::{UnetCondition, UnetConfig};
use tintype::models::vae::VaeConfig;
use tintype::models::{ClipTextModel, Unet, Vae};
use tintype::prompt::Tokenizer;
use tintype::store::{self, ByteSource, MemorySource, ModelStore};
use tintype::weights::{Weights, WeightsFile};

use super::reference::{Comparison, Reference, References};

/// Of the largest number of a tensor; f32 on both sides.
const TOLERANCE: f32 = 1e-3;
/// Of a picture whose numbers are 0 to 255.
const PICTURE_TOLERANCE: f32 = 2.0 / 255.0;
/// A latent of a picture of 128×128.
const SHAPE: [usize; 4] = [1, 4, 16, 16];

/// A reference run.
pub(crate) struct Golden {
    references: References,
    settings: Value,
}

impl Golden {
    /// From its two files.
    pub(crate) fn parse(settings: &str, references: &[u8]) -> Self {
        // Python writes an infinity that JSON has not; no test reads it.
        let settings = settings.replace("-Infinity", "null");
        Self {
            references: References::parse(references),
            settings: serde_json::from_str(&settings).unwrap(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> &Reference {
        self.references.tensors.get(name).unwrap_or_else(|| panic!("{name}"))
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

    pub(crate) fn schedule(&self) -> NoiseSchedule {
        let config = self.settings["scheduler_config"].to_string();
        NoiseSchedule::new(&ScheduleConfig::from_json("golden", &config).unwrap())
    }

    /// The run that a diffusers scheduler makes, in our terms.
    fn plan(&self) -> (Sampler, Vec<f32>, Space) {
        match self.text("scheduler") {
            "EulerDiscreteScheduler" => {
                (Sampler::Euler, self.get("sigmas").data.clone(), Space::Noise)
            }
            "DPMSolverMultistepScheduler" => {
                (Sampler::Dpmpp2m, self.get("sigmas").data.clone(), Space::Variance)
            }
            // It ends at the level of the first timestep, not at 0 (`set_alpha_to_one` is false).
            "DDIMScheduler" => {
                let level = |timestep: usize| {
                    let alpha = self.get("alphas_cumprod").data[timestep];
                    ((1.0 - alpha) / alpha).sqrt()
                };
                let timesteps = self.get("timesteps").data.iter().map(|t| *t as usize);
                (Sampler::Ddim, timesteps.chain([0]).map(level).collect(), Space::Variance)
            }
            other => panic!("{other}"),
        }
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

/// Prompt to picture with the model `sprite` of `models`.
pub(crate) async fn compare(
    golden: &Golden,
    models: &dyn ModelStore,
    device: &Device,
) -> Result<Vec<Comparison>> {
    let (sampler, sigmas, space) = golden.plan();
    let mut comparisons = Vec::new();
    let model = Sprite { models, device };
    let condition = encode(golden, &model, &mut comparisons).await?;

    let noise = Generator::new(golden.seed()).randn(SHAPE.iter().product());
    comparisons.push(near("noise", &noise, &golden.get("noise").data));
    let scale = match space {
        Space::Noise => golden.number("init_noise_sigma"),
        Space::Variance => (sigmas[0] * sigmas[0] + 1.0).sqrt(),
    };
    let start = noise.iter().map(|v| v * scale).collect();

    let mut network = Guided {
        golden,
        unet: model.unet().await?,
        schedule: golden.schedule(),
        condition,
        comparisons: Vec::new(),
        calls: 0,
    };
    let latents = golden.get("latents");
    let mut on_step = |info: StepInfo<'_>| {
        let x = space.of_ours(info.x, info.sigma);
        comparisons.push(near(&format!("latent {}", info.step), &x, latents.part(info.step)));
        Ok(())
    };
    let mut step_noise = StepNoise::new(golden.seed());
    let latent =
        samplers::sample(sampler, &mut network, start, &sigmas, &mut step_noise, &mut on_step);
    let latent = space.of_ours(&latent.await?, *sigmas.last().unwrap());
    comparisons.push(near("final_latent", &latent, &golden.get("final_latent").data));
    let (calls, steps) = (network.calls as u64, golden.settings["steps"].as_u64());
    comparisons.push(Comparison::exact("number of steps", &Some(calls), &steps));
    comparisons.append(&mut network.comparisons);
    decode(golden, &model, &latent, &mut comparisons).await?;
    Ok(comparisons)
}

fn near(name: &str, ours: &[f32], reference: &[f32]) -> Comparison {
    Comparison::new(name, ours, reference, TOLERANCE)
}

/// The network under classifier-free guidance; each raw output is compared with the reference's.
struct Guided<'a> {
    golden: &'a Golden,
    unet: Unet,
    schedule: NoiseSchedule,
    condition: UnetCondition,
    comparisons: Vec<Comparison>,
    calls: usize,
}

impl Guided<'_> {
    async fn call(&mut self, x: &[f32], sigma: f32) -> Result<Vec<f32>> {
        let step = self.calls;
        self.calls += 1;
        let timestep = self.schedule.timestep(sigma);
        let reference = &self.golden.get("timesteps").data[step];
        let exact = Comparison::exact(&format!("timestep {step}"), &timestep, reference);
        self.comparisons.push(exact);
        let input = guidance::network_input(x, sigma).repeat(2);
        let input = TensorData::new(input, [2, SHAPE[1], SHAPE[2], SHAPE[3]]);
        let input = Tensor::from_data(input, self.unet.device());
        let output = read(self.unet.forward(input, &[timestep; 2], &self.condition)).await?;
        let reference = self.golden.get("unet_out").part(step);
        self.comparisons.push(near(&format!("unet_out {step}"), &output, reference));
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

/// Token ids and text embeddings of both prompts; the negative one comes first.
async fn encode(
    golden: &Golden,
    model: &Sprite<'_>,
    comparisons: &mut Vec<Comparison>,
) -> Result<UnetCondition> {
    let tokenizer = Tokenizer::load(model.models, "sprite/tokenizer").await?;
    let (clip, in_file) = (model.clip().await?, model.clip_in_file().await?);
    let mut context = Vec::new();
    for (prompt, ids, embeddings) in [
        ("negative", "negative_input_ids", "negative_embeddings"),
        ("prompt", "input_ids", "text_embeddings"),
    ] {
        let windows = [tokenizer.window(&tokenizer.ids(golden.text(prompt)))];
        comparisons.push(Comparison::exact(ids, &windows.concat(), &golden.get(ids).ints()));
        let output = clip.forward(&windows, 1)?.last_hidden_state;
        let ours = read(output.clone()).await?;
        comparisons.push(near(embeddings, &ours, &golden.get(embeddings).data));
        let read_anew = read(in_file.forward(&windows, 1)?.last_hidden_state).await?;
        comparisons.push(near(&format!("{embeddings}, weights read anew"), &read_anew, &ours));
        context.push(output);
    }
    Ok(UnetCondition { context: Tensor::cat(context, 0).into(), added: None, timestep_cond: None })
}

async fn decode(
    golden: &Golden,
    model: &Sprite<'_>,
    latent: &[f32],
    comparisons: &mut Vec<Comparison>,
) -> Result<()> {
    let vae = model.vae().await?;
    let scale = vae.config().scaling_factor as f32;
    let reference = golden.number("vae_scaling_factor");
    comparisons.push(Comparison::exact("vae_scaling_factor", &scale, &reference));
    let latent: Vec<f32> = latent.iter().map(|v| v / scale).collect();
    let latent = Tensor::from_data(TensorData::new(latent, SHAPE), model.device);
    let shown = |image: &[f32]| -> Vec<f32> {
        image.iter().map(|v| (v / 2.0 + 0.5).clamp(0.0, 1.0)).collect()
    };
    let ours = shown(&read(vae.decode(latent, async || Ok(())).await?).await?);
    let reference = shown(&golden.get("image").data);
    comparisons.push(Comparison::new("picture", &ours, &reference, PICTURE_TOLERANCE));
    Ok(())
}

/// The bundled model.
struct Sprite<'a> {
    models: &'a dyn ModelStore,
    device: &'a Device,
}

impl Sprite<'_> {
    async fn config(&self, part: &str) -> Result<(String, String)> {
        let file = format!("sprite/{part}/config.json");
        let text = store::read_text(self.models, &file).await?;
        Ok((file, text))
    }

    async fn weights(&self, file: &str) -> Result<Weights> {
        let file = format!("sprite/{file}");
        let source = self.models.open(&file, &mut |_, _| Ok(())).await?;
        Weights::load(&*source, self.device, &[TOKEN_TABLE], &mut |_, _| Ok(())).await
    }

    async fn clip(&self) -> Result<ClipTextModel> {
        let (file, text) = self.config("text_encoder").await?;
        let weights = self.weights("text_encoder/model.safetensors").await?;
        ClipTextModel::load(ClipConfig::parse(&file, &text)?, weights)
    }

    /// The same with weights that are read each time they are used, as those of large encoders are.
    async fn clip_in_file(&self) -> Result<ClipTextModel> {
        let (file, text) = self.config("text_encoder").await?;
        let path = "sprite/text_encoder/model.safetensors";
        let source = self.models.open(path, &mut |_, _| Ok(())).await?;
        let bytes = source.read(0, source.len() as usize).await?;
        // Under another name: of a bundled file every byte is read to be compared with its hash.
        let source: Rc<dyn ByteSource> = Rc::new(MemorySource::new("text encoder", bytes));
        let weights = WeightsFile::open(&*source).await?.encoders_later(source.clone());
        let weights = weights.load(self.device, &[TOKEN_TABLE], &mut |_, _| Ok(())).await?;
        ClipTextModel::load(ClipConfig::parse(&file, &text)?, weights)
    }

    async fn unet(&self) -> Result<Unet> {
        let (file, text) = self.config("unet").await?;
        let weights = self.weights("unet/diffusion_pytorch_model.safetensors").await?;
        Unet::load(UnetConfig::parse(&file, &text)?, weights)
    }

    async fn vae(&self) -> Result<Vae> {
        let (file, text) = self.config("vae").await?;
        let weights = self.weights("vae/diffusion_pytorch_model.safetensors").await?;
        Vae::load(VaeConfig::parse(&file, &text)?, weights)
    }
}
