//! Single-file checkpoints: their names become diffusers', and their tensors tell the config.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use serde_json::{Value, json};
use tintype::models::clip::ClipConfig;
use tintype::models::unet::{AddedCondition, UnetCondition, UnetConfig};
use tintype::models::vae::VaeConfig;
use tintype::models::{ClipTextModel, Family, Unet, Vae};
use tintype::weights::checkpoint::{Checkpoint, Part, Shapes};
use tintype::weights::safetensors::{Scaling, TensorInfo};
use tintype::weights::{Dtype, Weights};

use crate::shared::reference::Reference;
use crate::support::tiny::{loaded, names};
use crate::support::{Closeness, block_on, references, values};

fn listed(checkpoint: &str) -> Vec<TensorInfo> {
    let info = |(name, shape)| TensorInfo {
        name,
        dtype: Dtype::F16,
        shape,
        start: 0,
        end: 0,
        scaling: Scaling::None,
    };
    names(checkpoint).into_iter().map(|named| info((named.theirs, named.shape))).collect()
}

const FAMILIES: [(&str, Family); 14] = [
    ("sd15", Family::Sd1),
    ("sd15_inpainting", Family::Sd1),
    ("sd15_lcm", Family::Sd1),
    ("sd21", Family::Sd2),
    ("sdxl", Family::Sdxl),
    ("sdxl_refiner", Family::SdxlRefiner),
    ("ssd_1b", Family::Sdxl),
    ("vega", Family::Sdxl),
    ("koala_700m", Family::Sdxl),
    ("koala_1b", Family::Sdxl),
    // BK-SDM's small one is laid out as this one.
    ("small_sd", Family::Sd1),
    ("bk_sdm_base", Family::Sd1),
    ("bk_sdm_tiny", Family::Sd1),
    ("bk_sdm_v2_tiny", Family::Sd2),
];

#[test]
fn every_tensor_of_published_checkpoints_gets_diffusers_name() {
    for (family, _) in FAMILIES {
        let checkpoint = Checkpoint::of(&listed(family));
        assert!(checkpoint.others.is_empty(), "{family}: {:?}", checkpoint.others);
        let mut expected = 0;
        for named in names(family) {
            let part = match &named.theirs {
                name if name.starts_with("model.diffusion_model.") => Part::Unet,
                name if name.starts_with("first_stage_model.") => Part::Vae,
                name if name.starts_with("conditioner.embedders.1.") => Part::TextEncoder2,
                _ => Part::TextEncoder,
            };
            for ours in &named.ours {
                let shape = checkpoint.parts[&part].get(ours);
                let shape =
                    shape.unwrap_or_else(|| panic!("{family}: {} gave no {ours}", named.theirs));
                assert_eq!(
                    shape.iter().product::<usize>() * named.ours.len(),
                    named.shape.iter().product::<usize>()
                );
            }
            expected += named.ours.len();
        }
        let found: usize = checkpoint.parts.values().map(|shapes| shapes.len()).sum();
        assert_eq!(found, expected, "{family}");
    }
}

