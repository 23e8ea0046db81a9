//! What the network is told of the noise level, and SDXL of prompt and picture as a whole.

use burn::tensor::{Device, Tensor, TensorData};

use super::{UnetCondition, UnetConfig};
use crate::error::Result;
use crate::models::probe::seen;
use crate::ops::{self, Activation, After, Linear, silu};
use crate::weights::Weights;

/// `time_embedding` and, in SDXL, `add_embedding`.
#[derive(Debug)]
pub(in crate::models) struct Time {
    time_embedding: TimestepEmbedding,
    add_embedding: Option<TimestepEmbedding>,
}

impl Time {
    pub(in crate::models) fn load(w: &mut Weights, config: &UnetConfig) -> Result<Self> {
        let first = config.block_out_channels[0];
        let width = 4 * first;
        let guidance = config.time_cond_proj_dim;
        let embedding = |w: &mut Weights, path: &str, inputs, condition| {
            TimestepEmbedding::load(w, path, [inputs, width], condition)
        };
        Ok(Self {
            time_embedding: embedding(w, "time_embedding", first, guidance)?,
            add_embedding: config
                .added
                .map(|added| embedding(w, "add_embedding", added.input_width, None))
                .transpose()?,
        })
    }

    /// The embedding that every residual block takes, through `silu`: `[batch, 4 · first width]`.
    pub(in crate::models) fn forward(
        &self,
        config: &UnetConfig,
        timesteps: &[f32],
        condition: &UnetCondition,
        device: &Device,
    ) -> Tensor<2> {
        let rows = |values: &[f32], width| {
            let row =
                ops::timestep_embedding(values, width, config.flip_sin_to_cos, config.freq_shift);
            let shape = [values.len(), width];
            Tensor::<2>::from_data(TensorData::new(row, shape), device)
        };
        let timesteps = rows(timesteps, config.block_out_channels[0]);
        let time = self.time_embedding.forward(timesteps, condition.timestep_cond.clone());
        let time = seen("time_embedding", time);
        silu(match (&self.add_embedding, config.added, &condition.added) {
            (Some(embedding), Some(sizes), Some(added)) => {
                let batch = added.text_embeds.dims()[0];
                let ids = rows(&added.time_ids, sizes.time_width).reshape([batch as i32, -1]);
                let added = Tensor::cat(vec![added.text_embeds.clone(), ids], 1);
                time + seen("add_embedding", embedding.forward(added, None))
            }
            _ => time,
        })
    }
}

/// Two linear layers, before them what a further condition adds.
#[derive(Debug)]
struct TimestepEmbedding {
    cond_proj: Option<Linear>,
    linear_1: Linear,
    linear_2: Linear,
}

impl TimestepEmbedding {
    fn load(
        weights: &mut Weights,
        path: &str,
        [inputs, width]: [usize; 2],
        condition: Option<usize>,
    ) -> Result<Self> {
        Ok(Self {
            cond_proj: condition
                .map(|size| weights.linear(&format!("{path}.cond_proj"), size, inputs, false))
                .transpose()?,
            linear_1: weights.linear(&format!("{path}.linear_1"), inputs, width, true)?,
            linear_2: weights.linear(&format!("{path}.linear_2"), width, width, true)?,
        })
    }

    fn forward(&self, x: Tensor<2>, condition: Option<Tensor<2>>) -> Tensor<2> {
        let x = match (&self.cond_proj, condition) {
            (Some(projection), Some(condition)) => x + projection.forward(condition),
            _ => x,
        };
        let x = self.linear_1.forward_then(x, After::activation(Activation::Silu));
        self.linear_2.forward(x)
    }
}
