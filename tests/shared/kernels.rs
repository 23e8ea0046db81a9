//! Layers at the sizes of Stable Diffusion 1.5, SDXL, their autoencoder and the bundled model, and at odd ones, with weights
//! in every format a file may have them in: some of each result's numbers against sums in f64.

use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use half::f16;
use tintype::device::{self, read};
use tintype::error::Result;
use tintype::ops::{self, Activation, After};
use tintype::store::MemorySource;
use tintype::weights::Weights;

use super::reference::Comparison;
use stored::Format::{Bf16, F16, F32, Int8};
use stored::{FORMATS, Format, Stored, numbers};

#[path = "kernels/convolution.rs"]
mod convolution;
#[path = "kernels/stored.rs"]
mod stored;

/// A linear layer: rows, inputs, outputs; whether half of the outputs are gates.
type Linear = ([usize; 3], bool);

const LINEARS: [(Linear, Format); 9] = [
    (([154, 768, 768], false), F16),
    (([77, 768, 3072], false), F16),
    (([2, 1280, 320], false), F16),
    (([1, 2816, 1280], false), F16),
    (([512, 640, 640], false), Bf16),
    (([64, 1280, 10240], true), F16),
    (([96, 320, 2560], true), Int8),
    (([256, 64, 64], false), F32),
    (([154, 2048, 640], false), Int8),
];

const ODD_LINEARS: [Linear; 4] =
    [([3, 5, 7], false), ([33, 36, 50], true), ([1, 4, 4], false), ([65, 8, 129], false)];

/// Batch, queries, keys, heads, numbers of a head; whether a query sees what is before it only.
type Attention = ([usize; 5], bool);

const ATTENTIONS: [Attention; 17] = [
    ([2, 64, 64, 8, 160], false),
    ([1, 256, 256, 8, 160], false),
    ([1, 512, 512, 8, 80], false),
    ([1, 1024, 1024, 2, 40], false),
    ([2, 1024, 77, 8, 40], false),
    ([1, 256, 154, 20, 64], false),
    ([1, 512, 512, 10, 64], false),
    ([1, 256, 256, 1, 512], false),
    ([2, 77, 77, 12, 64], true),
    ([4, 1, 1, 1, 4], false),
    ([1, 3, 154, 2, 12], false),
    ([2, 33, 31, 3, 6], false),
    ([1, 70, 70, 2, 8], true),
    ([2, 256, 256, 8, 24], false),
    ([2, 64, 77, 8, 24], false),
    ([1, 130, 130, 3, 20], true),
    ([1, 66, 1, 2, 28], false),
];

/// Batch, channels, groups; height, width.
type GroupNorm = ([usize; 3], [usize; 2]);

const GROUP_NORMS: [GroupNorm; 8] = [
    ([2, 320, 32], [64, 64]),
    ([1, 640, 32], [32, 32]),
    ([1, 2560, 32], [8, 8]),
    ([1, 128, 32], [160, 160]),
    ([1, 512, 32], [64, 65]),
    ([2, 64, 32], [16, 16]),
    ([4, 6, 3], [1, 1]),
    ([2, 33, 11], [5, 7]),
];

/// Rows, width.
const LAYER_NORMS: [[usize; 2]; 6] =
    [[1024, 320], [154, 768], [77, 2048], [3, 5], [1, 1280], [9, 16]];

/// Compares all layers of a kind: `convolutions`, `convolutions in shares`, `linear layers`, `attention`, `norms`; with
/// `halves`, of maps in halves. On a GPU once more in parts, as layers are launched that are too much at once; norms never are.
pub(crate) async fn compare(
    kind: &str,
    device: &Device,
    halves: bool,
    allowed: f32,
) -> Vec<Comparison> {
    let mut all = Compared { device, halves, allowed, way: "", comparisons: Vec::new() };
    all.layers(kind).await;
    if !device::is_cpu(device) && kind != "norms" {
        device::pace(Some(1.0));
        all.way = ", in parts";
        all.layers(kind).await;
        device::pace(None);
    }
    all.comparisons
}

/// How many numbers of a result are compared at most.
const SAMPLES: usize = 97;

struct Compared<'a> {
    device: &'a Device,
    halves: bool,
    allowed: f32,
    /// What is said of every layer.
    way: &'static str,
    comparisons: Vec<Comparison>,
}

