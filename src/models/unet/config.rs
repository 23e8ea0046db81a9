//! `unet/config.json`.

use serde_json::json;

use crate::error::Result;
use crate::models::config::Config;
use crate::models::shapes::{Found, GROUPS, HEAD_WIDTH};
use crate::weights::checkpoint::Shapes;

const DEPTHS: &str = "transformer_layers_per_block";
const REVERSE_DEPTHS: &str = "reverse_transformer_layers_per_block";

/// The middle that attends, which is the default.
const ATTENDING: &str = "UNetMidBlock2DCrossAttn";

/// What diffusers' config says of a `UNet2DConditionModel`.
#[derive(Debug, Clone, PartialEq)]
pub struct UnetConfig {
    /// Channels of the latent that goes in: 4; 8 and 9 for edit and inpaint models.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Width of each level.
    pub block_out_channels: Vec<usize>,
    /// For each residual block of each level on the way down, the layers of the attention after it: 0 if there is none.
    pub down: Vec<Vec<usize>>,
    /// The same on the way up, from the lowest level.
    pub up: Vec<Vec<usize>>,
    /// Layers of the attention in the middle; 0 if a residual block is all there is, nothing if pruning left none.
    pub middle: Option<usize>,
    /// Attention heads of each level. The published configs call this `attention_head_dim`, a mistake
    /// that diffusers keeps for compatibility.
    pub heads: Vec<usize>,
    /// Width of the prompt's embeddings.
    pub cross_attention_dim: usize,
    /// Whether attention blocks project tokens rather than the map.
    pub use_linear_projection: bool,
    /// Groups of the normalisations.
    pub norm_num_groups: usize,
    /// Their epsilon.
    pub norm_eps: f64,
    /// Cosines before sines in the time embedding.
    pub flip_sin_to_cos: bool,
    /// Frequency shift of the time embedding.
    pub freq_shift: f32,
    /// Width of the guidance embedding of a guidance-distilled network.
    pub time_cond_proj_dim: Option<usize>,
    /// SDXL's extra conditions.
    pub added: Option<AddedConfig>,
}

/// SDXL's `text_time` conditions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AddedConfig {
    /// Width of the embedding of each size number.
    pub time_width: usize,
    /// Pooled text width plus six size embeddings.
    pub input_width: usize,
}

impl AddedConfig {
    /// Width of the pooled text embedding.
    pub fn pooled_width(self) -> usize {
        self.input_width.saturating_sub(6 * self.time_width)
    }
}

