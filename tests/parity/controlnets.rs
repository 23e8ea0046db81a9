//! Control nets and T2I-Adapters of tiny width: what they give, and what the UNet makes of it.
//!
//! Tolerance 1e-4 of the largest number of a tensor; f16 weights, f32 arithmetic on both sides.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use serde_json::{Map, Value};
use tintype::models::controlnet::ControlNetConfig;
use tintype::models::unet::{Changes, Residuals, UnetCondition};
use tintype::models::{ControlNetModel, T2iAdapter};
use tintype::store::MemorySource;
use tintype::weights::Weights;

use super::networks::{TOLERANCE, condition};
use crate::support::{
    Closeness, Folder, Reference, fixture, load, references, tested_device, tolerance_of_sums,
    values,
};

type Map4 = Tensor<4>;

/// The picture of `tests/reference/controlnets.py`.
fn hint(channels: usize, [height, width]: [usize; 2]) -> Map4 {
    let count = 2 * channels * height * width;
    let data: Vec<f32> = (0..count).map(|i| (i * 37 % 101) as f32 / 100.0).collect();
    Tensor::from_data(TensorData::new(data, [2, channels, height, width]), &tested_device())
}

/// A case of the UNet's references: what it is given.
struct Given {
    sample: Map4,
    timesteps: Vec<f32>,
    condition: UnetCondition,
}

impl Given {
    fn of(family: &str, case: &str) -> Self {
        let inputs = references(&format!("networks/{family}/unet/reference.safetensors"));
        Self {
            sample: inputs[&format!("{case}.sample")].tensor(),
            timesteps: inputs[&format!("{case}.timestep")].data.clone(),
            condition: condition(&inputs, case),
        }
    }

    /// Sides of the latent in pixels.
    fn pixels(&self) -> [usize; 2] {
        let [_, _, height, width] = self.sample.dims();
        [height * 8, width * 8]
    }

    fn residuals(&self, net: &ControlNetModel) -> Residuals {
        let hint = net.embed(hint(3, self.pixels()));
        net.forward(self.sample.clone(), &hint, &self.timesteps, &self.condition)
    }

    /// What the UNet answers with residuals.
    fn answer(&self, family: &str, residuals: &Residuals) -> Vec<f32> {
        let changes = Changes { residuals: Some(residuals), ..Changes::default() };
        let unet = Folder::tiny(family).unet();
        values(unet.forward_with(self.sample.clone(), &self.timesteps, &self.condition, changes))
    }
}

fn weights(file: &str) -> Weights {
    Folder::tiny("controlnet").weights(file).of_control().unwrap()
}

/// What a file's tensors say of its net.
fn config(weights: &Weights) -> ControlNetConfig {
    let shapes = weights.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec()));
    ControlNetConfig::from_shapes(weights.file(), &shapes.collect()).unwrap()
}

fn seen(weights: Weights) -> ControlNetModel {
    ControlNetModel::load(config(&weights), weights).unwrap()
}

/// A net with its config beside it.
fn told(folder: &str, file: &str) -> ControlNetModel {
    let (path, text) = Folder::tiny("controlnet").text(&format!("{folder}/config.json"));
    let config = ControlNetConfig::parse(&path, &text).unwrap();
    ControlNetModel::load(config, weights(&format!("{folder}/{file}.safetensors"))).unwrap()
}

/// Compares residuals with those of a case, of which the reference has the first element of the batch.
fn check_residuals(
    closeness: &mut Closeness,
    residuals: &Residuals,
    reference: &BTreeMap<String, Reference>,
    case: &str,
) {
    let mut check = |name: String, map: &Map4| {
        let expected = &reference[&name].data;
        closeness.check(&name, &values(map.clone())[..expected.len()], expected);
    };
    for (i, map) in residuals.skips.iter().enumerate() {
        check(format!("{case}.skip.{i}"), map);
    }
    check(format!("{case}.middle"), residuals.middle.as_ref().unwrap());
    let count = reference.keys().filter(|name| name.starts_with(&format!("{case}.skip."))).count();
    assert_eq!(residuals.skips.len(), count);
}

fn check_net(family: &str, name: &str, net: &ControlNetModel) {
    let reference = references(&format!("controlnets/{name}/reference.safetensors"));
    let mut closeness = Closeness::within(TOLERANCE);
    for case in ["even", "odd"] {
        let given = Given::of(family, case);
        let residuals = given.residuals(net);
        check_residuals(&mut closeness, &residuals, &reference, case);
        let answer = given.answer(family, &residuals.scaled(0.75));
        closeness.check(case, &answer, &reference[&format!("{case}.output")].data);
    }
    net.check_fits(Folder::tiny(family).unet().config()).unwrap();
}

