//! Whose each tensor of a file is: from its name alone.
//!
//! A file may hold one network, or all of a checkpoint side by side under prefixes, in the names of CompVis' programs
//! (`ldm`), of OpenCLIP (`open_clip`) or of diffusers and transformers, which are ours. What belongs to no network of
//! ours (averages of the training, tables of noise levels) is left where it is.

use std::collections::BTreeMap;
use std::ops::Range;

use super::safetensors::{Scaling, TensorInfo};
use super::{keys, ldm, open_clip};

/// A network that a file may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The denoising network.
    Unet,
    /// The autoencoder.
    Vae,
    /// The text encoder; SDXL's smaller one.
    TextEncoder,
    /// SDXL's larger one.
    TextEncoder2,
}

impl Part {
    /// What it is, for a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unet => "denoising network",
            Self::Vae => "autoencoder",
            Self::TextEncoder => "text encoder",
            Self::TextEncoder2 => "second text encoder",
        }
    }
}

/// Names and shapes of a network's tensors.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Which part of a stored tensor one of ours is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cut {
    /// All of it.
    Whole,
    /// These rows.
    Rows(Range<usize>),
    /// All of it, columns for rows.
    Transposed,
}

/// A tensor of ours that a stored one is, or is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) cut: Cut,
}

/// What a file is made of.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// What becomes of each tensor of the header, in its order; nothing of what no network uses.
    pub(super) targets: Vec<Vec<Target>>,
    /// The tensors of each network, in our names.
    pub parts: BTreeMap<Part, Shapes>,
    /// Names that belong to no network that is known here.
    pub others: Vec<String>,
}

/// Where programs put the networks of a checkpoint that is one file.
const PREFIXES: [(&str, Part); 11] = [
    ("model.diffusion_model.", Part::Unet),
    ("first_stage_model.", Part::Vae),
    ("cond_stage_model.transformer.", Part::TextEncoder),
    ("cond_stage_model.model.", Part::TextEncoder),
    ("conditioner.embedders.0.transformer.", Part::TextEncoder),
    ("conditioner.embedders.0.model.", Part::TextEncoder),
    ("conditioner.embedders.1.model.", Part::TextEncoder2),
    ("unet.", Part::Unet),
    ("vae.", Part::Vae),
    ("text_encoder.", Part::TextEncoder),
    ("text_encoder_2.", Part::TextEncoder2),
];

/// How the names of a file with a single network begin.
const ALONE: [(&str, Part); 12] = [
    ("input_blocks.", Part::Unet),
    ("middle_block.", Part::Unet),
    ("output_blocks.", Part::Unet),
    ("time_embed.", Part::Unet),
    ("down_blocks.", Part::Unet),
    ("up_blocks.", Part::Unet),
    ("encoder.conv_in.", Part::Vae),
    ("decoder.conv_in.", Part::Vae),
    ("text_model.", Part::TextEncoder),
    ("transformer.text_model.", Part::TextEncoder),
    ("transformer.resblocks.", Part::TextEncoder),
    ("token_embedding.", Part::TextEncoder),
];

/// What training leaves in a checkpoint, and no network is made of: tables of noise levels, averages of the weights.
const LEFTOVERS: [&str; 16] = [
    "model_ema.",
    "alphas_cumprod",
    "betas",
    "sqrt_",
    "log_one_minus_",
    "posterior_",
    "lvlb_weights",
    "logvar",
    "scale_factor",
    "denoiser.",
    "embedding_manager.",
    "first_stage_model.loss.",
    "first_stage_model.model_ema.",
    "cond_stage_model.model.visual.",
    "v_pred",
    "ztsnr",
];

impl Checkpoint {
    /// Sorts the tensors of a file.
    pub fn of(tensors: &[TensorInfo]) -> Self {
        let alone = tensors.iter().find_map(|tensor| {
            ALONE.iter().find(|(prefix, _)| tensor.name.starts_with(prefix)).map(|(_, part)| *part)
        });
        // Scales are read with what they scale.
        let is_own = |tensor: &TensorInfo| tensor.scaling != Scaling::Scales;
        let split: Vec<Option<(Part, &str)>> = tensors
            .iter()
            .map(|tensor| split(&tensor.name, alone).filter(|_| is_own(tensor)))
            .collect();
        let unet = || split.iter().flatten().filter(|(part, _)| *part == Part::Unet);
        let levels = ldm::Levels::of(unet().map(|(_, name)| *name));
        let vae_levels = vae_levels(split.iter().flatten());
        let mut checkpoint = Self::default();
        for (tensor, split) in tensors.iter().zip(&split) {
            let mut targets = Vec::new();
            if let Some((part, name)) = *split {
                for (name, cut) in translated(part, name, &tensor.shape, &levels, vae_levels) {
                    let shape = cut.shape(&tensor.shape);
                    checkpoint.parts.entry(part).or_default().insert(name.clone(), shape);
                    targets.push(Target { part, name, cut });
                }
            } else if is_own(tensor) && !is_leftover(&tensor.name) {
                checkpoint.others.push(tensor.name.clone());
            }
            checkpoint.targets.push(targets);
        }
        checkpoint
    }
}

/// The network a name belongs to, and its name there.
fn split(name: &str, alone: Option<Part>) -> Option<(Part, &str)> {
    if is_leftover(name) {
        return None;
    }
    let below =
        PREFIXES.iter().find_map(|(prefix, part)| Some((*part, name.strip_prefix(prefix)?)));
    below.or_else(|| {
        // ComfyUI saves a text encoder by itself under this prefix; OpenCLIP's `transformer.` is part of the name.
        let name = name
            .strip_prefix("transformer.")
            .filter(|name| name.starts_with("text_model."))
            .unwrap_or(name);
        Some((alone?, name))
    })
}

