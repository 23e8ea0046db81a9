//! Text encoders, UNets and autoencoders of tiny width, whole and block by block.
//!
//! Tolerance 1e-4 of the largest number of a tensor; f16 weights, f32 arithmetic on both sides.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use burn::tensor::Tensor;
use tintype::error::{Error, ErrorKind};
use tintype::models::probe;
use tintype::models::unet::{AddedCondition, UnetCondition};

use crate::support::{Closeness, Folder, Reference, block_on, references, values};

pub(super) const TOLERANCE: f32 = 1e-4;

/// Runs `run` and returns the output of every block, in the order they were computed.
pub(super) fn observed(run: impl FnOnce()) -> Vec<(String, Tensor<1>)> {
    let outputs = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&outputs);
    let observer = move |path: &str, output| sink.borrow_mut().push((path.to_owned(), output));
    probe::observe(Some(Box::new(observer)));
    run();
    probe::observe(None);
    outputs.take()
}

/// Compares blocks in the order they were computed, so that the first name that differs is the bug, and
/// asks for each of `expected`. A reference holds the first element of the batch only.
pub(super) fn check_blocks(
    closeness: &mut Closeness,
    blocks: Vec<(String, Tensor<1>)>,
    expected: BTreeMap<String, &Reference>,
) {
    let mut missing: BTreeSet<&str> = expected.keys().map(String::as_str).collect();
    for (name, output) in blocks {
        let reference = expected.get(&name).unwrap_or_else(|| panic!("no reference for `{name}`"));
        let output = values(output);
        let first = &output[..reference.data.len()];
        closeness.check(&name, first, &reference.data);
        missing.remove(name.as_str());
    }
    assert!(missing.is_empty(), "no block reports {missing:?}");
}

/// The blocks among a file's references, by their paths; `without` are parts of blocks that report whole.
pub(super) fn blocks<'a>(
    references: &'a BTreeMap<String, Reference>,
    prefix: &str,
    without: &[&str],
) -> BTreeMap<String, &'a Reference> {
    let named = references.iter().filter_map(|(name, r)| Some((name.strip_prefix(prefix)?, r)));
    named
        .filter(|(name, _)| !without.iter().any(|part| name.rsplit('.').next() == Some(part)))
        .map(|(name, reference)| (name.to_owned(), reference))
        .collect()
}

/// What a case of a UNet's references is guided by.
pub(super) fn condition(references: &BTreeMap<String, Reference>, case: &str) -> UnetCondition {
    let get = |name: &str| references.get(&format!("{case}.{name}"));
    let tensor = |name: &str| get(name).unwrap_or_else(|| panic!("{case}.{name}"));
    UnetCondition {
        context: tensor("encoder_hidden_states").tensor().into(),
        added: get("text_embeds").map(|text_embeds| AddedCondition {
            text_embeds: text_embeds.tensor(),
            time_ids: tensor("time_ids").data.clone(),
        }),
        timestep_cond: get("timestep_cond").map(Reference::tensor),
    }
}

fn check_unet(folder: &str, cases: &[&str]) {
    let unet = Folder::tiny(folder).unet();
    let g = references(&format!("networks/{folder}/unet/reference.safetensors"));
    let mut closeness = Closeness::within(TOLERANCE);
    for case in cases {
        let tensor = |name: &str| {
            g.get(&format!("{case}.{name}")).unwrap_or_else(|| panic!("{case}.{name}"))
        };
        let condition = condition(&g, case);
        let sample = tensor("sample").tensor();
        let timesteps = &tensor("timestep").data;
        let mut output = None;
        let outputs = observed(|| output = Some(unet.forward(sample, timesteps, &condition)));
        if *case == "even" {
            let inputs = [
                "sample",
                "timestep",
                "encoder_hidden_states",
                "text_embeds",
                "time_ids",
                "output",
            ];
            let parts = ["ff", "conv_norm_out", "conv_out", "time_proj", "add_time_proj"];
            let expected = blocks(&g, "even.", &[&inputs[..], &parts[..]].concat());
            check_blocks(&mut closeness, outputs, expected);
        }
        closeness.check(case, &values(output.unwrap()), &tensor("output").data);
    }
}

#[test]
fn unet_of_stable_diffusion_1() {
    check_unet("sd15", &["even", "odd", "mixed"]);
}

#[test]
fn unet_of_stable_diffusion_2() {
    check_unet("sd21", &["even", "odd", "mixed"]);
}

#[test]
fn unet_of_sdxl() {
    check_unet("sdxl", &["even", "odd", "mixed"]);
}

#[test]
fn unets_with_rare_options() {
    for variant in ["inpaint", "flip", "lcm", "pruned", "no_middle"] {
        check_unet(&format!("variants/{variant}"), &["mixed"]);
    }
}

/// A network that takes the guidance as an input is another one without it: the projection has a part.
#[test]
fn guidance_embedding_has_a_say() {
    let unet = Folder::tiny("variants/lcm").unet();
    let g = references("networks/variants/lcm/unet/reference.safetensors");
    let context = g["mixed.encoder_hidden_states"].tensor();
    let condition = UnetCondition { context: context.into(), added: None, timestep_cond: None };
    let timesteps = &g["mixed.timestep"].data;
    let output = values(unet.forward(g["mixed.sample"].tensor(), timesteps, &condition));
    let reference = &g["mixed.output"].data;
    assert!(crate::support::relative_error(&output, reference) > 1e-3);
}

