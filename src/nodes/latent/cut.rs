//! Parts of latents, turned, mirrored and put side by side.
//!
//! A noise mask goes along unchanged, as in ComfyUI: it is stretched over the latent when it is used.

use super::FACTOR;
use super::batch::repeated;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Function, Input, Kind, Output, Outputs, Schema};
use crate::nodes::limits;
use crate::nodes::values::Latent;

const SAMPLES: Input = Input::link("samples", Kind::LATENT).doc("The latents.");

/// A rectangle of a latent.
pub(super) const LATENT_CROP: Function = Function::new(
    &Schema::new("LatentCrop", "Crop Latent", "latent/transform")
        .doc("Cuts a rectangle out of latents.")
        .inputs(&[
            SAMPLES,
            Input::int("width", 512, 64..=16384).step(8).doc("Its width in pixels."),
            Input::int("height", 512, 64..=16384).step(8).doc("Its height in pixels."),
            Input::int("x", 0, 0..=16384).step(8).doc("Its left edge in pixels."),
            Input::int("y", 0, 0..=16384).step(8).doc("Its top edge in pixels."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let latent = inputs.object::<Latent>("samples")?;
        let [_, _, height, width] = latent.shape;
        let side = |start, length, whole: usize| -> Result<[usize; 2]> {
            // At least 64 pixels are left, where there are as many.
            let start = (inputs.int::<usize>(start)? / FACTOR).min(whole.saturating_sub(8));
            Ok([start, (inputs.int::<usize>(length)? / FACTOR).min(whole - start)])
        };
        let [y, rows] = side("y", "height", height)?;
        let [x, columns] = side("x", "width", width)?;
        let cut = narrowed(&narrowed(&latent, 2, y, rows)?, 3, x, columns)?;
        Ok(Outputs::one(cut))
    },
);

/// A latent turned by quarters.
pub(super) const LATENT_ROTATE: Function = Function::new(
    &Schema::new("LatentRotate", "Rotate Latent", "latent/transform")
        .doc("Turns latents clockwise.")
        .inputs(&[
            SAMPLES,
            Input::combo("rotation", &["none", "90 degrees", "180 degrees", "270 degrees"])
                .doc("How far."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let latent = inputs.object::<Latent>("samples")?;
        let [_, _, h, w] = latent.shape;
        let turned = match inputs.string("rotation")? {
            "90 degrees" => rearranged(&latent, [w, h], &|y, x| [h - 1 - x, y]),
            "180 degrees" => rearranged(&latent, [h, w], &|y, x| [h - 1 - y, w - 1 - x]),
            "270 degrees" => rearranged(&latent, [w, h], &|y, x| [x, w - 1 - y]),
            _ => Ok((*latent).clone()),
        };
        Ok(Outputs::one(turned?))
    },
);

/// A latent mirrored.
pub(super) const LATENT_FLIP: Function = Function::new(
    &Schema::new("LatentFlip", "Flip Latent", "latent/transform")
        .doc("Mirrors latents.")
        .inputs(&[
            SAMPLES,
            Input::combo("flip_method", &["x-axis: vertically", "y-axis: horizontally"])
                .doc("Upside down, or left to right."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let latent = inputs.object::<Latent>("samples")?;
        let [_, _, h, w] = latent.shape;
        let mirrored = if inputs.string("flip_method")?.starts_with('x') {
            rearranged(&latent, [h, w], &|y, x| [h - 1 - y, x])
        } else {
            rearranged(&latent, [h, w], &|y, x| [y, w - 1 - x])
        };
        Ok(Outputs::one(mirrored?))
    },
);

/// Some rows, columns or channels of a latent.
pub(super) const LATENT_CUT: Function = Function::new(
    &Schema::new("LatentCut", "Latent Cut", "latent/advanced")
        .doc("Takes some columns, rows or channels of latents.")
        .inputs(&[
            SAMPLES,
            Input::combo("dim", &["x", "y", "t"])
                .doc("Columns, rows, or, in pictures' latents, channels."),
            Input::int("index", 0, -16384..=16384)
                .doc("The first of them, counted in the latent; below 0 from the end."),
            Input::int("amount", 1, 1..=16384).doc("How many."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let latent = inputs.object::<Latent>("samples")?;
        let axis = axis(inputs.string("dim")?);
        let whole = latent.shape[axis];
        let index: i64 = inputs.int("index")?;
        let start = match usize::try_from(index) {
            Ok(index) => index.min(whole - 1),
            Err(_) => whole.saturating_sub(index.unsigned_abs() as usize),
        };
        let amount = inputs.int::<usize>("amount")?.min(whole - start);
        Ok(Outputs::one(narrowed(&latent, axis, start, amount)?))
    },
);

/// Two latents side by side.
pub(super) const LATENT_CONCAT: Function = Function::new(
    &Schema::new("LatentConcat", "Latent Concat", "latent/advanced")
        .doc("Puts latents beside, below or behind each other.")
        .inputs(&[
            Input::link("samples1", Kind::LATENT).doc("The first latents."),
            Input::link("samples2", Kind::LATENT).doc("The second."),
            Input::combo("dim", &["x", "-x", "y", "-y", "t", "-t"]).doc(
                "Beside, below, or, in pictures' latents, as more channels; with a minus the second comes first.",
            ),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| {
        let first = inputs.object::<Latent>("samples1")?;
        let second = repeated(&*inputs.object::<Latent>("samples2")?, first.shape[0])?;
        let dim = inputs.string("dim")?;
        let axis = axis(dim);
        let mut shape = first.shape;
        shape[axis] += second.shape[axis];
        limits::check_latent(cx.env(), "latents of this size side by side", shape)?;
        let (a, b) = if dim.starts_with('-') { (&second, &*first) } else { (&*first, &second) };
        Ok(Outputs::one(first.with(shape, joined(a, b, axis)?)?))
    },
);

fn axis(dim: &str) -> usize {
    match dim.trim_start_matches('-') {
        "x" => 3,
        "y" => 2,
        _ => 1,
    }
}

/// `length` places of one axis from `start` on.
pub(super) fn narrowed(
    latent: &Latent,
    axis: usize,
    start: usize,
    length: usize,
) -> Result<Latent> {
    let inner: usize = latent.shape[axis + 1..].iter().product();
    let rows = latent.samples.chunks(latent.shape[axis] * inner);
    let samples = rows.flat_map(|row| &row[start * inner..(start + length) * inner]);
    let samples = samples.copied().collect();
    let mut shape = latent.shape;
    shape[axis] = length;
    latent.with(shape, samples)
}

/// The numbers of two latents put together along one axis.
///
/// # Errors
///
/// [`ErrorKind::Mismatch`] if they differ along another.
pub(super) fn joined(a: &Latent, b: &Latent, axis: usize) -> Result<Vec<f32>> {
    let mut expected = b.shape;
    expected[axis] = a.shape[axis];
    if expected != a.shape {
        return Err(Error::new(ErrorKind::Mismatch {
            what: "shapes of the latents",
            expected: format!("{expected:?}"),
            got: format!("{:?}", a.shape),
        })
        .hint("use latents of the same family and size"));
    }
    let inner: usize = a.shape[axis + 1..].iter().product();
    let rows = a.samples.chunks(a.shape[axis] * inner);
    let rows = rows.zip(b.samples.chunks(b.shape[axis] * inner));
    Ok(rows.flat_map(|(a, b)| a.iter().chain(b)).copied().collect())
}

/// Every plane anew: place `[y, x]` comes from place `from(y, x)`.
fn rearranged(
    latent: &Latent,
    [height, width]: [usize; 2],
    from: &dyn Fn(usize, usize) -> [usize; 2],
) -> Result<Latent> {
    let [batch, channels, h, w] = latent.shape;
    let mut samples = Vec::with_capacity(latent.samples.len());
    for plane in latent.samples.chunks(h * w) {
        for y in 0..height {
            samples.extend((0..width).map(|x| {
                let [y, x] = from(y, x);
                plane[y * w + x]
            }));
        }
    }
    latent.with([batch, channels, height, width], samples)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::graph::{Inputs, Node};
    use crate::image::Mask;
    use crate::nodes::testing::{output, run};

    /// `[1, 1, height, width]`: 0, 1, 2 …, with a mask and a place in a batch.
    fn counting(height: usize, width: usize) -> Latent {
        let samples = (0..height * width).map(|i| i as f32).collect();
        let mask = Mask { batch: 1, height: 1, width: 1, data: vec![0.5] };
        let latent = Latent::new([1, 1, height, width], samples).unwrap();
        Latent { noise_mask: Some(Rc::new(mask)), batch_index: Some([7].into()), ..latent }
    }

    fn of(node: &Function, inputs: Inputs) -> ([usize; 4], Vec<f32>) {
        let latent = output::<Latent>(node, inputs);
        assert_eq!(latent.noise_mask, counting(1, 1).noise_mask, "the mask goes along");
        assert_eq!(latent.batch_index.as_deref(), Some(&[7][..]), "the index goes along");
        (latent.shape, latent.samples.clone())
    }

    #[test]
    fn a_latent_turns_clockwise() {
        let turned = |rotation: &str| {
            let inputs = Inputs::new().with("samples", counting(2, 3)).with("rotation", rotation);
            of(&LATENT_ROTATE, inputs)
        };
        assert_eq!(turned("none"), ([1, 1, 2, 3], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
        assert_eq!(turned("90 degrees"), ([1, 1, 3, 2], vec![3.0, 0.0, 4.0, 1.0, 5.0, 2.0]));
        assert_eq!(turned("180 degrees"), ([1, 1, 2, 3], vec![5.0, 4.0, 3.0, 2.0, 1.0, 0.0]));
        assert_eq!(turned("270 degrees"), ([1, 1, 3, 2], vec![2.0, 5.0, 1.0, 4.0, 0.0, 3.0]));
    }

    #[test]
    fn a_latent_is_mirrored_along_either_axis() {
        let mirrored = |method: &str| {
            let inputs = Inputs::new().with("samples", counting(2, 3)).with("flip_method", method);
            of(&LATENT_FLIP, inputs).1
        };
        assert_eq!(mirrored("x-axis: vertically"), [3.0, 4.0, 5.0, 0.0, 1.0, 2.0]);
        assert_eq!(mirrored("y-axis: horizontally"), [2.0, 1.0, 0.0, 5.0, 4.0, 3.0]);
    }

    #[test]
    fn a_crop_is_moved_inside_and_ends_with_the_latent() {
        let crop = |width: i64, height: i64, x: i64, y: i64| {
            let inputs = Inputs::new().with("samples", counting(9, 10)).with("width", width);
            of(&LATENT_CROP, inputs.with("height", height).with("x", x).with("y", y))
        };
        let (shape, samples) = crop(64, 64, 8, 15);
        assert_eq!((shape, samples[0], samples[8]), ([1, 1, 8, 8], 11.0, 21.0));
        // 64 pixels at least stay; a width beyond the edge ends there.
        let (shape, samples) = crop(16384, 64, 800, 800);
        assert_eq!((shape, samples[0]), ([1, 1, 8, 8], 12.0));
        // A latent of less than 64 pixels stays whole.
        let inputs = Inputs::new().with("samples", counting(2, 3)).with("width", 64_i64);
        let inputs = inputs.with("height", 64_i64).with("x", 64_i64).with("y", 0_i64);
        assert_eq!(of(&LATENT_CROP, inputs).0, [1, 1, 2, 3]);
    }

    #[test]
    fn a_cut_counts_from_the_end_below_nought_and_stays_inside() {
        let cut = |dim: &str, index: i64, amount: i64| {
            let inputs = Inputs::new().with("samples", counting(2, 3)).with("dim", dim);
            of(&LATENT_CUT, inputs.with("index", index).with("amount", amount))
        };
        assert_eq!(cut("x", 1, 1), ([1, 1, 2, 1], vec![1.0, 4.0]));
        assert_eq!(cut("x", -2, 9), ([1, 1, 2, 2], vec![1.0, 2.0, 4.0, 5.0]));
        assert_eq!(cut("y", 99, 5), ([1, 1, 1, 3], vec![3.0, 4.0, 5.0]));
        assert_eq!(cut("y", -99, 1), ([1, 1, 1, 3], vec![0.0, 1.0, 2.0]));
        assert_eq!(cut("t", 0, 4).0, [1, 1, 2, 3]);
    }

    #[test]
    fn latents_are_put_side_by_side() {
        let concat = |dim: &str| {
            let inputs = Inputs::new().with("samples1", counting(1, 2)).with("dim", dim);
            let second = Latent::new([2, 1, 1, 2], vec![8.0, 9.0, 0.0, 0.0]).unwrap();
            of(&LATENT_CONCAT, inputs.with("samples2", second))
        };
        assert_eq!(concat("x"), ([1, 1, 1, 4], vec![0.0, 1.0, 8.0, 9.0]));
        assert_eq!(concat("-x"), ([1, 1, 1, 4], vec![8.0, 9.0, 0.0, 1.0]));
        assert_eq!(concat("y"), ([1, 1, 2, 2], vec![0.0, 1.0, 8.0, 9.0]));
        assert_eq!(concat("-t"), ([1, 2, 1, 2], vec![8.0, 9.0, 0.0, 1.0]));
        let inputs = Inputs::new().with("samples1", counting(1, 2)).with("dim", "x");
        let error = run(&LATENT_CONCAT, inputs.with("samples2", counting(3, 2))).unwrap_err();
        assert!(error.to_string().contains("expected [1, 1, 3, 2], got [1, 1, 1, 2]"), "{error}");
        assert_eq!(LATENT_CONCAT.schema().outputs.len(), 1);
    }
}