impl UnetConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    ///
    /// Text that is no JSON, and every option this network does not implement, by name.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let config = Config::parse(file, text)?;
        config.must_be("_class_name", &json!("UNet2DConditionModel"))?;
        let half = Self::read_half(&config)?;
        let up_attention = attends(&config, "up_block_types", ["UpBlock2D", "CrossAttnUpBlock2D"])?;
        if up_attention.len() != half.levels() {
            return Err(config.unsupported("up_block_types"));
        }
        let layers: Vec<usize> = half.down.iter().rev().map(|level| level.len() + 1).collect();
        let up = if config.is_set(REVERSE_DEPTHS) {
            config.nested_sizes(REVERSE_DEPTHS, &layers)?
        } else {
            // Blocks of a level that differ do not say what those on the way up are.
            let depths = config.sizes(DEPTHS, half.levels(), 1)?;
            layers.iter().zip(depths.iter().rev()).map(|(n, depth)| vec![*depth; *n]).collect()
        };
        let up = attending(&config, up, &up_attention)?;
        Ok(Self { up, ..half })
    }

    /// The options of the way down, which a control net's config has, too; nothing is said of the way up.
    pub(in crate::models) fn read_half(config: &Config<'_>) -> Result<Self> {
        config.must_be("act_fn", &json!("silu"))?;
        config.must_be("resnet_time_scale_shift", &json!("default"))?;
        config.must_be("time_embedding_type", &json!("positional"))?;
        config.must_be("attention_type", &json!("default"))?;
        config.must_be("conv_in_kernel", &json!(3))?;
        config.must_be("conv_out_kernel", &json!(3))?;
        config.must_be("downsample_padding", &json!(1))?;
        config.must_be("mid_block_scale_factor", &json!(1))?;
        config.must_be("resnet_out_scale_factor", &json!(1.0))?;
        config.must_be_absent(&[
            "center_input_sample",
            "class_embed_type",
            "class_embeddings_concat",
            "num_class_embeds",
            "cross_attention_norm",
            "dual_cross_attention",
            "encoder_hid_dim",
            "encoder_hid_dim_type",
            "mid_block_only_cross_attention",
            "only_cross_attention",
            "resnet_skip_time_act",
            "time_embedding_act_fn",
            "time_embedding_dim",
            "timestep_post_act",
        ])?;
        let down_attention =
            attends(config, "down_block_types", ["DownBlock2D", "CrossAttnDownBlock2D"])?;
        let levels = down_attention.len();
        let has_heads = config.is_set("num_attention_heads");
        let heads_option = if has_heads { "num_attention_heads" } else { "attention_head_dim" };
        let block_out_channels = config.sizes("block_out_channels", levels, 0)?;
        let heads = config.sizes(heads_option, levels, 8)?;
        let norm_num_groups = config.size("norm_num_groups", 32)?;
        for (channels, heads) in block_out_channels.iter().zip(&heads) {
            let divides = |n: usize| n > 0 && *channels > 0 && channels % n == 0;
            if !divides(norm_num_groups) {
                return Err(config.unsupported("norm_num_groups"));
            }
            if !divides(*heads) {
                return Err(config.unsupported(heads_option));
            }
        }
        let layers = config.sizes("layers_per_block", levels, 2)?;
        // Without residual blocks a level has no width of its own.
        if layers.contains(&0) {
            return Err(config.unsupported("layers_per_block"));
        }
        let depths = config.nested_sizes(DEPTHS, &layers)?;
        let deepest = depths[levels - 1][0];
        let middle = match config.text("mid_block_type", ATTENDING)?.as_str() {
            _ if config.is_null("mid_block_type") => None,
            "UNetMidBlock2D" => Some(0),
            ATTENDING if deepest > 0 => Some(deepest),
            _ => return Err(config.unsupported("mid_block_type")),
        };
        let added = match config.text("addition_embed_type", "")?.as_str() {
            "" => None,
            "text_time" => Some(AddedConfig {
                time_width: config.size("addition_time_embed_dim", 256)?,
                input_width: config.size("projection_class_embeddings_input_dim", 2816)?,
            }),
            _ => return Err(config.unsupported("addition_embed_type")),
        };
        Ok(Self {
            in_channels: config.size("in_channels", 4)?,
            out_channels: config.size("out_channels", 4)?,
            down: attending(config, depths, &down_attention)?,
            up: Vec::new(),
            middle,
            cross_attention_dim: config.size("cross_attention_dim", 1280)?,
            use_linear_projection: config.flag("use_linear_projection", false)?,
            norm_eps: config.float("norm_eps", 1e-5)?,
            flip_sin_to_cos: config.flag("flip_sin_to_cos", true)?,
            freq_shift: config.float("freq_shift", 0.0)? as f32,
            time_cond_proj_dim: config.optional_size("time_cond_proj_dim")?,
            block_out_channels,
            heads,
            norm_num_groups,
            added,
        })
    }

    /// What the tensors of a UNet say of it.
    ///
    /// No shape tells the number of heads: eight in Stable Diffusion 1.x, heads of 64 channels in the later ones, which
    /// project tokens or are told a picture's size. Eight, too, where the level is so narrow that 64 make none.
    ///
    /// # Errors
    ///
    /// A tensor that every UNet has and this one has not, and widths that no Stable Diffusion has.
    pub fn from_shapes(file: &str, shapes: &Shapes) -> Result<Self> {
        let found = Found { file, shapes };
        let half = Self::half_from_shapes(found)?;
        found.check_groups("down_blocks.0.resnets.0.conv1.weight", &half.block_out_channels)?;
        if half.cross_attention_dim == 0 {
            found.side("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", 1)?;
        }
        // Each residual block on the way up takes what one on the way down, or what made the map smaller, left for it.
        for (i, level) in half.down.iter().rev().enumerate() {
            let resnet = |j: usize| format!("up_blocks.{i}.resnets.{j}.conv1.weight");
            for j in 0..=level.len() {
                found.side(&resnet(j), 0)?;
            }
            let further = resnet(level.len() + 1);
            if found.has(&further) {
                return Err(found.misshapen(&further));
            }
        }
        let guidance = "time_embedding.cond_proj.weight";
        Ok(Self {
            out_channels: found.side("conv_out.weight", 0)?,
            up: found.depths("up_blocks"),
            time_cond_proj_dim: found.has(guidance).then(|| found.side(guidance, 1)).transpose()?,
            ..half
        })
    }

    /// As [`UnetConfig::from_shapes`], of the way down and the middle, which a control net has, too; nothing is said of
    /// the way up, and embeddings that nobody reads have no width. Groups are 32, or as many as divide every level.
    pub(in crate::models) fn half_from_shapes(found: Found<'_>) -> Result<Self> {
        let levels = found.count(|i| format!("down_blocks.{i}.resnets.0.conv1.weight"));
        let width = |i: usize| found.side(&format!("down_blocks.{i}.resnets.0.conv1.weight"), 0);
        let block_out_channels = (0..levels.max(1)).map(width).collect::<Result<Vec<_>>>()?;
        let context = found.ending(".attn2.to_k.weight");
        let cross_attention_dim = context.map_or(Ok(0), |name| found.side(name, 1))?;
        let projection = found.ending(".proj_in.weight").and_then(|name| found.shapes.get(name));
        let use_linear_projection = projection.is_some_and(|shape| shape.len() == 2);
        let added = if found.has("add_embedding.linear_1.weight") {
            let input_width = found.side("add_embedding.linear_1.weight", 1)?;
            Some(AddedConfig { time_width: 256, input_width })
        } else {
            None
        };
        let heads_of = |width: &usize| match width / HEAD_WIDTH {
            heads @ 1.. if use_linear_projection || added.is_some() => heads,
            _ => 8,
        };
        let heads: Vec<usize> = block_out_channels.iter().map(heads_of).collect();
        let shared = block_out_channels.iter().zip(&heads).position(|(c, heads)| c % heads != 0);
        if let Some(level) = shared {
            return Err(found.misshapen(&format!("down_blocks.{level}.resnets.0.conv1.weight")));
        }
        let in_channels = found.side("conv_in.weight", 1)?;
        Ok(Self {
            in_channels,
            out_channels: in_channels,
            heads,
            norm_num_groups: block_out_channels.iter().copied().fold(GROUPS, common_divisor),
            block_out_channels,
            down: found.depths("down_blocks"),
            up: Vec::new(),
            middle: found.any("mid_block.").then(|| found.depth("mid_block.attentions.0")),
            cross_attention_dim,
            use_linear_projection,
            norm_eps: 1e-5,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            time_cond_proj_dim: None,
            added,
        })
    }

    /// Number of resolutions.
    pub fn levels(&self) -> usize {
        self.block_out_channels.len()
    }

    /// Whether a level attends on the way down.
    pub fn attends(&self, level: usize) -> bool {
        self.down[level].iter().any(|depth| *depth > 0)
    }

    /// Channels of each map that skips over, in the order they are made.
    pub fn skip_widths(&self) -> Vec<usize> {
        let mut widths = vec![self.block_out_channels[0]];
        for (level, width) in self.block_out_channels.iter().enumerate() {
            let shrunk = usize::from(level + 1 < self.levels());
            widths.extend(std::iter::repeat_n(*width, self.down[level].len() + shrunk));
        }
        widths
    }
}

/// For each block of this list whether it attends, of two types: without and with attention.
fn attends(config: &Config<'_>, name: &str, [plain, attention]: [&str; 2]) -> Result<Vec<bool>> {
    let types = config.texts(name)?;
    if types.iter().any(|t| t != plain && t != attention) {
        return Err(config.unsupported(name));
    }
    Ok(types.iter().map(|t| t == attention).collect())
}

/// The depths of those blocks that attend, none of which may be 0, and 0 for the others.
fn attending(
    config: &Config<'_>,
    depths: Vec<Vec<usize>>,
    attend: &[bool],
) -> Result<Vec<Vec<usize>>> {
    let block = |(depths, attends): (Vec<usize>, &bool)| match attends {
        true if depths.contains(&0) => Err(config.unsupported(DEPTHS)),
        true => Ok(depths),
        false => Ok(vec![0; depths.len()]),
    };
    depths.into_iter().zip(attend).map(block).collect()
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
