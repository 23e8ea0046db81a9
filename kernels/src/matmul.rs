//! Matrix products: by [`mod@tiles`] in a browser, elsewhere by the `gemm` crate, which knows wider SIMD.

use crate::activation::geglu;
use crate::tiles::{self, Columns, Rows};

/// Whether the products are ours.
const OURS: bool = cfg!(target_family = "wasm");

/// A matrix inside a slice: element `(r, c)` is at `offset + r · rows_by + c · columns_by`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows_by: usize,
    pub(crate) columns_by: usize,
}

impl<'a> View<'a> {
    /// Of whole rows, one after the other.
    pub(crate) fn rows(data: &'a [f32], columns: usize) -> Self {
        Self { data, rows_by: columns, columns_by: 1 }
    }

    /// What begins at a row and column of it.
    pub(crate) fn from(self, row: usize, column: usize) -> Self {
        Self { data: &self.data[row * self.rows_by + column * self.columns_by..], ..self }
    }

    /// Its columns as rows.
    pub(crate) fn turned(self) -> Self {
        Self { data: self.data, rows_by: self.columns_by, columns_by: self.rows_by }
    }

    /// Whether it has so many rows and columns.
    fn has(&self, rows: usize, columns: usize) -> bool {
        (rows - 1) * self.rows_by + (columns - 1) * self.columns_by < self.data.len()
    }
}

/// A matrix that many others are multiplied with, laid out for it once.
#[derive(Debug, Clone)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    /// In groups of rows for [`mod@tiles`], or row by row for `gemm`.
    numbers: Vec<f32>,
}

impl Matrix {
    /// From its numbers, row by row.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn new(numbers: &[f32], size @ [rows, columns]: [usize; 2]) -> Self {
        assert_eq!(numbers.len(), rows * columns, "whole rows");
        let numbers = match OURS {
            true => tiles::grouped_rows(View::rows(numbers, columns), size),
            false => numbers.to_vec(),
        };
        Self { rows, columns, numbers }
    }

    /// Its numbers, row by row.
    pub fn numbers(&self) -> Vec<f32> {
        match OURS {
            true => tiles::ungrouped_rows(&self.numbers, [self.rows, self.columns]),
            false => self.numbers.clone(),
        }
    }

    /// How many numbers it has.
    pub fn count(&self) -> usize {
        self.rows * self.columns
    }
}

/// The left factor of products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    rows: usize,
    columns: usize,
    numbers: Numbers<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Numbers<'a> {
    Kept(&'a [f32]),
    View(View<'a>),
}

impl<'a> Left<'a> {
    pub(crate) fn kept(Matrix { rows, columns, numbers }: &'a Matrix) -> Self {
        Self { rows: *rows, columns: *columns, numbers: Numbers::Kept(numbers) }
    }

    /// A matrix that is multiplied once, from where it lies.
    pub(crate) fn once(matrix: View<'a>, [rows, columns]: [usize; 2]) -> Self {
        Self { rows, columns, numbers: Numbers::View(matrix) }
    }

    /// For what is made in tiles everywhere.
    pub(crate) fn rows(&self) -> Rows<'_> {
        match &self.numbers {
            Numbers::Kept(numbers) if OURS => Rows::Grouped(numbers),
            Numbers::Kept(numbers) => Rows::View(View::rows(numbers, self.columns)),
            Numbers::View(view) => Rows::View(*view),
        }
    }

    /// `out = keep·out + self·right`, where `right` has `columns`; element `(r, c)` of `out` is at `r · by[0] + c · by[1]`,
    /// one of which is 1.
    ///
    /// # Panics
    ///
    /// If a matrix does not lie inside its slice.
    pub(crate) fn product(
        &self,
        right: View<'_>,
        columns: usize,
        out: &mut [f32],
        by: [usize; 2],
        keep: bool,
    ) {
        let sizes @ [m, n, k] = [self.rows, columns, self.columns];
        if m * n * k == 0 {
            return;
        }
        let left = match &self.numbers {
            Numbers::Kept(numbers) => View::rows(numbers, k),
            Numbers::View(view) => *view,
        };
        assert!(left.has(m, k) && right.has(k, n), "the factors lie inside their slices");
        let last = (m - 1) * by[0] + (n - 1) * by[1];
        assert!(last < out.len(), "the result lies inside its slice");
        if OURS {
            tiles::product(sizes, self.rows(), Columns::View(right), out, by, keep);
        } else {
            // SAFETY: the asserts above bound every address the product reads or writes, `out` is borrowed
            // mutably and so overlaps neither operand, and f32 has no invalid values.
            unsafe { by_gemm(sizes, left, right, out, by, keep) };
        }
    }
}

