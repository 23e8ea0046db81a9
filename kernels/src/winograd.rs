//! 3 × 3 convolution with step 1 in four ninths of the products (Winograd 1980; Lavin & Gray 2015,
//! <https://arxiv.org/abs/1509.09308>, F(2×2, 3×3)).
//!
//! Squares of 2 × 2 outputs are made of squares of 4 × 4 inputs. Each is transformed, so that the convolution becomes
//! sixteen matrix products, one for each place of the square, over all squares at once.

use std::ops::{Add, Sub};

use wide::bytemuck::cast;
use wide::f32x4;

use crate::conv::ConvLayer;
use crate::pictures::Pictures;
use crate::tiles::{self, COLUMNS, Columns, ROWS, Rows};

/// Squares that are worked on at once: the matrices of one place stay in a processor's cache.
const SQUARES: usize = 128;
/// Squares that pay for transforming weights: the columns of a tile.
const LEAST_SQUARES: usize = COLUMNS;
/// Most numbers that all transformed weights may take, 32 MiB of them: a browser's heap keeps its peak, and the layers of
/// large checkpoints would raise it by hundreds of megabytes.
const MOST_WEIGHTS: usize = 8 << 20;
/// Numbers of transformed weights that there are at once otherwise, half a megabyte: they stay in a cache until they are used.
const WEIGHTS: usize = 1 << 17;

/// Whether [`conv2d`] can do it for so many pictures of a size, and is likely to be faster than the plain way.
pub(crate) fn suits(layer: &ConvLayer, batch: usize, [height, width]: [usize; 2]) -> bool {
    let ConvLayer { inputs, outputs, kernel, stride, padding } = *layer;
    (kernel, stride, padding) == (3, 1, (1, 1))
        && inputs.min(outputs) >= 8
        && batch * height.div_ceil(2) * width.div_ceil(2) >= LEAST_SQUARES
}

/// From a matrix for one place to that for the next: a cache line more than it takes, since the numbers of a square would
/// else fall on each other in a cache.
fn place_by(rows: usize, columns: usize) -> usize {
    rows * columns + 16
}

/// Convolves; shapes as [`ConvWeights::add_to`](crate::ConvWeights::add_to).
pub(crate) fn conv2d(
    out: &mut [f32],
    x: Pictures<'_>,
    weights: Rows<'_>,
    bias: Option<&[f32]>,
    layer: &ConvLayer,
) {
    let ConvLayer { inputs, outputs, .. } = *layer;
    let (batch, [height, width]) = (x.batch(inputs), x.seen);
    let across = width.div_ceil(2);
    let down = height.div_ceil(2);
    let (of_picture, positions) = (down * across, height * width);
    // The picture that a square is in, and the first of its rows there.
    let place = |square: usize| (square / of_picture, 2 * (square % of_picture / across));
    // Whole rows of squares at a time, of one picture or more.
    let all = batch * of_picture;
    let squares_at_once = ((SQUARES / across).max(1) * across).min(all);
    // All weights are transformed once if several lots of squares need them and there is room, else some at a time for each
    // lot: for a hundred squares or more that is a sixth of the time.
    let kept = squares_at_once < all && 16 * inputs * outputs <= MOST_WEIGHTS;
    let outputs_at_once = match kept {
        true => outputs,
        false => (WEIGHTS / 16 / inputs / ROWS * ROWS).max(ROWS).min(outputs),
    };
    let mut transformed = Transformed::new(inputs, outputs_at_once);
    let mut squares = vec![0.0; 16 * place_by(inputs, squares_at_once.next_multiple_of(COLUMNS))];
    let mut products = vec![0.0; 16 * place_by(outputs_at_once, squares_at_once)];
    let mut band = Halves::new(x, (squares_at_once / across).min(down));
    for first in (0..all).step_by(squares_at_once) {
        let count = squares_at_once.min(all - first);
        let squares_by = place_by(inputs, count.next_multiple_of(COLUMNS));
        for c in 0..inputs {
            let mut row = 0;
            while row < count {
                let (picture, top) = place(first + row);
                let rows = (down - top / 2).min((count - row) / across);
                band.load(picture * inputs + c, top, rows);
                for i in 0..rows {
                    let to = Squares {
                        first: row + i * across,
                        row: c,
                        rows: inputs,
                        place_by: squares_by,
                    };
                    band.transform(i, to, &mut squares);
                }
                row += rows * across;
            }
        }
        for top in (0..outputs).step_by(outputs_at_once) {
            let some = outputs_at_once.min(outputs - top);
            if first == 0 || !kept {
                transformed.take(weights, top, some);
            }
            let products_by = place_by(some, count);
            for of_square in 0..16 {
                let squares = Columns::Grouped(&squares[of_square * squares_by..]);
                let product = &mut products[of_square * products_by..][..some * count];
                let rows = Rows::Grouped(transformed.place(of_square));
                tiles::product([some, count, inputs], rows, squares, product, [count, 1], false);
            }
            for row in (0..count).step_by(across) {
                let (picture, y) = place(first + row);
                for o in 0..some {
                    let plane = picture * outputs + top + o;
                    let plane = &mut out[plane * positions..][..positions];
                    let bias = bias.map_or(0.0, |bias| bias[top + o]);
                    let made = (&products[o * count + row..], products_by);
                    write(plane, [height, width], y, made, bias);
                }
            }
        }
    }
}

