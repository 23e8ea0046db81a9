//! The names that CompVis' and Stability's programs (ldm, sgm) gave the networks, and with them nearly every single-file
//! checkpoint, translated to diffusers'.
//!
//! Their UNet is one list of blocks down, `input_blocks.0` to `input_blocks.11`, and one up: which level a block is of
//! follows from how many there are before the first that makes the map smaller. Source: the names in the published
//! checkpoints; diffusers 0.42 `single_file_utils.py` agrees (`tests/reference/checkpoints.py`).

/// Length of a level in the lists of blocks of a UNet with ldm's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels {
    /// Residual blocks of a level on the way down.
    layers: usize,
}

impl Levels {
    /// From all names of the network.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let index =
            |name: &str| name.strip_prefix("input_blocks.")?.split('.').next()?.parse().ok();
        let smaller = |name: &&str| name.ends_with(".0.op.weight");
        let first_smaller = names.clone().filter(smaller).filter_map(index).min();
        // One level never gets smaller: then all blocks after the first convolution are of it.
        let last = || names.clone().filter_map(index).max().map_or(1, |last: usize| last + 1);
        Self { layers: first_smaller.unwrap_or_else(last).saturating_sub(1).max(1) }
    }
}

/// diffusers' name of a tensor of a UNet; nothing for a name that is not ldm's.
pub(super) fn unet(name: &str, levels: Levels) -> Option<String> {
    for (theirs, ours) in WHOLE {
        if let Some(rest) = name.strip_prefix(theirs) {
            return Some(format!("{ours}{rest}"));
        }
    }
    let (list, rest) = name.split_once('.')?;
    if list == "middle_block" {
        let (place, rest) = number(rest)?;
        return Some(match place {
            0 => format!("mid_block.resnets.0.{}", resnet(rest)),
            1 => format!("mid_block.attentions.0.{rest}"),
            2 => format!("mid_block.resnets.1.{}", resnet(rest)),
            _ => return None,
        });
    }
    let (block, rest) = number(rest)?;
    let (part, rest) = number(rest)?;
    match list {
        "input_blocks" => {
            let block = block.checked_sub(1)?;
            let (level, i) = (block / (levels.layers + 1), block % (levels.layers + 1));
            let path = format!("down_blocks.{level}");
            match (part, rest.strip_prefix("op.")) {
                (0, Some(rest)) => Some(format!("{path}.downsamplers.0.conv.{rest}")),
                (0, None) => Some(format!("{path}.resnets.{i}.{}", resnet(rest))),
                (1, _) => Some(format!("{path}.attentions.{i}.{rest}")),
                _ => None,
            }
        }
        "output_blocks" => {
            let (level, i) = (block / (levels.layers + 1), block % (levels.layers + 1));
            let path = format!("up_blocks.{level}");
            match (part, rest.strip_prefix("conv.")) {
                (0, _) => Some(format!("{path}.resnets.{i}.{}", resnet(rest))),
                (_, Some(rest)) => Some(format!("{path}.upsamplers.0.conv.{rest}")),
                (1, None) => Some(format!("{path}.attentions.{i}.{rest}")),
                _ => None,
            }
        }
        _ => None,
    }
}

/// ldm's name of a tensor of a UNet with diffusers' names, whose levels have this many residual blocks on the way down and
/// of which `attends` says whether up block `i` attends; nothing for a name that is not diffusers'.
pub(super) fn unet_theirs(
    name: &str,
    layers: usize,
    attends: impl Fn(usize) -> bool,
) -> Option<String> {
    if let Some(name) = WHOLE
        .iter()
        .find_map(|(theirs, ours)| Some(format!("{theirs}{}", name.strip_prefix(ours)?)))
    {
        return Some(name);
    }
    if let Some(rest) = name.strip_prefix("mid_block.attentions.0.") {
        return Some(format!("middle_block.1.{rest}"));
    }
    if let Some((i, rest)) = name.strip_prefix("mid_block.resnets.").and_then(number) {
        return Some(format!("middle_block.{}.{}", 2 * i, resnet_theirs(rest)));
    }
    let (list, rest) = name.split_once('.')?;
    let (level, rest) = number(rest)?;
    let (kind, rest) = rest.split_once('.')?;
    let (i, rest) = number(rest)?;
    let first = level * (layers + 1);
    Some(match (list, kind) {
        ("down_blocks", "resnets") => {
            format!("input_blocks.{}.0.{}", first + 1 + i, resnet_theirs(rest))
        }
        ("down_blocks", "attentions") => format!("input_blocks.{}.1.{rest}", first + 1 + i),
        ("down_blocks", "downsamplers") => {
            format!("input_blocks.{}.0.op.{}", first + 1 + layers, rest.strip_prefix("conv.")?)
        }
        ("up_blocks", "resnets") => {
            format!("output_blocks.{}.0.{}", first + i, resnet_theirs(rest))
        }
        ("up_blocks", "attentions") => format!("output_blocks.{}.1.{rest}", first + i),
        ("up_blocks", "upsamplers") => {
            format!("output_blocks.{}.{}.{rest}", first + layers, 1 + usize::from(attends(level)))
        }
        _ => return None,
    })
}

