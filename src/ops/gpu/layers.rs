//! Linear layers and convolutions: what [`product`](super::product) is told.

use burn::tensor::Tensor;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::{CubeCount, CubeDim};

use super::number::Function;
use super::packed::Packed;
use super::product::{SIDE, SizesLaunch, Variant, product_kernel};
use super::{MOST_CUBES, arg, buffer, empty, map_buffer, map_tensor, optional, over, tensor};
use crate::device;
use crate::ops::Padding;

/// What is done with a layer's sums before they are written, in this order.
#[derive(Default)]
pub(in crate::ops) struct Finish<const D: usize> {
    pub(in crate::ops) bias: Option<Tensor<1>>,
    /// Whether the second half of the outputs are gates for the first.
    pub(in crate::ops) gated: bool,
    /// `[batch, out]`, added at every position.
    pub(in crate::ops) shift: Option<Tensor<2>>,
    pub(in crate::ops) function: Function,
    /// Slope of a leaky function.
    pub(in crate::ops) slope: f32,
    /// Added at last.
    pub(in crate::ops) plus: Option<Tensor<D>>,
}

pub(in crate::ops) fn linear<const D: usize>(
    x: Tensor<D>,
    w: &Packed,
    mut finish: Finish<D>,
) -> Tensor<D> {
    let mut dims = x.dims();
    let inputs = dims[D - 1];
    let positions = dims.iter().product::<usize>() / inputs;
    dims[D - 1] = if finish.gated { w.rows() / 2 } else { w.rows() };
    let x = buffer(x);
    let plus = finish.plus.take().map(buffer);
    // One row as long as there are positions.
    let size = [1, positions];
    let path = Path { batch: 1, inputs, size, seen: size, out: size, stride: 1, before: 0 };
    tensor(launch_product(&x, w, dims, &path, finish, plus))
}

/// `seen`: the size that `x` is read at, each position as often as need be.
pub(in crate::ops) fn conv2d(
    x: Tensor<4>,
    w: &Packed,
    stride: usize,
    padding: Padding,
    seen: Option<[usize; 2]>,
    mut finish: Finish<4>,
) -> Tensor<4> {
    let [batch, inputs, height, width] = x.dims();
    let (before, behind) = padding.sides();
    let size = [height, width];
    let seen = seen.unwrap_or(size);
    let out = seen.map(|side| (side + before + behind - w.kernel()) / stride + 1);
    let x = map_buffer(x);
    let dims = [batch, out[0], out[1], w.rows()];
    let plus = finish.plus.take().map(map_buffer);
    let path = Path { batch, inputs, size, seen, out, stride, before };
    map_tensor(launch_product(&x, w, dims, &path, finish, plus))
}

/// How a kernel goes over a map.
struct Path {
    batch: usize,
    inputs: usize,
    /// Height and width of the map in memory, as it is read, and of the result.
    size: [usize; 2],
    seen: [usize; 2],
    out: [usize; 2],
    stride: usize,
    /// Zeros before the first row and column.
    before: usize,
}

fn launch_product<const D: usize>(
    x: &CubeTensor,
    w: &Packed,
    dims: [usize; D],
    path: &Path,
    finish: Finish<D>,
    plus: Option<CubeTensor>,
) -> CubeTensor {
    let Finish { bias, gated, shift, function, slope, .. } = finish;
    let each = path.out[0] * path.out[1];
    let positions = path.batch * each;
    let [rows, columns] = tile(positions, w.rows());
    let lanes = if path.inputs.is_multiple_of(4) { 4 } else { 1 };
    let format = w.format();
    let enlarged = path.size != path.seen;
    let outputs = if gated { w.rows() / 2 } else { w.rows() };
    let sizes = SizesLaunch::new(
        positions as u32,
        each as u32,
        path.out[1] as u32,
        outputs as u32,
        path.inputs as u32,
        path.size[0] as u32,
        path.size[1] as u32,
        path.seen[0] as u32,
        path.seen[1] as u32,
        w.kernel() as u32,
        path.stride as u32,
        path.before as u32,
        slope,
    );
    let (words, scale) = w.buffers();
    let (bias, shift) = (bias.map(buffer), shift.map(buffer));
    let (y, place) = match &plus {
        // After the input, the weights and what else there is.
        Some(plus) => {
            let before = [scale.is_some(), bias.is_some(), shift.is_some()];
            over(plus, 2 + before.iter().filter(|is| **is).count(), dims)
        }
        None => {
            let y = empty(x, dims);
            let place = arg(&y);
            (y, place)
        }
    };
    let cubes = |count: usize, each: usize| count.div_ceil(SIDE * each) as u32;
    let down = cubes(positions, rows);
    let layers = down.div_ceil(MOST_CUBES as u32);
    launch!(product_kernel(
        &x.client,
        CubeCount::Static(cubes(w.rows(), columns), down.div_ceil(layers), layers),
        CubeDim::new_2d(SIDE as u32, SIDE as u32),
        lanes,
        lanes / format.per_word(),
        4,
        arg(x),
        arg(words),
        optional(scale),
        optional(bias.as_ref()),
        optional(shift.as_ref()),
        optional(plus.as_ref()),
        place,
        sizes,
        Variant { rows, columns, lanes, format, function, gated, enlarged },
    ));
    y
}

/// Positions and outputs of a unit: as many as leave enough cubes, since a larger tile reads less.
fn tile(positions: usize, outputs: usize) -> [usize; 2] {
    let cubes = |[rows, columns]: [usize; 2]| {
        positions.div_ceil(SIDE * rows) * outputs.div_ceil(SIDE * columns)
    };
    // More than half of the tile would be for nothing.
    let is_wide =
        |[rows, columns]: [usize; 2]| 2 * positions <= SIDE * rows || 2 * outputs <= SIDE * columns;
    let tiles = [[8, 4], [8, 2], [4, 4], [4, 2]];
    let fits =
        tiles.into_iter().find(|tile| !is_wide(*tile) && cubes(*tile) >= device::busy_workgroups());
    fits.unwrap_or([2, 2])
}
