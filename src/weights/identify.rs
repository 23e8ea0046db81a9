//! What is this file? Answered by the names of its tensors, before any number is read.

use super::checkpoint::{Checkpoint, Part};
use super::lora;
use super::safetensors::TensorInfo;

/// A kind of file that a person may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A denoising network with what belongs to it.
    Checkpoint,
    /// A denoising network alone.
    DiffusionModel,
    /// Text encoders.
    TextEncoder,
    /// An autoencoder.
    Vae,
    /// A tiny autoencoder (TAESD).
    TinyVae,
    /// Its encoder or its decoder alone.
    TinyVaeHalf,
    /// A small change of a checkpoint.
    Lora,
    /// A network that guides by a picture.
    ControlNet,
    /// Vectors that a word of a prompt stands for.
    Embedding,
    /// A network that enlarges pictures.
    Upscaler,
    /// A network that repaints pictures.
    StyleTransfer,
}

impl FileKind {
    /// What it is, for a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "a checkpoint",
            Self::DiffusionModel => "a denoising network without the rest of a checkpoint",
            Self::TextEncoder => "a text encoder",
            Self::Vae => "an autoencoder",
            Self::TinyVae => "a tiny autoencoder (TAESD)",
            Self::TinyVaeHalf => "half of a tiny autoencoder (TAESD)",
            Self::Lora => "a LoRA",
            Self::ControlNet => "a ControlNet",
            Self::Embedding => "an embedding",
            Self::Upscaler => "an upscaler",
            Self::StyleTransfer => "a style transfer network",
        }
    }

    /// The models folder it belongs into, by ComfyUI's name.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoints",
            Self::DiffusionModel => "diffusion_models",
            Self::TextEncoder => "text_encoders",
            Self::Vae | Self::TinyVae => "vae",
            Self::TinyVaeHalf => "vae_approx",
            Self::Lora => "loras",
            Self::ControlNet => "controlnet",
            Self::Embedding => "embeddings",
            Self::Upscaler => "upscale_models",
            Self::StyleTransfer => "style_transfer",
        }
    }

    /// The node that loads it.
    pub fn loader(self) -> &'static str {
        match self {
            Self::Checkpoint => "CheckpointLoaderSimple",
            Self::DiffusionModel => "UNETLoader",
            Self::TextEncoder => "CLIPLoader",
            Self::Vae | Self::TinyVae | Self::TinyVaeHalf => "VAELoader",
            Self::Lora => "LoraLoader",
            Self::ControlNet => "ControlNetLoader",
            Self::Embedding => "CLIPTextEncode",
            Self::Upscaler => "UpscaleModelLoader",
            Self::StyleTransfer => "StyleTransferModelLoader",
        }
    }
}

/// Parts of names that only networks of other families have, and the family.
const OTHERS: [(&str, &str); 12] = [
    ("joint_blocks.", "Stable Diffusion 3"),
    ("double_blocks.", "Flux"),
    ("single_transformer_blocks.", "Flux"),
    ("double_stream_modulation", "Flux 2"),
    ("effnet_mapper.", "Stable Cascade"),
    ("clip_txt_mapper.", "Stable Cascade"),
    ("adaln_single.", "PixArt or LTX-Video"),
    ("cap_embedder.", "Lumina or Z-Image"),
    ("txt_norm.", "Qwen Image"),
    ("patch_embedding.", "Wan"),
    ("mlp_t5.", "Hunyuan-DiT"),
    ("vision_model.", "CLIP's picture encoder"),
];

/// Parts of names that only ControlNets and T2I-Adapters have.
const CONTROL: [&str; 6] = [
    "zero_convs.",
    "input_hint_block.",
    "controlnet_cond_embedding.",
    "controlnet_down_blocks.",
    "adapter.body.",
    "body.0.resnets.",
];

/// Parts of names that only upscalers have: ESRGAN's of either naming, and Compact's.
const UPSCALERS: [&str; 4] = ["RDB1.conv1", "rdb1.conv1", "model.1.sub.0.", "conv_first."];

/// Tensors of a tiny autoencoder's decoder, by diffusers' names and ComfyUI's.
const TINY_VAES: [&str; 2] = ["decoder.layers.0.weight", "taesd_decoder.1.weight"];

/// Blocks of its halves in files of their own, the encoder's first and the decoder's.
const TINY_HALVES: [&str; 2] = ["1.conv.0.weight", "3.conv.0.weight"];

/// Widths of the text encoders that embeddings are learned for.
const WIDTHS: [usize; 3] = [768, 1024, 1280];