impl Compared<'_> {
    async fn layers(&mut self, kind: &str) {
        match kind {
            "convolutions" => self.convolutions().await,
            "convolutions in shares" => self.convolutions_in_shares().await,
            "linear layers" => {
                let odd =
                    ODD_LINEARS.into_iter().flat_map(|one| FORMATS.map(|format| (one, format)));
                for (linear, format) in LINEARS.into_iter().chain(odd) {
                    self.linear(linear, format).await;
                }
            }
            "attention" => {
                for attention in ATTENTIONS {
                    self.attention(attention).await;
                }
            }
            "norms" => {
                for norm in GROUP_NORMS {
                    self.group_norm(norm).await;
                }
                for norm in LAYER_NORMS {
                    self.layer_norm(norm).await;
                }
            }
            _ => {}
        }
    }

    /// Compares some numbers of `ours` with what `expected` says of their places; all must be numbers.
    fn take(&mut self, name: &str, ours: Result<Vec<f32>>, expected: impl Fn(usize) -> f64) {
        let name = &format!("{name}{}", self.way);
        let comparison = match ours {
            Err(error) => Comparison::failed(name, error.to_string()),
            Ok(ours) if !ours.iter().all(|number| number.is_finite()) => {
                Comparison::failed(name, "not all of it are numbers".into())
            }
            Ok(ours) => {
                let count = SAMPLES.min(ours.len());
                let places = (0..count).map(|i| i * (ours.len() - 1) / (count - 1).max(1));
                let pairs = places.map(|place| (ours[place], expected(place) as f32));
                let (ours, expected): (Vec<f32>, Vec<f32>) = pairs.unzip();
                Comparison::new(name, &ours, &expected, self.allowed)
            }
        };
        self.comparisons.push(comparison);
    }

    fn tensor<const D: usize>(&self, numbers: &[f32], dims: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(numbers.to_vec(), dims), self.device)
    }

    fn given(&self, seed: u64, count: usize) -> Vec<f32> {
        self.as_given(numbers(seed, count))
    }

    /// These, as a map has them.
    fn as_given(&self, mut numbers: Vec<f32>) -> Vec<f32> {
        if self.halves {
            numbers.iter_mut().for_each(|x| *x = f16::from_f32(*x).to_f32());
        }
        numbers
    }

    fn map<const D: usize>(&self, numbers: &[f32], dims: [usize; D]) -> Tensor<D> {
        let map = self.tensor(numbers, dims);
        if self.halves { map.cast(FloatDType::F16) } else { map }
    }

    async fn weights(&self, stored: &Stored, shape: &[usize], bias: &[f32]) -> Weights {
        let file = MemorySource::new("layer", stored.file(shape, bias));
        Weights::load(&file, self.device, &[], &mut |_, _| Ok(())).await.unwrap()
    }

    async fn linear(&mut self, ([rows, inputs, outputs], gated): Linear, format: Format) {
        let x = self.given(1, rows * inputs);
        let w = Stored::new(format, outputs, inputs);
        let bias = numbers(3, outputs);
        let mut weights = self.weights(&w, &[outputs, inputs], &bias).await;
        let linear = weights.linear("layer", inputs, outputs, true).unwrap();
        let tokens = self.map(&x, [1, rows, inputs]);
        let name = format!("{rows} × {inputs} → {outputs} {format:?}");
        let sum = |row: usize, o: usize| {
            let (x, w) = (&x[row * inputs..][..inputs], &w.numbers[o * inputs..][..inputs]);
            let products = x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w));
            products.sum::<f64>() + f64::from(bias[o])
        };
        if gated {
            let half = outputs / 2;
            let expected = |place: usize| {
                let (row, o) = (place / half, place % half);
                sum(row, o) * gelu(sum(row, half + o))
            };
            let ours = read(linear.forward_geglu(tokens.clone())).await;
            self.take(&format!("{name}, gated"), ours, expected);
            // As many tokens are: views of a map's rows, and what comes of them put together.
            let parts = tokens.split(rows.div_ceil(2), 1).into_iter();
            let parts = parts.map(|tokens| linear.forward_geglu(tokens)).collect();
            let ours = read(Tensor::cat(parts, 1)).await;
            self.take(&format!("{name}, gated, of two parts"), ours, expected);
            return;
        }
        let plus = self.given(5, rows * outputs);
        let after =
            After { activation: Activation::Gelu, plus: Some(self.map(&plus, [1, rows, outputs])) };
        let ours = read(linear.forward_then(tokens, after)).await;
        self.take(&name, ours, |place| {
            gelu(sum(place / outputs, place % outputs)) + f64::from(plus[place])
        });
    }

    async fn attention(&mut self, ([batch, queries, keys, heads, head], causal): Attention) {
        let width = heads * head;
        let [q, k, v] = [(1, queries), (2, keys), (3, keys)]
            .map(|(seed, tokens)| self.given(seed, batch * tokens * width));
        let ours = read(ops::split_heads_attention(
            self.map(&q, [batch, queries, width]),
            self.map(&k, [batch, keys, width]),
            self.map(&v, [batch, keys, width]),
            heads,
            causal,
        ))
        .await;
        let name = format!("{batch} × {queries} to {keys}, {heads} × {head}");
        self.take(&name, ours, |place| {
            let (token, column) = (place / width, place % width);
            let (element, first) = (token / queries, column / head * head);
            let q = &q[token * width + first..][..head];
            let count = if causal { token % queries + 1 } else { keys };
            let score = |key: usize| {
                let k = &k[(element * keys + key) * width + first..][..head];
                let products = q.iter().zip(k).map(|(q, k)| f64::from(*q) * f64::from(*k));
                (products.sum::<f64>() / (head as f64).sqrt()).exp()
            };
            let mut sums = [0.0; 2];
            for key in 0..count {
                let score = score(key);
                sums[0] += score * f64::from(v[(element * keys + key) * width + column]);
                sums[1] += score;
            }
            sums[0] / sums[1]
        });
    }

    async fn group_norm(&mut self, ([batch, channels, groups], [height, width]): GroupNorm) {
        let positions = height * width;
        let x = numbers(1, batch * channels * positions).into_iter().map(|x| x + 0.5);
        let x = self.as_given(x.collect());
        let (weight, bias) = (numbers(2, channels), numbers(3, channels));
        let norm = ops::GroupNorm::new(
            self.tensor(&weight, [channels]),
            self.tensor(&bias, [channels]),
            groups,
            1e-5,
        );
        let map = self.map(&x, [batch, channels, height, width]);
        let ours = read(norm.forward_silu(map)).await;
        let each = channels / groups * positions;
        let scales: Vec<[f64; 2]> = x.chunks(each).map(mean_and_deviation).collect();
        self.take(&format!("{batch} × {channels} {height}×{width}"), ours, |place| {
            let ([mean, deviation], channel) = (scales[place / each], place / positions % channels);
            let normed = (f64::from(x[place]) - mean) / deviation;
            let y = normed * f64::from(weight[channel]) + f64::from(bias[channel]);
            y / (1.0 + (-y).exp())
        });
    }

    async fn layer_norm(&mut self, [rows, width]: [usize; 2]) {
        let x = self.given(1, rows * width);
        let (weight, bias) = (numbers(2, width), numbers(3, width));
        let norm =
            ops::LayerNorm::new(self.tensor(&weight, [width]), self.tensor(&bias, [width]), 1e-5);
        let ours = read(norm.forward(self.map(&x, [1, rows, width]))).await;
        self.take(&format!("{rows} × {width}"), ours, |place| {
            let [mean, deviation] = mean_and_deviation(&x[place / width * width..][..width]);
            let normed = (f64::from(x[place]) - mean) / deviation;
            normed * f64::from(weight[place % width]) + f64::from(bias[place % width])
        });
    }
}

fn mean_and_deviation(x: &[f32]) -> [f64; 2] {
    let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / x.len() as f64;
    let squares = x.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>();
    [mean, (squares / x.len() as f64 + 1e-5).sqrt()]
}

/// `x · Φ(x)`, by the series of the error function where it converges fast, else by its continued fraction.
fn gelu(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let erf = if z < 3.0 {
        let mut term = z;
        let mut sum = z;
        for n in 1..100 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else {
        let fraction = (1..60).rev().fold(0.0, |rest, n| f64::from(n) / 2.0 / (z + rest));
        1.0 - (-z * z).exp() / (z + fraction) / std::f64::consts::PI.sqrt()
    };
    x * (1.0 + erf.copysign(x)) / 2.0
}