/// `G·g·Gᵀ` of kernels `g`: sixteen matrices `outputs × inputs` in groups of rows, one for each place of a square. It is
/// done anew for each use: kept, they would take nearly twice the memory.
struct Transformed {
    inputs: usize,
    place_by: usize,
    numbers: Vec<f32>,
    space: Vec<f32>,
}

impl Transformed {
    /// For so many outputs at most.
    fn new(inputs: usize, outputs: usize) -> Self {
        let place_by = place_by(inputs, outputs.next_multiple_of(ROWS));
        Self { inputs, place_by, numbers: vec![0.0; 16 * place_by], space: Vec::new() }
    }

    /// The matrix for a place.
    fn place(&self, place: usize) -> &[f32] {
        &self.numbers[place * self.place_by..][..self.place_by]
    }

    /// Transforms the weights of so many outputs from `first` on.
    fn take(&mut self, weights: Rows<'_>, first: usize, outputs: usize) {
        let inputs = self.inputs;
        for top in (0..outputs).step_by(ROWS) {
            let height = ROWS.min(outputs - top);
            let all = 0..9 * inputs;
            let kernels = weights.group(first + top, 9 * inputs, all, height, &mut self.space);
            // Of four outputs, what they have for one input.
            for (input, g) in kernels.as_chunks::<9>().0.iter().enumerate() {
                let g = g.map(f32x4::new);
                let four = |[a, b, c]: [f32x4; 3]| {
                    let (sum, half) = ((a + c) * f32x4::HALF, b * f32x4::HALF);
                    [a, sum + half, sum - half, c]
                };
                // Down each column, then along each row.
                let [a, b, c] =
                    [0, 1, 2].map(|column| four([g[column], g[3 + column], g[6 + column]]));
                let to = &mut self.numbers[top * inputs + input * ROWS..];
                for row in 0..4 {
                    for (column, made) in four([a[row], b[row], c[row]]).into_iter().enumerate() {
                        let to = &mut to[(4 * row + column) * self.place_by..];
                        *to.first_chunk_mut().expect("a group of rows for each place") =
                            made.to_array();
                    }
                }
            }
        }
    }
}

/// Where the numbers of one channel's squares go: columns of a matrix for each place, in groups of eight.
#[derive(Clone, Copy)]
struct Squares {
    /// The first square's column.
    first: usize,
    /// The channel's row.
    row: usize,
    /// All of them.
    rows: usize,
    place_by: usize,
}

impl Squares {
    /// Where the number of a square is in the matrix for the first place.
    fn at(&self, square: usize) -> usize {
        let column = self.first + square;
        (column / COLUMNS * self.rows + self.row) * COLUMNS + column % COLUMNS
    }
}

