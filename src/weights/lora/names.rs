//! What programs call the layers of a network, and the parts of a change of one.

use std::collections::BTreeMap;

use super::delta::Role;
use crate::weights::ldm;

/// A network that adaptations are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapted {
    /// The denoising network.
    Unet,
    /// A family's only text encoder.
    TextEncoder,
    /// SDXL's text encoder of this number, 0 or 1.
    TextEncoderOf(usize),
}

/// Endings of a tensor's name, and which part of a change it then is.
const ROLES: [(&str, Role); 26] = [
    (".lora_down.weight", Role::Down),
    (".lora_up.weight", Role::Up),
    (".lora_mid.weight", Role::Mid),
    (".lora_A.weight", Role::Down),
    (".lora_B.weight", Role::Up),
    (".lora_A.default.weight", Role::Down),
    (".lora_B.default.weight", Role::Up),
    (".lora.down.weight", Role::Down),
    (".lora.up.weight", Role::Up),
    (".lora_linear_layer.down.weight", Role::Down),
    (".lora_linear_layer.up.weight", Role::Up),
    ("_lora.down.weight", Role::Down),
    ("_lora.up.weight", Role::Up),
    (".alpha", Role::Alpha),
    (".hada_w1_a", Role::HadaW1A),
    (".hada_w1_b", Role::HadaW1B),
    (".hada_w2_a", Role::HadaW2A),
    (".hada_w2_b", Role::HadaW2B),
    (".hada_t1", Role::HadaT1),
    (".hada_t2", Role::HadaT2),
    (".lokr_w1", Role::KronW1),
    (".lokr_w1_a", Role::KronW1A),
    (".lokr_w1_b", Role::KronW1B),
    (".lokr_w2", Role::KronW2),
    (".lokr_w2_a", Role::KronW2A),
    (".lokr_w2_b", Role::KronW2B),
];

/// Further endings: a tucker-decomposed LoKr, and changes as they are.
const MORE_ROLES: [(&str, Role); 5] = [
    (".lokr_t2", Role::KronT2),
    (".diff", Role::Diff),
    (".diff_b", Role::DiffBias),
    (".w_norm", Role::Diff),
    (".b_norm", Role::DiffBias),
];

/// Parts of names that stand for adaptations that are not known here.
const UNSUPPORTED: [(&str, &str); 9] = [
    ("dora_scale", "DoRA, which changes the lengths of weights as well"),
    ("lora_magnitude_vector", "DoRA, which changes the lengths of weights as well"),
    (".oft_blocks", "OFT"),
    (".oft_diag", "OFT"),
    (".on_input", "IA³"),
    (".a1.weight", "GLoRA"),
    (".b1.weight", "GLoRA"),
    ("reshape_weight", "LoRA for layers of another size"),
    ("hypernetwork", "hypernetwork"),
];

/// The adaptation that a tensor's name stands for, if it is one that is not known here.
pub(super) fn unsupported(name: &str) -> Option<&'static str> {
    UNSUPPORTED.iter().find(|(part, _)| name.contains(part)).map(|(_, what)| *what)
}

/// A tensor's layer and which part of its change it is; nothing if it is none.
pub(super) fn split(name: &str) -> Option<(String, Role)> {
    let roles = ROLES.iter().chain(&MORE_ROLES);
    let (layer, role) =
        roles.clone().find_map(|(end, role)| Some((name.strip_suffix(end)?, *role)))?;
    // PEFT saves a model inside another; older diffusers kept attention's changes in its processor.
    let layer = layer.strip_prefix("base_model.model.").unwrap_or(layer);
    let layer = layer.replace(".processor.", ".");
    Some((
        layer.strip_suffix(".to_out").map_or(layer.clone(), |path| format!("{path}.to_out.0")),
        role,
    ))
}

