//! Two-dimensional convolution as a matrix product.

use wide::f32x4;

use crate::lanes::{add, map};
use crate::matmul::{Left, Matrix, View};
use crate::pictures::Pictures;
use crate::winograd;

/// Columns of the matrix that is multiplied at once. Long enough that packing the weights does not count,
/// short enough that the columns of a large picture stay in a few megabytes.
const COLUMNS: usize = 1024;

/// A convolution with square kernel.
#[derive(Debug, Clone, Copy)]
pub struct ConvLayer {
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step of the kernel.
    pub stride: usize,
    /// Noughts before the first and after the last row and column.
    pub padding: (usize, usize),
}

impl ConvLayer {
    /// Numbers that an output is made of.
    fn depth(&self) -> usize {
        self.inputs * self.kernel * self.kernel
    }

    /// Rows and columns out, for those in.
    pub fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        let (before, after) = self.padding;
        size.map(|side| (side + before + after - self.kernel) / self.stride + 1)
    }
}

/// The weights of a convolution: a matrix `outputs × (inputs · kernel · kernel)`.
#[derive(Debug, Clone)]
pub struct ConvWeights<'a> {
    layer: ConvLayer,
    rows: Left<'a>,
}

impl<'a> ConvWeights<'a> {
    /// From `outputs × (inputs · kernel · kernel)`.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn kept(weight: &'a Matrix, layer: ConvLayer) -> Self {
        assert_eq!(weight.count(), layer.outputs * layer.depth(), "weights");
        Self { layer, rows: Left::kept(weight) }
    }

    /// As [`ConvWeights::kept`], for one use; the numbers are the same.
    pub fn once(weight: &'a [f32], layer: ConvLayer) -> Self {
        let size @ [_, depth] = [layer.outputs, layer.depth()];
        Self { layer, rows: Left::once(View::rows(weight, depth), size) }
    }

    /// What they are for.
    pub fn layer(&self) -> &ConvLayer {
        &self.layer
    }

    /// Convolves.
    ///
    /// # Shapes
    ///
    /// - `x`: `[batch, inputs, height, width]`; `bias`: `[outputs]`
    /// - output: `[batch, outputs, …]`, as [`ConvLayer::output_size`] says of what is seen
    ///
    /// # Panics
    ///
    /// If the lengths are not those of the layer.
    pub fn forward(&self, x: Pictures<'_>, bias: Option<&[f32]>) -> Vec<f32> {
        let [rows, columns] = self.layer.output_size(x.seen);
        let mut out = vec![0.0; x.batch(self.layer.inputs) * self.layer.outputs * rows * columns];
        self.add_to(&mut out, x, bias);
        out
    }

    /// Convolves as [`ConvWeights::forward`] and adds the result to `out`.
    ///
    /// # Panics
    ///
    /// As there, and if `out` is not as long as the output.
    pub fn add_to(&self, out: &mut [f32], x: Pictures<'_>, bias: Option<&[f32]>) {
        let layer = &self.layer;
        let [rows, columns] = layer.output_size(x.seen);
        let batch = x.batch(layer.inputs);
        let numbers = batch * layer.outputs * rows * columns;
        assert_eq!(out.len(), numbers, "numbers of the output");
        assert!(bias.is_none_or(|bias| bias.len() == layer.outputs), "one bias an output");
        match winograd::suits(layer, batch, x.seen) {
            true => winograd::conv2d(out, x, self.rows.rows(), bias, layer),
            false => by_rows(out, &x.numbers(), &self.rows, bias, layer, x.seen),
        }
    }
}

