//! Matrix products, through the `gemm` crate.

/// A matrix inside a slice: element `(r, c)` is at `offset + r · rows_by + c · columns_by`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows_by: usize,
    pub(crate) columns_by: usize,
}

/// `out = keep·out + a·b`, where `a` is `m × k`, `b` is `k × n`, and row `r` of `out` starts at
/// `r · out_rows_by`.
///
/// # Panics
///
/// If a matrix does not lie inside its slice.
pub(crate) fn matmul(
    [m, n, k]: [usize; 3],
    a: View<'_>,
    b: View<'_>,
    out: &mut [f32],
    out_rows_by: usize,
    keep: bool,
) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    let fits = |view: View<'_>, rows: usize, columns: usize| {
        (rows - 1) * view.rows_by + (columns - 1) * view.columns_by < view.data.len()
    };
    assert!(fits(a, m, k) && fits(b, k, n), "operands lie inside their slices");
    assert!((m - 1) * out_rows_by + n <= out.len(), "the result lies inside its slice");
    // SAFETY: the asserts above bound every address the product reads or writes, `out` is borrowed
    // mutably and so overlaps neither operand, and f32 has no invalid values.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_rows_by as isize,
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

/// `y = x·Wᵀ + b` for rows `x` of `inputs` numbers; `weight` is `[outputs, inputs]`.
///
/// # Panics
///
/// If the lengths do not fit each other.
pub fn linear(x: &[f32], weight: &[f32], bias: Option<&[f32]>, inputs: usize) -> Vec<f32> {
    let (rows, outputs) = (x.len() / inputs, weight.len() / inputs);
    assert!(x.len() == rows * inputs && weight.len() == outputs * inputs, "whole rows");
    let mut out = match bias {
        Some(bias) => {
            assert_eq!(bias.len(), outputs, "one bias an output");
            bias.repeat(rows)
        }
        None => vec![0.0; rows * outputs],
    };
    let a = View { data: x, rows_by: inputs, columns_by: 1 };
    let b = View { data: weight, rows_by: 1, columns_by: inputs };
    matmul([rows, outputs, inputs], a, b, &mut out, outputs, bias.is_some());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_is_rows_times_weights() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let weight = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        assert_eq!(linear(&x, &weight, None, 2), [1.0, 2.0, 3.0, 3.0, 4.0, 7.0]);
        let bias = [10.0, 20.0, 30.0];
        assert_eq!(linear(&x, &weight, Some(&bias), 2), [11.0, 22.0, 33.0, 13.0, 24.0, 37.0]);
    }
}