/// The published `unet/config.json` of each family, without what is the default.
fn published(family: &str) -> Value {
    let base = json!({
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        "block_out_channels": [320, 640, 1280, 1280],
    });
    let sdxl = json!({
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "block_out_channels": [320, 640, 1280], "attention_head_dim": [5, 10, 20],
        "transformer_layers_per_block": [1, 2, 10], "cross_attention_dim": 2048, "use_linear_projection": true,
        "addition_embed_type": "text_time", "projection_class_embeddings_input_dim": 2816,
    });
    let with = |base: &Value, changes: Value| {
        let mut config = base.clone();
        config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        config
    };
    let without_lowest = json!({
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        "block_out_channels": [320, 640, 1280], "layers_per_block": 1, "mid_block_type": null,
    });
    let changes = match family {
        "sd15" => json!({ "cross_attention_dim": 768 }),
        "sd15_inpainting" => json!({ "cross_attention_dim": 768, "in_channels": 9 }),
        "sd15_lcm" => json!({ "cross_attention_dim": 768, "time_cond_proj_dim": 256 }),
        "sd21" => json!({
            "cross_attention_dim": 1024, "use_linear_projection": true, "attention_head_dim": [5, 10, 20, 20],
        }),
        "sdxl" => sdxl,
        "sdxl_refiner" => json!({
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "block_out_channels": [384, 768, 1536, 1536], "attention_head_dim": [6, 12, 24, 24],
            "transformer_layers_per_block": 4, "cross_attention_dim": 1280, "use_linear_projection": true,
            "addition_embed_type": "text_time", "projection_class_embeddings_input_dim": 2560,
        }),
        "ssd_1b" => with(
            &sdxl,
            json!({
                "mid_block_type": "UNetMidBlock2D", "transformer_layers_per_block": [1, [2, 2], [4, 4]],
                "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1],
            }),
        ),
        "vega" => with(
            &sdxl,
            json!({
                "mid_block_type": "UNetMidBlock2D", "transformer_layers_per_block": [1, [1, 1], [2, 2]],
                "reverse_transformer_layers_per_block": [[2, 2, 2], [1, 1, 1], 1],
            }),
        ),
        // A level that does not attend may say so.
        "koala_700m" => with(
            &sdxl,
            json!({
                "layers_per_block": 1, "transformer_layers_per_block": [0, 2, 5], "mid_block_type": null,
            }),
        ),
        "koala_1b" => {
            with(&sdxl, json!({ "layers_per_block": 1, "transformer_layers_per_block": [1, 2, 6] }))
        }
        "bk_sdm_base" => json!({ "cross_attention_dim": 768, "layers_per_block": 1 }),
        "bk_sdm_tiny" => with(&without_lowest, json!({ "cross_attention_dim": 768 })),
        "bk_sdm_v2_tiny" => with(
            &without_lowest,
            json!({
                "cross_attention_dim": 1024, "use_linear_projection": true, "attention_head_dim": [5, 10, 20],
            }),
        ),
        "small_sd" => {
            json!({ "cross_attention_dim": 768, "layers_per_block": 1, "mid_block_type": null })
        }
        _ => unreachable!("{family}"),
    };
    with(&base, changes)
}

#[test]
fn a_unet_s_tensors_tell_its_published_config() {
    for (family, expected) in FAMILIES {
        let checkpoint = Checkpoint::of(&listed(family));
        let config = UnetConfig::from_shapes(family, &checkpoint.parts[&Part::Unet]).unwrap();
        assert_eq!(Family::of(&config), expected);
        let published = UnetConfig::parse(family, &published(family).to_string()).unwrap();
        assert_eq!(config, published, "{family}");
    }
}

#[test]
fn text_encoders_and_autoencoders_tell_theirs() {
    let parts = |family| Checkpoint::of(&listed(family)).parts;
    let clip = |family, part| ClipConfig::from_shapes(family, &parts(family)[&part]).unwrap();
    let large = clip("sdxl", Part::TextEncoder);
    assert_eq!(
        (large.hidden_size, large.num_hidden_layers, large.num_attention_heads),
        (768, 12, 12)
    );
    assert!(large.quick_gelu && large.projection_dim.is_none() && large.eos_token_id == 49407);
    let huge = clip("sd21", Part::TextEncoder);
    assert_eq!(
        (huge.hidden_size, huge.num_hidden_layers, huge.num_attention_heads),
        (1024, 24, 16)
    );
    assert!(!huge.quick_gelu && huge.projection_dim == Some(1024));
    let giant = clip("sdxl", Part::TextEncoder2);
    assert_eq!(
        (giant.hidden_size, giant.num_hidden_layers, giant.intermediate_size),
        (1280, 32, 5120)
    );
    let vae = VaeConfig::from_shapes("sdxl", &parts("sdxl")[&Part::Vae]).unwrap();
    assert_eq!(
        (&vae.block_out_channels[..], vae.layers_per_block, vae.latent_channels),
        (&[128, 256, 512, 512][..], 2, 4)
    );
    assert!(vae.mid_block_add_attention && vae.use_quant_conv && vae.use_post_quant_conv);
}