/// Parts of a UNet that are of no level: ldm's names and diffusers'.
const WHOLE: [(&str, &str); 8] = [
    ("time_embed.0.", "time_embedding.linear_1."),
    ("time_embed.2.", "time_embedding.linear_2."),
    ("time_embed.cond_proj.", "time_embedding.cond_proj."),
    ("label_emb.0.0.", "add_embedding.linear_1."),
    ("label_emb.0.2.", "add_embedding.linear_2."),
    ("input_blocks.0.0.", "conv_in."),
    ("out.0.", "conv_norm_out."),
    ("out.2.", "conv_out."),
];

/// Parts of a residual block: ldm's names and diffusers'.
const RESNET: [(&str, &str); 6] = [
    ("in_layers.0.", "norm1."),
    ("in_layers.2.", "conv1."),
    ("emb_layers.1.", "time_emb_proj."),
    ("out_layers.0.", "norm2."),
    ("out_layers.3.", "conv2."),
    ("skip_connection.", "conv_shortcut."),
];

fn resnet(name: &str) -> String {
    let ours =
        |(theirs, ours): &(&str, &str)| Some(format!("{ours}{}", name.strip_prefix(theirs)?));
    RESNET.iter().find_map(ours).unwrap_or_else(|| name.to_owned())
}

fn resnet_theirs(name: &str) -> String {
    let theirs =
        |(theirs, ours): &(&str, &str)| Some(format!("{theirs}{}", name.strip_prefix(ours)?));
    RESNET.iter().find_map(theirs).unwrap_or_else(|| name.to_owned())
}

/// diffusers' name of a tensor of an autoencoder with this many levels; nothing for a name that is not ldm's.
pub(super) fn vae(name: &str, levels: usize) -> Option<String> {
    let (half, rest) =
        name.split_once('.').filter(|(half, _)| ["encoder", "decoder"].contains(half))?;
    if let Some(rest) = rest.strip_prefix("norm_out.") {
        return Some(format!("{half}.conv_norm_out.{rest}"));
    }
    if let Some(rest) = rest.strip_prefix("mid.") {
        let (part, rest) = rest.split_once('.')?;
        return Some(match part {
            "block_1" => format!("{half}.mid_block.resnets.0.{}", vae_resnet(rest)),
            "block_2" => format!("{half}.mid_block.resnets.1.{}", vae_resnet(rest)),
            "attn_1" => format!("{half}.mid_block.attentions.0.{}", vae_attention(rest)),
            _ => return None,
        });
    }
    let (list, rest) = rest.split_once('.')?;
    let (level, rest) = number(rest)?;
    // Theirs count the way up from the picture, diffusers' from the latent.
    let level = if list == "up" { levels.checked_sub(level + 1)? } else { level };
    let path = format!("{half}.{list}_blocks.{level}");
    match (list, rest.split_once('.')?) {
        ("down" | "up", ("block", rest)) => {
            let (i, rest) = number(rest)?;
            Some(format!("{path}.resnets.{i}.{}", vae_resnet(rest)))
        }
        ("down", ("downsample", rest)) => Some(format!("{path}.downsamplers.0.{rest}")),
        ("up", ("upsample", rest)) => Some(format!("{path}.upsamplers.0.{rest}")),
        _ => None,
    }
}

fn vae_resnet(name: &str) -> String {
    name.replace("nin_shortcut.", "conv_shortcut.")
}

fn vae_attention(name: &str) -> String {
    for (theirs, ours) in [
        ("norm.", "group_norm."),
        ("q.", "to_q."),
        ("k.", "to_k."),
        ("v.", "to_v."),
        ("proj_out.", "to_out.0."),
    ] {
        if let Some(rest) = name.strip_prefix(theirs) {
            return format!("{ours}{rest}");
        }
    }
    name.to_owned()
}

/// `12.rest` → 12 and the rest.
pub(super) fn number(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.split_once('.')?;
    // A level is one of a dozen: a longer number is no index, and must not overflow one.
    if number.len() > 4 { None } else { Some((number.parse().ok()?, rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_means_nothing_is_no_name() {
        let levels = Levels { layers: 2 };
        for name in [
            "",
            "input_blocks.0.1.weight",
            "input_blocks",
            "input_blocks.1",
            "input_blocks.x.0.weight",
            "middle_block.7.weight",
            "elsewhere.1.0.weight",
            "input_blocks.99999999999999999999.0.in_layers.0.weight",
        ] {
            assert_eq!(unet(name, levels), None, "{name}");
        }
        for name in [
            "encoder",
            "encoder.down.0",
            "decoder.up.9.block.0.norm1.weight",
            "decoder.mid.block_3.norm1.weight",
            "quant_conv.weight",
            "decoder.conv_in.weight",
        ] {
            assert_eq!(vae(name, 4), None, "{name}");
        }
    }

    #[test]
    fn levels_follow_from_the_first_block_that_halves_the_map() {
        let of = |names: &[&str]| Levels::of(names.iter().copied()).layers;
        assert_eq!(
            of(&[
                "input_blocks.1.0.in_layers.0.weight",
                "input_blocks.3.0.op.weight",
                "input_blocks.6.0.op.weight"
            ]),
            2
        );
        assert_eq!(of(&["input_blocks.2.0.op.weight"]), 1);
        assert_eq!(of(&["input_blocks.0.0.weight", "input_blocks.3.0.in_layers.0.weight"]), 3);
        assert_eq!(of(&[]), 1);
    }
}
