//! Every function of `ops`, one case after the other.
//!
//! Tolerance 1e-5 of the largest number of an output: f32 sums in another order.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use serde_json::Value;
use tintype::ops::{self, Conv2d, GroupNorm, LayerNorm, Linear, Padding};

use crate::support::{Closeness, Reference, references, settings, values};

const TOLERANCE: f32 = 1e-5;

/// The tensors and settings of one case.
struct Case<'a> {
    name: &'a str,
    tensors: &'a BTreeMap<String, Reference>,
    settings: &'a Value,
}

impl Case<'_> {
    fn reference(&self, tensor: &str) -> Option<&Reference> {
        self.tensors.get(&format!("{}.{tensor}", self.name))
    }

    fn tensor<const D: usize>(&self, tensor: &str) -> Tensor<D> {
        self.reference(tensor).unwrap_or_else(|| panic!("{}.{tensor}", self.name)).tensor()
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
}

/// Runs `ours` on every case of a file and compares its result with `y`.
fn check(family: &str, count: usize, ours: impl Fn(&Case<'_>) -> Vec<f32>) {
    let path = format!("ops/{family}.safetensors");
    let (tensors, settings) = (references(&path), settings(&path));
    let names: BTreeSet<&str> = tensors.keys().map(|key| key.rsplit_once('.').unwrap().0).collect();
    assert_eq!(names.len(), count, "{names:?}");
    let mut closeness = Closeness::within(TOLERANCE);
    for name in names {
        let case = Case { name, tensors: &tensors, settings: &settings[name] };
        closeness.check(name, &ours(&case), &case.reference("y").unwrap().data);
    }
}

#[test]
fn convolution() {
    check("conv", 10, |case| {
        let padding = match case.settings["padding_left_right_top_bottom"].to_string().as_str() {
            "[0,0,0,0]" => Padding::Same(0),
            "[1,1,1,1]" => Padding::Same(1),
            "[0,1,0,1]" => Padding::BottomRight,
            other => panic!("{other}"),
        };
        let bias = case.reference("bias").map(Reference::tensor);
        let conv = Conv2d::new(case.tensor("weight"), bias, case.size("stride"), padding);
        values(conv.forward(case.tensor("x")))
    });
}

#[test]
fn linear() {
    check("linear", 4, |case| {
        let bias = case.reference("bias").map(Reference::tensor);
        let linear = Linear::new(case.tensor("weight"), bias);
        match case.reference("x").unwrap().shape.len() {
            2 => values(linear.forward(case.tensor::<2>("x"))),
            3 => values(linear.forward(case.tensor::<3>("x"))),
            axes => panic!("{axes}"),
        }
    });
}

#[test]
fn normalisation() {
    check("norm", 11, |case| {
        let (weight, bias) = (case.tensor("weight"), case.tensor("bias"));
        if case.name.starts_with("layer_norm") {
            return values(LayerNorm::new(weight, bias, case.eps()).forward(case.tensor::<3>("x")));
        }
        let norm = GroupNorm::new(weight, bias, case.size("groups"), case.eps());
        let x = case.tensor("x");
        values(if case.flag("silu") { norm.forward_silu(x) } else { norm.forward(x) })
    });
}

#[test]
fn attention() {
    check("attention", 9, |case| {
        let [q, k, v] = ["q", "k", "v"].map(|name| case.tensor(name));
        values(ops::split_heads_attention(q, k, v, case.size("heads"), case.flag("causal")))
    });
}

#[test]
fn activation() {
    check("activation", 6, |case| match case.name {
        "silu" => values(ops::silu(case.tensor::<3>("x"))),
        "gelu" => values(ops::gelu(case.tensor::<3>("x"))),
        "quick_gelu" => values(ops::quick_gelu(case.tensor::<3>("x"))),
        "geglu" => values(ops::geglu(case.tensor("x"))),
        _ => softmax_by_attention(case),
    });
}

/// `ops` has softmax only inside attention. With keys √d·I and values I, attention is softmax; widened to
/// d = 64, of which the root is whole, without a rounding more.
fn softmax_by_attention(case: &Case<'_>) -> Vec<f32> {
    let x: Tensor<4> = case.tensor("x");
    let [batch, heads, queries, width] = x.dims();
    let device = x.device();
    let missing = Tensor::zeros([batch, heads, queries, 64 - width], &device);
    let q = Tensor::cat(vec![x, missing], 3);
    let unit = Tensor::<2>::eye(64, &device).narrow(0, 0, width).unsqueeze::<4>();
    let unit = unit.repeat(&[batch, heads, 1, 1]);
    let y = ops::attention(q, unit.clone().mul_scalar(8.0), unit, false);
    values(y.narrow(3, 0, width))
}

#[test]
fn upsampling() {
    check("upsample", 3, |case| {
        let size = &case.settings["size"];
        let size = [0, 1].map(|axis| size[axis].as_u64().unwrap() as usize);
        values(ops::upsample_nearest(case.tensor("x"), size))
    });
}

#[test]
fn timestep_embedding() {
    check("embedding", 3, |case| {
        let timesteps = &case.reference("timesteps").unwrap().data;
        let shift = case.settings["freq_shift"].as_f64().unwrap() as f32;
        ops::timestep_embedding(timesteps, case.size("width"), case.flag("flip_sin_to_cos"), shift)
    });
}