impl Adapted {
    /// Every name that programs have for a network's layers, with our path of each.
    pub(super) fn names<'a>(
        self,
        tensors: impl Iterator<Item = (&'a str, &'a [usize])> + Clone,
    ) -> BTreeMap<String, String> {
        let has = |name: &str| tensors.clone().any(|(known, _)| known == name);
        let levels = ldm::Levels::of_ours(|list, level, i| {
            has(&format!("{list}.{level}.resnets.{i}.conv1.weight"))
        });
        let attends: Vec<bool> =
            (0..8).map(|i| has(&format!("up_blocks.{i}.attentions.0.norm.weight"))).collect();
        let mut names = BTreeMap::new();
        for path in tensors.filter_map(|(name, _)| name.strip_suffix(".weight")) {
            let low = path.replace('.', "_");
            let mut add = |name: String| names.insert(name, path.to_owned());
            match self {
                Self::Unet => {
                    add(format!("lora_unet_{low}"));
                    add(format!("lycoris_{low}"));
                    add(format!("unet.{path}"));
                    add(path.to_owned());
                    let attends = |i: usize| attends.get(i).copied().unwrap_or(false);
                    // A dot at the end, since a layer's name may be the whole of a prefix.
                    let theirs = ldm::unet_theirs(&format!("{path}."), &levels, attends);
                    if let Some(theirs) = theirs {
                        let theirs = theirs.trim_end_matches('.');
                        add(format!("lora_unet_{}", theirs.replace('.', "_")));
                        add(format!("diffusion_model.{theirs}"));
                        add(format!("model.diffusion_model.{theirs}"));
                    }
                }
                Self::TextEncoder => {
                    add(format!("lora_te_{low}"));
                    add(format!("lora_te1_{low}"));
                    add(format!("text_encoder.{path}"));
                    add(path.to_owned());
                }
                Self::TextEncoderOf(number) => {
                    add(format!("lora_te{}_{low}", number + 1));
                    add(format!("text_encoder{}.{path}", ["", "_2"][number.min(1)]));
                }
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_change_are_told_by_the_end_of_the_name() {
        for (name, layer, role) in [
            (
                "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight",
                "lora_unet_mid_block_attentions_0_proj_in",
                Role::Down,
            ),
            (
                "unet.mid_block.attentions.0.proj_in.lora_B.weight",
                "unet.mid_block.attentions.0.proj_in",
                Role::Up,
            ),
            (
                "base_model.model.mid_block.proj_in.lora_A.default.weight",
                "mid_block.proj_in",
                Role::Down,
            ),
            ("unet.a.attn1.processor.to_out_lora.up.weight", "unet.a.attn1.to_out.0", Role::Up),
            ("unet.a.attn1.processor.to_q_lora.down.weight", "unet.a.attn1.to_q", Role::Down),
            ("lora_te_x.lokr_w1_b", "lora_te_x", Role::KronW1B),
            ("lora_te_x.alpha", "lora_te_x", Role::Alpha),
        ] {
            assert_eq!(split(name), Some((layer.to_owned(), role)), "{name}");
        }
        assert_eq!(split("model.diffusion_model.out.0.weight"), None);
        assert!(unsupported("lora_te_x.dora_scale").is_some_and(|what| what.starts_with("DoRA")));
    }

    #[test]
    fn a_layer_goes_by_all_its_names() {
        let shape: &[usize] = &[4, 4];
        let unet = [
            "down_blocks.1.attentions.0.proj_in.weight",
            "down_blocks.0.resnets.0.conv1.weight",
            "down_blocks.0.resnets.1.conv1.weight",
            "up_blocks.0.resnets.0.conv1.weight",
            "up_blocks.0.resnets.1.conv1.weight",
            "up_blocks.0.resnets.2.conv1.weight",
            "up_blocks.0.upsamplers.0.conv.weight",
            "up_blocks.0.attentions.0.norm.weight",
            "conv_in.weight",
        ];
        let names = Adapted::Unet.names(unet.iter().map(|name| (*name, shape)));
        for (theirs, ours) in [
            ("lora_unet_down_blocks_1_attentions_0_proj_in", "down_blocks.1.attentions.0.proj_in"),
            ("lora_unet_input_blocks_4_1_proj_in", "down_blocks.1.attentions.0.proj_in"),
            ("unet.down_blocks.1.attentions.0.proj_in", "down_blocks.1.attentions.0.proj_in"),
            ("diffusion_model.output_blocks.2.2.conv", "up_blocks.0.upsamplers.0.conv"),
            ("lora_unet_input_blocks_2_0_in_layers_2", "down_blocks.0.resnets.1.conv1"),
            ("lora_unet_input_blocks_0_0", "conv_in"),
        ] {
            assert_eq!(names.get(theirs).map(String::as_str), Some(ours), "{theirs}");
        }
        let text = [("text_model.encoder.layers.0.mlp.fc1.weight", shape)];
        let of = |network: Adapted| network.names(text.iter().copied());
        assert!(
            of(Adapted::TextEncoder).contains_key("lora_te_text_model_encoder_layers_0_mlp_fc1")
        );
        assert!(
            of(Adapted::TextEncoderOf(1))
                .contains_key("lora_te2_text_model_encoder_layers_0_mlp_fc1")
        );
        assert!(
            of(Adapted::TextEncoderOf(1))
                .contains_key("text_encoder_2.text_model.encoder.layers.0.mlp.fc1")
        );
        assert!(
            !of(Adapted::TextEncoderOf(0))
                .contains_key("lora_te2_text_model_encoder_layers_0_mlp_fc1")
        );
    }
}
