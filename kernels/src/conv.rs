//! Two-dimensional convolution as a matrix product.

use crate::matmul::{View, matmul};
use crate::winograd;

/// Columns of the matrix that is multiplied at once. Long enough that packing the weights does not count,
/// short enough that the columns of a large picture stay in a few megabytes.
const COLUMNS: usize = 1024;

/// The sizes of a convolution with square kernel.
#[derive(Debug, Clone, Copy)]
pub struct ConvShape {
    /// Pictures.
    pub batch: usize,
    /// Channels in.
    pub inputs: usize,
    /// Rows in.
    pub height: usize,
    /// Columns in.
    pub width: usize,
    /// Channels out.
    pub outputs: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step of the kernel.
    pub stride: usize,
    /// Noughts before the first and after the last row and column.
    pub padding: (usize, usize),
}

impl ConvShape {
    /// Rows and columns out.
    pub fn output_size(&self) -> [usize; 2] {
        let (before, after) = self.padding;
        [self.height, self.width]
            .map(|side| (side + before + after - self.kernel) / self.stride + 1)
    }
}

/// Convolves.
///
/// # Shapes
///
/// - `x`: `[batch, inputs, height, width]`; `weight`: `[outputs, inputs, kernel, kernel]`; `bias`: `[outputs]`
/// - output: `[batch, outputs, …]`, as [`ConvShape::output_size`] says
///
/// # Panics
///
/// If the lengths are not those of the shape.
pub fn conv2d(x: &[f32], weight: &[f32], bias: Option<&[f32]>, shape: ConvShape) -> Vec<f32> {
    let ConvShape { batch, inputs, height, width, outputs, kernel, .. } = shape;
    let depth = inputs * kernel * kernel;
    assert_eq!(x.len(), batch * inputs * height * width, "pictures");
    assert_eq!(weight.len(), outputs * depth, "weights");
    assert!(bias.is_none_or(|bias| bias.len() == outputs), "one bias an output");
    if winograd::suits(&shape) {
        return winograd::conv2d(x, weight, bias, shape);
    }
    let [rows, columns] = shape.output_size();
    let positions = rows * columns;
    let weights = View { data: weight, rows_by: depth, columns_by: 1 };
    let mut out = vec![0.0; batch * outputs * positions];

    // Whole rows of the output at a time; small pictures several at a time.
    let rows_at_once = (COLUMNS / columns).clamp(1, rows);
    let pictures_at_once =
        if rows_at_once == rows { (COLUMNS / positions).clamp(1, batch) } else { 1 };
    let mut patches = vec![0.0; depth * pictures_at_once * rows_at_once * columns];
    let mut product = vec![0.0; outputs * pictures_at_once * rows_at_once * columns];
    for first in (0..batch).step_by(pictures_at_once) {
        let pictures = pictures_at_once.min(batch - first);
        for top in (0..rows).step_by(rows_at_once) {
            let strip = rows_at_once.min(rows - top) * columns;
            let count = pictures * strip;
            for p in 0..pictures {
                let picture =
                    &x[(first + p) * inputs * height * width..][..inputs * height * width];
                let part =
                    Part { top, rows: strip / columns, columns, at: p * strip, stride: count };
                gather(picture, &mut patches, shape, part);
            }
            let right = View { data: &patches, rows_by: count, columns_by: 1 };
            matmul([outputs, count, depth], weights, right, &mut product, count, false);
            for p in 0..pictures {
                for o in 0..outputs {
                    let from = &product[o * count + p * strip..][..strip];
                    let to = ((first + p) * outputs + o) * positions + top * columns;
                    let to = &mut out[to..][..strip];
                    let bias = bias.map_or(0.0, |bias| bias[o]);
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = from + bias);
                }
            }
        }
    }
    out
}

/// Which output rows to gather patches for, and where to put them.
#[derive(Clone, Copy)]
struct Part {
    top: usize,
    rows: usize,
    columns: usize,
    /// Column of the first patch.
    at: usize,
    /// Columns in all.
    stride: usize,
}