/// What a file with these tensors is, or what it is that cannot be used here, in words.
///
/// # Errors
///
/// The words.
pub fn identify(tensors: &[TensorInfo]) -> Result<FileKind, String> {
    let any = |part: &str| tensors.iter().any(|tensor| tensor.name.contains(part));
    let Some(first) = tensors.first() else { return Err("a file without tensors".to_owned()) };
    // Before families: a LoRA for Flux names Flux' layers.
    if tensors.iter().any(|tensor| lora::is_part(&tensor.name)) {
        return Ok(FileKind::Lora);
    }
    if let Some((_, family)) = OTHERS.iter().find(|(part, _)| any(part)) {
        return Err(format!("a model of another family, {family}"));
    }
    if CONTROL.iter().any(|part| any(part)) || any("body.0.block1.") {
        return Ok(FileKind::ControlNet);
    }
    let has = |names: &[&str]| tensors.iter().any(|tensor| names.contains(&&*tensor.name));
    if has(&TINY_VAES) {
        return Ok(FileKind::TinyVae);
    }
    if has(&["contract.0.norm.weight"]) {
        return Ok(FileKind::StyleTransfer);
    }
    if has(&TINY_HALVES) {
        return Ok(FileKind::TinyVaeHalf);
    }
    let compact = tensors
        .iter()
        .any(|tensor| tensor.name.ends_with("body.1.weight") && tensor.shape.len() == 1);
    if UPSCALERS.iter().any(|part| any(part)) || compact {
        return Ok(FileKind::Upscaler);
    }
    let is_vectors = |tensor: &TensorInfo| {
        let width = tensor.shape.last().copied().unwrap_or(0);
        let named = ["emb_params", "clip_l", "clip_g"].contains(&&*tensor.name);
        tensor.shape.len() <= 2 && (named || WIDTHS.contains(&width))
    };
    if tensors.len() <= 2 && tensors.iter().all(is_vectors) {
        return Ok(FileKind::Embedding);
    }
    let parts = Checkpoint::of(tensors).parts;
    let has = |part: Part| parts.contains_key(&part);
    let texts = has(Part::TextEncoder) || has(Part::TextEncoder2);
    match (has(Part::Unet), texts, has(Part::Vae)) {
        (true, false, false) => Ok(FileKind::DiffusionModel),
        (true, ..) => Ok(FileKind::Checkpoint),
        (false, true, _) => Ok(FileKind::TextEncoder),
        (false, false, true) => Ok(FileKind::Vae),
        (false, false, false) => Err(format!("a file whose first tensor is `{}`", first.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Dtype;
    use crate::weights::safetensors::Scaling;

    /// Name and shape.
    type Tensor<'a> = (&'a str, &'a [usize]);

    #[test]
    fn a_file_is_known_by_the_names_of_its_tensors() {
        let file = |names: &[Tensor]| {
            let info = |&(name, shape): &Tensor| TensorInfo {
                name: name.to_owned(),
                dtype: Dtype::F16,
                shape: shape.to_vec(),
                start: 0,
                end: 0,
                scaling: Scaling::None,
            };
            identify(&names.iter().map(info).collect::<Vec<_>>())
        };
        let conv: &[usize] = &[4, 4, 3, 3];
        let cases: [(&[Tensor], FileKind); 20] = [
            (
                &[
                    ("model.diffusion_model.input_blocks.0.0.weight", conv),
                    ("first_stage_model.encoder.conv_in.weight", conv),
                ],
                FileKind::Checkpoint,
            ),
            (&[("model.diffusion_model.input_blocks.0.0.weight", conv)], FileKind::DiffusionModel),
            (&[("down_blocks.0.resnets.0.conv1.weight", conv)], FileKind::DiffusionModel),
            (
                &[("text_model.final_layer_norm.weight", &[4]), ("a", &[1]), ("b", &[1])],
                FileKind::TextEncoder,
            ),
            (&[("decoder.conv_in.weight", conv)], FileKind::Vae),
            (&[("decoder.layers.0.weight", conv)], FileKind::TinyVae),
            (&[("taesd_decoder.1.weight", conv)], FileKind::TinyVae),
            (&[("0.weight", conv), ("1.conv.0.weight", conv)], FileKind::TinyVaeHalf),
            (&[("1.weight", conv), ("3.conv.0.weight", conv)], FileKind::TinyVaeHalf),
            (
                &[("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", &[4, 4])],
                FileKind::Lora,
            ),
            (&[("unet.mid_block.proj_in.lora_A.weight", &[4, 4])], FileKind::Lora),
            (&[("x.dora_scale", &[4])], FileKind::Lora),
            (&[("control_model.zero_convs.0.0.weight", conv)], FileKind::ControlNet),
            (&[("controlnet_cond_embedding.conv_in.weight", conv)], FileKind::ControlNet),
            (&[("body.0.block1.weight", conv)], FileKind::ControlNet),
            (
                &[("contract.0.conv.weight", conv), ("contract.0.norm.weight", &[4, 4])],
                FileKind::StyleTransfer,
            ),
            (&[("emb_params", &[3, 768])], FileKind::Embedding),
            (&[("clip_l", &[3, 768]), ("clip_g", &[3, 1280])], FileKind::Embedding),
            (&[("model.1.sub.0.RDB1.conv1.0.weight", conv)], FileKind::Upscaler),
            (
                &[("params.body.0.weight", conv), ("params.body.1.weight", &[64])],
                FileKind::Upscaler,
            ),
        ];
        for (names, kind) in cases {
            assert_eq!(file(names), Ok(kind), "{names:?}");
        }
        let words = |name| file(&[(name, conv)]).unwrap_err();
        assert_eq!(
            words("model.diffusion_model.joint_blocks.0.x.weight"),
            "a model of another family, Stable Diffusion 3"
        );
        assert_eq!(words("double_blocks.0.img_attn.qkv.weight"), "a model of another family, Flux");
        assert_eq!(words("blocks.0"), "a file whose first tensor is `blocks.0`");
        assert_eq!(file(&[]).unwrap_err(), "a file without tensors");
    }
}
