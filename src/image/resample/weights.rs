//! Which old positions a new one is made of, along one side.

use std::f64::consts::PI;

use super::Method;

/// For each new position the first old one and the weights from there on, all of one length.
#[derive(Debug)]
pub(super) struct Weights {
    starts: Vec<usize>,
    weights: Vec<f32>,
    length: usize,
}

impl Weights {
    /// Positions outside are the outermost one. [`Method::Lanczos`]'s weights have 22 bits, as 8-bit
    /// samples use them.
    pub(super) fn new(inputs: usize, outputs: usize, method: Method) -> Self {
        // Torch computes positions in single precision; so do we, or far from 0 the weights would differ.
        let scale = inputs as f32 / outputs as f32;
        let ratio = inputs as f64 / outputs as f64;
        let length = match method {
            Method::NearestExact => 1,
            Method::Bilinear => 2,
            Method::Bicubic => 4,
            Method::Area => inputs.div_ceil(outputs) + 1,
            Method::Lanczos => 2 * (3.0 * ratio.max(1.0)).ceil() as usize + 1,
        }
        .min(inputs);
        let mut taps = Self {
            starts: Vec::with_capacity(outputs),
            weights: Vec::with_capacity(outputs * length),
            length,
        };
        for i in 0..outputs {
            let centre = (i as f32 + 0.5) * scale;
            match method {
                Method::NearestExact => taps.push(inputs, centre as isize, &[1.0]),
                Method::Bilinear => {
                    let position = (centre - 0.5).max(0.0);
                    let part = position.fract();
                    taps.push(inputs, position as isize, &[1.0 - part, part]);
                }
                Method::Bicubic => {
                    let position = centre - 0.5;
                    let part = position - position.floor();
                    taps.push(inputs, position.floor() as isize - 1, &cubic(part));
                }
                Method::Area => {
                    let edge = |i: usize| i as u64 * inputs as u64;
                    let from = (edge(i) / outputs as u64) as usize;
                    let count = edge(i + 1).div_ceil(outputs as u64) as usize - from;
                    taps.push(inputs, from as isize, &vec![1.0 / count as f32; count]);
                }
                Method::Lanczos => {
                    let (from, weights) = lanczos(i, inputs, ratio);
                    taps.push(inputs, from as isize, &weights);
                }
            }
        }
        taps
    }

    /// New positions.
    pub(super) fn outputs(&self) -> usize {
        self.starts.len()
    }

    /// First old position and weights of each new one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.starts.iter().copied().zip(self.weights.chunks_exact(self.length))
    }

    /// Takes the weights of the old positions from `first` on; those outside go to the outermost.
    fn push(&mut self, inputs: usize, first: isize, weights: &[f32]) {
        let last = inputs - 1;
        let start = first.max(0).cast_unsigned().min(inputs - self.length);
        let begin = self.weights.len();
        self.weights.resize(begin + self.length, 0.0);
        for (i, weight) in weights.iter().enumerate() {
            let place = (first + i.cast_signed()).max(0).cast_unsigned().min(last);
            self.weights[begin + place - start] += weight;
        }
        self.starts.push(start);
    }
}

/// Weights of the four neighbours of a place `t` after the second.
///
/// # Source
///
/// Keys 1981, "Cubic convolution interpolation for digital image processing", with a = −0.75 as in torch.
fn cubic(t: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

/// First old position and weights of new position `i`.
///
/// # Source
///
/// Pillow 13 `Image.resize`: sinc(x)·sinc(x/3), widened by `ratio` where it shrinks, cut off at the
/// borders and scaled to sum to 1, in 22 bits after the point.
fn lanczos(i: usize, inputs: usize, ratio: f64) -> (usize, Vec<f32>) {
    let widened = ratio.max(1.0);
    let (centre, support) = ((i as f64 + 0.5) * ratio, 3.0 * widened);
    let from = (centre - support + 0.5).max(0.0) as usize;
    let to = ((centre + support + 0.5) as usize).min(inputs);
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
    let filter = |x: f64| if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 };
    let weights: Vec<f64> =
        (from..to).map(|old| filter((old as f64 - centre + 0.5) / widened)).collect();
    let sum: f64 = weights.iter().sum();
    let scale = f64::from(1 << 22);
    // At most 2^22, so that the whole number is exact in an f32.
    (from, weights.iter().map(|w| (w / sum * scale).round() as f32).collect())
}
