//! Configs that ask for what the networks cannot do.

use serde_json::{Map, Value, json};
use tintype::error::Result;
use tintype::models::clip::ClipConfig;
use tintype::models::unet::UnetConfig;
use tintype::models::vae::VaeConfig;
use tintype::store::MemorySource;
use tintype::weights::safetensors;

use super::{NETWORKS, assert_told, code};
use crate::support::{Folder, load};

fn parse(config: &str, option: &str, value: &Value) -> Result<()> {
    let network = NETWORKS.iter().find(|network| network.config.starts_with(config)).unwrap();
    let (file, text) = Folder::tiny("sd15").text(network.config);
    let mut options: Map<String, Value> = serde_json::from_str(&text).unwrap();
    options.insert(option.to_owned(), value.clone());
    let empty = load(&MemorySource::new("empty", safetensors::write(&[], &Map::new()))).unwrap();
    (network.build)(&file, &Value::Object(options).to_string(), empty)
}

/// Everything diffusers 0.42 and transformers 5.23 would do something else for.
fn unsupported() -> Vec<(&'static str, &'static str, Value)> {
    let unet = [
        ("_class_name", json!("UNet2DModel")),
        ("act_fn", json!("gelu")),
        ("addition_embed_type", json!("text_image")),
        ("attention_head_dim", json!([8, 8])),
        ("attention_head_dim", json!(7)),
        ("attention_head_dim", json!(0)),
        ("attention_type", json!("gated")),
        ("block_out_channels", json!([16, 16])),
        ("block_out_channels", json!([1_u64 << 60, 16, 24, 24])),
        ("block_out_channels", json!("wide")),
        ("center_input_sample", json!(true)),
        ("class_embed_type", json!("projection")),
        ("class_embeddings_concat", json!(true)),
        ("conv_in_kernel", json!(5)),
        ("conv_out_kernel", json!(1)),
        ("cross_attention_dim", json!([32, 32, 32, 32])),
        ("cross_attention_norm", json!("group_norm")),
        ("down_block_types", json!(vec!["SimpleCrossAttnDownBlock2D"; 4])),
        ("down_block_types", json!([])),
        ("down_block_types", json!(null)),
        ("downsample_padding", json!(0)),
        ("dual_cross_attention", json!(true)),
        ("encoder_hid_dim", json!(768)),
        ("encoder_hid_dim_type", json!("text_proj")),
        ("in_channels", json!(-4)),
        ("in_channels", json!(1e30)),
        ("layers_per_block", json!([2, 2, 2])),
        ("layers_per_block", json!([2, 2, 2, 0])),
        ("layers_per_block", json!(0)),
        ("mid_block_only_cross_attention", json!(true)),
        ("mid_block_scale_factor", json!(0.5)),
        ("mid_block_type", json!("UNetMidBlock2DSimpleCrossAttn")),
        ("norm_eps", json!("small")),
        ("norm_num_groups", json!(7)),
        ("norm_num_groups", json!(0)),
        ("num_class_embeds", json!(10)),
        ("only_cross_attention", json!(true)),
        ("resnet_out_scale_factor", json!(1.5)),
        ("resnet_skip_time_act", json!(true)),
        ("resnet_time_scale_shift", json!("scale_shift")),
        ("reverse_transformer_layers_per_block", json!([[1, 1], [1, 1]])),
        ("time_embedding_act_fn", json!("gelu")),
        ("time_embedding_dim", json!(128)),
        ("time_embedding_type", json!("fourier")),
        ("timestep_post_act", json!("silu")),
        ("transformer_layers_per_block", json!([[1, 1], [1], [1, 1], [1, 1]])),
        // Deeper on the one way than on the other only where both are told.
        ("transformer_layers_per_block", json!([[1, 1], [1, 2], [1, 1], [1, 1]])),
        ("transformer_layers_per_block", json!([1, 0, 1, 1])),
        ("up_block_types", json!(["UpBlock2D"])),
        ("use_linear_projection", json!("yes")),
    ];
    let vae = [
        ("_class_name", json!("AutoencoderTiny")),
        ("act_fn", json!("gelu")),
        ("down_block_types", json!(vec!["AttnDownEncoderBlock2D"; 4])),
        ("down_block_types", json!(vec!["DownEncoderBlock2D"; 100])),
        ("latents_mean", json!([0.0, 0.0, 0.0, 0.0])),
        ("latents_std", json!([1.0, 1.0, 1.0, 1.0])),
        ("layers_per_block", json!(0)),
        ("norm_num_groups", json!(3)),
        ("scaling_factor", json!("0.18215")),
        ("shift_factor", json!(0.1159)),
        ("up_block_types", json!(vec!["UpDecoderBlock2D"; 3])),
    ];
    let text_encoder = [
        ("hidden_act", json!("relu")),
        ("hidden_size", json!(0)),
        ("model_type", json!("t5")),
        ("num_attention_heads", json!(5)),
        ("num_attention_heads", json!(0)),
        ("vocab_size", json!(-1)),
    ];
    let of = |network, (option, value)| (network, option, value);
    let unet = unet.into_iter().map(move |entry| of("unet", entry));
    let vae = vae.into_iter().map(move |entry| of("vae", entry));
    let text_encoder = text_encoder.into_iter().map(move |entry| of("text_encoder", entry));
    unet.chain(vae).chain(text_encoder).collect()
}

#[test]
fn unsupported_options_are_refused_by_name() {
    for (network, option, value) in unsupported() {
        let error = parse(network, option, &value).unwrap_err();
        let config = format!("{network}/config.json");
        assert_told(&error, "unsupported_config", &[option, &value.to_string(), &config]);
    }
}

/// What makes no difference to us is no reason to refuse a model: the weights are what is missing then.
#[test]
fn harmless_options_are_accepted() {
    for (network, option, value) in [
        ("unet", "upcast_attention", json!(true)),
        ("unet", "upcast_attention", json!(null)),
        ("unet", "sample_size", json!(96)),
        ("unet", "dropout", json!(0.1)),
        ("unet", "num_class_embeds", json!(null)),
        ("unet", "mid_block_only_cross_attention", json!(false)),
        ("unet", "mid_block_scale_factor", json!(1.0)),
        ("unet", "something_of_tomorrow", json!(null)),
        ("vae", "force_upcast", json!(true)),
        ("vae", "scaling_factor", json!(null)),
        ("text_encoder", "torch_dtype", json!("float16")),
        ("text_encoder", "attention_dropout", json!(0.0)),
    ] {
        let result = parse(network, option, &value);
        assert_eq!(code(result), Some("missing_tensor"), "{network} {option}");
    }
}

#[test]
fn a_config_that_is_no_json() {
    for text in ["", "{", "[]", "null", "{\"a\":1}}", "\u{0}"] {
        for error in [
            UnetConfig::parse("mine/config.json", text).unwrap_err(),
            VaeConfig::parse("mine/config.json", text).unwrap_err(),
            ClipConfig::parse("mine/config.json", text).unwrap_err(),
        ] {
            assert_eq!(error.kind().code(), "bad_file", "{text:?}");
            assert!(error.to_string().contains("mine/config.json"));
        }
    }
}
