//! 3 × 3 convolution with step 1 in four ninths of the products (Winograd 1980; Lavin & Gray 2015,
//! <https://arxiv.org/abs/1509.09308>, F(2×2, 3×3)).
//!
//! Squares of 2 × 2 outputs are made of squares of 4 × 4 inputs. Each is transformed, so that the convolution becomes
//! sixteen matrix products, one for each place of the square, over all squares at once.

use crate::conv::ConvShape;
use crate::matmul::{View, matmul};

/// Squares that are worked on at once: the matrices of one place stay in a processor's cache.
const SQUARES: usize = 256;
/// Outputs of a channel that pay for transforming its weights.
const LEAST_POSITIONS: usize = 64;
/// Most numbers that transformed weights take, 32 MiB of them: a browser's heap keeps its peak, and the layers of large
/// checkpoints would raise it by hundreds of megabytes.
const MOST_WEIGHTS: usize = 8 << 20;

/// Whether [`conv2d`] can do it, and is likely to be faster than the plain way.
pub(crate) fn suits(shape: &ConvShape) -> bool {
    let ConvShape { batch, inputs, height, width, outputs, kernel, stride, padding } = *shape;
    let plain = (kernel, stride, padding) == (3, 1, (1, 1));
    plain
        && batch * height * width >= LEAST_POSITIONS
        && height.min(width) > 1
        && inputs.min(outputs) >= 8
        && 16 * inputs * outputs <= MOST_WEIGHTS
}

/// Convolves; shapes and panics as [`crate::conv2d`].
pub(crate) fn conv2d(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    shape: ConvShape,
) -> Vec<f32> {
    let ConvShape { batch, inputs, height, width, outputs, .. } = shape;
    let across = width.div_ceil(2);
    let (of_picture, positions) = (height.div_ceil(2) * across, height * width);
    let weights = transformed_weights(weight, outputs * inputs);
    let mut out = vec![0.0; batch * outputs * positions];
    // The picture that a square is in, and the first of its rows there.
    let place = |square: usize| (square / of_picture, 2 * (square % of_picture / across));
    // Whole rows of squares at a time, of one picture or more.
    let all = batch * of_picture;
    let at_once = (SQUARES / across).max(1) * across;
    let mut squares = vec![0.0; 16 * inputs * at_once.min(all)];
    let mut products = vec![0.0; 16 * outputs * at_once.min(all)];
    let mut rows = Rows::new(across);
    for first in (0..all).step_by(at_once) {
        let count = at_once.min(all - first);
        for row in (0..count).step_by(across) {
            let (picture, top) = place(first + row);
            for c in 0..inputs {
                let plane = &x[(picture * inputs + c) * positions..][..positions];
                rows.load(plane, [height, width], top);
                rows.transform(&mut squares[c * count + row..], inputs * count);
            }
        }
        for of_square in 0..16 {
            let left = &weights[of_square * outputs * inputs..][..outputs * inputs];
            let left = View { data: left, rows_by: inputs, columns_by: 1 };
            let right = &squares[of_square * inputs * count..][..inputs * count];
            let right = View { data: right, rows_by: count, columns_by: 1 };
            let product = &mut products[of_square * outputs * count..][..outputs * count];
            matmul([outputs, count, inputs], left, right, product, count, false);
        }
        for row in (0..count).step_by(across) {
            let (picture, top) = place(first + row);
            for o in 0..outputs {
                let plane = &mut out[(picture * outputs + o) * positions..][..positions];
                let bias = bias.map_or(0.0, |bias| bias[o]);
                let made = |of_square: usize| {
                    let at = (of_square * outputs + o) * count + row;
                    &products[at..][..across]
                };
                write(plane, [height, width], top, made, bias);
            }
        }
    }
    out
}