fn check_vae(folder: &str, has_blocks: bool) {
    let vae = Folder::tiny(folder).vae();
    let g = references(&format!("networks/{folder}/vae/reference.safetensors"));
    let mut closeness = Closeness::within(TOLERANCE);
    let (mut moments, mut image) = (None, None);
    let outputs = observed(|| {
        let no_pause = async || Ok(());
        moments = Some(block_on(vae.moments(g["encode.pixels"].tensor(), no_pause)).unwrap());
        image = Some(block_on(vae.decode(g["decode.latent"].tensor(), no_pause)).unwrap());
    });
    if has_blocks {
        let whole = [
            "pixels",
            "moments",
            "mean",
            "std",
            "latent",
            "image",
            "encoder",
            "decoder",
            "conv_norm_out",
            "conv_out",
            "quant_conv",
            "post_quant_conv",
        ];
        check_blocks(&mut closeness, outputs, blocks(&g, "", &whole));
    }
    closeness.check("moments", &values(moments.unwrap()), &g["encode.moments"].data);
    closeness.check("image", &values(image.unwrap()), &g["decode.image"].data);
}

#[test]
fn an_autoencoder_pauses_before_its_levels_and_can_be_ended_there() {
    let vae = Folder::tiny("sd15").vae();
    let g = references("networks/sd15/vae/reference.safetensors");
    let until = |end: usize| {
        let mut pauses = 0;
        let pause = async || {
            pauses += 1;
            if pauses == end { Err(Error::from(ErrorKind::Cancelled)) } else { Ok(()) }
        };
        let made = block_on(vae.decode(g["decode.latent"].tensor(), pause));
        (made, pauses)
    };
    let (made, pauses) = until(usize::MAX);
    // Before each level's own blocks, and before what leads from one to the next.
    assert_eq!(pauses, 2 * vae.config().block_out_channels.len() - 1);
    made.unwrap();
    let (made, pauses) = until(2);
    assert!(made.unwrap_err().is_cancelled());
    assert_eq!(pauses, 2);
}

#[test]
fn autoencoder_of_stable_diffusion_1() {
    check_vae("sd15", true);
}

#[test]
fn autoencoders_of_other_models() {
    for folder in ["sd21", "sdxl", "variants/vae_no_quant"] {
        check_vae(folder, false);
    }
}

#[test]
fn scaling_factor_is_the_config_s_or_the_first_model_s() {
    let factor = |folder| Folder::tiny(folder).vae().config().scaling_factor;
    assert_eq!(factor("sd15"), 0.18215);
    assert_eq!(factor("sdxl"), 0.13025);
}

fn check_text_encoder(folder: &str, part: &str) {
    let clip = Folder::tiny(folder).clip(part);
    let g = references(&format!("networks/{folder}/{part}/reference.safetensors"));
    let mut closeness = Closeness::within(TOLERANCE);
    let windows: Vec<Vec<u32>> = g["input_ids"].ints().chunks(77).map(<[u32]>::to_vec).collect();
    let mut output = None;
    let outputs = observed(|| output = Some(clip.forward(&windows, 2).unwrap()));
    check_blocks(
        &mut closeness,
        outputs,
        blocks(&g, "text_model.", &["mlp", "self_attn"])
            .into_iter()
            .map(|(name, reference)| (format!("text_model.{name}"), reference))
            .collect(),
    );
    let output = output.unwrap();
    let projected = g.get("text_embeds").unwrap_or(&g["pooled"]);
    assert_eq!(g.contains_key("text_embeds"), clip.config().projection_dim.is_some());
    let normed = values(clip.normalise(output.hidden.clone()));
    closeness.check("penultimate", &values(output.hidden), &g["penultimate"].data);
    closeness.check("penultimate_normed", &normed, &g["penultimate_normed"].data);
    closeness.check("pooled", &values(output.pooled), &projected.data);
    let last = values(output.last_hidden_state);
    closeness.check("last_hidden_state", &last, &g["last_hidden_state"].data);
}

#[test]
fn text_encoder_of_stable_diffusion_1() {
    check_text_encoder("sd15", "text_encoder");
}

#[test]
fn text_encoder_of_stable_diffusion_2() {
    check_text_encoder("sd21", "text_encoder");
}

#[test]
fn text_encoders_of_sdxl() {
    check_text_encoder("sdxl", "text_encoder");
    check_text_encoder("sdxl", "text_encoder_2");
}

/// A window shorter than 77 is what a batch of short prompts may be: positions start from the first.
#[test]
fn text_encoder_is_causal() {
    let clip = Folder::tiny("sd15").clip("text_encoder");
    let g = references("networks/sd15/text_encoder/reference.safetensors");
    let ids = g["input_ids"].ints()[..20].to_vec();
    let output = values(clip.forward(&[ids], 1).unwrap().last_hidden_state);
    let mut closeness = Closeness::within(TOLERANCE);
    closeness.check("first 20", &output, &g["last_hidden_state"].data[..output.len()]);
}
