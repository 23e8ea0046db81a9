//! Growing and shrinking what is bright.

use crate::image::Image;

/// What is done with the brightest or darkest around each pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The darkest: bright things shrink.
    Erode,
    /// The brightest: bright things grow.
    Dilate,
    /// Shrunk, then grown: small bright things are gone.
    Open,
    /// Grown, then shrunk: small dark things are gone.
    Close,
    /// Brightest less darkest: outlines.
    Gradient,
    /// What closing adds: small dark things.
    BottomHat,
    /// What opening takes: small bright things.
    TopHat,
}

impl Operation {
    /// The names, as graphs write them.
    pub const NAMES: &[&str] =
        &["erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"];

    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        let operations = [
            Self::Erode,
            Self::Dilate,
            Self::Open,
            Self::Close,
            Self::Gradient,
            Self::BottomHat,
            Self::TopHat,
        ];
        Some(operations[place])
    }
}

/// Applies an operation with a square of `size` pixels, each channel for itself; what lies beyond the edges
/// does not count.
///
/// # Panics
///
/// If `size` is 0.
///
/// # Source
///
/// Serra 1982, "Image Analysis and Mathematical Morphology"; the place of even squares as in kornia 0.9.
#[must_use]
pub fn morphology(image: &Image, operation: Operation, size: usize) -> Image {
    let difference = |mut a: Image, b: &Image| {
        a.data.iter_mut().zip(&b.data).for_each(|(a, b)| *a -= b);
        a
    };
    match operation {
        Operation::Erode => erode(image, size),
        Operation::Dilate => dilate(image, size),
        Operation::Open => dilate(&erode(image, size), size),
        Operation::Close => erode(&dilate(image, size), size),
        Operation::Gradient => difference(dilate(image, size), &erode(image, size)),
        Operation::BottomHat => difference(erode(&dilate(image, size), size), image),
        Operation::TopHat => difference(image.clone(), &dilate(&erode(image, size), size)),
    }
}

fn erode(image: &Image, size: usize) -> Image {
    squares(image, size, size / 2, f32::INFINITY, |a, b| if b < a { b } else { a })
}

fn dilate(image: &Image, size: usize) -> Image {
    squares(image, size, (size - 1) / 2, f32::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

/// Picks one of all numbers in a square around each, which begins `before` rows and columns before it.
fn squares(
    image: &Image,
    size: usize,
    before: usize,
    beyond: f32,
    pick: impl Fn(f32, f32) -> f32,
) -> Image {
    let row = image.width * image.channels;
    let mut data = Vec::with_capacity(image.data.len());
    let mut line = Vec::new();
    // With a margin of `size − 1` numbers that are never picked every window is whole.
    let mut padded = |values: &[f32], unit: usize, out: &mut Vec<f32>| {
        line.clear();
        line.resize(values.len() + (size - 1) * unit, beyond);
        line[before * unit..][..values.len()].copy_from_slice(values);
        windows(&mut line, unit, size, &pick);
        out.extend_from_slice(&line[..values.len()]);
    };
    let mut across = Vec::with_capacity(image.height * row);
    for picture in image.pictures() {
        across.clear();
        for values in picture.chunks_exact(row) {
            padded(values, image.channels, &mut across);
        }
        padded(&across, row, &mut data);
    }
    Image { data, ..*image }
}

/// Makes each number the pick of the `size` numbers from it on, `unit` apart, by windows that double.
fn windows(line: &mut [f32], unit: usize, size: usize, pick: &impl Fn(f32, f32) -> f32) {
    let mut done = 1;
    while done < size {
        let step = done.min(size - done);
        let shift = step * unit;
        for i in 0..line.len() - shift {
            line[i] = pick(line[i], line[i + shift]);
        }
        done += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_any_size_are_those_of_a_loop() {
        let line: Vec<f32> = (0..40).map(|i| ((i * 7919) % 31) as f32).collect();
        for size in 1..20 {
            for unit in [1, 2] {
                let mut got = line.clone();
                windows(&mut got, unit, size, &f32::max);
                for i in 0..40 - (size - 1) * unit {
                    let window = line[i..].iter().step_by(unit).take(size);
                    assert_eq!(got[i], window.copied().fold(0.0, f32::max), "{size} {unit} {i}");
                }
            }
        }
    }

    #[test]
    fn a_dot_grows_and_is_gone_when_it_shrinks() {
        let mut dot = Image::filled([1, 5, 5, 3], 0.0);
        dot.data[12 * 3] = 1.0;
        let count = |operation, size| morphology(&dot, operation, size).data.iter().sum::<f32>();
        assert_eq!(count(Operation::Dilate, 3), 9.0);
        assert_eq!(count(Operation::Dilate, 999), 25.0);
        assert_eq!(count(Operation::Erode, 3), 0.0);
        assert_eq!(count(Operation::Open, 3), 0.0);
        assert_eq!(count(Operation::TopHat, 3), 1.0);
        assert_eq!(count(Operation::BottomHat, 3), 0.0);
        assert_eq!(count(Operation::Gradient, 3), 9.0);
        for name in Operation::NAMES {
            assert!(Operation::from_name(name).is_some());
        }
    }
}