fn is_leftover(name: &str) -> bool {
    LEFTOVERS.iter().any(|leftover| name.starts_with(leftover))
        || name.rsplit('.').next() == Some("logit_scale")
        || keys::is_buffer(name)
}

/// Levels of an autoencoder with ldm's names: as many as its way up has.
fn vae_levels<'a>(names: impl Iterator<Item = &'a (Part, &'a str)>) -> usize {
    let level =
        |name: &str| ldm::number(name.strip_prefix("decoder.up.")?).map(|(level, _)| level + 1);
    names
        .filter(|(part, _)| *part == Part::Vae)
        .filter_map(|(_, name)| level(name))
        .max()
        .unwrap_or(0)
}

/// Our names of a network's tensor.
fn translated(
    part: Part,
    name: &str,
    shape: &[usize],
    levels: &ldm::Levels,
    vae_levels: usize,
) -> Vec<(String, Cut)> {
    let renamed = match part {
        Part::Unet => ldm::unet(name, levels),
        Part::Vae => ldm::vae(name, vae_levels),
        Part::TextEncoder | Part::TextEncoder2 => {
            if let Some(targets) = open_clip::text_model(name, shape) {
                return targets;
            }
            // The first checkpoints were saved by a transformers that had no `text_model` yet.
            ["embeddings.", "encoder.", "final_layer_norm."]
                .iter()
                .any(|old| name.starts_with(old))
                .then(|| format!("text_model.{name}"))
        }
    };
    vec![(renamed.unwrap_or_else(|| keys::ours(name)), Cut::Whole)]
}

impl Cut {
    /// Shape of this part of a tensor.
    pub(super) fn shape(&self, shape: &[usize]) -> Vec<usize> {
        match (self, shape) {
            (Self::Rows(rows), [_, rest @ ..]) => [&[rows.len()], rest].concat(),
            (Self::Transposed, [rows, columns]) => vec![*columns, *rows],
            _ => shape.to_vec(),
        }
    }

    /// This part of the bytes of a tensor of this shape, whose numbers are of this many bytes.
    pub(super) fn of(&self, bytes: Vec<u8>, shape: &[usize], size: usize) -> Vec<u8> {
        match (self, shape) {
            (Self::Rows(rows), [_, rest @ ..]) => {
                let row = rest.iter().product::<usize>() * size;
                bytes[rows.start * row..rows.end * row].to_vec()
            }
            (Self::Transposed, &[rows, columns]) => {
                let mut out = Vec::with_capacity(bytes.len());
                for column in 0..columns {
                    for row in 0..rows {
                        let at = (row * columns + column) * size;
                        out.extend_from_slice(&bytes[at..at + size]);
                    }
                }
                out
            }
            _ => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Dtype;

    fn tensors(names: &[(&str, &[usize])]) -> Vec<TensorInfo> {
        let info = |&(name, shape): &(&str, &[usize])| TensorInfo {
            name: name.to_owned(),
            dtype: Dtype::F16,
            shape: shape.to_vec(),
            start: 0,
            end: 0,
            scaling: Scaling::None,
        };
        names.iter().map(info).collect()
    }

    #[test]
    fn networks_lie_side_by_side_under_prefixes() {
        let checkpoint = Checkpoint::of(&tensors(&[
            ("model.diffusion_model.input_blocks.0.0.weight", &[4, 4, 3, 3]),
            ("first_stage_model.decoder.up.1.upsample.conv.bias", &[4]),
            ("cond_stage_model.transformer.embeddings.token_embedding.weight", &[9, 4]),
            ("cond_stage_model.transformer.text_model.embeddings.position_ids", &[1, 77]),
            ("conditioner.embedders.1.model.transformer.resblocks.3.attn.in_proj_bias", &[12]),
            ("model_ema.decay", &[]),
            ("sqrt_alphas_cumprod", &[1000]),
            ("control_model.zero_convs.0.0.bias", &[4]),
        ]));
        let names = |part| checkpoint.parts[&part].keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(Part::Unet), ["conv_in.weight"]);
        assert_eq!(names(Part::Vae), ["decoder.up_blocks.0.upsamplers.0.conv.bias"]);
        assert_eq!(names(Part::TextEncoder), ["text_model.embeddings.token_embedding.weight"]);
        assert_eq!(
            names(Part::TextEncoder2),
            ["k_proj", "q_proj", "v_proj"]
                .map(|part| format!("text_model.encoder.layers.3.self_attn.{part}.bias"))
        );
        assert_eq!(checkpoint.others, ["control_model.zero_convs.0.0.bias"]);
    }

    #[test]
    fn parts_of_a_matrix_are_cut_out_of_its_bytes() {
        let bytes = vec![0, 1, 2, 3, 4, 5];
        assert_eq!(Cut::Rows(1..3).of(bytes.clone(), &[3, 2], 1), [2, 3, 4, 5]);
        assert_eq!(Cut::Rows(1..3).shape(&[3, 2]), [2, 2]);
        assert_eq!(Cut::Transposed.of(bytes.clone(), &[3, 2], 1), [0, 2, 4, 1, 3, 5]);
        assert_eq!(Cut::Transposed.of(bytes.clone(), &[3, 1], 2), bytes);
        assert_eq!(Cut::Transposed.shape(&[3, 2]), [2, 3]);
    }
}
