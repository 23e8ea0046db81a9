use super::*;
use crate::models::unet::AddedConfig;

/// Names and shapes of a published net: levels' widths, for each the depth of its attention, and the middle's.
fn tensors(
    widths: &[usize],
    depths: &[usize],
    middle: usize,
    context: usize,
    linear: bool,
) -> Shapes {
    let mut out = Shapes::new();
    let mut put = |name: String, shape: &[usize]| {
        out.insert(name, shape.to_vec());
    };
    put("conv_in.weight".to_owned(), &[widths[0], 4, 3, 3]);
    let hint = |name: &str| format!("controlnet_cond_embedding.{name}.weight");
    put(hint("conv_in"), &[16, 3, 3, 3]);
    for (n, pair) in [16, 32, 96, 256].windows(2).enumerate() {
        put(hint(&format!("blocks.{}", 2 * n)), &[pair[0], pair[0], 3, 3]);
        put(hint(&format!("blocks.{}", 2 * n + 1)), &[pair[1], pair[0], 3, 3]);
    }
    let attention = |put: &mut dyn FnMut(String, &[usize]), path: &str, width, depth| {
        let kernel: &[usize] = if linear { &[width, width] } else { &[width, width, 1, 1] };
        put(format!("{path}.norm.weight"), &[width]);
        put(format!("{path}.proj_in.weight"), kernel);
        for n in 0..depth {
            put(format!("{path}.transformer_blocks.{n}.norm1.weight"), &[width]);
            put(format!("{path}.transformer_blocks.{n}.attn2.to_k.weight"), &[width, context]);
        }
    };
    for (level, (width, depth)) in widths.iter().zip(depths).enumerate() {
        let place = format!("down_blocks.{level}");
        for n in 0..2 {
            put(format!("{place}.resnets.{n}.conv1.weight"), &[*width, *width, 3, 3]);
            if *depth > 0 {
                attention(&mut put, &format!("{place}.attentions.{n}"), *width, *depth);
            }
        }
    }
    let lowest = widths[widths.len() - 1];
    put("mid_block.resnets.0.conv1.weight".to_owned(), &[lowest, lowest, 3, 3]);
    if middle > 0 {
        attention(&mut put, "mid_block.attentions.0", lowest, middle);
    }
    out
}

fn seen(shapes: &Shapes) -> Result<ControlNetConfig> {
    ControlNetConfig::from_shapes("net.safetensors", shapes)
}

#[test]
fn published_nets_are_told_by_their_tensors() {
    let sd1 = seen(&tensors(&[320, 640, 1280, 1280], &[1, 1, 1, 0], 1, 768, false)).unwrap();
    assert_eq!(sd1.half.heads, [8; 4]);
    assert_eq!(sd1.half.down, [[1, 1], [1, 1], [1, 1], [0, 0]]);
    assert_eq!(sd1.half.middle, Some(1));
    assert_eq!((sd1.half.cross_attention_dim, sd1.half.norm_num_groups), (768, 32));
    assert_eq!((sd1.hint_channels, &sd1.hint_widths[..]), (3, &[16, 32, 96, 256][..]));
    assert_eq!(sd1.half.added, None);

    let sd2 = seen(&tensors(&[320, 640, 1280, 1280], &[1, 1, 1, 0], 1, 1024, true)).unwrap();
    assert_eq!(sd2.half.heads, [5, 10, 20, 20]);
    assert!(sd2.half.use_linear_projection && !sd1.half.use_linear_projection);

    let mut shapes = tensors(&[320, 640, 1280], &[0, 2, 10], 10, 2048, true);
    shapes.insert("add_embedding.linear_1.weight".to_owned(), vec![1280, 2816]);
    let sdxl = seen(&shapes).unwrap();
    assert_eq!(sdxl.half.down, [[0, 0], [2, 2], [10, 10]]);
    assert_eq!((sdxl.half.middle, &sdxl.half.heads[..]), (Some(10), &[5, 10, 20][..]));
    assert_eq!(sdxl.half.added.map(AddedConfig::pooled_width), Some(1280));

    // A small SDXL net attends nowhere.
    let small = seen(&tensors(&[320, 640, 1280], &[0, 0, 0], 0, 0, true)).unwrap();
    assert_eq!((small.half.middle, small.half.cross_attention_dim), (Some(0), 0));
}

