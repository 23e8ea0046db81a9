//! Edges.

use super::{bell, convolve};
use crate::image::Image;

/// The edges of every picture: 1 on a line one pixel wide where brightness changes most, 0 elsewhere.
///
/// Kept is where the change is above `high`, and what is above `low` and touches something kept. The change is
/// that of an unnormalised Sobel operator after a blur: a step from 0 to 1 gives about 2.6.
///
/// # Shapes
///
/// - output: as `image`, with 3 channels
///
/// # Source
///
/// Canny 1986, "A computational approach to edge detection"; in the details kornia 0.9 `filters.canny`.
#[must_use]
pub fn canny(image: &Image, low: f32, high: f32) -> Image {
    let mut data = Vec::with_capacity(image.batch * image.height * image.width * 3);
    for picture in image.pictures() {
        let grey: Vec<f32> = picture
            .chunks_exact(image.channels)
            .map(|p| p[0] * 0.299 + p[1] * 0.587 + p[2] * 0.114)
            .collect();
        let edges = edges(&grey, [image.height, image.width], low, high);
        data.extend(edges.iter().flat_map(|edge| [f32::from(u8::from(*edge)); 3]));
    }
    Image { channels: 3, data, ..*image }
}

fn edges(grey: &[f32], [height, width]: [usize; 2], low: f32, high: f32) -> Vec<bool> {
    let blurred = convolve(grey, [height, width], 1, &bell(2, 1.0));
    let [across, down] = gradients(&blurred, [height, width]);
    let change: Vec<f32> =
        across.iter().zip(&down).map(|(x, y)| (x * x + y * y + 1e-6).sqrt()).collect();
    // Weak edges by place; the strong ones are where following them begins.
    let mut weak = vec![false; grey.len()];
    let mut edges = vec![false; grey.len()];
    let mut ends = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let here = y * width + x;
            if change[here] > low
                && is_ridge(&change, [height, width], [y, x], across[here], down[here])
            {
                weak[here] = true;
                if change[here] > high {
                    edges[here] = true;
                    ends.push(here);
                }
            }
        }
    }
    while let Some(end) = ends.pop() {
        let (y, x) = (end / width, end % width);
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            for x in x.saturating_sub(1)..(x + 2).min(width) {
                let here = y * width + x;
                if weak[here] && !edges[here] {
                    edges[here] = true;
                    ends.push(here);
                }
            }
        }
    }
    edges
}

/// How brightness changes to the right and downwards; beyond the edges the outermost pixels go on.
fn gradients(grey: &[f32], [height, width]: [usize; 2]) -> [Vec<f32>; 2] {
    let (mut across, mut down) = (Vec::with_capacity(grey.len()), Vec::with_capacity(grey.len()));
    for y in 0..height {
        let row = |y: usize| &grey[y * width..][..width];
        let (above, here, below) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(height - 1)));
        for x in 0..width {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
            let sum = |x: usize| above[x] + 2.0 * here[x] + below[x];
            across.push(sum(right) - sum(left));
            let step = |x: usize| below[x] - above[x];
            down.push(step(left) + 2.0 * step(x) + step(right));
        }
    }
    [across, down]
}

/// True if the change is larger here than at both neighbours in its direction, rounded to 45°. Of two that are
/// equal along a row or a column the first counts.
fn is_ridge(
    change: &[f32],
    [height, width]: [usize; 2],
    [y, x]: [usize; 2],
    across: f32,
    down: f32,
) -> bool {
    // tan 22.5°: nearer to an axis than to a diagonal.
    const NEAR: f32 = 0.414_213_57;
    let at = |dy: isize, dx: isize| {
        let (y, x) = (y.wrapping_add_signed(dy), x.wrapping_add_signed(dx));
        if y < height && x < width { change[y * width + x] } else { 0.0 }
    };
    let here = at(0, 0);
    if down.abs() <= NEAR * across.abs() {
        here > at(0, -1) && here >= at(0, 1)
    } else if across.abs() <= NEAR * down.abs() {
        here > at(-1, 0) && here >= at(1, 0)
    } else if (across > 0.0) == (down > 0.0) {
        here > at(-1, -1) && here > at(1, 1)
    } else {
        here > at(-1, 1) && here > at(1, -1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line_and_a_faint_one_none() {
        let step = |height: f32| {
            let row = |_| (0..8).flat_map(move |x| [if x < 4 { 0.0 } else { height }; 3]);
            let data = (0..6).flat_map(row).collect();
            canny(&Image { batch: 1, height: 6, width: 8, channels: 3, data }, 0.4, 0.8)
        };
        let line: Vec<f32> = step(1.0).data.chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(line, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0].repeat(6));
        assert_eq!(step(0.1).data, [0.0; 144]);
        // Weak all along: nothing strong to follow it from.
        assert_eq!(step(0.25).data, [0.0; 144]);
    }
}
