//! A matrix product of our own, in tiles of 4 × 8: what 128-bit SIMD does best with sixteen registers. In a browser it takes
//! three quarters of the time that the `gemm` crate does.

use std::ops::Range;

use wide::bytemuck::cast;
use wide::f32x4;

use crate::matmul::View;

/// Rows of a tile.
pub(crate) const ROWS: usize = 4;
/// Columns of a tile.
pub(crate) const COLUMNS: usize = 8;
/// Numbers of a row or column that are multiplied at once: those of a tile stay in the nearest cache.
pub(crate) const DEPTH: usize = 256;
/// Columns that are multiplied at once: with [`DEPTH`], a quarter of a megabyte.
const COLUMNS_AT_ONCE: usize = 256;

/// The rows of a matrix in groups of four, each number by number: `[rows / 4][columns][4]`, with zeros for the rows that the
/// last group lacks.
pub(crate) fn grouped_rows(matrix: View<'_>, [rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut out = Vec::new();
    group::<ROWS>(matrix, [rows, columns], &mut out);
    out
}

/// The rows again, of what [`grouped_rows`] gave.
pub(crate) fn ungrouped_rows(groups: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut out = vec![0.0; rows * columns];
    for (row, to) in out.chunks_exact_mut(columns.max(1)).enumerate() {
        let from = &groups[row / ROWS * ROWS * columns + row % ROWS..];
        to.iter_mut().zip(from.iter().step_by(ROWS)).for_each(|(to, from)| *to = *from);
    }
    out
}

/// The left factor of a product.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    /// As [`grouped_rows`] gives it.
    Grouped(&'a [f32]),
    View(View<'a>),
}

impl<'a> Rows<'a> {
    /// So many rows from `top` on, which is a multiple of four, and of them these columns of `all`.
    pub(crate) fn group<'b>(
        self,
        top: usize,
        all: usize,
        columns: Range<usize>,
        height: usize,
        space: &'b mut Vec<f32>,
    ) -> &'b [[f32; ROWS]]
    where
        'a: 'b,
    {
        let numbers = match self {
            Self::Grouped(numbers) => {
                &numbers[top * all + columns.start * ROWS..][..columns.len() * ROWS]
            }
            Self::View(view) => {
                group::<ROWS>(view.from(top, columns.start), [height, columns.len()], space);
                &space[..]
            }
        };
        numbers.as_chunks().0
    }
}

/// The right factor of a product.
#[derive(Clone, Copy)]
pub(crate) enum Columns<'a> {
    /// In groups of eight columns, each number by number: `[columns / 8][rows][8]`.
    Grouped(&'a [f32]),
    View(View<'a>),
}

/// `out = keep·out + a·b`, where `a` is `m × k` and `b` is `k × n`; element `(r, c)` of `out` is at
/// `r · by[0] + c · by[1]`, one of which is 1.
pub(crate) fn product(
    [m, n, k]: [usize; 3],
    a: Rows<'_>,
    b: Columns<'_>,
    out: &mut [f32],
    by: [usize; 2],
    keep: bool,
) {
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    for first in (0..k).step_by(DEPTH) {
        let depth = DEPTH.min(k - first);
        let keep = keep || first > 0;
        for left in (0..n).step_by(COLUMNS_AT_ONCE) {
            let count = COLUMNS_AT_ONCE.min(n - left);
            // The groups, and from one of them to the next.
            let (groups, stride) = match b {
                Columns::Grouped(numbers) => (&numbers[left * k + first * COLUMNS..], k),
                Columns::View(view) => {
                    group::<COLUMNS>(view.from(first, left).turned(), [count, depth], &mut columns);
                    (&columns[..], depth)
                }
            };
            for top in (0..m).step_by(ROWS) {
                let height = ROWS.min(m - top);
                let rows = a.group(top, k, first..first + depth, height, &mut rows);
                for at in (0..count).step_by(COLUMNS) {
                    let columns = &groups[at * stride..][..depth * COLUMNS];
                    let tile = tile(rows, columns.as_chunks::<COLUMNS>().0);
                    let size = [height, COLUMNS.min(count - at)];
                    write(&tile, size, &mut out[top * by[0] + (left + at) * by[1]..], by, keep);
                }
            }
        }
    }
}

/// Four rows of eight numbers, in halves.
pub(crate) type Tile = [[f32x4; 2]; ROWS];

/// The product of four rows and eight columns. A function of its own, so that a browser's compiler, too, has its registers for
/// nothing but this.
#[inline(never)]
#[cfg_attr(
    all(target_arch = "wasm32", feature = "relaxed-simd"),
    target_feature(enable = "relaxed-simd")
)]
pub(crate) fn tile(rows: &[[f32; ROWS]], columns: &[[f32; COLUMNS]]) -> Tile {
    let mut tile = [[f32x4::ZERO; 2]; ROWS];
    for (row, column) in rows.iter().zip(columns) {
        let halves: [f32x4; 2] = cast(*column);
        for (sums, number) in tile.iter_mut().zip(row) {
            let number = f32x4::splat(*number);
            sums[0] = multiply_add(number, halves[0], sums[0]);
            sums[1] = multiply_add(number, halves[1], sums[1]);
        }
    }
    tile
}

