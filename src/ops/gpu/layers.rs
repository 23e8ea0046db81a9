//! Linear layers and convolutions: what [`product`](super::product) is told.

use burn::tensor::{DType, Tensor};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::{CubeCount, CubeDim};

use super::number::Function;
use super::packed::Packed;
use super::product::direct::{self, direct_product_kernel};
use super::product::tiled::{self, tiled_product_kernel};
use super::product::{SizesLaunch, Variant};
use super::{
    MOST_CUBES, Output, arg, buffer, buffer_in, element, in_parts, map_buffer, map_tensor,
    optional, tensor,
};
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
    let plus = finish.plus.take().map(|plus| buffer_in(plus, x.dtype));
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
    let plus = finish.plus.take().map(|plus| buffer_in(plus.permute([0, 2, 3, 1]), x.dtype));
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
    let Tile { side, rows, columns } = Tile::of(positions, w.rows(), gated);
    let lanes = if path.inputs.is_multiple_of(4) { 4 } else { 1 };
    let format = w.format();
    let enlarged = path.size != path.seen;
    let outputs = if gated { w.rows() / 2 } else { w.rows() };
    let sizes = |first: usize| {
        SizesLaunch::new(
            first as u32,
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
        )
    };
    let (words, scale) = w.buffers();
    let (bias, shift) = (bias.map(buffer), shift.map(|shift| buffer_in(shift, DType::F32)));
    let y = match &plus {
        // After the input, the weights and what else there is.
        Some(plus) => {
            let before = [scale.is_some(), bias.is_some(), shift.is_some()];
            Output::over(plus, 2 + before.iter().filter(|is| **is).count(), dims)
        }
        None => Output::new(x, dims),
    };
    let cubes = |count: usize, each: usize| count.div_ceil(side * each);
    let across = cubes(w.rows(), columns) as u32;
    macro_rules! start {
        ($kernel:ident, $cubes:ident) => {
            let down = $cubes.len() as u32;
            let layers = down.div_ceil(MOST_CUBES as u32);
            launch!($kernel(
                &x.client,
                CubeCount::Static(across, down.div_ceil(layers), layers),
                CubeDim::new_2d(side as u32, side as u32),
                lanes,
                lanes / format.per_word(),
                4,
                arg(x),
                arg(words),
                optional(scale),
                optional(bias.as_ref()),
                optional(shift.as_ref()),
                optional(plus.as_ref()),
                y.arg(),
                sizes($cubes.start * side * rows),
                Variant { rows, columns, lanes, format, function, gated, enlarged },
                element(x),
            ));
        };
    }
    let places = w.kernel() * w.kernel();
    let multiply_adds = (positions * w.rows()) as f64 * (places * path.inputs) as f64;
    // Some of the positions at a time, where all are too much at once.
    in_parts(&x.client, cubes(positions, rows), multiply_adds, |cubes| {
        if device::is_software() {
            start!(direct_product_kernel, cubes);
        } else {
            start!(tiled_product_kernel, cubes);
        }
    });
    y.buffer
}

/// What a cube computes.
#[derive(Clone, Copy)]
struct Tile {
    /// Units along each side.
    side: usize,
    /// Positions and outputs of a unit.
    rows: usize,
    columns: usize,
}

impl Tile {
    /// As much as leaves enough cubes, since a larger tile reads less.
    fn of(positions: usize, outputs: usize, gated: bool) -> Self {
        if device::is_software() {
            Self::direct(positions, outputs, gated)
        } else {
            Self::tiled(positions, outputs)
        }
    }

    fn tiled(positions: usize, outputs: usize) -> Self {
        let side = tiled::SIDE;
        let tile = |[rows, columns]: [usize; 2]| Self { side, rows, columns };
        // Not where more than half of the tile would be for nothing.
        let fits = |tile: &Self| {
            2 * positions > side * tile.rows
                && 2 * outputs > side * tile.columns
                && tile.cubes(positions, outputs) >= device::busy_workgroups()
        };
        let tiles = [[8, 4], [8, 2], [4, 4], [4, 2]].map(tile);
        tiles.into_iter().find(fits).unwrap_or(tile([2, 2]))
    }

    fn direct(positions: usize, outputs: usize, gated: bool) -> Self {
        let side = direct::SIDE;
        let fit = |count: usize| count.div_ceil(side).next_power_of_two().min(direct::MOST);
        let mut tile = Self { side, rows: fit(positions), columns: fit(outputs) };
        while tile.columns > 4 && tile.cubes(positions, outputs) < device::busy_workgroups() {
            tile.columns /= 2;
        }
        if gated {
            // A unit has the gates of its own numbers.
            tile.columns = tile.columns.max(2);
        }
        tile
    }

    fn cubes(self, positions: usize, outputs: usize) -> usize {
        positions.div_ceil(self.side * self.rows) * outputs.div_ceil(self.side * self.columns)
    }
}
