//! `CLIPTextModel` and `CLIPTextModelWithProjection`: a prompt's tokens → embeddings.
//!
//! Source: transformers 5.23 `modeling_clip.py`.

mod config;

use burn::tensor::{Device, Tensor, TensorData};

pub use self::config::ClipConfig;
use super::probe::seen;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{self, Activation, After, LayerNorm, Linear};
use crate::weights::lora::{Adapted, Changed, Lora};
use crate::weights::{Table, Weights};

/// Name of the tensor that stays on the host: of its rows a prompt needs 77.
pub const TOKEN_TABLE: &str = "text_model.embeddings.token_embedding.weight";

/// The text encoder.
#[derive(Debug)]
pub struct ClipTextModel {
    config: ClipConfig,
    weights: Weights,
    device: Device,
    token_embedding: Table,
    position_embedding: Tensor<2>,
    layers: Vec<EncoderLayer>,
    final_layer_norm: LayerNorm,
    text_projection: Option<Linear>,
}

/// What a text encoder says of a batch of token windows.
#[derive(Debug, Clone)]
pub struct ClipOutput {
    /// Embeddings after the last layer and the final normalisation, `[batch, tokens, hidden_size]`.
    pub last_hidden_state: Tensor<3>,
    /// Embeddings after the layer that was asked for, not normalised, same shape.
    pub hidden: Tensor<3>,
    /// The end token's embedding, projected where the model projects, `[batch, width]`.
    pub pooled: Tensor<2>,
}

impl ClipTextModel {
    /// Takes the parameters; `weights` must have kept [`TOKEN_TABLE`] on the host.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over.
    pub fn load(config: ClipConfig, mut weights: Weights) -> Result<Self> {
        let all = weights.clone();
        let width = config.hidden_size;
        let token_embedding = weights.table(TOKEN_TABLE, config.vocab_size, width)?;
        let position = "text_model.embeddings.position_embedding.weight";
        let position_embedding =
            weights.tensor(position, [config.max_position_embeddings, width])?;
        let layers = (0..config.num_hidden_layers)
            .map(|i| {
                EncoderLayer::load(&mut weights, format!("text_model.encoder.layers.{i}"), &config)
            })
            .collect::<Result<_>>()?;
        let final_layer_norm =
            weights.layer_norm("text_model.final_layer_norm", width, config.layer_norm_eps)?;
        let text_projection = config
            .projection_dim
            .map(|projected| weights.linear("text_projection", width, projected, false))
            .transpose()?;
        let device = weights.device().clone();
        weights.finish()?;
        Ok(Self {
            config,
            weights: all,
            device,
            token_embedding,
            position_embedding,
            layers,
            final_layer_norm,
            text_projection,
        })
    }

    /// The same encoder with what a LoRA adds to it times `strength`; weights it does not change are shared.
    /// `network` says which of a family's encoders it is.
    ///
    /// # Errors
    ///
    /// A change that does not fit, as one for another family does not.
    pub fn with_lora(
        &self,
        lora: &Lora,
        network: Adapted,
        strength: f32,
    ) -> Result<(Self, Changed)> {
        let (weights, changed) = self.weights.with_lora(lora, network, strength)?;
        Ok((Self::load(self.config.clone(), weights)?, changed))
    }

    /// The config it was loaded with.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// Encodes windows of tokens, all of one length of at most `max_position_embeddings`.
    ///
    /// `layer` says which layer's output to keep, counted from the end: 1 is the last, 2 the one before,
    /// which SDXL conditions on; beyond the first it is the embeddings of the tokens.
    ///
    /// # Errors
    ///
    /// A token that is not in the vocabulary, windows of differing or excessive length.
    pub fn forward(&self, windows: &[Vec<u32>], layer: usize) -> Result<ClipOutput> {
        self.forward_with(windows, layer, &[])
    }

    /// As [`ClipTextModel::forward`], with further tokens: the first id beyond the vocabulary is the first
    /// `hidden_size` numbers of `learned`, and so on.
    ///
    /// # Errors
    ///
    /// As [`ClipTextModel::forward`].
    pub fn forward_with(
        &self,
        windows: &[Vec<u32>],
        layer: usize,
        learned: &[f32],
    ) -> Result<ClipOutput> {
        let (batch, width) = (windows.len(), self.config.hidden_size);
        let tokens = windows.first().map_or(0, Vec::len);
        let x = self.embed(windows, tokens, learned)?;
        let data = TensorData::new(x, [batch, tokens, width]);
        let positions = self.position_embedding.clone().narrow(0, 0, tokens);
        let x = Tensor::<3>::from_data(data, &self.device) + positions.unsqueeze();
        let mut x = seen("text_model.embeddings", x);
        let mut hidden = x.clone();
        for (i, block) in self.layers.iter().enumerate() {
            x = block.forward(x);
            if self.layers.len() - i >= layer {
                hidden = x.clone();
            }
        }
        let last_hidden_state = self.final_layer_norm.forward(x);
        let ends = windows.iter().enumerate().map(|(row, ids)| {
            let end = self.end_of(ids);
            last_hidden_state.clone().slice([row..row + 1, end..end + 1]).reshape([1, width])
        });
        let pooled = Tensor::cat(ends.collect(), 0);
        let pooled = match &self.text_projection {
            Some(projection) => projection.forward(pooled),
            None => pooled,
        };
        Ok(ClipOutput { last_hidden_state, hidden, pooled })
    }