/// Some rows of a plane with a nought before and at least one after each, their even columns apart from their odd ones.
struct Halves<'a> {
    x: Pictures<'a>,
    /// Where the columns are stored, if they are seen in another width.
    columns: Option<Vec<usize>>,
    /// Numbers of half a row.
    half: usize,
    even: Vec<f32>,
    odd: Vec<f32>,
}

impl<'a> Halves<'a> {
    /// For so many rows of squares at most, each of which sees a row above and one below.
    fn new(x: Pictures<'a>, rows: usize) -> Self {
        let half = x.seen[1].div_ceil(2) + 1;
        let numbers = || vec![0.0; (2 * rows + 2) * half];
        Self { x, columns: x.columns(), half, even: numbers(), odd: numbers() }
    }

    /// Takes what `rows` rows of squares from row `top` of a plane on see; beyond the plane are noughts.
    fn load(&mut self, plane: usize, top: usize, rows: usize) {
        let plane = self.x.plane(plane);
        let halves =
            self.even.chunks_exact_mut(self.half).zip(self.odd.chunks_exact_mut(self.half));
        for ((even, odd), y) in halves.take(2 * rows + 2).zip(top..) {
            // The first row is the one above, and the first column the one before.
            let Some(row) = y.checked_sub(1).and_then(|y| self.x.row(plane, y)) else {
                even.fill(0.0);
                odd.fill(0.0);
                continue;
            };
            match &self.columns {
                None => split(row, |number| *number, &mut even[1..], odd),
                Some(columns) => split(columns, |x| row[*x], &mut even[1..], odd),
            }
        }
    }

    /// `Bᵀ·d·B` of every square of row `i` of those.
    fn transform(&self, i: usize, to: Squares, out: &mut [f32]) {
        let across = self.half - 1;
        let (top, last) = (2 * i, (2 * i + 4) * self.half);
        assert!(last <= self.even.len() && last <= self.odd.len(), "four rows are there");
        assert!(15 * to.place_by + to.at(across - 1) < out.len(), "all places lie inside");
        let (first, out) = (top * self.half, out.as_mut_ptr());
        // Four squares side by side are so in a group of columns, too, if the first one is at a multiple of four.
        let whole = if to.first.is_multiple_of(4) { across - across % 4 } else { 0 };
        // SAFETY: a square has four numbers from a column on that is less than `across`, in rows of one more, and four
        // rows; both asserts are about what is furthest, since squares further on are further on in their matrices.
        unsafe {
            for k in (0..whole).step_by(4) {
                self.transform_some::<f32x4>(first + k, out.add(to.at(k)), to.place_by);
            }
            for k in whole..across {
                self.transform_some::<f32>(first + k, out.add(to.at(k)), to.place_by);
            }
        }
    }

    /// Of the square that begins at a number of a half, or of four from there on.
    ///
    /// # Safety
    ///
    /// The squares are there, and so are all places from `out` on.
    #[inline(always)]
    unsafe fn transform_some<T: Lanes>(&self, at: usize, out: *mut f32, place_by: usize) {
        let transformed = |[a, b, c, d]: [T; 4]| [a - c, b + c, c - b, b - d];
        // SAFETY: as the caller says.
        unsafe {
            // Down a column.
            let column = |half: &[f32], at: usize| {
                let row = |i: usize| T::load(half.as_ptr().add(at + i * self.half));
                transformed([row(0), row(1), row(2), row(3)])
            };
            let columns = [
                column(&self.even, at),
                column(&self.odd, at),
                column(&self.even, at + 1),
                column(&self.odd, at + 1),
            ];
            // Along a row.
            let row = |i: usize| {
                let [a, b, c, d] = transformed(columns.map(|column| column[i]));
                let out = out.add(4 * i * place_by);
                a.store(out);
                b.store(out.add(place_by));
                c.store(out.add(2 * place_by));
                d.store(out.add(3 * place_by));
            };
            row(0);
            row(1);
            row(2);
            row(3);
        }
    }
}