/// `G·g·Gᵀ` of every kernel `g`: sixteen arrays, one for each place.
fn transformed_weights(weight: &[f32], kernels: usize) -> Vec<f32> {
    let mut out = vec![0.0; 16 * kernels];
    let (kernels_of_nine, _) = weight.as_chunks::<9>();
    for (i, g) in kernels_of_nine.iter().enumerate() {
        // Down each column, then along each row.
        let mut down = [[0.0; 3]; 4];
        for column in 0..3 {
            let [a, b, c] = [g[column], g[3 + column], g[6 + column]];
            let (sum, half) = (0.5 * (a + c), 0.5 * b);
            for (row, value) in [a, sum + half, sum - half, c].into_iter().enumerate() {
                down[row][column] = value;
            }
        }
        for (row, [a, b, c]) in down.into_iter().enumerate() {
            let (sum, half) = (0.5 * (a + c), 0.5 * b);
            for (column, value) in [a, sum + half, sum - half, c].into_iter().enumerate() {
                out[(4 * row + column) * kernels + i] = value;
            }
        }
    }
    out
}

/// Four rows of a plane with a nought before and at least one after, and what is made of them.
struct Rows {
    across: usize,
    rows: [Vec<f32>; 4],
    even: Vec<f32>,
    odd: Vec<f32>,
}

impl Rows {
    fn new(across: usize) -> Self {
        let row = || vec![0.0; 2 * across + 2];
        let half = || vec![0.0; across + 1];
        Self { across, rows: [row(), row(), row(), row()], even: half(), odd: half() }
    }

    /// The rows from the one above `top` on.
    fn load(&mut self, plane: &[f32], [height, width]: [usize; 2], top: usize) {
        for (i, row) in self.rows.iter_mut().enumerate() {
            match (top + i).checked_sub(1).filter(|y| *y < height) {
                Some(y) => row[1..=width].copy_from_slice(&plane[y * width..][..width]),
                None => row[1..=width].fill(0.0),
            }
        }
    }

    /// `Bᵀ·d·B` of every square: place `p` of them goes to `out[p · place_by..]`.
    fn transform(&mut self, out: &mut [f32], place_by: usize) {
        let [a, b, c, d] = &mut self.rows;
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            (*a, *b, *c, *d) = (*a - *c, *b + *c, *c - *b, *b - *d);
        }
        let n = self.across;
        for (i, row) in self.rows.iter().enumerate() {
            let (pairs, _) = row.as_chunks::<2>();
            for ((even, odd), pair) in self.even.iter_mut().zip(&mut self.odd).zip(pairs) {
                (*even, *odd) = (pair[0], pair[1]);
            }
            let (even, next_even) = (&self.even[..n], &self.even[1..]);
            let (odd, next_odd) = (&self.odd[..n], &self.odd[1..]);
            let mut made = |j: usize, one: &[f32], other: &[f32], f: fn(f32, f32) -> f32| {
                let to = &mut out[(4 * i + j) * place_by..][..n];
                to.iter_mut().zip(one.iter().zip(other)).for_each(|(to, (a, b))| *to = f(*a, *b));
            };
            made(0, even, next_even, |a, b| a - b);
            made(1, odd, next_even, |a, b| a + b);
            made(2, next_even, odd, |a, b| a - b);
            made(3, odd, next_odd, |a, b| a - b);
        }
    }
}

/// `Aᵀ·m·A` of a row of squares, with the bias, as two rows of outputs.
fn write<'a>(
    plane: &mut [f32],
    [height, width]: [usize; 2],
    top: usize,
    made: impl Fn(usize) -> &'a [f32],
    bias: f32,
) {
    for row in 0..2.min(height - top) {
        let to = &mut plane[(top + row) * width..][..width];
        let places: [[&[f32]; 4]; 3] =
            [0, 1, 2].map(|i| [0, 1, 2, 3].map(|j| made(4 * (row + i) + j)));
        // Of the rows of a square: 1 1 1 0 for the upper row, 0 1 −1 −1 for the lower one; so of its columns.
        let column = |j: usize, k: usize| {
            let [a, b, c] = places.map(|places| places[j][k]);
            if row == 0 { a + b + c } else { a - b - c }
        };
        for k in 0..width.div_ceil(2) {
            let [a, b, c, d] = [column(0, k), column(1, k), column(2, k), column(3, k)];
            to[2 * k] = a + b + c + bias;
            if 2 * k + 1 < width {
                to[2 * k + 1] = b - c - d + bias;
            }
        }
    }
}
