//! The names that CompVis' and Stability's programs (ldm, sgm) gave the networks, and with them nearly every single-file
//! checkpoint, translated to diffusers'.
//!
//! Their UNet is one list of blocks down, `input_blocks.0` to `input_blocks.11`, and one up: a level ends where a map is
//! made smaller or larger, and where that is, the names tell. Source: the names in the published
//! checkpoints; diffusers 0.42 `single_file_utils.py` agrees (`tests/reference/checkpoints.py`).

/// Where levels end in the lists of blocks of a UNet with ldm's names, by their last blocks in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Levels {
    down: Vec<usize>,
    up: Vec<usize>,
}

impl Levels {
    /// From all of ldm's names of the network.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut levels = Self::default();
        for name in names {
            let (list, rest) = name.split_once('.').unwrap_or_default();
            match (list, number(rest)) {
                // Any tensor of it: of a Control-LoRA there is no weight, maybe no bias.
                ("input_blocks", Some((block, rest))) if rest.starts_with("0.op.") => {
                    levels.down.push(block);
                }
                ("output_blocks", Some((block, rest))) if rest.ends_with(".conv.weight") => {
                    levels.up.push(block);
                }
                _ => {}
            }
        }
        levels.down.sort_unstable();
        levels.down.dedup();
        levels.up.sort_unstable();
        levels
    }

    /// From whether there is a residual block of this number of a level, by diffusers' names.
    pub(super) fn of_ours(has: impl Fn(&str, usize, usize) -> bool) -> Self {
        let ends = |list: &str, first: usize, more: usize| {
            let mut next = first;
            let mut ends = Vec::new();
            while has(list, ends.len(), 0) {
                let layers = (1..).find(|i| !has(list, ends.len(), *i)).unwrap_or(1);
                next += layers + more;
                ends.push(next - 1);
            }
            ends
        };
        // On the way down a block of its own makes the map smaller; on the way up the last block makes it larger.
        Self { down: ends("down_blocks", 1, 1), up: ends("up_blocks", 0, 0) }
    }

    /// The level of a block and its number there, of levels that end so and begin with the block `first`.
    fn place(ends: &[usize], first: usize, block: usize) -> Option<(usize, usize)> {
        let level = ends.iter().filter(|end| **end < block).count();
        Some((level, block.checked_sub(Self::start(ends, first, level))?))
    }

    fn start(ends: &[usize], first: usize, level: usize) -> usize {
        level.checked_sub(1).and_then(|below| ends.get(below)).map_or(first, |end| end + 1)
    }
}

/// diffusers' name of a tensor of a UNet; nothing for a name that is not ldm's.
pub(super) fn unet(name: &str, levels: &Levels) -> Option<String> {
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
            let (level, i) = Levels::place(&levels.down, 1, block)?;
            let path = format!("down_blocks.{level}");
            match (part, rest.strip_prefix("op.")) {
                (0, Some(rest)) => Some(format!("{path}.downsamplers.0.conv.{rest}")),
                (0, None) => Some(format!("{path}.resnets.{i}.{}", resnet(rest))),
                (1, _) => Some(format!("{path}.attentions.{i}.{rest}")),
                _ => None,
            }
        }
        "output_blocks" => {
            let (level, i) = Levels::place(&levels.up, 0, block)?;
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

/// ldm's name of a tensor of a UNet with diffusers' names, whose levels end so and of which `attends` says whether up block
/// `i` attends; nothing for a name that is not diffusers'.
pub(super) fn unet_theirs(
    name: &str,
    levels: &Levels,
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
    let down = Levels::start(&levels.down, 1, level) + i;
    let up = Levels::start(&levels.up, 0, level) + i;
    Some(match (list, kind) {
        ("down_blocks", "resnets") => format!("input_blocks.{down}.0.{}", resnet_theirs(rest)),
        ("down_blocks", "attentions") => format!("input_blocks.{down}.1.{rest}"),
        ("down_blocks", "downsamplers") => {
            let end = levels.down.get(level)?;
            format!("input_blocks.{end}.0.op.{}", rest.strip_prefix("conv.")?)
        }
        ("up_blocks", "resnets") => format!("output_blocks.{up}.0.{}", resnet_theirs(rest)),
        ("up_blocks", "attentions") => format!("output_blocks.{up}.1.{rest}"),
        ("up_blocks", "upsamplers") => {
            let end = levels.up.get(level)?;
            format!("output_blocks.{end}.{}.{rest}", 1 + usize::from(attends(level)))
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
        let levels = Levels { down: vec![3, 6], up: vec![2, 5] };
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
            assert_eq!(unet(name, &levels), None, "{name}");
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

    /// Levels of different lengths: 1, 3 and 2 residual blocks on the way down, 3, 4 and 2 on the way up.
    #[test]
    fn levels_end_where_maps_change_their_size() {
        let levels = Levels::of(
            [
                "output_blocks.6.1.conv.weight",
                "input_blocks.6.0.op.weight",
                "input_blocks.6.0.op.bias",
                "input_blocks.2.0.op.up",
                "output_blocks.2.2.conv.weight",
            ]
            .into_iter(),
        );
        let counts = [("down_blocks", [1, 3, 2]), ("up_blocks", [3, 4, 2])];
        let ours = Levels::of_ours(|list, level, i| {
            counts.iter().any(|(l, n)| *l == list && n.get(level).is_some_and(|n| i < *n))
        });
        assert_eq!((&ours.down[..], &ours.up[..]), (&[2, 6, 9][..], &[2, 6, 8][..]));
        for (theirs, name) in [
            ("input_blocks.1.0.in_layers.0.weight", "down_blocks.0.resnets.0.norm1.weight"),
            ("input_blocks.2.0.op.weight", "down_blocks.0.downsamplers.0.conv.weight"),
            ("input_blocks.5.1.norm.bias", "down_blocks.1.attentions.2.norm.bias"),
            ("input_blocks.8.0.out_layers.3.bias", "down_blocks.2.resnets.1.conv2.bias"),
            ("output_blocks.2.2.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"),
            ("output_blocks.6.1.conv.weight", "up_blocks.1.upsamplers.0.conv.weight"),
            ("output_blocks.7.0.in_layers.2.bias", "up_blocks.2.resnets.0.conv1.bias"),
        ] {
            assert_eq!(unet(theirs, &levels).as_deref(), Some(name), "{theirs}");
            let back = unet_theirs(name, &ours, |level| level == 0);
            assert_eq!(back.as_deref(), Some(theirs), "{name}");
        }
        // One level never changes: all blocks are of it.
        let one = Levels::default();
        let name = unet("input_blocks.3.0.in_layers.0.weight", &one);
        assert_eq!(name.as_deref(), Some("down_blocks.0.resnets.2.norm1.weight"));
    }
}