const TINY: [&str; 8] = [
    "tiny_sd1",
    "tiny_sd1_inpainting",
    "tiny_sd2",
    "tiny_sdxl",
    "tiny_sdxl_refiner",
    "tiny_ssd_1b",
    "tiny_small_sd",
    "tiny_pix2pix",
];

/// What a denoising network answers to what the reference was asked.
fn unet_answer(
    family: &str,
    shapes: &Shapes,
    weights: Weights,
    reference: &BTreeMap<String, Reference>,
) -> Vec<f32> {
    let named = |name: &str| &reference[&format!("{family}.{name}")];
    let config = UnetConfig::from_shapes(family, shapes).unwrap();
    let last = match Family::of(&config) {
        Family::SdxlRefiner => &[6.0][..],
        _ => &[64.0, 64.0],
    };
    let added = config.added.map(|_| AddedCondition {
        text_embeds: named("pooled").tensor(),
        time_ids: [&[64.0, 64.0, 0.0, 0.0], last].concat(),
    });
    let unet = Unet::load(config, weights).unwrap();
    let context = named("context").tensor();
    let condition = UnetCondition { context: context.into(), added, timestep_cond: None };
    values(unet.forward(named("sample").tensor(), &[500.0], &condition))
}

/// Networks that were pruned in every way that is published, by themselves.
pub(crate) const PRUNED: [&str; 5] =
    ["tiny_vega", "tiny_koala_700m", "tiny_koala_1b", "tiny_bk_sdm_base", "tiny_bk_sdm_tiny"];

#[test]
fn pruned_networks_compute_what_torch_does() {
    let mut close = Closeness::within(1e-4);
    let reference = references("checkpoints/pruned.safetensors");
    for family in PRUNED {
        let (checkpoint, mut parts) = loaded(family);
        let weights = parts.remove(&Part::Unet).unwrap();
        let ours = unet_answer(family, &checkpoint.parts[&Part::Unet], weights, &reference);
        close.check(family, &ours, &reference[&format!("{family}.unet")].data);
        assert!(parts.is_empty());
    }
}

#[test]
fn single_files_compute_what_torch_does() {
    let mut close = Closeness::within(1e-4);
    for family in TINY {
        let (checkpoint, mut parts) = loaded(family);
        let shapes = |part| &checkpoint.parts[&part];
        let reference = references("checkpoints/tiny.safetensors");
        let named = |name: &str| &reference[&format!("{family}.{name}")];
        let weights = parts.remove(&Part::Unet).unwrap();
        let ours = unet_answer(family, shapes(Part::Unet), weights, &reference);
        close.check(&format!("{family} unet"), &ours, &named("unet").data);
        let sample: Tensor<4> = named("sample").tensor();

        let config = VaeConfig::from_shapes(family, shapes(Part::Vae)).unwrap();
        let vae = Vae::load(config, parts.remove(&Part::Vae).unwrap()).unwrap();
        let latent = sample.narrow(1, 0, 4);
        let decoded = block_on(vae.decode(latent, async || Ok(()))).unwrap();
        close.check(&format!("{family} vae"), &values(decoded), &named("vae").data);

        for (i, part) in [Part::TextEncoder, Part::TextEncoder2].into_iter().enumerate() {
            let Some(weights) = parts.remove(&part) else { continue };
            let config = ClipConfig::from_shapes(family, shapes(part)).unwrap();
            let model = ClipTextModel::load(config, weights).unwrap();
            let out = model.forward(&[vec![49406, 320, 1125, 539, 320, 2368, 49407]], 2).unwrap();
            close.check(
                &format!("{family} text{i}"),
                &values(out.hidden),
                &named(&format!("text{i}")).data,
            );
            close.check(
                &format!("{family} pooled{i}"),
                &values(out.pooled),
                &named(&format!("pooled{i}")).data,
            );
        }
        assert!(parts.is_empty());
    }
}
