//! What a network sees besides the latent: an inpainting one the hole and the picture around it, an editing one the
//! picture to edit.

use crate::error::{Error, ErrorKind, Result};
use crate::image::Mask;
use crate::image::resample::{Crop, Method, cropped};
use crate::nodes::values::{Condition, Model};

/// What a run begins with, without its noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canvas<'a> {
    /// `[batch, channels, height, width]`.
    pub(super) shape: [usize; 4],
    /// Of this shape, scaled to variance 1.
    pub(super) picture: &'a [f32],
    /// White where the picture may change.
    pub(super) hole: Option<&'a Mask>,
}

/// An SD 1.x or 2.x autoencoder's latent of plain grey, scaled to variance 1: what an inpainting network sees of a
/// picture that is all hole.
const GREY: [f32; 4] = [0.8223, -0.6876, 0.6364, 0.1380];

/// The channels that follow the latent's: for each picture the planes of the picture to edit, or a plane of the hole, then
/// the planes of the picture; nothing for a network that has no such channels.
///
/// They are the condition's own (`InstructPixToPixConditioning`, `InpaintModelConditioning`); else, for an editing network,
/// zeros, which is what it was trained to see of no picture; for an inpainting one the run's latent and noise mask, or,
/// when nothing is kept of the picture, a hole all over.
///
/// # Errors
///
/// If the network has further channels of another kind, or the condition's picture was encoded for another family.
///
/// # Source
///
/// An editing network sees the autoencoder's latent as it is, not scaled: Brooks et al. 2022,
/// <https://arxiv.org/abs/2211.09800>; diffusers 0.42 `StableDiffusionInstructPix2PixPipeline`.
pub(super) fn further_channels(
    canvas: &Canvas<'_>,
    condition: &Condition,
    model: &Model,
) -> Result<Vec<f32>> {
    let config = model.unet.config();
    let [batch, channels, height, width] = canvas.shape;
    if config.in_channels == config.out_channels {
        return Ok(Vec::new());
    }
    let edits = config.in_channels == 2 * config.out_channels;
    if !edits && config.in_channels != 2 * config.out_channels + 1 {
        return Err(Error::new(ErrorKind::Mismatch {
            what: "input channels of the model",
            expected: format!(
                "4 for pictures, 8 for editing, 9 for inpainting with {channels}-channel latents"
            ),
            got: config.in_channels.to_string(),
        })
        .hint("use a text-to-image, editing or inpainting checkpoint"));
    }
    let size = [height, width];
    let (plane, planes) = (height * width, channels * height * width);
    let scaled: Vec<f32>;
    let (hole, picture, from) = match condition.beside.as_deref() {
        Some(own) if own.shape[1] != channels => {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "channels of the picture that the model sees",
                expected: channels.to_string(),
                got: own.shape[1].to_string(),
            })
            .hint("encode the picture with the autoencoder that belongs to the model"));
        }
        Some(own) => {
            let scale = if edits { 1.0 } else { model.format.scaling_factor };
            scaled = own.samples.iter().map(|v| v * scale).collect();
            (own.noise_mask.as_deref(), &scaled[..], [own.shape[2], own.shape[3]])
        }
        None if edits => return Ok(vec![0.0; batch * planes]),
        None => (canvas.hole, canvas.picture, size),
    };
    let picture = cropped(picture, from, size, 1, Method::Bilinear, Crop::Center);
    let place = |i: usize| {
        let place = spread(i, batch, picture.len() / planes);
        &picture[place * planes..][..planes]
    };
    if edits {
        return Ok((0..batch).flat_map(place).copied().collect());
    }
    let Some(hole) = hole else {
        let grey = |channel: usize| GREY.get(channel).copied().unwrap_or(0.0);
        let values = std::iter::once(1.0).chain((0..channels).map(grey));
        let one: Vec<f32> = values.flat_map(|v| std::iter::repeat_n(v, height * width)).collect();
        return Ok(one.repeat(batch));
    };
    let hole = hole.resized(size, Method::Bilinear, Crop::Center);
    let mut out = Vec::with_capacity(batch * (plane + planes));
    for i in 0..batch {
        let hole = &hole.data[spread(i, batch, hole.batch) * plane..][..plane];
        out.extend(hole.iter().map(|v| v.round_ties_even()));
        out.extend_from_slice(place(i));
    }
    Ok(out)
}

