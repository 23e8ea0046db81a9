//! The CPU's way: our own kernels on the tensors' memory.
//!
//! Each function here is the CPU arm of the one of the same name in `ops`, where shapes and sources are.

use burn::tensor::{Device, Tensor, TensorData};
use burn_flex::{Flex, FlexTensor};
use tintype_kernels::{
    self as kernels, AttentionShape, ConvWeights, LinearWeights, Matrix, Pictures,
};

/// Whether a tensor is in the CPU engine's memory; a build for the CPU alone need not ask.
#[cfg(feature = "webgpu")]
pub(super) fn holds<const D: usize>(x: &Tensor<D>) -> bool {
    x.device() == Device::flex()
}

/// A tensor's numbers, contiguous: borrowed where they lie so already, else copied.
struct Floats(FlexTensor);

impl Floats {
    fn of<const D: usize>(x: Tensor<D>) -> Self {
        let primitive = x.try_into_primitive::<Flex>().expect("callers asked `holds`");
        Self(primitive.to_contiguous())
    }

    fn get(&self) -> &[f32] {
        self.0.as_slice().expect("contiguous, and f32 as everything on this device")
    }
}

/// A layer's matrix or kernel on the CPU, laid out for products.
#[derive(Debug)]
pub struct Kept(Matrix);

impl Kept {
    /// From its numbers; the first side are the layer's outputs.
    pub(crate) fn new(numbers: &[f32], shape: &[usize]) -> Self {
        let rows = shape.first().copied().unwrap_or(1);
        Self(Matrix::new(numbers, [rows, numbers.len() / rows.max(1)]))
    }

    /// Its numbers, flattened.
    pub fn tensor(&self) -> Tensor<1> {
        tensor(self.0.numbers(), [self.0.count()])
    }

    /// The sum of it and numbers in the same order.
    pub fn plus(&self, change: Tensor<1>, shape: &[usize]) -> Self {
        numbers(self.tensor() + change, |sum| Self::new(sum, shape))
    }

    /// Memory it takes.
    pub fn bytes(&self) -> usize {
        4 * self.0.count()
    }

    pub(super) fn matrix(&self) -> &Matrix {
        &self.0
    }
}

/// What `f` makes of a tensor's numbers.
pub(super) fn numbers<const D: usize, R>(x: Tensor<D>, f: impl FnOnce(&[f32]) -> R) -> R {
    f(Floats::of(x).get())
}

fn tensor<const D: usize>(numbers: Vec<f32>, dims: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers, dims), &Device::flex())
}

/// A tensor with its numbers changed: where they lie if nothing else holds them, else in a copy.
fn map<const D: usize>(x: Tensor<D>, f: impl FnOnce(&mut [f32])) -> Tensor<D> {
    let Floats(mut primitive) = Floats::of(x);
    f(primitive.storage_mut());
    Tensor::from_data(primitive.into_data(), &Device::flex())
}

pub(super) fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    map(x, kernels::silu)
}

pub(super) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    map(x, kernels::gelu)
}

pub(super) fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    map(x, kernels::quick_gelu)
}

pub(super) fn leaky_relu<const D: usize>(x: Tensor<D>, slope: f32) -> Tensor<D> {
    map(x, |x| kernels::leaky_relu(x, slope))
}

pub(super) fn halve(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let out = kernels::halve(Floats::of(x).get(), [height, width]);
    tensor(out, [batch, channels, height.div_ceil(2), width.div_ceil(2)])
}

pub(super) fn prelu(x: Tensor<4>, slopes: Tensor<1>) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let slopes = Floats::of(slopes);
    map(x, |x| kernels::prelu(x, slopes.get(), height * width))
}

pub(super) fn linear<const D: usize>(
    x: Tensor<D>,
    weights: &LinearWeights<'_>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let mut dims = x.dims();
    dims[D - 1] = weights.outputs();
    let (x, bias) = (Floats::of(x), bias.map(Floats::of));
    tensor(weights.forward(x.get(), bias.as_ref().map(Floats::get)), dims)
}

pub(super) fn linear_geglu(
    x: Tensor<3>,
    weights: &LinearWeights<'_>,
    bias: Option<Tensor<1>>,
) -> Tensor<3> {
    let [batch, tokens, _] = x.dims();
    let (x, bias) = (Floats::of(x), bias.map(Floats::of));
    let gated = weights.forward_geglu(x.get(), bias.as_ref().map(Floats::get));
    tensor(gated, [batch, tokens, weights.outputs() / 2])
}

/// `seen`: the size that the layer sees, if not its own; `plus`: what the result is added to.
pub(super) fn conv2d(
    x: Tensor<4>,
    weights: &ConvWeights<'_>,
    bias: Option<Tensor<1>>,
    seen: Option<[usize; 2]>,
    plus: Option<Tensor<4>>,
) -> Tensor<4> {
    let [batch, _, height, width] = x.dims();
    let size = [height, width];
    let seen = seen.unwrap_or(size);
    let (x, bias) = (Floats::of(x), bias.map(Floats::of));
    let (x, bias) = (Pictures::enlarged(x.get(), size, seen), bias.as_ref().map(Floats::get));
    if let Some(plus) = plus {
        return map(plus, |sum| weights.add_to(sum, x, bias));
    }
    let [rows, columns] = weights.layer().output_size(seen);
    tensor(weights.forward(x, bias), [batch, weights.layer().outputs, rows, columns])
}

pub(super) fn group_norm(
    x: Tensor<4>,
    parameters: [Tensor<1>; 2],
    groups: usize,
    eps: f64,
    silu: bool,
) -> Tensor<4> {
    let positions = x.dims()[2] * x.dims()[3];
    let [weight, bias] = parameters.map(Floats::of);
    map(x, |x| kernels::group_norm(x, [weight.get(), bias.get()], positions, groups, eps, silu))
}

pub(super) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    let dims = x.dims();
    let (x, weight, bias) = (Floats::of(x), Floats::of(weight), Floats::of(bias));
    tensor(kernels::layer_norm(x.get(), weight.get(), bias.get(), eps), dims)
}

pub(super) fn split_heads_attention(
    [q, k, v]: [Tensor<3>; 3],
    heads: usize,
    causal: bool,
) -> Tensor<3> {
    let dims = q.dims();
    let [batch, queries, width] = dims;
    let shape = AttentionShape { batch, queries, keys: k.dims()[1], heads, width };
    let (q, k, v) = (Floats::of(q), Floats::of(k), Floats::of(v));
    tensor(kernels::attention([q.get(), k.get(), v.get()], shape, causal), dims)
}