/// `a·b + sum`, in two instructions.
#[cfg(not(all(target_arch = "wasm32", feature = "relaxed-simd")))]
#[inline(always)]
fn multiply_add(a: f32x4, b: f32x4, sum: f32x4) -> f32x4 {
    sum + a * b
}

/// `a·b + sum` in one instruction, where the processor has it: with one rounding less.
#[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
#[inline]
#[target_feature(enable = "relaxed-simd")]
fn multiply_add(a: f32x4, b: f32x4, sum: f32x4) -> f32x4 {
    cast(core::arch::wasm32::f32x4_relaxed_madd(cast(a), cast(b), cast(sum)))
}

/// Writes a tile, of which so many rows and columns count.
#[inline(always)]
pub(crate) fn write(
    tile: &Tile,
    size @ [rows, columns]: [usize; 2],
    out: &mut [f32],
    [rows_by, columns_by]: [usize; 2],
    keep: bool,
) {
    if size == [ROWS, COLUMNS] && columns_by == 1 {
        for (r, [left, right]) in tile.iter().enumerate() {
            put(*left, &mut out[r * rows_by..], keep);
            put(*right, &mut out[r * rows_by + 4..], keep);
        }
    } else if size == [ROWS, COLUMNS] {
        for half in 0..2 {
            let columns = f32x4::transpose(tile.map(|row| row[half]));
            for (c, column) in columns.into_iter().enumerate() {
                put(column, &mut out[(4 * half + c) * columns_by..], keep);
            }
        }
    } else {
        let tile: [[f32; COLUMNS]; ROWS] = cast(*tile);
        for (r, row) in tile.iter().enumerate().take(rows) {
            for (c, number) in row.iter().enumerate().take(columns) {
                let to = &mut out[r * rows_by + c * columns_by];
                *to = if keep { *to + number } else { *number };
            }
        }
    }
}

/// Writes four numbers, or adds them.
#[inline(always)]
fn put(four: f32x4, to: &mut [f32], keep: bool) {
    let to = to.first_chunk_mut::<4>().expect("a whole tile lies inside");
    *to = (if keep { four + f32x4::new(*to) } else { four }).to_array();
}

