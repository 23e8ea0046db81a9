//! Layers at the sizes of Stable Diffusion 1.5, SDXL, their autoencoder and the bundled model, and at odd ones, with weights
//! in every format a file may have them in: some of each result's numbers against sums in f64.

use burn::tensor::{Device, Tensor, TensorData};
use half::{bf16, f16};
use serde_json::{Map, Value, json};
use tintype::device::read;
use tintype::error::Result;
use tintype::ops::{self, Activation, After, Conv2d, Padding};
use tintype::store::MemorySource;
use tintype::weights::Weights;

use super::reference::Comparison;

/// How a file has its weights.
#[derive(Debug, Clone, Copy)]
enum Format {
    F32,
    F16,
    Bf16,
    Int8,
}
use Format::{Bf16, F16, F32, Int8};

const FORMATS: [Format; 4] = [F32, F16, Bf16, Int8];

/// A convolution: batch, inputs, outputs; height, width; kernel, stride, padding.
type Conv = ([usize; 3], [usize; 2], usize, usize, Padding);

const CONVS: [(Conv, Format); 13] = [
    (([1, 320, 320], [32, 32], 3, 1, Padding::Same(1)), F16),
    (([2, 1280, 1280], [8, 8], 3, 1, Padding::Same(1)), Int8),
    (([1, 2560, 1280], [4, 4], 3, 1, Padding::Same(1)), F16),
    (([1, 640, 640], [32, 32], 3, 2, Padding::Same(1)), Bf16),
    (([2, 960, 320], [16, 16], 1, 1, Padding::Same(0)), F16),
    (([2, 4, 320], [64, 64], 3, 1, Padding::Same(1)), F32),
    (([2, 320, 4], [64, 64], 3, 1, Padding::Same(1)), F16),
    (([1, 9, 320], [16, 16], 3, 1, Padding::Same(1)), F16),
    (([1, 512, 512], [16, 16], 3, 1, Padding::Same(1)), F32),
    (([1, 128, 128], [33, 32], 3, 2, Padding::BottomRight), F16),
    (([1, 128, 3], [128, 128], 3, 1, Padding::Same(1)), Bf16),
    (([2, 64, 128], [16, 16], 3, 1, Padding::Same(1)), F16),
    (([1, 256, 256], [2, 2], 3, 1, Padding::Same(1)), Int8),
];

const ODD_CONVS: [Conv; 4] = [
    ([3, 12, 20], [7, 5], 3, 1, Padding::Same(1)),
    ([4, 5, 7], [1, 1], 3, 1, Padding::Same(1)),
    ([1, 3, 8], [11, 13], 7, 1, Padding::Same(3)),
    ([2, 36, 33], [9, 8], 3, 2, Padding::BottomRight),
];

/// Convolutions of an enlarged map: the sizes as above, and height and width that it is enlarged to.
const ENLARGED: [(Conv, [usize; 2]); 2] = [
    (([1, 640, 640], [8, 8], 3, 1, Padding::Same(1)), [16, 16]),
    (([2, 36, 33], [5, 9], 3, 1, Padding::Same(1)), [9, 17]),
];

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

/// Compares all layers of a kind: `convolutions`, `linear layers`, `attention`, `norms`.
pub(crate) async fn compare(kind: &str, device: &Device, allowed: f32) -> Vec<Comparison> {
    let mut all = Compared { device, allowed, comparisons: Vec::new() };
    match kind {
        "convolutions" => {
            let odd = ODD_CONVS.into_iter().flat_map(|conv| FORMATS.map(|format| (conv, format)));
            for (conv, format) in CONVS.into_iter().chain(odd) {
                all.convolution(conv, None, format).await;
            }
            for (conv, size) in ENLARGED {
                all.convolution(conv, Some(size), F16).await;
            }
        }
        "linear layers" => {
            let odd = ODD_LINEARS.into_iter().flat_map(|one| FORMATS.map(|format| (one, format)));
            for (linear, format) in LINEARS.into_iter().chain(odd) {
                all.linear(linear, format).await;
            }
        }
        "attention" => {
            for attention in ATTENTIONS {
                all.attention(attention).await;
            }
        }
        "norms" => {
            for norm in GROUP_NORMS {
                all.group_norm(norm).await;
            }
            for norm in LAYER_NORMS {
                all.layer_norm(norm).await;
            }
        }
        _ => {}
    }
    all.comparisons
}

/// How many numbers of a result are compared at most.
const SAMPLES: usize = 97;

/// Layers that one is cut into.
const SHARES: usize = 4;

