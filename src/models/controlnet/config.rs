//! What a control net is made of: read from diffusers' `config.json`, or seen from its tensors.

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::models::config::Config;
use crate::models::family::{Family, misfit};
use crate::models::shapes::Found;
use crate::models::unet::UnetConfig;
use crate::weights::checkpoint::Shapes;

/// The sizes of a `ControlNetModel`.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlNetConfig {
    /// The UNet whose lower half it is a copy of; nothing of the way up counts.
    pub half: UnetConfig,
    /// Channels of the picture.
    pub hint_channels: usize,
    /// Widths of the layers that look at the picture; all but the first halve it.
    pub hint_widths: Vec<usize>,
    /// Takes blue first.
    pub bgr: bool,
    /// Gives each map's mean in place of the map: what to paint rather than where.
    pub pooled: bool,
}

/// Widths of the layers that look at the picture, in all published nets.
const HINT_WIDTHS: [usize; 4] = [16, 32, 96, 256];

impl ControlNetConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    ///
    /// Text that is no JSON, and every option this network does not implement, by name.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let config = Config::parse(file, text)?;
        config.must_be("_class_name", &json!("ControlNetModel"))?;
        let half = UnetConfig::read_half(&config)?;
        let order = "controlnet_conditioning_channel_order";
        let bgr = match config.text(order, "rgb")?.as_str() {
            "rgb" => false,
            "bgr" => true,
            _ => return Err(config.unsupported(order)),
        };
        Ok(Self {
            half,
            hint_channels: config.size("conditioning_channels", 3)?,
            hint_widths: config.size_list("conditioning_embedding_out_channels", &HINT_WIDTHS)?,
            bgr,
            pooled: config.flag("global_pool_conditions", false)?,
        })
    }

    /// What the names and shapes of a file's tensors say, in diffusers' names.
    ///
    /// What they do not say is as in the published nets: see [`UnetConfig::from_shapes`]; and groups are as many as
    /// divide every level, 32 at most.
    ///
    /// # Errors
    ///
    /// A tensor that every control net has and this one has not, and widths that no heads can share.
    pub fn from_shapes(file: &str, shapes: &Shapes) -> Result<Self> {
        let found = Found { file, shapes };
        let hint = |name: &str| format!("controlnet_cond_embedding.{name}.weight");
        let halving = |n: usize| hint(&format!("blocks.{}", 2 * n + 1));
        let mut hint_widths = vec![found.side(&hint("conv_in"), 0)?];
        for n in 0..found.count(halving) {
            hint_widths.push(found.side(&halving(n), 0)?);
        }
        Ok(Self {
            half: UnetConfig::half_from_shapes(found)?,
            hint_channels: found.side(&hint("conv_in"), 1)?,
            hint_widths,
            bgr: false,
            pooled: false,
        })
    }

    /// Whether it looks at pictures in colours that are eight times as large as the latent.
    pub(super) fn check_hint(&self, file: &str) -> Result<()> {
        let mismatch = |what, expected: &str, got: usize| {
            let (expected, got) = (expected.to_owned(), format!("{got} in `{file}`"));
            Err(Error::new(ErrorKind::Mismatch { what, expected, got }).hint(
                "use a control net of Stable Diffusion 1.x, 2.x or SDXL that takes a picture",
            ))
        };
        if self.hint_channels != 3 {
            let what = "channels of the picture that the control net looks at";
            return mismatch(what, "3, for red, green and blue", self.hint_channels);
        }
        if self.hint_widths.len() != HINT_WIDTHS.len() {
            let what = "layers that halve the picture that the control net looks at";
            return mismatch(what, "3, to the latent's size", self.hint_widths.len() - 1);
        }
        Ok(())
    }

    /// Whether a net of the file `file` was made for such a UNet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] with the file and both sizes.
    pub fn check_fits(&self, file: &str, unet: &UnetConfig) -> Result<()> {
        let half = &self.half;
        let pair = |ours: usize, theirs: usize| [ours.to_string(), theirs.to_string()];
        let widths = |config: &UnetConfig| format!("{:?}", config.block_out_channels);
        let layers = |config: &UnetConfig| {
            format!("{:?}", config.down.iter().map(Vec::len).collect::<Vec<_>>())
        };
        let added = |config: &UnetConfig| config.added.map_or(0, |added| added.input_width);
        let waves = |config: &UnetConfig| config.added.map_or(0, |added| added.time_width);
        let attends = half.cross_attention_dim > 0;
        // Widths of embeddings first: by them people know the families.
        let sizes = [
            (
                "width of the embeddings that the control net reads",
                pair(
                    if attends { half.cross_attention_dim } else { unet.cross_attention_dim },
                    unet.cross_attention_dim,
                ),
            ),
            ("widths of the control net's levels", [widths(half), widths(unet)]),
            ("layers of the control net's levels", [layers(half), layers(unet)]),
            ("channels of the control net's latents", pair(half.in_channels, unet.out_channels)),
            ("width of the control net's picture numbers", pair(added(half), added(unet))),
            ("waves of the control net's picture numbers", pair(waves(half), waves(unet))),
        ];
        match sizes.into_iter().find(|(_, [ours, theirs])| ours != theirs) {
            None => Ok(()),
            Some((what, sizes)) => {
                Err(misfit(file, what, sizes, [Family::of(half), Family::of(unet)]))
            }
        }
    }
}

#[cfg(test)]
mod tests;