/// Which of `have` pictures the `i`th of a batch takes: evenly from first to last if there are too many, each
/// several times in a row if there are too few.
fn spread(i: usize, batch: usize, have: usize) -> usize {
    let place = match have {
        _ if batch <= 1 => 0.0,
        have if batch < have => {
            (i as f64 * (have - 1) as f64 / (batch - 1) as f64).round_ties_even()
        }
        have => ((i as f64 + 0.5) * have as f64 / batch as f64).floor(),
    };
    (place as usize).min(have - 1)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use burn::tensor::{Device, Tensor, TensorData};
    use pollster::block_on;

    use super::*;
    use crate::device;
    use crate::diffusion::noise::Generator;
    use crate::diffusion::schedule::{NoiseSchedule, ScheduleConfig};
    use crate::graph::Inputs;
    use crate::models::Unet;
    use crate::models::unet::{UnetCondition, UnetConfig};
    use crate::nodes::sampling::ksampler::KSAMPLER;
    use crate::nodes::testing::{environment, output};
    use crate::nodes::values::{Conditioning, Latent, LatentFormat, PreviewColours};
    use crate::store::native::FolderStore;
    use crate::store::{self, ModelStore};
    use crate::weights::Weights;

    const SCALE: f32 = 0.5;

    /// A tiny inpainting network of the real class.
    fn model(device: &Device) -> Model {
        let folder =
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/networks/variants/inpaint");
        let store = FolderStore::new(folder);
        let config = block_on(store::read_text(&store, "unet/config.json")).unwrap();
        let config = UnetConfig::parse("config.json", &config).unwrap();
        let file = "unet/diffusion_pytorch_model.safetensors";
        let file = block_on(store.open(file, &mut |_, _| Ok(()))).unwrap();
        let weights = block_on(Weights::load(&*file, device, &[], &mut |_, _| Ok(()))).unwrap();
        let schedule = ScheduleConfig::from_json("scheduler_config.json", "{}").unwrap();
        let preview = PreviewColours::stable_diffusion();
        Model {
            unet: Rc::new(Unet::load(config, weights).unwrap()),
            schedule: Rc::new(NoiseSchedule::new(&schedule)),
            format: LatentFormat { scaling_factor: SCALE, preview, tiny: None },
            options: Rc::default(),
        }
    }

    fn numbers(seed: u64, count: usize) -> Vec<f32> {
        Generator::new(seed).randn(count)
    }

    fn condition(device: &Device) -> Condition {
        let context = TensorData::new(numbers(1, 77 * 12), [1, 77, 12]);
        Condition::new(Tensor::from_data(context, device), Tensor::zeros([1, 12], device))
    }

    /// A step from noise to the end, by the node and by hand.
    #[test]
    fn a_step_of_an_inpainting_network_sees_nine_channels() {
        let device = environment().unwrap().device;
        let model = model(&device);
        let mut prompt = condition(&device);
        let around = numbers(2, 4 * 64);
        let mask = Mask { batch: 1, height: 2, width: 1, data: vec![0.0, 1.0] };
        let own = Latent::new([1, 4, 8, 8], around.clone()).unwrap();
        prompt.beside = Some(Rc::new(Latent { noise_mask: Some(Rc::new(mask)), ..own }));
        let inputs = Inputs::new()
            .with("model", model.clone())
            .with("seed", 7_i64)
            .with("steps", 1_i64)
            .with("cfg", 1.0)
            .with("sampler_name", "euler")
            .with("scheduler", "normal")
            .with("positive", Conditioning(vec![prompt.clone()]))
            .with("negative", Conditioning(vec![prompt.clone()]))
            .with("latent_image", Latent::new([1, 4, 8, 8], vec![0.0; 256]).unwrap())
            .with("denoise", 1.0);
        let sampled = output::<Latent>(&KSAMPLER, inputs);

        let sigma = model.schedule.sigma_max();
        let x = model.schedule.noised(&[0.0; 256], &numbers(7, 256), sigma).unwrap();
        let mut seen = model.schedule.network_input(&x, sigma);
        seen.extend([0.0, 1.0].iter().flat_map(|v| [*v; 32]));
        seen.extend(around.iter().map(|v| v * SCALE));
        let seen = Tensor::from_data(TensorData::new(seen, [1, 9, 8, 8]), &device);
        let told =
            UnetCondition { context: prompt.context.into(), added: None, timestep_cond: None };
        let answer = model.unet.forward(seen, &[model.schedule.timestep(sigma)], &told);
        let answer = block_on(device::read(answer)).unwrap();
        let clean = model.schedule.denoised(&x, answer, sigma).unwrap();
        for (got, clean) in sampled.samples.iter().zip(clean) {
            let expected = clean / SCALE;
            assert!((got - expected).abs() <= 1e-4 * expected.abs().max(1.0), "{got} {expected}");
        }
    }

    #[test]
    fn without_a_picture_of_its_own_a_prompt_gets_the_run_s_latent_and_mask() {
        let device = environment().unwrap().device;
        let (model, prompt) = (model(&device), condition(&device));
        let picture = numbers(3, 2 * 4 * 4);
        let data = vec![0.0, 0.4, 0.6, 1.0];
        let hole = Mask { batch: 1, height: 2, width: 2, data };
        let shape = [2, 4, 2, 2];
        let canvas = Canvas { shape, picture: &picture, hole: Some(&hole) };
        let further = further_channels(&canvas, &prompt, &model).unwrap();
        let expected =
            [&[0.0, 0.0, 1.0, 1.0], &picture[..16], &[0.0, 0.0, 1.0, 1.0], &picture[16..]];
        assert_eq!(further, expected.concat());
        // All hole: nothing is kept, and what the latent holds is not looked at.
        let canvas = Canvas { hole: None, ..canvas };
        let further = further_channels(&canvas, &prompt, &model).unwrap();
        let one: Vec<f32> = [&[1.0], &GREY[..]].concat().iter().flat_map(|v| [*v; 4]).collect();
        assert_eq!(further, one.repeat(2));
    }

    #[test]
    fn a_picture_of_another_size_or_number_is_fitted_to_the_run() {
        let device = environment().unwrap().device;
        let (model, mut prompt) = (model(&device), condition(&device));
        let hole = Mask { batch: 2, height: 1, width: 1, data: vec![0.0, 1.0] };
        // Two pictures, each of one number, of which the middle square is taken.
        let samples = [[1.0; 4 * 8], [3.0; 4 * 8]].concat();
        let own = Latent::new([2, 4, 2, 4], samples).unwrap();
        prompt.beside = Some(Rc::new(Latent { noise_mask: Some(Rc::new(hole)), ..own }));
        let shape = [3, 4, 1, 1];
        let canvas = Canvas { shape, picture: &[0.0; 12], hole: None };
        let further = further_channels(&canvas, &prompt, &model).unwrap();
        let [first, second] = [(0.0, 1.0), (1.0, 3.0)].map(|(hole, v)| {
            let v = v * SCALE;
            [hole, v, v, v, v]
        });
        assert_eq!(further, [first, second, second].concat());
    }

    #[test]
    fn a_picture_of_another_family_is_refused() {
        let device = environment().unwrap().device;
        let (model, mut prompt) = (model(&device), condition(&device));
        prompt.beside = Some(Rc::new(Latent::new([1, 16, 2, 2], vec![0.0; 64]).unwrap()));
        let canvas = Canvas { shape: [1, 4, 2, 2], picture: &[0.0; 16], hole: None };
        let error = further_channels(&canvas, &prompt, &model).unwrap_err();
        assert_eq!(error.kind().code(), "mismatch");
        assert!(
            error.to_string().contains("channels of the picture that the model sees"),
            "{error}"
        );
    }

    #[test]
    fn pictures_are_spread_over_a_batch() {
        let places = |batch, have| (0..batch).map(|i| spread(i, batch, have)).collect::<Vec<_>>();
        assert_eq!(places(1, 3), [0]);
        assert_eq!(places(4, 1), [0; 4]);
        assert_eq!(places(4, 2), [0, 0, 1, 1]);
        assert_eq!(places(3, 3), [0, 1, 2]);
        assert_eq!(places(3, 5), [0, 2, 4]);
    }
}