#[test]
fn a_file_of_something_else_lacks_a_tensor_by_name() {
    let whole = tensors(&[320, 640], &[1, 1], 1, 768, false);
    for name in [
        "conv_in.weight",
        "down_blocks.0.resnets.0.conv1.weight",
        "controlnet_cond_embedding.conv_in.weight",
    ] {
        let mut part = whole.clone();
        part.remove(name);
        assert_eq!(
            seen(&part).unwrap_err().to_string(),
            format!(
                "tensor `{name}` is missing from `net.safetensors`; the file is of another network, or incomplete"
            )
        );
    }
    for (name, shape) in
        [("conv_in.weight", vec![320]), ("down_blocks.1.resnets.0.conv1.weight", vec![7, 7, 3, 3])]
    {
        let mut odd = whole.clone();
        odd.insert(name.to_owned(), shape);
        let error = seen(&odd).unwrap_err();
        assert_eq!(error.kind().code(), "unsupported_config");
        assert!(error.to_string().contains(&format!("`{name}` is of shape")), "{error}");
    }
}

#[test]
fn a_net_of_another_family_is_refused_with_both_sizes_and_the_way_out() {
    let sd1 = seen(&tensors(&[320, 640, 1280, 1280], &[1, 1, 1, 0], 1, 768, false)).unwrap();
    let mut shapes = tensors(&[320, 640, 1280], &[0, 2, 10], 10, 2048, true);
    shapes.insert("add_embedding.linear_1.weight".to_owned(), vec![1280, 2816]);
    let sdxl = seen(&shapes).unwrap();
    sd1.check_fits("controlnet/canny.safetensors", &sd1.half).unwrap();
    let error = sdxl.check_fits("controlnet/canny.safetensors", &sd1.half).unwrap_err();
    assert_eq!(
        error.to_string(),
        "width of the embeddings that the control net reads: expected 768 as in the model, got 2048 in \
         `controlnet/canny.safetensors`; the file is for SDXL: use one made for Stable Diffusion 1.x, as the model is"
    );
    // A small net reads no embeddings: its levels tell.
    let small = seen(&tensors(&[320, 640, 1280], &[0, 0, 0], 0, 0, true)).unwrap();
    let error = small.check_fits("a.safetensors", &sd1.half).unwrap_err().to_string();
    assert!(
        error.contains("[320, 640, 1280, 1280]") && error.contains("[320, 640, 1280] in"),
        "{error}"
    );
    let error = small.check_fits("a.safetensors", &sdxl.half).unwrap_err().to_string();
    assert!(error.contains("picture numbers: expected 2816"), "{error}");
}

#[test]
fn options_of_a_config_are_understood_or_refused_by_name() {
    let text = |more: &str| {
        format!(
            r#"{{"_class_name": "ControlNetModel", "block_out_channels": [32, 64], "attention_head_dim": 8,
            "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"]{more}}}"#
        )
    };
    let parse = |more: &str| ControlNetConfig::parse("config.json", &text(more));
    let plain = parse("").unwrap();
    assert_eq!((plain.half.middle, plain.bgr, plain.pooled), (Some(1), false, false));
    assert_eq!((plain.hint_channels, &plain.hint_widths[..]), (3, &HINT_WIDTHS[..]));
    let rare = parse(
        r#", "mid_block_type": "UNetMidBlock2D", "controlnet_conditioning_channel_order": "bgr",
        "global_pool_conditions": true, "conditioning_embedding_out_channels": [8, 16]"#,
    )
    .unwrap();
    assert_eq!((rare.half.middle, rare.bgr, rare.pooled), (Some(0), true, true));
    assert_eq!(rare.hint_widths, [8, 16]);
    for (option, value) in [
        ("mid_block_type", r#""UNetMidBlock2DSimpleCrossAttn""#),
        ("controlnet_conditioning_channel_order", r#""hsv""#),
        ("conditioning_embedding_out_channels", "[]"),
        ("class_embed_type", r#""timestep""#),
        ("act_fn", r#""gelu""#),
    ] {
        let error = parse(&format!(r#", "{option}": {value}"#)).unwrap_err().to_string();
        assert!(error.contains(&format!("`{option}` is {value}")), "{error}");
    }
}
