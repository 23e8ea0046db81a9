//! Resizing on the host, as torch and Pillow do it.
//!
//! Every method is separable: along each side a new position is a weighted sum of neighbouring old ones, which
//! [`weights`] lists once for all rows. So one pair of loops serves planes (latents, masks), pictures and
//! 8-bit samples.

mod bytes;
mod weights;

use self::weights::Weights;
use super::{Image, Mask};

/// How new positions are made of old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The nearest old one.
    NearestExact,
    /// The two nearest, linearly.
    Bilinear,
    /// The mean of all that the new one covers.
    Area,
    /// The four nearest, by cubics.
    Bicubic,
    /// Six or more, by a windowed sinc, in 8-bit samples.
    Lanczos,
}

/// What happens to a picture of another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crop {
    /// It is stretched.
    Disabled,
    /// What does not fit is cut off at both ends.
    Center,
}

impl Method {
    /// The names, as graphs write them.
    pub const NAMES: &[&str] = &["nearest-exact", "bilinear", "area", "bicubic", "lanczos"];

    /// The method of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        Some([Self::NearestExact, Self::Bilinear, Self::Area, Self::Bicubic, Self::Lanczos][place])
    }
}

impl Crop {
    /// The names, as graphs write them.
    pub const NAMES: &[&str] = &["disabled", "center"];

    /// The choice of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "disabled" => Some(Self::Disabled),
            "center" => Some(Self::Center),
            _ => None,
        }
    }
}

/// Resizes planes that lie one after the other.
///
/// # Shapes
///
/// - `data`: `[planes, height, width]` for any number of planes
/// - output: `[planes, to height, to width]`
///
/// # Panics
///
/// If a side is 0 or `data` is not whole planes.
///
/// # Source
///
/// torch 2.15 `nn.functional.interpolate` with `align_corners=False` and without `antialias`; for
/// [`Method::Lanczos`] Pillow 13 `Image.resize` of samples `0..=255`, truncated.
pub fn planes(data: &[f32], from: [usize; 2], to: [usize; 2], method: Method) -> Vec<f32> {
    interleaved(data, from, to, 1, method)
}

/// As [`planes`], for planes of pixels: `channels` numbers each.
///
/// # Shapes
///
/// - `data`: `[pictures, height, width, channels]`, with 1, 3 or 4 channels
/// - output: `[pictures, to height, to width, channels]`
///
/// # Panics
///
/// If a side is 0, `data` is not whole pictures, or there are other channels.
pub fn interleaved(
    data: &[f32],
    from: [usize; 2],
    to: [usize; 2],
    channels: usize,
    method: Method,
) -> Vec<f32> {
    let one = from[0] * from[1] * channels;
    assert!(one > 0 && data.len().is_multiple_of(one), "whole pictures");
    if from == to && method != Method::Lanczos {
        return data.to_vec();
    }
    let [rows, columns] = [0, 1].map(|side| Weights::new(from[side], to[side], method));
    let mut out = Vec::with_capacity(data.len() / one * to[0] * to[1] * channels);
    for picture in data.chunks_exact(one) {
        if method == Method::Lanczos {
            bytes::resize(picture, from, to, channels, &rows, &columns, &mut out);
        } else if from[0] * to[1] <= to[0] * from[1] {
            // The smaller of the two arrays in between is never larger than the larger of input and output.
            let wide = along_rows(picture, from[1], channels, &columns);
            down_columns(&wide, to[1] * channels, &rows, &mut out);
        } else {
            let mut tall = Vec::with_capacity(to[0] * from[1] * channels);
            down_columns(picture, from[1] * channels, &rows, &mut tall);
            out.extend(along_rows(&tall, from[1], channels, &columns));
        }
    }
    out
}

/// As [`interleaved`], after cutting off what makes the shape another one if `crop` says so.
///
/// # Panics
///
/// As [`interleaved`].
pub fn cropped(
    data: &[f32],
    from: [usize; 2],
    to: [usize; 2],
    channels: usize,
    method: Method,
    crop: Crop,
) -> Vec<f32> {
    let [top, left] = margins(from, to, crop);
    if top == 0 && left == 0 {
        return interleaved(data, from, to, channels, method);
    }
    let kept = [from[0] - 2 * top, from[1] - 2 * left];
    let mut middle = Vec::with_capacity(data.len() / from[0] / from[1] * kept[0] * kept[1]);
    for picture in data.chunks_exact(from[0] * from[1] * channels) {
        for row in picture.chunks_exact(from[1] * channels).skip(top).take(kept[0]) {
            middle.extend_from_slice(&row[left * channels..][..kept[1] * channels]);
        }
    }
    interleaved(&middle, kept, to, channels, method)
}

/// Rows and columns to cut off at each end so that a picture gets the shape of another size.
pub fn margins([height, width]: [usize; 2], to: [usize; 2], crop: Crop) -> [usize; 2] {
    let (old, new) = (width as f64 / height as f64, to[1] as f64 / to[0] as f64);
    // Half of what is too much, but never all: a strip keeps its middle.
    let margin = |side: usize, part: f64| {
        let margin = ((side as f64 - side as f64 * part) / 2.0).round_ties_even() as usize;
        margin.min((side - 1) / 2)
    };
    match crop {
        Crop::Disabled => [0, 0],
        Crop::Center if old > new => [0, margin(width, new / old)],
        Crop::Center => [margin(height, old / new), 0],
    }
}