#[test]
fn control_net_of_stable_diffusion_1_seen_by_its_tensors() {
    check_net("sd15", "sd15", &seen(weights("sd15.safetensors")));
}

#[test]
fn control_net_of_stable_diffusion_2_with_ldm_names() {
    check_net("sd21", "sd21", &seen(weights("sd21.safetensors")));
}

#[test]
fn control_nets_of_sdxl_with_their_configs() {
    check_net("sdxl", "sdxl", &told("sdxl", "diffusion_pytorch_model"));
    check_net("sdxl", "sdxl_small", &told("sdxl_small", "model"));
}

#[test]
fn a_config_says_what_the_tensors_do() {
    for (folder, file) in [("sdxl", "diffusion_pytorch_model"), ("sdxl_small", "model")] {
        let told = told(folder, file).config().clone();
        let tensors = weights(&format!("{folder}/{file}.safetensors"));
        let mut seen = config(&tensors);
        // What no tensor says: heads, groups, waves, the order of colours; and what does not count.
        seen.bgr = told.bgr;
        let half = &mut seen.half;
        half.heads.clone_from(&told.half.heads);
        half.norm_num_groups = told.half.norm_num_groups;
        half.added.as_mut().unwrap().time_width = told.half.added.unwrap().time_width;
        if folder == "sdxl_small" {
            half.cross_attention_dim = told.half.cross_attention_dim;
            half.use_linear_projection = told.half.use_linear_projection;
        }
        assert_eq!(seen, told);
    }
}

#[test]
fn a_net_that_says_what_and_not_where_gives_means() {
    let weights = weights("sd15.safetensors");
    let mut config = config(&weights);
    config.pooled = true;
    let net = ControlNetModel::load(config, weights).unwrap();
    let residuals = Given::of("sd15", "even").residuals(&net);
    let reference = references("controlnets/sd15/reference.safetensors");
    check_residuals(&mut Closeness::within(TOLERANCE), &residuals, &reference, "pooled");
    // They are for every place.
    let answer = Given::of("sd15", "even").answer("sd15", &residuals);
    assert!(answer.iter().all(|v| v.is_finite()));
}

/// The file with other names, whose numbers stay where they are.
fn renamed(file: &str, name: impl Fn(&str) -> String) -> Weights {
    let bytes = std::fs::read(fixture("networks/controlnet").join(file)).unwrap();
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, body) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: Map<String, Value> = serde_json::from_slice(header).unwrap();
    let header: Map<String, Value> =
        header.into_iter().map(|(key, value)| (name(&key), value)).collect();
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes();
    let bytes = [&length[..], &header, body].concat();
    load(&MemorySource::new("renamed.safetensors", bytes)).unwrap().of_control().unwrap()
}

#[test]
fn names_of_other_programs_give_the_same_numbers_to_the_last_bit() {
    let names = std::fs::read_to_string(fixture("controlnets/ldm_names.json")).unwrap();
    let names: BTreeMap<String, String> = serde_json::from_str(&names).unwrap();
    let given = Given::of("sd15", "odd");
    let all = |residuals: Residuals| -> Vec<Vec<f32>> {
        residuals.skips.into_iter().chain(residuals.middle).map(values).collect()
    };
    let expected = all(given.residuals(&seen(weights("sd15.safetensors"))));
    for prefix in ["", "control_model."] {
        let net = seen(renamed("sd15.safetensors", |name| match names.get(name) {
            Some(theirs) => format!("{prefix}{theirs}"),
            None => name.to_owned(),
        }));
        assert!(all(given.residuals(&net)) == expected, "prefix `{prefix}`");
    }
}

// ---- adapters

fn maps(adapter: &T2iAdapter, given: &Given, family: &str) -> Residuals {
    let sides = given.pixels().map(|side| side.next_multiple_of(adapter.factor()));
    adapter.forward(hint(adapter.channels(), sides), Folder::tiny(family).unet().config())
}