/// The half of the outputs from those of shares, the other from what shares of the inputs add up to.
fn in_shares(conv: &Conv2d, x: &Tensor<4>) -> Tensor<4> {
    let outputs = conv.by_outputs(SHARES).into_iter().map(|share| share.forward(x.clone()));
    let first = Tensor::cat(outputs.collect(), 1);
    let width = x.dims()[1] / SHARES;
    let mut sum = None;
    for (i, share) in conv.by_inputs(SHARES).into_iter().enumerate() {
        let after = After { plus: sum, ..After::default() };
        sum = Some(share.forward_then(x.clone().narrow(1, i * width, width), after));
    }
    let half = first.dims()[1] / 2;
    Tensor::cat(vec![first.narrow(1, 0, half), sum.unwrap().narrow(1, half, half)], 1)
}

struct Compared<'a> {
    device: &'a Device,
    allowed: f32,
    comparisons: Vec<Comparison>,
}

impl Compared<'_> {
    /// Compares some numbers of `ours` with what `expected` says of their places; all must be numbers.
    fn take(&mut self, name: &str, ours: Result<Vec<f32>>, expected: impl Fn(usize) -> f64) {
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

    async fn weights(&self, stored: &Stored, shape: &[usize], bias: &[f32]) -> Weights {
        let file = MemorySource::new("layer", stored.file(shape, bias));
        Weights::load(&file, self.device, &[], &mut |_, _| Ok(())).await.unwrap()
    }

    async fn convolution(
        &mut self,
        (channels, [height, width], kernel, stride, padding): Conv,
        enlarged: Option<[usize; 2]>,
        format: Format,
    ) {
        let [batch, inputs, outputs] = channels;
        let seen = enlarged.unwrap_or([height, width]);
        let (before, behind) = match padding {
            Padding::Same(count) => (count, count),
            Padding::BottomRight => (0, 1),
        };
        let [rows, columns] = seen.map(|side| (side + before + behind - kernel) / stride + 1);
        let x = numbers(1, batch * inputs * height * width);
        let w = Stored::new(format, outputs, inputs * kernel * kernel);
        let bias = numbers(3, outputs);
        let (shift, plus) =
            (numbers(4, batch * outputs), numbers(5, batch * outputs * rows * columns));
        let shape = [outputs, inputs, kernel, kernel];
        let mut weights = self.weights(&w, &shape, &bias).await;
        let conv = weights.conv2d("layer", [inputs, outputs], kernel, stride, padding).unwrap();
        let map = self.tensor(&x, [batch, inputs, height, width]);
        let added = self.tensor(&plus, [batch, outputs, rows, columns]);
        let name =
            format!("{channels:?} {height}×{width} {kernel}/{stride} {enlarged:?} {format:?}");
        let sum = |place: usize| {
            let (element, place) =
                (place / (outputs * rows * columns), place % (outputs * rows * columns));
            let (o, place) = (place / (rows * columns), place % (rows * columns));
            let (top, left) = (place / columns * stride, place % columns * stride);
            let mut sum = f64::from(bias[o]);
            for tap in 0..kernel * kernel {
                let (row, column) = (top + tap / kernel, left + tap % kernel);
                let is_inside = row >= before
                    && column >= before
                    && row - before < seen[0]
                    && column - before < seen[1];
                if !is_inside {
                    continue;
                }
                let (row, column) =
                    ((row - before) * height / seen[0], (column - before) * width / seen[1]);
                for i in 0..inputs {
                    let x = x[((element * inputs + i) * height + row) * width + column];
                    let w = w.numbers[(o * inputs + i) * kernel * kernel + tap];
                    sum += f64::from(x) * f64::from(w);
                }
            }
            sum
        };
        let of = |place: usize| place / (rows * columns);
        if let Some(size) = enlarged {
            let after = After { activation: Activation::LeakyRelu(0.2), plus: None };
            let ours = read(conv.forward_enlarged(map, size, after)).await;
            self.take(&name, ours, |place| {
                let sum = sum(place);
                if sum < 0.0 { 0.2 * sum } else { sum }
            });
            return;
        }
        let ours =
            read(conv.forward_shifted(map.clone(), self.tensor(&shift, [batch, outputs]))).await;
        self.take(&name, ours, |place| sum(place) + f64::from(shift[of(place)]));
        if inputs.is_multiple_of(SHARES) && outputs.is_multiple_of(SHARES) {
            self.take(&format!("{name}, in shares"), read(in_shares(&conv, &map)).await, sum);
        }
        let after = After { activation: Activation::Silu, plus: Some(added) };
        let ours = read(conv.forward_then(map, after)).await;
        self.take(&format!("{name}, silu, plus"), ours, |place| {
            let sum = sum(place);
            sum / (1.0 + (-sum).exp()) + f64::from(plus[place])
        });
    }

    async fn linear(&mut self, ([rows, inputs, outputs], gated): Linear, format: Format) {
        let x = numbers(1, rows * inputs);
        let w = Stored::new(format, outputs, inputs);
        let bias = numbers(3, outputs);
        let mut weights = self.weights(&w, &[outputs, inputs], &bias).await;
        let linear = weights.linear("layer", inputs, outputs, true).unwrap();
        let tokens = self.tensor(&x, [1, rows, inputs]);
        let name = format!("{rows} × {inputs} → {outputs} {format:?}");
        let sum = |row: usize, o: usize| {
            let (x, w) = (&x[row * inputs..][..inputs], &w.numbers[o * inputs..][..inputs]);
            let products = x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w));
            products.sum::<f64>() + f64::from(bias[o])
        };
        if gated {
            let half = outputs / 2;
            let ours = read(linear.forward_geglu(tokens)).await;
            self.take(&format!("{name}, gated"), ours, |place| {
                let (row, o) = (place / half, place % half);
                sum(row, o) * gelu(sum(row, half + o))
            });
            return;
        }
        let plus = numbers(5, rows * outputs);
        let after = After {
            activation: Activation::Gelu,
            plus: Some(self.tensor(&plus, [1, rows, outputs])),
        };
        let ours = read(linear.forward_then(tokens, after)).await;
        self.take(&name, ours, |place| {
            gelu(sum(place / outputs, place % outputs)) + f64::from(plus[place])
        });
    }

    async fn attention(&mut self, ([batch, queries, keys, heads, head], causal): Attention) {
        let width = heads * head;
        let [q, k, v] = [(1, queries), (2, keys), (3, keys)]
            .map(|(seed, tokens)| numbers(seed, batch * tokens * width));
        let ours = read(ops::split_heads_attention(
            self.tensor(&q, [batch, queries, width]),
            self.tensor(&k, [batch, keys, width]),
            self.tensor(&v, [batch, keys, width]),
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
        let x: Vec<f32> =
            numbers(1, batch * channels * positions).iter().map(|x| x + 0.5).collect();
        let (weight, bias) = (numbers(2, channels), numbers(3, channels));
        let norm = ops::GroupNorm::new(
            self.tensor(&weight, [channels]),
            self.tensor(&bias, [channels]),
            groups,
            1e-5,
        );
        let map = self.tensor(&x, [batch, channels, height, width]);
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
        let x = numbers(1, rows * width);
        let (weight, bias) = (numbers(2, width), numbers(3, width));
        let norm =
            ops::LayerNorm::new(self.tensor(&weight, [width]), self.tensor(&bias, [width]), 1e-5);
        let ours = read(norm.forward(self.tensor(&x, [1, rows, width]))).await;
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

/// Numbers in −1..1 that follow from a seed.
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Weights as a file has them, and what these are exactly.
struct Stored {
    dtype: &'static str,
    bytes: Vec<u8>,
    scales: Vec<f32>,
    numbers: Vec<f32>,
}

impl Stored {
    fn new(format: Format, rows: usize, row: usize) -> Self {
        let size = 2.0 / (row as f32).sqrt();
        let wanted = numbers(2, rows * row).into_iter().map(|number| number * size);
        let (dtype, mut bytes, mut scales) = ("F32", Vec::new(), Vec::new());
        let mut numbers: Vec<f32> = wanted.collect();
        let dtype = match format {
            F32 => {
                numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
                dtype
            }
            F16 => {
                for number in &mut numbers {
                    let half = f16::from_f32(*number);
                    *number = half.to_f32();
                    bytes.extend(half.to_le_bytes());
                }
                "F16"
            }
            Bf16 => {
                for number in &mut numbers {
                    let half = bf16::from_f32(*number);
                    *number = half.to_f32();
                    bytes.extend(half.to_le_bytes());
                }
                "BF16"
            }
            Int8 => {
                scales = (0..rows).map(|i| size / 127.0 * (1.0 + i as f32 / rows as f32)).collect();
                for (i, number) in numbers.iter_mut().enumerate() {
                    let scale = scales[i / row];
                    let integer = (*number / scale).round() as i8;
                    *number = f32::from(integer) * scale;
                    bytes.push(integer.cast_unsigned());
                }
                "I8"
            }
        };
        Self { dtype, bytes, scales, numbers }
    }

    /// A safetensors file of a layer.
    fn file(&self, shape: &[usize], bias: &[f32]) -> Vec<u8> {
        let floats = |numbers: &[f32]| -> Vec<u8> {
            numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
        };
        let (mut header, mut body) = (Map::new(), Vec::new());
        let mut add = |name: &str, dtype: &str, shape: &[usize], bytes: Vec<u8>| {
            let start = body.len();
            body.extend(bytes);
            let info =
                json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, body.len()] });
            header.insert(name.into(), info);
        };
        add("layer.bias", "F32", &[bias.len()], floats(bias));
        if !self.scales.is_empty() {
            add("layer.weight.scale", "F32", &[shape[0]], floats(&self.scales));
        }
        add("layer.weight", self.dtype, shape, self.bytes.clone());
        let header = Value::Object(header).to_string();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &body].concat()
    }
}
