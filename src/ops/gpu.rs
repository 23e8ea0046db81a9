//! The GPU's way: our own kernels, in CubeCL, on the tensors' buffers.
//!
//! Each function here is the GPU arm of the one of the same name in `ops`, where shapes and sources are. Kernels want
//! channels last: a map that one of them made is `[batch, height, width, channels]` in memory, and its tensor is that,
//! seen as `[batch, channels, height, width]`. Nothing is moved between two kernels.
//!
//! No kernel needs half precision, subgroups or more than 16 KiB of shared memory, and none is chosen by trial. Maps may be
//! f32 or halves: what a kernel gives has the numbers of what it is given, and everything between is f32.

/// Launches a kernel without run-time checks.
///
/// Safety: the sizes that a kernel is told are the arrays' own, and what lies outside of them it leaves alone.
macro_rules! launch {
    ($kernel:ident($($argument:expr),* $(,)?)) => {
        #[allow(unsafe_code, reason = "kernels are launched without run-time checks")]
        unsafe {
            $kernel::launch_unchecked($($argument),*);
        }
    };
}

mod attention;
mod elementwise;
mod layers;
mod norm;
mod number;
mod packed;
mod product;
mod small_heads;

use std::ops::Range;

use burn::tensor::{DType, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::{cast, into_contiguous};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::Client;
use cubecl::ir::{ElemType, FloatKind};
use cubecl::prelude::{BufferArg, CubeCount, CubeDim};

pub(super) use self::attention::split_heads_attention;
pub(super) use self::elementwise::{function, join_channels, prelu};
pub(super) use self::layers::{Finish, conv2d, linear};
pub(super) use self::norm::{group_norm, layer_norm};
pub(super) use self::number::Function;
pub use self::packed::Packed;
use super::pace;

/// A tensor's buffer, contiguous: as it is where it lies so already, else copied.
fn buffer<const D: usize>(x: Tensor<D>) -> CubeTensor {
    let primitive = x.try_into_primitive::<CubeBackend>();
    into_contiguous(primitive.expect("what is not on the CPU is on the GPU"))
}

/// A tensor's buffer, contiguous, in these numbers.
fn buffer_in<const D: usize>(x: Tensor<D>, dtype: DType) -> CubeTensor {
    cast(buffer(x), dtype)
}

/// A map's buffer, channels last.
fn map_buffer(x: Tensor<4>) -> CubeTensor {
    buffer(x.permute([0, 2, 3, 1]))
}

/// A new buffer for numbers like this one's.
fn empty<const D: usize>(like: &CubeTensor, dims: [usize; D]) -> CubeTensor {
    empty_of(like, dims, like.dtype)
}

/// A new buffer for f32 beside this one.
fn floats<const D: usize>(beside: &CubeTensor, dims: [usize; D]) -> CubeTensor {
    empty_of(beside, dims, DType::F32)
}

fn empty_of<const D: usize>(beside: &CubeTensor, dims: [usize; D], dtype: DType) -> CubeTensor {
    let (client, device) = (beside.client.clone(), beside.device.clone());
    empty_device_contiguous_dtype(client, device, Shape::from(dims), dtype)
}

/// What a kernel has to know of a buffer's numbers: all compute in f32, and read and write this.
fn element(buffer: &CubeTensor) -> ElemType {
    ElemType::Float(match buffer.dtype {
        DType::F16 => FloatKind::F16,
        _ => FloatKind::F32,
    })
}

fn tensor<const D: usize>(buffer: CubeTensor) -> Tensor<D> {
    Tensor::from_primitive::<CubeBackend>(buffer)
}

/// The map in a buffer that holds channels last.
fn map_tensor(buffer: CubeTensor) -> Tensor<4> {
    tensor::<4>(buffer).permute([0, 3, 1, 2])
}

fn arg(buffer: &CubeTensor) -> BufferArg {
    buffer.clone().into_buffer_arg()
}

/// Where kernels write one result.
struct Output {
    buffer: CubeTensor,
    /// The number of the argument whose memory it is.
    over: Option<usize>,
}

impl Output {
    /// In new memory, for numbers like this one's.
    fn new<const D: usize>(like: &CubeTensor, dims: [usize; D]) -> Self {
        Self { buffer: empty(like, dims), over: None }
    }

    /// Of a kernel that reads its argument number `position` only where it writes: in the memory of that, where nobody else
    /// has it.
    fn over<const D: usize>(argument: &CubeTensor, position: usize, dims: [usize; D]) -> Self {
        if argument.can_mut() {
            return Self { buffer: argument.clone(), over: Some(position) };
        }
        Self::new(argument, dims)
    }

    /// What a kernel is told of it.
    fn arg(&self) -> BufferArg {
        match self.over {
            Some(position) => BufferArg::alias(position, self.buffer.meta.shape().num_elements()),
            None => arg(&self.buffer),
        }
    }
}

/// An argument that a kernel may do without.
fn optional<A: From<Option<BufferArg>>>(buffer: Option<&CubeTensor>) -> A {
    buffer.map(arg).into()
}

/// Launches so many rows of cubes, which make so many multiply-adds, in parts where they are too much at once.
fn in_parts(client: &Client, rows: usize, multiply_adds: f64, launch: impl FnMut(Range<usize>)) {
    // What cannot be submitted is told by whoever reads the result.
    pace::in_parts(rows, multiply_adds, || drop(client.flush()), launch);
}

/// Most cubes in a row that every device starts.
const MOST_CUBES: usize = 65_535;

/// At least so many cubes, in a rectangle if there are too many for a row.
fn cubes(count: usize) -> CubeCount {
    let rows = count.div_ceil(MOST_CUBES).max(1);
    CubeCount::Static(count.div_ceil(rows) as u32, rows as u32, 1)
}

/// Units of a cube that works on each number by itself.
const UNITS: usize = 128;

fn elements(count: usize) -> (CubeCount, CubeDim) {
    (cubes(count.div_ceil(UNITS)), CubeDim::new_1d(UNITS as u32))
}