/// The numbers of a row, the first, third and so on to `odd` and the others to `even`.
#[inline(always)]
fn split<T>(row: &[T], number: impl Fn(&T) -> f32, even: &mut [f32], odd: &mut [f32]) {
    let (pairs, last) = row.as_chunks::<2>();
    for ((odd, even), [first, second]) in odd.iter_mut().zip(even).zip(pairs) {
        (*odd, *even) = (number(first), number(second));
    }
    if let [last] = last {
        odd[pairs.len()] = number(last);
    }
}

/// A number, or four beside each other.
trait Lanes: Copy + Add<Output = Self> + Sub<Output = Self> {
    fn splat(number: f32) -> Self;

    /// # Safety
    ///
    /// The numbers from there on can be read.
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as the caller says; it need not be aligned.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    /// # Safety
    ///
    /// The numbers from there on can be written.
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the caller says; it need not be aligned.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
}

impl Lanes for f32 {
    fn splat(number: f32) -> Self {
        number
    }
}

impl Lanes for f32x4 {
    #[inline(always)]
    fn splat(number: f32) -> Self {
        Self::splat(number)
    }
}

/// Adds `Aᵀ·m·A` of a row of squares, with the bias, to two rows of outputs; `made` are the products from the first of the row
/// on, those of the next place `place_by` further.
fn write(
    plane: &mut [f32],
    [height, width]: [usize; 2],
    top: usize,
    (made, place_by): (&[f32], usize),
    bias: f32,
) {
    assert!(15 * place_by + width.div_ceil(2) <= made.len(), "all places lie inside");
    let (upper, lower) = plane[top * width..].split_at_mut(width);
    // Of a picture with an odd height the last row of squares has no lower row.
    let mut nowhere = Vec::new();
    let lower = match top + 1 < height {
        true => &mut lower[..width],
        false => {
            nowhere.resize(width, 0.0);
            &mut nowhere[..]
        }
    };
    let whole = width / 2;
    let fours = whole - whole % 4;
    for k in (0..fours).step_by(4) {
        // SAFETY: the assert is about the last square of the last place.
        let rows = unsafe { outputs::<f32x4>(made.as_ptr().add(k), place_by, bias) };
        for (row, [even, odd]) in [&mut *upper, &mut *lower].into_iter().zip(rows) {
            let to = row[2 * k..].first_chunk_mut().expect("whole squares lie in the row");
            let [a, b] = cast::<[f32; 8], [f32x4; 2]>(*to);
            *to = cast([a + even.unpack_lo(odd), b + even.unpack_hi(odd)]);
        }
    }
    for k in fours..width.div_ceil(2) {
        // SAFETY: as above.
        let rows = unsafe { outputs::<f32>(made.as_ptr().add(k), place_by, bias) };
        for (row, [even, odd]) in [&mut *upper, &mut *lower].into_iter().zip(rows) {
            row[2 * k] += even;
            if let Some(to) = row.get_mut(2 * k + 1) {
                *to += odd;
            }
        }
    }
}

/// The upper and the lower row of a square, or of four, each its even and its odd columns.
///
/// # Safety
///
/// The products are there, those of each place `place_by` after the one before.
#[inline(always)]
unsafe fn outputs<T: Lanes>(made: *const f32, place_by: usize, bias: f32) -> [[T; 2]; 2] {
    // SAFETY: as the caller says.
    let place = |i: usize| unsafe { T::load(made.add(i * place_by)) };
    // Of the rows of a square: 1 1 1 0 for the upper row, 0 1 −1 −1 for the lower one; so of its columns.
    let column = |j: usize| {
        let [a, b, c, d] = [place(j), place(4 + j), place(8 + j), place(12 + j)];
        [a + b + c, b - c - d]
    };
    let [a, b, c, d] = [column(0), column(1), column(2), column(3)];
    let bias = T::splat(bias);
    let row = |i: usize| [a[i] + b[i] + c[i] + bias, b[i] - c[i] - d[i] + bias];
    [row(0), row(1)]
}
