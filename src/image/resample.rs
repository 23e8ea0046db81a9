//! Resizing on the host.

use super::Mask;

/// A mask stretched over a latent: bilinear to its height and width, the same for all its channels, the
/// last mask repeated if the batch has more pictures than masks.
///
/// # Shapes
///
/// - `shape`: `[batch, channels, height, width]` of the latent
/// - output: as many numbers, row major
///
/// # Source
///
/// torch 2.15 `nn.functional.interpolate(mode="bilinear", align_corners=False)`.
pub fn mask_to_size(mask: &Mask, shape: [usize; 4]) -> Vec<f32> {
    let [batch, channels, height, width] = shape;
    let mut out = Vec::with_capacity(shape.iter().product());
    for b in 0..batch {
        let one = b.min(mask.batch - 1) * mask.height * mask.width;
        let one = &mask.data[one..][..mask.height * mask.width];
        let mut plane = Vec::with_capacity(height * width);
        for y in 0..height {
            let (y0, y1, fy) = source_rows(y, height, mask.height);
            for x in 0..width {
                let (x0, x1, fx) = source_rows(x, width, mask.width);
                let at = |y: usize, x: usize| one[y * mask.width + x];
                let top = at(y0, x0) + (at(y0, x1) - at(y0, x0)) * fx;
                let bottom = at(y1, x0) + (at(y1, x1) - at(y1, x0)) * fx;
                plane.push(top + (bottom - top) * fy);
            }
        }
        for _ in 0..channels {
            out.extend_from_slice(&plane);
        }
    }
    out
}

/// The two source rows (or columns) an output row lies between, and how far towards the second.
fn source_rows(i: usize, outputs: usize, inputs: usize) -> (usize, usize, f32) {
    let position = ((i as f32 + 0.5) * inputs as f32 / outputs as f32 - 0.5).max(0.0);
    let first = (position as usize).min(inputs - 1);
    (first, (first + 1).min(inputs - 1), position - first as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_stretched_between_pixel_centres() {
        let mask = Mask { batch: 1, height: 1, width: 2, data: vec![0.0, 1.0] };
        let out = mask_to_size(&mask, [2, 1, 1, 4]);
        assert_eq!(out, [0.0, 0.25, 0.75, 1.0, 0.0, 0.25, 0.75, 1.0]);
        let shrunk = mask_to_size(
            &Mask { batch: 1, height: 2, width: 2, data: vec![0.0, 1.0, 1.0, 0.0] },
            [1, 1, 1, 1],
        );
        assert_eq!(shrunk, [0.5]);
    }
}
