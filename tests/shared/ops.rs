//! Every function of `ops`, one case after the other: the cases of `tests/fixtures/ops`.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Tensor};
use serde_json::Value;
use tintype::device::read;
use tintype::error::Result;
use tintype::ops::{self, Conv2d, GroupNorm, LayerNorm, Linear, Padding};

use super::reference::{Comparison, Reference, References};

/// Each file of the fixtures, and how many cases it has.
const FAMILIES: [(&str, usize); 9] = [
    ("activation", 9),
    ("adapter", 4),
    ("attention", 9),
    ("conv", 10),
    ("embedding", 3),
    ("linear", 4),
    ("norm", 11),
    ("shuffle", 4),
    ("upsample", 3),
];

/// Compares every case of a family with its reference.
pub(crate) async fn compare(
    family: &str,
    references: &References,
    device: &Device,
    allowed: f32,
) -> Vec<Comparison> {
    let (tensors, settings) = (&references.tensors, references.settings());
    let names: BTreeSet<&str> = tensors.keys().map(|key| key.rsplit_once('.').unwrap().0).collect();
    let known = FAMILIES.iter().find(|(name, _)| *name == family).map(|(_, count)| *count);
    let mut comparisons = vec![Comparison::exact("number of cases", &Some(names.len()), &known)];
    for name in names {
        let case = Case { name, tensors, settings: &settings[name], device };
        let reference = &case.reference("y").unwrap().data;
        comparisons.push(match case.run(family).await {
            Ok(ours) => Comparison::new(name, &ours, reference, allowed),
            Err(error) => Comparison::failed(name, error.to_string()),
        });
    }
    comparisons
}

/// The tensors and settings of one case.
struct Case<'a> {
    name: &'a str,
    tensors: &'a BTreeMap<String, Reference>,
    settings: &'a Value,
    device: &'a Device,
}

