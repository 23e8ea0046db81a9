//! A text encoder's `config.json`.

use serde_json::json;

use super::TOKEN_TABLE;
use crate::error::Result;
use crate::models::config::Config;
use crate::models::shapes::{Found, HEAD_WIDTH};
use crate::weights::checkpoint::Shapes;

/// What transformers' config says of a CLIP text model.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipConfig {
    /// Number of tokens in the vocabulary.
    pub vocab_size: usize,
    /// Width of an embedding.
    pub hidden_size: usize,
    /// Width inside the feed-forward layers.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Attention heads of each.
    pub num_attention_heads: usize,
    /// Longest sequence: 77.
    pub max_position_embeddings: usize,
    /// Epsilon of the normalisations.
    pub layer_norm_eps: f64,
    /// `quick_gelu` (OpenAI's CLIP) rather than `gelu` (OpenCLIP).
    pub quick_gelu: bool,
    /// Token whose embedding stands for the whole prompt; 2 in old configs, which means "the largest id".
    pub eos_token_id: usize,
    /// Width of the projected embedding; `None` for a model without projection.
    pub projection_dim: Option<usize>,
}

impl ClipConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    ///
    /// Text that is no JSON, and options this network does not implement, by name.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let config = Config::parse(file, text)?;
        config.must_be("model_type", &json!("clip_text_model"))?;
        let quick_gelu = match config.text("hidden_act", "quick_gelu")?.as_str() {
            "quick_gelu" => true,
            "gelu" => false,
            _ => return Err(config.unsupported("hidden_act")),
        };
        let projects =
            config.texts("architectures").is_ok_and(|a| a[0] == "CLIPTextModelWithProjection");
        let hidden_size = config.size("hidden_size", 512)?;
        let num_attention_heads = config.size("num_attention_heads", 8)?;
        if hidden_size == 0 {
            return Err(config.unsupported("hidden_size"));
        }
        if num_attention_heads == 0 || hidden_size % num_attention_heads != 0 {
            return Err(config.unsupported("num_attention_heads"));
        }
        Ok(Self {
            vocab_size: config.size("vocab_size", 49408)?,
            hidden_size,
            intermediate_size: config.size("intermediate_size", 2048)?,
            num_hidden_layers: config.size("num_hidden_layers", 12)?,
            num_attention_heads,
            max_position_embeddings: config.size("max_position_embeddings", 77)?,
            layer_norm_eps: config.float("layer_norm_eps", 1e-5)?,
            quick_gelu,
            eos_token_id: config.size("eos_token_id", 49407)?,
            projection_dim: if projects { Some(config.size("projection_dim", 512)?) } else { None },
        })
    }

    /// What the tensors of a text encoder say of it.
    ///
    /// No shape tells the activation: OpenAI's ViT-L/14, of width 768, has `quick_gelu`, OpenCLIP's larger ones have
    /// `gelu`. The end token is the last of the vocabulary.
    ///
    /// # Errors
    ///
    /// A tensor that every text encoder has and this one has not.
    pub fn from_shapes(file: &str, shapes: &Shapes) -> Result<Self> {
        let found = Found { file, shapes };
        let (hidden_size, vocab_size) = (found.side(TOKEN_TABLE, 1)?, found.side(TOKEN_TABLE, 0)?);
        let position = "text_model.embeddings.position_embedding.weight";
        let layer = |i: usize| format!("text_model.encoder.layers.{i}.mlp.fc1.weight");
        let projection = "text_projection.weight";
        Ok(Self {
            vocab_size,
            hidden_size,
            intermediate_size: found.side(&layer(0), 0)?,
            num_hidden_layers: found.count(layer),
            num_attention_heads: (hidden_size / HEAD_WIDTH).max(1),
            max_position_embeddings: found.side(position, 0)?,
            layer_norm_eps: 1e-5,
            quick_gelu: hidden_size <= 768,
            eos_token_id: vocab_size - 1,
            projection_dim: found.has(projection).then(|| found.side(projection, 0)).transpose()?,
        })
    }
}