fn check_adapter(family: &str, name: &str) {
    let adapter = T2iAdapter::load(weights(&format!("{name}.safetensors"))).unwrap();
    adapter.check_fits(Folder::tiny(family).unet().config()).unwrap();
    let reference = references(&format!("controlnets/{name}/reference.safetensors"));
    let mut closeness = Closeness::within(TOLERANCE);
    for case in ["even", "odd"] {
        let given = Given::of(family, case);
        let maps = maps(&adapter, &given, family);
        let all = maps.down.iter().chain(&maps.middle);
        assert_eq!(all.clone().count(), 4);
        for (i, map) in all.enumerate() {
            let name = format!("{case}.map.{i}");
            let expected = &reference[&name].data;
            closeness.check(&name, &values(map.clone())[..expected.len()], expected);
        }
        let answer = given.answer(family, &maps.scaled(0.5));
        closeness.check(case, &answer, &reference[&format!("{case}.output")].data);
    }
}

#[test]
fn adapters_of_stable_diffusion_1() {
    check_adapter("sd15", "adapter_sd15");
    check_adapter("sd15", "adapter_sd15_light");
}

#[test]
fn a_net_of_low_rank_differences_to_the_model_s_weights() {
    let mut low = weights("control_lora.safetensors");
    low.forget(|name| name == "lora_controlnet");
    let net = seen(Folder::tiny("sd15").unet().lend(low).unwrap());
    let residuals = Given::of("sd15", "even").residuals(&net);
    let reference = references("controlnets/control_lora/reference.safetensors");
    let mut closeness = Closeness::within(tolerance_of_sums());
    check_residuals(&mut closeness, &residuals, &reference, "even");
}

#[test]
fn adapter_of_sdxl() {
    check_adapter("sdxl", "adapter_sdxl");
}

/// What the UNet answers with an adapter's maps and a net's.
pub(super) fn answer_with_both() -> Vec<f32> {
    let adapter = T2iAdapter::load(weights("adapter_sd15.safetensors")).unwrap();
    let given = Given::of("sd15", "even");
    let net = given.residuals(&seen(weights("sd15.safetensors")));
    given.answer("sd15", &maps(&adapter, &given, "sd15").scaled(0.5).plus(net))
}

#[test]
fn an_adapter_and_a_net_add_up() {
    let reference = references("controlnets/adapter_sd15/reference.safetensors");
    let mut closeness = Closeness::within(TOLERANCE);
    closeness.check("both", &answer_with_both(), &reference["both.output"].data);
}

#[test]
fn the_authors_names_of_adapters_give_the_same_numbers_to_the_last_bit() {
    let given = Given::of("sd15", "odd");
    let all = |adapter: &T2iAdapter| -> Vec<Vec<f32>> {
        maps(adapter, &given, "sd15").down.into_iter().map(values).collect()
    };
    for (file, is_light) in
        [("adapter_sd15.safetensors", false), ("adapter_sd15_light.safetensors", true)]
    {
        let theirs = |name: &str| {
            let name = name.strip_prefix("adapter.").unwrap_or(name);
            let parts: Vec<&str> = name.split('.').collect();
            match parts[..] {
                ["body", level, "resnets", layer, ..] if is_light => {
                    format!("body.{level}.body.{layer}.{}", parts[4..].join("."))
                }
                ["body", level, ..] if !is_light => {
                    let [layer, rest] = match parts[2] {
                        "resnets" => [parts[3], &parts[4..].join(".")],
                        _ => ["0", &parts[2..].join(".")],
                    };
                    let at = 2 * level.parse::<usize>().unwrap() + layer.parse::<usize>().unwrap();
                    format!("body.{at}.{rest}")
                }
                _ => name.to_owned(),
            }
        };
        let ours = T2iAdapter::load(weights(file)).unwrap();
        let other = T2iAdapter::load(renamed(file, theirs)).unwrap();
        assert!(all(&ours) == all(&other), "{file}");
    }
}

#[test]
fn adapters_fit_no_other_family() {
    let sd15 = T2iAdapter::load(weights("adapter_sd15.safetensors")).unwrap();
    let sdxl = T2iAdapter::load(weights("adapter_sdxl.safetensors")).unwrap();
    for (adapter, family, sizes) in [
        (&sd15, "sdxl", ["8 at 1/2, 16 at 1/2, 24 at 1/4, 24 at 1/4", "16 at 1/1, 16 at 1/2"]),
        (&sdxl, "sd15", ["16 at 1/1, 16 at 1/2, 24 at 1/4, 24 at 1/8", "8 at 1/2, 16 at 1/2"]),
    ] {
        let unet = Folder::tiny(family).unet();
        let error = adapter.check_fits(unet.config()).unwrap_err();
        assert_eq!(error.kind().code(), "mismatch");
        let (message, file) = (error.to_string(), "in `controlnet/adapter_sd");
        for part in sizes.into_iter().chain([file, "use "]) {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