/// # Safety
///
/// The matrices lie inside their slices.
unsafe fn by_gemm(
    [m, n, k]: [usize; 3],
    a: View<'_>,
    b: View<'_>,
    out: &mut [f32],
    by: [usize; 2],
    keep: bool,
) {
    // SAFETY: as the caller says.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            by[1] as isize,
            by[0] as isize,
            keep,
            a.data.as_ptr(),
            a.columns_by as isize,
            a.rows_by as isize,
            b.data.as_ptr(),
            b.columns_by as isize,
            b.rows_by as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Rows of a gated layer that are computed at once: what is gated is twice as large as what comes of it.
const GATED_ROWS: usize = 256;

/// The weights of a linear layer.
#[derive(Debug, Clone)]
pub struct LinearWeights<'a>(Left<'a>);

impl<'a> LinearWeights<'a> {
    /// From `outputs × inputs`.
    pub fn kept(weight: &'a Matrix) -> Self {
        Self(Left::kept(weight))
    }

    /// As [`LinearWeights::kept`], for one use.
    pub fn once(weight: &'a [f32], [outputs, inputs]: [usize; 2]) -> Self {
        Self(Left::once(View::rows(weight, inputs), [outputs, inputs]))
    }

    /// Outputs of the layer.
    pub fn outputs(&self) -> usize {
        self.0.rows
    }

    /// `y = x·Wᵀ + b` for each row `x` of inputs.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit each other.
    pub fn forward(&self, x: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let Left { rows: outputs, columns: inputs, .. } = self.0;
        let rows = x.len() / inputs;
        assert!(x.len() == rows * inputs, "whole rows");
        let mut out = match bias {
            Some(bias) => {
                assert_eq!(bias.len(), outputs, "one bias an output");
                bias.repeat(rows)
            }
            None => vec![0.0; rows * outputs],
        };
        // The result turned round: a column for each row of `x`.
        let x = View { data: x, rows_by: 1, columns_by: inputs };
        self.0.product(x, rows, &mut out, [1, outputs], bias.is_some());
        out
    }

    /// [`geglu`] of what [`LinearWeights::forward`] gives, which is never in memory as a whole.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit each other.
    pub fn forward_geglu(&self, x: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let Left { rows: outputs, columns: inputs, .. } = self.0;
        let mut out = Vec::with_capacity(x.len() / inputs * outputs / 2);
        for x in x.chunks(GATED_ROWS * inputs) {
            out.extend(geglu(&self.forward(x, bias), outputs / 2));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_is_rows_times_weights() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let weight = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        let bias = [10.0, 20.0, 30.0];
        let kept = Matrix::new(&weight, [3, 2]);
        assert!(kept.numbers() == weight && kept.count() == 6);
        for weights in [LinearWeights::kept(&kept), LinearWeights::once(&weight, [3, 2])] {
            assert_eq!(weights.forward(&x, None), [1.0, 2.0, 3.0, 3.0, 4.0, 7.0]);
            assert_eq!(weights.forward(&x, Some(&bias)), [11.0, 22.0, 33.0, 13.0, 24.0, 37.0]);
        }
    }

    #[test]
    fn a_gated_layer_is_the_gates_of_the_plain_one() {
        let numbers = |count: usize| (0..count).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0);
        let (x, weight): (Vec<_>, Vec<_>) =
            (numbers((2 * GATED_ROWS + 3) * 5).collect(), numbers(6 * 5).collect());
        let bias = [0.5, -0.5, 0.25, 1.0, -1.0, 0.75];
        let kept = Matrix::new(&weight, [6, 5]);
        for weights in [LinearWeights::kept(&kept), LinearWeights::once(&weight, [6, 5])] {
            for bias in [None, Some(&bias[..])] {
                let (ours, plain) = (weights.forward_geglu(&x, bias), weights.forward(&x, bias));
                let expected = geglu(&plain, 3);
                assert_eq!(ours.len(), expected.len());
                let far = ours.iter().zip(&expected).map(|(a, b)| (a - b).abs());
                assert!(far.fold(0.0, f32::max) < 1e-6);
            }
        }
    }
}
