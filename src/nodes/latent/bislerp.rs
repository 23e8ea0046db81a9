//! Resizing that turns vectors rather than averages them.

use crate::nodes::values::Latent;

/// How parallel two directions are beyond which the angle between them is lost in rounding.
const PARALLEL: f64 = 1.0 - 1e-5;

/// A latent in another size, `[height, width]`: between two places the channels, as a vector, turn from one
/// to the other and change their length linearly. First along rows, then down columns, at the coordinates
/// of bilinear resizing.
///
/// # Source
///
/// K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, for the arc between directions.
pub(super) fn bislerp(latent: &Latent, [height, width]: [usize; 2]) -> Vec<f32> {
    let [_, channels, h, w] = latent.shape;
    let one = channels * h * w;
    let items = latent.samples.chunks(one);
    let resize = |item: &[f32]| {
        let wide = along(item, channels, [h, w], [w, 1], width);
        // The array is now `[channels, h, width]`; a step down a column is a row.
        along(&wide, channels, [width, h], [1, width], height)
    };
    items.flat_map(resize).collect()
}

/// Resizes one axis of `[channels, …]` planes: `lines` lines of `length` places each become `new` long. A
/// line begins `strides[0]` numbers after the one before, a place `strides[1]`.
fn along(
    x: &[f32],
    channels: usize,
    [lines, length]: [usize; 2],
    strides: [usize; 2],
    new: usize,
) -> Vec<f32> {
    let mut out = vec![0.0; channels * lines * new];
    // Along rows a line stays `[…, new]`; down columns the lines stay side by side.
    let out_strides = if strides[1] == 1 { [new, 1] } else { [1, lines] };
    let (mut a, mut b) = (vec![0.0; channels], vec![0.0; channels]);
    for i in 0..new {
        let at = ((i as f32 + 0.5) * (length as f32 / new as f32) - 0.5).max(0.0);
        let first = (at as usize).min(length - 1);
        let second = (first + 1).min(length - 1);
        let part = if first == second { 0.0 } else { at - first as f32 };
        for line in 0..lines {
            let place = |i: usize| line * strides[0] + i * strides[1];
            for c in 0..channels {
                let plane = c * lines * length;
                a[c] = x[plane + place(first)];
                b[c] = x[plane + place(second)];
            }
            slerp(&mut a, &b, part);
            for (c, v) in a.iter().enumerate() {
                out[c * lines * new + line * out_strides[0] + i * out_strides[1]] = *v;
            }
        }
    }
    out
}

/// Turns `a` towards `b` by `part` of the angle between them.
fn slerp(a: &mut [f32], b: &[f32], part: f32) {
    // In double precision: the angle between nearly parallel vectors loses half of the digits.
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let (la, lb, part) = (dot(a, a).sqrt(), dot(b, b).sqrt(), f64::from(part));
    let over = |length: f64| if length == 0.0 { 0.0 } else { 1.0 / length };
    let cosine = dot(a, b) * over(la) * over(lb);
    if cosine > PARALLEL {
        // Nothing to turn; the first of the two stays, as in ComfyUI.
        return;
    }
    let (ka, kb) = if cosine < -PARALLEL {
        // Opposite directions have no arc between them.
        (1.0 - part, part)
    } else {
        let angle = cosine.acos();
        let arc = (la * (1.0 - part) + lb * part) / angle.sin();
        (((1.0 - part) * angle).sin() * arc * over(la), (part * angle).sin() * arc * over(lb))
    };
    for (a, b) in a.iter_mut().zip(b) {
        *a = (f64::from(*a) * ka + f64::from(*b) * kb) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_turn_and_lengths_change_linearly() {
        let mut v = [2.0, 0.0];
        slerp(&mut v, &[0.0, 4.0], 0.5);
        assert!(v.iter().all(|v| (v - 3.0 * 0.5_f32.sqrt()).abs() < 1e-6), "{v:?}");
        let mut opposite = [2.0, 0.0];
        slerp(&mut opposite, &[-2.0, 0.0], 0.25);
        assert_eq!(opposite, [1.0, 0.0]);
        let mut parallel = [2.0, 0.0];
        slerp(&mut parallel, &[4.0, 0.0], 0.75);
        assert_eq!(parallel, [2.0, 0.0]);
        let mut nothing = [0.0, 0.0];
        slerp(&mut nothing, &[0.0, 4.0], 0.5);
        assert!((nothing[1] - 2.0 * 0.5_f32.sqrt()).abs() < 1e-6 && nothing[0] == 0.0);
    }

    #[test]
    fn rows_and_columns_are_resized_alike() {
        let row = Latent::new([1, 2, 1, 2], vec![2.0, 0.0, 0.0, 4.0]).unwrap();
        let column = Latent::new([1, 2, 2, 1], vec![2.0, 0.0, 0.0, 4.0]).unwrap();
        let wide = bislerp(&row, [1, 4]);
        assert_eq!(wide, bislerp(&column, [4, 1]));
        assert_eq!([wide[0], wide[3], wide[4], wide[7]], [2.0, 0.0, 0.0, 4.0]);
        assert!((wide[1].hypot(wide[5]) - 2.5).abs() < 1e-6, "{wide:?}");
    }
}