/// Row `(c, ky, kx)` of `patches` gets the number under that place of the kernel, for every output.
fn gather(picture: &[f32], patches: &mut [f32], shape: ConvShape, part: Part) {
    let ConvShape { inputs, height, width, kernel, stride, padding: (before, _), .. } = shape;
    let mut row = 0;
    for c in 0..inputs {
        let plane = &picture[c * height * width..][..height * width];
        for ky in 0..kernel {
            for kx in 0..kernel {
                let line = &mut patches[row * part.stride + part.at..][..part.rows * part.columns];
                row += 1;
                // Output columns whose number lies inside the picture.
                let from = before.saturating_sub(kx).div_ceil(stride).min(part.columns);
                let to =
                    (width + before).saturating_sub(kx).div_ceil(stride).clamp(from, part.columns);
                for (y, line) in line.chunks_exact_mut(part.columns).enumerate() {
                    let source = ((part.top + y) * stride + ky).wrapping_sub(before);
                    if source >= height || from == to {
                        line.fill(0.0);
                        continue;
                    }
                    line[..from].fill(0.0);
                    line[to..].fill(0.0);
                    let source = &plane[source * width..][..width];
                    let start = from * stride + kx - before;
                    if stride == 1 {
                        line[from..to].copy_from_slice(&source[start..][..to - from]);
                    } else {
                        let source = source[start..].iter().step_by(stride);
                        line[from..to].iter_mut().zip(source).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, loop by loop.
    fn plain(x: &[f32], weight: &[f32], bias: &[f32], s: ConvShape) -> Vec<f32> {
        let [rows, columns] = s.output_size();
        let mut out = Vec::new();
        for b in 0..s.batch {
            for o in 0..s.outputs {
                for y in 0..rows {
                    for x_out in 0..columns {
                        let mut sum = f64::from(bias[o]);
                        for c in 0..s.inputs {
                            for ky in 0..s.kernel {
                                for kx in 0..s.kernel {
                                    let sy = (y * s.stride + ky).wrapping_sub(s.padding.0);
                                    let sx = (x_out * s.stride + kx).wrapping_sub(s.padding.0);
                                    if sy < s.height && sx < s.width {
                                        let x =
                                            x[((b * s.inputs + c) * s.height + sy) * s.width + sx];
                                        let w = weight
                                            [((o * s.inputs + c) * s.kernel + ky) * s.kernel + kx];
                                        sum += f64::from(x) * f64::from(w);
                                    }
                                }
                            }
                        }
                        out.push(sum as f32);
                    }
                }
            }
        }
        out
    }

    #[test]
    fn as_the_definition() {
        let shape = |batch, inputs, size: [usize; 2], outputs, kernel, stride, padding| ConvShape {
            batch,
            inputs,
            height: size[0],
            width: size[1],
            outputs,
            kernel,
            stride,
            padding,
        };
        let shapes = [
            shape(2, 5, [9, 7], 6, 3, 1, (1, 1)),
            shape(2, 3, [8, 10], 4, 3, 2, (1, 1)),
            shape(1, 3, [9, 8], 4, 3, 2, (0, 1)),
            shape(3, 4, [4, 4], 7, 1, 1, (0, 0)),
            // Several strips, the last one shorter.
            shape(2, 2, [37, 50], 3, 3, 1, (1, 1)),
            // A row longer than a strip.
            shape(1, 1, [2, 1500], 1, 3, 1, (1, 1)),
            shape(1, 1, [1, 1], 1, 3, 1, (1, 1)),
            // Of squares: even and odd sides, several at once, a row of more than are worked on at once.
            shape(2, 8, [8, 8], 9, 3, 1, (1, 1)),
            shape(3, 9, [7, 5], 8, 3, 1, (1, 1)),
            shape(1, 8, [41, 34], 8, 3, 1, (1, 1)),
            shape(1, 8, [2, 1030], 8, 3, 1, (1, 1)),
        ];
        for s in shapes {
            let value = |i: usize| ((i * 7919 % 1013) as f32 / 506.5) - 1.0;
            let x: Vec<f32> = (0..s.batch * s.inputs * s.height * s.width).map(value).collect();
            let weight: Vec<f32> =
                (0..s.outputs * s.inputs * s.kernel * s.kernel).map(value).collect();
            let bias: Vec<f32> = (0..s.outputs).map(value).collect();
            let (ours, expected) =
                (conv2d(&x, &weight, Some(&bias), s), plain(&x, &weight, &bias, s));
            assert_eq!(ours.len(), expected.len(), "{s:?}");
            let worst = ours.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst < 1e-5, "{s:?}: {worst}");
        }
    }
}