fn by_rows(
    out: &mut [f32],
    x: &[f32],
    weights: &Left<'_>,
    bias: Option<&[f32]>,
    layer: &ConvLayer,
    size: [usize; 2],
) {
    let ConvLayer { inputs, outputs, .. } = *layer;
    let [rows, columns] = layer.output_size(size);
    let positions = rows * columns;
    let batch = out.len() / (outputs * positions);

    // A kernel of one number sees the pictures as they lie there.
    let as_it_is = (layer.kernel, layer.stride, layer.padding) == (1, 1, (0, 0));
    // Whole rows of the output at a time; small pictures several at a time.
    let rows_at_once = (COLUMNS / columns).clamp(1, rows);
    let pictures_at_once = match rows_at_once == rows && !as_it_is {
        true => (COLUMNS / positions).clamp(1, batch),
        false => 1,
    };
    let patches = layer.depth() * pictures_at_once * rows_at_once * columns;
    let mut patches = vec![0.0; if as_it_is { 0 } else { patches }];
    let mut product = vec![0.0; outputs * pictures_at_once * rows_at_once * columns];
    for first in (0..batch).step_by(pictures_at_once) {
        let pictures = pictures_at_once.min(batch - first);
        for top in (0..rows).step_by(rows_at_once) {
            let strip = rows_at_once.min(rows - top) * columns;
            let count = pictures * strip;
            let numbers = inputs * size[0] * size[1];
            let pictures_at = &x[first * numbers..][..pictures * numbers];
            let seen = if as_it_is {
                View::rows(pictures_at, positions).from(0, top * columns)
            } else {
                for (p, picture) in pictures_at.chunks_exact(numbers).enumerate() {
                    let part =
                        Part { top, rows: strip / columns, columns, at: p * strip, stride: count };
                    gather(picture, &mut patches, layer, size, part);
                }
                View::rows(&patches, count)
            };
            weights.product(seen, count, &mut product, [count, 1], false);
            for p in 0..pictures {
                for o in 0..outputs {
                    let from = &mut product[o * count + p * strip..][..strip];
                    let to = ((first + p) * outputs + o) * positions + top * columns;
                    let bias = bias.map_or(0.0, |bias| bias[o]);
                    map(from, |x| x + f32x4::splat(bias));
                    add(&mut out[to..][..strip], from);
                }
            }
        }
    }
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
fn gather(
    picture: &[f32],
    patches: &mut [f32],
    layer: &ConvLayer,
    [height, width]: [usize; 2],
    part: Part,
) {
    let ConvLayer { inputs, kernel, stride, padding: (before, _), .. } = *layer;
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

    /// Pictures, their size, the layer.
    type Case = (usize, [usize; 2], ConvLayer);

    /// The definition, loop by loop.
    fn plain(
        x: &[f32],
        weight: &[f32],
        bias: &[f32],
        (batch, [height, width], s): Case,
    ) -> Vec<f32> {
        let [rows, columns] = s.output_size([height, width]);
        let mut out = Vec::new();
        for b in 0..batch {
            for o in 0..s.outputs {
                for y in 0..rows {
                    for x_out in 0..columns {
                        let mut sum = f64::from(bias[o]);
                        for c in 0..s.inputs {
                            for ky in 0..s.kernel {
                                for kx in 0..s.kernel {
                                    let sy = (y * s.stride + ky).wrapping_sub(s.padding.0);
                                    let sx = (x_out * s.stride + kx).wrapping_sub(s.padding.0);
                                    if sy < height && sx < width {
                                        let x = x[((b * s.inputs + c) * height + sy) * width + sx];
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
        let shape = |batch, inputs, size: [usize; 2], outputs, kernel, stride, padding| {
            (batch, size, ConvLayer { inputs, outputs, kernel, stride, padding })
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
            shape(3, 8, [41, 34], 8, 3, 1, (1, 1)),
            shape(1, 8, [2, 1030], 8, 3, 1, (1, 1)),
            shape(2, 8, [1, 1], 8, 3, 1, (1, 1)),
            shape(1, 8, [1, 9], 8, 3, 1, (1, 1)),
        ];
        for case in shapes {
            let (batch, size, s) = case;
            let value = |i: usize| ((i * 7919 % 1013) as f32 / 506.5) - 1.0;
            let x: Vec<f32> = (0..batch * s.inputs * size[0] * size[1]).map(value).collect();
            let weight: Vec<f32> =
                (0..s.outputs * s.inputs * s.kernel * s.kernel).map(value).collect();
            let bias: Vec<f32> = (0..s.outputs).map(value).collect();
            let expected = plain(&x, &weight, &bias, case);
            let kept = Matrix::new(&weight, [s.outputs, s.depth()]);
            let pictures = Pictures::new(&x, size);
            let ours = ConvWeights::kept(&kept, s).forward(pictures, Some(&bias));
            assert_eq!(ours.len(), expected.len(), "{case:?}");
            let worst = ours.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst < 1e-5, "{case:?}: {worst}");
            assert_eq!(ConvWeights::once(&weight, s).forward(pictures, Some(&bias)), ours);
            let (mut sum, before) = (bias.repeat(ours.len() / bias.len()), bias.len());
            ConvWeights::kept(&kept, s).add_to(&mut sum, pictures, Some(&bias));
            assert!(sum.iter().enumerate().all(|(i, v)| *v == bias[i % before] + ours[i]));
        }
    }

    #[test]
    fn weights_transformed_some_at_a_time() {
        // One lot of squares, and two of more weights than are kept.
        for (outputs, size) in [(20, [8, 8]), (520, [46, 12])] {
            let s = ConvLayer { inputs: 1024, outputs, kernel: 3, stride: 1, padding: (1, 1) };
            let value = |i: usize| ((i * 7919 % 1013) as f32 / 506.5) - 1.0;
            let x: Vec<f32> = (0..s.inputs * size[0] * size[1]).map(value).collect();
            let weight: Vec<f32> = (0..outputs * s.depth()).map(value).collect();
            let ours = ConvWeights::once(&weight, s).forward(Pictures::new(&x, size), None);
            for place in (0..ours.len()).step_by(997) {
                let (o, y, x_) =
                    (place / size[0] / size[1], place / size[1] % size[0], place % size[1]);
                let products = (0..s.depth()).filter_map(|i| {
                    let (y, x_) = ((y + i / 3 % 3).checked_sub(1)?, (x_ + i % 3).checked_sub(1)?);
                    let inside = y < size[0] && x_ < size[1];
                    let number = inside.then(|| x[(i / 9 * size[0] + y) * size[1] + x_])?;
                    Some(f64::from(number) * f64::from(weight[o * s.depth() + i]))
                });
                let off = (products.sum::<f64>() - f64::from(ours[place])).abs();
                assert!(off < 2e-4, "{size:?} at {place}: {off}");
            }
        }
    }

    #[test]
    fn pictures_seen_enlarged_are_convolved_as_if_they_were() {
        let value = |i: usize| ((i * 7919 % 1013) as f32 / 506.5) - 1.0;
        // Few channels, and enough of them for squares; twice the size, and one less for sides that were odd.
        for (inputs, size, seen) in
            [(3, [4, 5], [8, 10]), (8, [4, 5], [8, 10]), (8, [4, 5], [7, 9]), (8, [4, 5], [4, 10])]
        {
            let s = ConvLayer { inputs, outputs: 8, kernel: 3, stride: 1, padding: (1, 1) };
            let x: Vec<f32> = (0..2 * inputs * size[0] * size[1]).map(value).collect();
            let weight: Vec<f32> = (0..8 * s.depth()).map(value).collect();
            let numbers = (0..2 * inputs * seen[0] * seen[1]).map(|i| {
                let (plane, y, x_) = (i / seen[1] / seen[0], i / seen[1] % seen[0], i % seen[1]);
                let [y, x_] = [y * size[0] / seen[0], x_ * size[1] / seen[1]];
                x[(plane * size[0] + y) * size[1] + x_]
            });
            let large: Vec<f32> = numbers.collect();
            let conv = ConvWeights::once(&weight, s);
            let ours = conv.forward(Pictures::enlarged(&x, size, seen), None);
            assert_eq!(ours, conv.forward(Pictures::new(&large, seen), None), "{inputs} {seen:?}");
        }
    }
}