impl Case<'_> {
    fn reference(&self, tensor: &str) -> Option<&Reference> {
        self.tensors.get(&format!("{}.{tensor}", self.name))
    }

    fn try_tensor<const D: usize>(&self, tensor: &str) -> Option<Tensor<D>> {
        self.reference(tensor).map(|reference| reference.tensor_on(self.device))
    }

    fn tensor<const D: usize>(&self, tensor: &str) -> Tensor<D> {
        self.try_tensor(tensor).unwrap_or_else(|| panic!("{}.{tensor}", self.name))
    }

    fn size(&self, setting: &str) -> usize {
        self.settings[setting].as_u64().unwrap() as usize
    }

    fn flag(&self, setting: &str) -> bool {
        self.settings[setting].as_bool().unwrap()
    }

    fn eps(&self) -> f64 {
        self.settings["eps"].as_f64().unwrap()
    }

    async fn run(&self, family: &str) -> Result<Vec<f32>> {
        match family {
            "activation" => self.activation().await,
            "adapter" if self.name == "relu" => read(ops::relu(self.tensor::<4>("x"))).await,
            "adapter" => read(ops::halve(self.tensor("x"))).await,
            "attention" => self.attention().await,
            "conv" => self.convolution().await,
            "embedding" => Ok(self.timestep_embedding()),
            "linear" => self.linear().await,
            "norm" => self.normalisation().await,
            "shuffle" => self.shuffling().await,
            "upsample" => self.upsampling().await,
            _ => Ok(Vec::new()),
        }
    }

    async fn convolution(&self) -> Result<Vec<f32>> {
        let padding = match self.settings["padding_left_right_top_bottom"].to_string().as_str() {
            "[0,0,0,0]" => Padding::Same(0),
            "[1,1,1,1]" => Padding::Same(1),
            "[0,1,0,1]" => Padding::BottomRight,
            other => panic!("{other}"),
        };
        let (weight, bias) = (self.tensor("weight"), self.try_tensor("bias"));
        let conv = Conv2d::new(weight, bias, self.size("stride"), padding);
        read(conv.forward(self.tensor("x"))).await
    }

    async fn linear(&self) -> Result<Vec<f32>> {
        let linear = Linear::new(self.tensor("weight"), self.try_tensor("bias"));
        match self.reference("x").unwrap().shape.len() {
            2 => read(linear.forward(self.tensor::<2>("x"))).await,
            3 => read(linear.forward(self.tensor::<3>("x"))).await,
            axes => panic!("{axes}"),
        }
    }

    async fn normalisation(&self) -> Result<Vec<f32>> {
        let (weight, bias) = (self.tensor("weight"), self.tensor("bias"));
        if self.name.starts_with("layer_norm") {
            let norm = LayerNorm::new(weight, bias, self.eps());
            return read(norm.forward(self.tensor::<3>("x"))).await;
        }
        let norm = GroupNorm::new(weight, bias, self.size("groups"), self.eps());
        let x = self.tensor("x");
        read(if self.flag("silu") { norm.forward_silu(x) } else { norm.forward(x) }).await
    }

    async fn attention(&self) -> Result<Vec<f32>> {
        let [q, k, v] = ["q", "k", "v"].map(|name| self.tensor(name));
        let y = ops::split_heads_attention(q, k, v, self.size("heads"), self.flag("causal"));
        read(y).await
    }

    async fn activation(&self) -> Result<Vec<f32>> {
        match self.name {
            "silu" => read(ops::silu(self.tensor::<3>("x"))).await,
            "gelu" => read(ops::gelu(self.tensor::<3>("x"))).await,
            "quick_gelu" => read(ops::quick_gelu(self.tensor::<3>("x"))).await,
            "geglu" => {
                let x: Tensor<3> = self.tensor("x");
                // The reference has no projection.
                let same = Tensor::eye(x.dims()[2], &x.device());
                read(Linear::new(same, None).forward_geglu(x)).await
            }
            "leaky_relu" => read(ops::leaky_relu(self.tensor::<3>("x"), 0.2)).await,
            "prelu" | "prelu_one_pixel" => {
                read(ops::prelu(self.tensor("x"), self.tensor("slopes"))).await
            }
            _ => self.softmax_by_attention().await,
        }
    }

    /// `ops` has softmax only inside attention. With keys √d·I and values I, attention is softmax; widened
    /// to d = 64, of which the root is whole, without a rounding more.
    async fn softmax_by_attention(&self) -> Result<Vec<f32>> {
        let x: Tensor<4> = self.tensor("x");
        let [batch, heads, queries, width] = x.dims();
        let missing = Tensor::zeros([batch, heads, queries, 64 - width], self.device);
        let q = Tensor::cat(vec![x, missing], 3).reshape([batch * heads, queries, 64]);
        let unit = Tensor::<2>::eye(64, self.device).narrow(0, 0, width).unsqueeze::<3>();
        let unit = unit.repeat(&[batch * heads, 1, 1]);
        let y = ops::split_heads_attention(q, unit.clone().mul_scalar(8.0), unit, 1, false);
        read(y.narrow(2, 0, width)).await
    }

    async fn upsampling(&self) -> Result<Vec<f32>> {
        let size = &self.settings["size"];
        let size = [0, 1].map(|axis| size[axis].as_u64().unwrap() as usize);
        read(ops::upsample_nearest(self.tensor("x"), size)).await
    }

    async fn shuffling(&self) -> Result<Vec<f32>> {
        let (x, factor) = (self.tensor("x"), self.size("factor"));
        read(match self.name.starts_with("pixel_shuffle") {
            true => ops::pixel_shuffle(x, factor),
            false => ops::pixel_unshuffle(x, factor),
        })
        .await
    }

    fn timestep_embedding(&self) -> Vec<f32> {
        let timesteps = &self.reference("timesteps").unwrap().data;
        let shift = self.settings["freq_shift"].as_f64().unwrap() as f32;
        ops::timestep_embedding(timesteps, self.size("width"), self.flag("flip_sin_to_cos"), shift)
    }
}