    /// The normalisation that follows the last layer, for the output of an earlier one.
    pub fn normalise(&self, hidden: Tensor<3>) -> Tensor<3> {
        self.final_layer_norm.forward(hidden)
    }

    fn embed(&self, windows: &[Vec<u32>], tokens: usize, learned: &[f32]) -> Result<Vec<f32>> {
        let limit = self.config.max_position_embeddings;
        let other = windows.iter().map(Vec::len).find(|len| *len != tokens);
        if other.is_some() || !(1..=limit).contains(&tokens) {
            return Err(ErrorKind::Mismatch {
                what: "length of a token window",
                expected: format!("1 to {limit}, all the same"),
                got: other.unwrap_or(tokens).to_string(),
            }
            .into());
        }
        let mut values = Vec::with_capacity(windows.len() * tokens * self.config.hidden_size);
        for window in windows {
            for &id in window {
                let known = self.token_embedding.rows();
                if let Some(row) = (id as usize).checked_sub(known) {
                    let width = self.config.hidden_size;
                    let row = learned.chunks_exact(width).nth(row).ok_or_else(|| {
                        let all = known + learned.len() / width;
                        Error::new(ErrorKind::Mismatch {
                            what: "token id",
                            expected: format!("below {all}, the size of the vocabulary"),
                            got: id.to_string(),
                        })
                    })?;
                    values.extend(row);
                    continue;
                }
                values.extend(self.token_embedding.row(id as usize));
            }
        }
        Ok(values)
    }

    /// Position of the end token. Old configs say 2, which no tokenizer uses: there it is the largest id.
    fn end_of(&self, ids: &[u32]) -> usize {
        let end = if self.config.eos_token_id == 2 {
            ids.iter().filter(|id| (**id as usize) < self.token_embedding.rows()).max().copied()
        } else {
            u32::try_from(self.config.eos_token_id).ok()
        };
        ids.iter().position(|id| Some(*id) == end).unwrap_or(0)
    }
}

/// `CLIPEncoderLayer`: causal self-attention and a feed-forward layer, each behind a normalisation.
#[derive(Debug)]
struct EncoderLayer {
    path: String,
    layer_norm1: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    layer_norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    heads: usize,
    quick_gelu: bool,
}

impl EncoderLayer {
    fn load(weights: &mut Weights, path: String, config: &ClipConfig) -> Result<Self> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let mut linear = |name: &str, inputs, outputs| {
            weights.linear(&format!("{path}.{name}"), inputs, outputs, true)
        };
        let q_proj = linear("self_attn.q_proj", width, width)?;
        let k_proj = linear("self_attn.k_proj", width, width)?;
        let v_proj = linear("self_attn.v_proj", width, width)?;
        let out_proj = linear("self_attn.out_proj", width, width)?;
        let fc1 = linear("mlp.fc1", width, inner)?;
        let fc2 = linear("mlp.fc2", inner, width)?;
        let eps = config.layer_norm_eps;
        Ok(Self {
            layer_norm1: weights.layer_norm(&format!("{path}.layer_norm1"), width, eps)?,
            layer_norm2: weights.layer_norm(&format!("{path}.layer_norm2"), width, eps)?,
            path,
            q_proj,
            k_proj,
            v_proj,
            out_proj,
            fc1,
            fc2,
            heads: config.num_attention_heads,
            quick_gelu: config.quick_gelu,
        })
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.layer_norm1.forward(x.clone());
        let (q, k) = (self.q_proj.forward(h.clone()), self.k_proj.forward(h.clone()));
        let h = ops::split_heads_attention(q, k, self.v_proj.forward(h), self.heads, true);
        let x = self.out_proj.forward_then(h, After::plus(x));
        let gelu = if self.quick_gelu { Activation::QuickGelu } else { Activation::Gelu };
        let h = self.layer_norm2.forward(x.clone());
        let h = self.fc1.forward_then(h, After::activation(gelu));
        seen(&self.path, self.fc2.forward_then(h, After::plus(x)))
    }
}