/// Puts the rows of a matrix into `out` in groups of `G`, each number by number.
pub(crate) fn group<const G: usize>(
    matrix: View<'_>,
    [rows, columns]: [usize; 2],
    out: &mut Vec<f32>,
) {
    let View { data, rows_by, columns_by } = matrix;
    out.resize(rows.div_ceil(G) * G * columns, 0.0);
    if columns == 0 {
        return;
    }
    for (i, group) in out.chunks_exact_mut(G * columns).enumerate() {
        let (count, data) = (G.min(rows - i * G), &data[i * G * rows_by..]);
        let group = group.as_chunks_mut::<G>().0;
        if count == G && rows_by == 1 {
            for (to, from) in group.iter_mut().zip(data.chunks(columns_by)) {
                to.copy_from_slice(&from[..G]);
            }
        } else if count == G && columns_by == 1 {
            let rows: [&[f32]; G] = std::array::from_fn(|r| &data[r * rows_by..][..columns]);
            turn(rows, group);
        } else {
            for (c, to) in group.iter_mut().enumerate() {
                *to = std::array::from_fn(|r| match r < count {
                    true => data[r * rows_by + c * columns_by],
                    false => 0.0,
                });
            }
        }
    }
}

/// Puts numbers of rows side by side.
#[inline(always)]
fn turn<const G: usize>(rows: [&[f32]; G], out: &mut [[f32; G]]) {
    let whole = out.len() - out.len() % 4;
    for (c, to) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        for first in (0..G).step_by(4) {
            let four = std::array::from_fn(|r| {
                f32x4::new(*rows[first + r][4 * c..].first_chunk().expect("whole rows"))
            });
            for (to, four) in to.iter_mut().zip(f32x4::transpose(four)) {
                to[first..first + 4].copy_from_slice(four.as_array());
            }
        }
    }
    for (c, to) in out.iter_mut().enumerate().skip(whole) {
        *to = rows.map(|row| row[c]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 31) % 1013) as f32 / 506.5 - 1.0).collect()
    }

    #[test]
    fn as_the_definition() {
        for [m, n, k] in [
            [1, 1, 1],
            [4, 8, 3],
            [5, 9, 257],
            [3, 300, 2],
            [12, 16, 512],
            [7, 7, 600],
            [9, 263, 300],
        ] {
            let (a, b) = (noise(m * k, 1), noise(k * n, 2));
            // Each operand by rows or by columns, as the result.
            for [a_is_flat, b_is_flat, out_is_flat, keep] in
                (0..16).map(|i| [i & 1 > 0, i & 2 > 0, i & 4 > 0, i & 8 > 0])
            {
                let by = |is_flat: bool, rows: usize, columns: usize| match is_flat {
                    true => (columns, 1),
                    false => (1, rows),
                };
                let (rows_by, columns_by) = by(a_is_flat, m, k);
                let a_view = View { data: &a, rows_by, columns_by };
                let (rows_by, columns_by) = by(b_is_flat, k, n);
                let b_view = View { data: &b, rows_by, columns_by };
                let by: [usize; 2] = by(out_is_flat, m, n).into();
                let before = noise(m * n, 3);
                let mut out = before.clone();
                let grouped = grouped_rows(a_view, [m, k]);
                if a_is_flat {
                    assert!(ungrouped_rows(&grouped, [m, k]) == a);
                }
                let view = Columns::View(b_view);
                product([m, n, k], Rows::Grouped(&grouped), view, &mut out, by, keep);
                let mut columns = Vec::new();
                group::<COLUMNS>(b_view.turned(), [n, k], &mut columns);
                let mut again = before.clone();
                let columns = Columns::Grouped(&columns);
                product([m, n, k], Rows::View(a_view), columns, &mut again, by, keep);
                assert!(out == again, "{m} {n} {k}");
                for r in 0..m {
                    for c in 0..n {
                        let of = |view: View<'_>, r: usize, c: usize| {
                            f64::from(view.data[r * view.rows_by + c * view.columns_by])
                        };
                        let sum: f64 = (0..k).map(|d| of(a_view, r, d) * of(b_view, d, c)).sum();
                        let at = r * by[0] + c * by[1];
                        let kept = if keep { f64::from(before[at]) } else { 0.0 };
                        let worst = (f64::from(out[at]) - sum - kept).abs();
                        assert!(worst < 1e-5 * (1.0 + k as f64).sqrt(), "{m} {n} {k}: {worst}");
                    }
                }
            }
        }
    }
}
