//! `vae/config.json`.

use serde_json::json;

use crate::error::Result;
use crate::models::blocks::resnet::channels_at_once;
use crate::models::config::Config;
use crate::models::shapes::{Found, GROUPS};
use crate::weights::checkpoint::Shapes;

/// What diffusers' config says of an `AutoencoderKL`.
#[derive(Debug, Clone, PartialEq)]
pub struct VaeConfig {
    /// Channels of a picture that goes in: 3.
    pub in_channels: usize,
    /// Channels of a picture that comes out: 3.
    pub out_channels: usize,
    /// Channels of a latent: 4.
    pub latent_channels: usize,
    /// Width of each level.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks a level.
    pub layers_per_block: usize,
    /// Groups of the normalisations.
    pub norm_num_groups: usize,
    /// What latents are multiplied by after encoding: 0.18215 for SD 1.x and 2.x, 0.13025 for SDXL.
    pub scaling_factor: f64,
    /// Whether the middle attends.
    pub mid_block_add_attention: bool,
    /// Whether the encoder ends in a 1×1 convolution.
    pub use_quant_conv: bool,
    /// Whether the decoder starts with one.
    pub use_post_quant_conv: bool,
}

impl VaeConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    ///
    /// Text that is no JSON, and every option this network does not implement, by name.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let config = Config::parse(file, text)?;
        config.must_be("_class_name", &json!("AutoencoderKL"))?;
        config.must_be("act_fn", &json!("silu"))?;
        config.must_be_absent(&["latents_mean", "latents_std"])?;
        config.must_be("shift_factor", &json!(0.0))?;
        let levels = config.texts("down_block_types")?.len();
        // Each level halves the picture: more than this is a damaged file.
        if levels > 8 {
            return Err(config.unsupported("down_block_types"));
        }
        let block_out_channels = config.sizes("block_out_channels", levels, 0)?;
        let norm_num_groups = config.size("norm_num_groups", 32)?;
        let divides = |c: &usize| *c > 0 && c.is_multiple_of(norm_num_groups);
        if !block_out_channels.iter().all(divides) {
            return Err(config.unsupported("norm_num_groups"));
        }
        for (name, only) in
            [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")]
        {
            let types = config.texts(name)?;
            if types.len() != levels || types.iter().any(|t| t != only) {
                return Err(config.unsupported(name));
            }
        }
        Ok(Self {
            in_channels: config.size("in_channels", 3)?,
            out_channels: config.size("out_channels", 3)?,
            latent_channels: config.size("latent_channels", 4)?,
            layers_per_block: config.layers_per_block(1)?,
            scaling_factor: config.float("scaling_factor", 0.18215)?,
            mid_block_add_attention: config.flag("mid_block_add_attention", true)?,
            use_quant_conv: config.flag("use_quant_conv", true)?,
            use_post_quant_conv: config.flag("use_post_quant_conv", true)?,
            block_out_channels,
            norm_num_groups,
        })
    }

    /// What the tensors of an autoencoder say of it, but for the scaling factor, which is its family's.
    ///
    /// # Errors
    ///
    /// A tensor that every autoencoder has and this one has not, and widths that no Stable Diffusion has.
    pub fn from_shapes(file: &str, shapes: &Shapes) -> Result<Self> {
        let found = Found { file, shapes };
        let levels = found.count(|i| format!("encoder.down_blocks.{i}.resnets.0.conv1.weight"));
        let width =
            |i: usize| found.side(&format!("encoder.down_blocks.{i}.resnets.0.conv1.weight"), 0);
        let block_out_channels = (0..levels.max(1)).map(width).collect::<Result<Vec<_>>>()?;
        found.check_groups("encoder.down_blocks.0.resnets.0.conv1.weight", &block_out_channels)?;
        Ok(Self {
            in_channels: found.side("encoder.conv_in.weight", 1)?,
            out_channels: found.side("decoder.conv_out.weight", 0)?,
            latent_channels: found.side("decoder.conv_in.weight", 1)?,
            layers_per_block: found
                .count(|i| format!("encoder.down_blocks.0.resnets.{i}.conv1.weight")),
            scaling_factor: 0.18215,
            mid_block_add_attention: found.has("encoder.mid_block.attentions.0.to_q.weight"),
            use_quant_conv: found.has("quant_conv.weight"),
            use_post_quant_conv: found.has("post_quant_conv.weight"),
            block_out_channels,
            norm_num_groups: GROUPS,
        })
    }

    /// Numbers of the largest map between a picture and its latent of `[height, width]`.
    pub fn largest_map(&self, [height, width]: [usize; 2]) -> u64 {
        let widths = &self.block_out_channels;
        let (levels, positions) = (widths.len() - 1, height as u64 * width as u64);
        // Level `i` of the decoder works at `2^(levels − i)` times the latent's size, on what level `i + 1` gave.
        let maps = widths.iter().enumerate().map(|(level, width)| {
            let below = *widths.get(level + 1).unwrap_or(width);
            let below = channels_at_once(below, *width, self.norm_num_groups);
            below.max(*width) as u64 * (positions << (2 * (levels - level)))
        });
        maps.max().unwrap_or(0)
    }

    /// Pixels a latent position stands for, along each side.
    pub fn factor(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_map_of_a_picture_has_its_own_levels_channels() {
        let config = |widths: &str, groups: u32| {
            let text = format!(
                r#"{{ "block_out_channels": {widths}, "norm_num_groups": {groups},
                "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
                "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"] }}"#
            );
            VaeConfig::parse("config.json", &text).unwrap()
        };
        // Stable Diffusion's: the 256 channels that the level below gives are worked out in shares.
        let pixels = 512 * 512;
        assert_eq!(config("[128, 256, 512, 512]", 32).largest_map([64, 64]), 128 * pixels);
        // The bundled model's are few enough to be worked out at once.
        assert_eq!(config("[16, 32, 64, 96]", 8).largest_map([64, 64]), 32 * pixels);
    }
}