impl Image {
    /// Its pictures in another size.
    ///
    /// # Panics
    ///
    /// If a side of `to`, `[height, width]`, is 0.
    #[must_use]
    pub fn resized(&self, to: [usize; 2], method: Method, crop: Crop) -> Self {
        let from = [self.height, self.width];
        let data = cropped(&self.data, from, to, self.channels, method, crop);
        Self { batch: self.batch, height: to[0], width: to[1], channels: self.channels, data }
    }
}

impl Mask {
    /// Its masks in another size.
    ///
    /// # Panics
    ///
    /// If a side of `to`, `[height, width]`, is 0.
    #[must_use]
    pub fn resized(&self, to: [usize; 2], method: Method, crop: Crop) -> Self {
        let data = cropped(&self.data, [self.height, self.width], to, 1, method, crop);
        Self { batch: self.batch, height: to[0], width: to[1], data }
    }
}

/// A mask stretched over a latent: bilinear to its height and width, the same for all its channels, the
/// masks taken in turn if the batch has more pictures than masks.
///
/// # Shapes
///
/// - `shape`: `[batch, channels, height, width]` of the latent
/// - output: as many numbers, row major
pub fn mask_to_size(mask: &Mask, shape: [usize; 4]) -> Vec<f32> {
    let [batch, channels, height, width] = shape;
    let mut out = Vec::with_capacity(shape.iter().product());
    let masks = mask.resized([height, width], Method::Bilinear, Crop::Disabled);
    for b in 0..batch {
        let plane = &masks.data[b % mask.batch * height * width..][..height * width];
        for _ in 0..channels {
            out.extend_from_slice(plane);
        }
    }
    out
}

/// Resizes every row of `width` pixels.
fn along_rows(data: &[f32], width: usize, channels: usize, weights: &Weights) -> Vec<f32> {
    match channels {
        1 => along_rows_of::<1>(data, width, weights),
        3 => along_rows_of::<3>(data, width, weights),
        4 => along_rows_of::<4>(data, width, weights),
        _ => panic!("pixels have 1, 3 or 4 channels"),
    }
}

fn along_rows_of<const C: usize>(data: &[f32], width: usize, weights: &Weights) -> Vec<f32> {
    let mut out = Vec::with_capacity(data.len() / width * weights.outputs());
    for row in data.as_chunks::<C>().0.chunks_exact(width) {
        for (start, weights) in weights.iter() {
            let mut sum = [0.0; C];
            for (pixel, weight) in row[start..].iter().zip(weights) {
                for (sum, v) in sum.iter_mut().zip(pixel) {
                    *sum += v * weight;
                }
            }
            out.push(sum);
        }
    }
    out.into_flattened()
}

/// Makes new rows of old rows of `width` numbers.
fn down_columns(data: &[f32], width: usize, weights: &Weights, out: &mut Vec<f32>) {
    for (start, weights) in weights.iter() {
        let begin = out.len();
        let mut rows = data[start * width..].chunks_exact(width).zip(weights);
        if let Some((row, weight)) = rows.next() {
            out.extend(row.iter().map(|v| v * weight));
        }
        for (row, weight) in rows {
            for (sum, v) in out[begin..].iter_mut().zip(row) {
                *sum += v * weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_stretched_between_pixel_centres() {
        let mask = Mask { batch: 1, height: 1, width: 2, data: vec![0.0, 1.0] };
        let out = mask_to_size(&mask, [2, 1, 1, 4]);
        assert_eq!(out, [0.0, 0.25, 0.75, 1.0, 0.0, 0.25, 0.75, 1.0]);
        let two = Mask { batch: 2, height: 1, width: 1, data: vec![0.0, 1.0] };
        assert_eq!(mask_to_size(&two, [3, 1, 1, 1]), [0.0, 1.0, 0.0]);
        let shrunk = mask_to_size(
            &Mask { batch: 1, height: 2, width: 2, data: vec![0.0, 1.0, 1.0, 0.0] },
            [1, 1, 1, 1],
        );
        assert_eq!(shrunk, [0.5]);
    }

    #[test]
    fn the_middle_of_another_shape_is_kept() {
        let image = Image::new([1, 1, 4, 3], (0..12).map(|i| i as f32).collect()).unwrap();
        let square = image.resized([1, 1], Method::NearestExact, Crop::Center);
        // Half of what is too much is 1.5, rounded to the even 2, but two columns must stay.
        assert_eq!(square.data, [6.0, 7.0, 8.0]);
        let half = image.resized([2, 4], Method::NearestExact, Crop::Center);
        assert_eq!(half.data[..6], [3.0, 4.0, 5.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn a_strip_is_turned_without_a_large_array_in_between() {
        let line: Vec<f32> = (0..4096).map(|i| (i % 2) as f32).collect();
        for method in [Method::Bilinear, Method::Area, Method::Bicubic, Method::Lanczos] {
            let turned = planes(&line, [4096, 1], [1, 4096], method);
            assert!(turned.iter().all(|v| (v - 0.5).abs() < 0.51), "{method:?}");
        }
    }

    #[test]
    fn names_are_those_of_graphs() {
        for name in Method::NAMES {
            assert!(Method::from_name(name).is_some());
        }
        assert_eq!(Method::from_name("area"), Some(Method::Area));
        assert_eq!(Method::from_name("bislerp"), None);
        assert_eq!(Crop::from_name("center"), Some(Crop::Center));
    }
}
