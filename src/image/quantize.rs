//! Pictures of few colours.

mod palette;

use self::palette::Nearest;
use super::Image;

/// How colours between those of the palette are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dither {
    /// By the nearest one.
    None,
    /// By passing on what is lost to the pixels to the right and below.
    FloydSteinberg,
    /// By a pattern of this side, a power of 2.
    Bayer(usize),
}

impl Dither {
    /// The names, as graphs write them.
    pub const NAMES: &[&str] =
        &["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"];

    /// The dither of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "floyd-steinberg" => Some(Self::FloydSteinberg),
            "bayer-2" => Some(Self::Bayer(2)),
            "bayer-4" => Some(Self::Bayer(4)),
            "bayer-8" => Some(Self::Bayer(8)),
            "bayer-16" => Some(Self::Bayer(16)),
            _ => None,
        }
    }
}

/// Every picture with at most `colours` (1..=256) colours of its own, by median cut; opacity stays.
///
/// # Source
///
/// Pillow 13 `Image.quantize`, for colours in 8-bit samples, truncated.
#[must_use]
pub fn quantize(image: &Image, colours: usize, dither: Dither) -> Image {
    let mut data = image.data.clone();
    for picture in data.chunks_exact_mut(image.height * image.width * image.channels) {
        let mut pixels: Vec<[u8; 3]> = picture
            .chunks_exact(image.channels)
            .map(|p| [p[0], p[1], p[2]].map(|v| (v * 255.0).clamp(0.0, 255.0) as u8))
            .collect();
        let mut nearest = Nearest::new(palette::median_cut(&pixels, colours));
        match dither {
            Dither::None => pixels.iter_mut().for_each(|pixel| *pixel = nearest.to(*pixel)),
            Dither::FloydSteinberg => diffuse(&mut pixels, image.width, &mut nearest),
            Dither::Bayer(side) => order(&mut pixels, image.width, side, &mut nearest),
        }
        for (pixel, colour) in picture.chunks_exact_mut(image.channels).zip(&pixels) {
            for (to, from) in pixel.iter_mut().zip(colour) {
                *to = f32::from(*from) / 255.0;
            }
        }
    }
    Image { data, ..*image }
}

/// # Source
///
/// Floyd and Steinberg 1976, "An adaptive algorithm for spatial greyscale", in whole numbers as Pillow.
fn diffuse(pixels: &mut [[u8; 3]], width: usize, nearest: &mut Nearest) {
    // Sixteenths passed on to this row and the next; one more at each end for what falls off.
    let mut below = vec![[0_i32; 3]; width + 2];
    for row in pixels.chunks_exact_mut(width) {
        let here = std::mem::replace(&mut below, vec![[0; 3]; width + 2]);
        let mut left = [0_i32; 3];
        for (x, pixel) in row.iter_mut().enumerate() {
            let mut wanted = *pixel;
            for (channel, wanted) in wanted.iter_mut().enumerate() {
                let passed = (7 * left[channel] + here[x + 1][channel]) / 16;
                *wanted = (i32::from(*wanted) + passed).clamp(0, 255) as u8;
            }
            *pixel = nearest.to(wanted);
            for channel in 0..3 {
                let lost = i32::from(wanted[channel]) - i32::from(pixel[channel]);
                left[channel] = lost;
                below[x][channel] += 3 * lost;
                below[x + 1][channel] += 5 * lost;
                below[x + 2][channel] += lost;
            }
        }
        // Pillow's slip, without which the last column would differ: all that goes down is from blue.
        below[width] = [below[width][2], left[2], left[2]];
    }
}

/// # Source
///
/// Bayer 1973, "An optimum method for two-level rendition of continuous-tone pictures": thresholds of mean 0,
/// spread over twice the distance of evenly spread colours.
fn order(pixels: &mut [[u8; 3]], width: usize, side: usize, nearest: &mut Nearest) {
    let spread = 512.0 / nearest.colours() as f32;
    let pattern: Vec<f32> =
        (0..side * side).map(|i| spread * threshold(i / side, i % side, side) + 0.5).collect();
    for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
        let line = &pattern[y % side * side..][..side];
        for (pixel, offset) in row.iter_mut().zip(line.iter().cycle()) {
            *pixel = nearest.to(pixel.map(|v| (f32::from(v) + offset).clamp(0.0, 255.0) as u8));
        }
    }
}

/// The threshold at a place of the pattern, −½..½: each doubling of the side puts four patterns side by side
/// that differ by less than their own steps.
fn threshold(y: usize, x: usize, side: usize) -> f32 {
    let (mut sum, mut half, mut step) = (0.0, side / 2, 1.0 / (side * side) as f32);
    while half > 0 {
        sum += step * [[-1.5, 0.5], [1.5, -0.5]][y / half % 2][x / half % 2];
        (half, step) = (half / 2, step * 4.0);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_bayers() {
        let ranks = |side: usize| -> Vec<f32> {
            let count = (side * side) as f32;
            let rank = |i| (threshold(i / side, i % side, side) + 0.5) * count - 0.5;
            (0..side * side).map(rank).collect()
        };
        assert_eq!(ranks(2), [0., 2., 3., 1.]);
        let four = [0., 8., 2., 10., 12., 4., 14., 6., 3., 11., 1., 9., 15., 7., 13., 5.];
        assert_eq!(ranks(4), four);
        let mut sixteen = ranks(16);
        sixteen.sort_by(f32::total_cmp);
        assert_eq!(sixteen, (0..256).map(|i| i as f32).collect::<Vec<_>>());
    }

    #[test]
    fn few_colours_stay_as_they_are_and_opacity_always() {
        let data = vec![1.0, 0.0, 0.0, 0.3, 0.0, 0.0, 1.0, 0.7];
        let image = Image { batch: 1, height: 1, width: 2, channels: 4, data };
        assert_eq!(quantize(&image, 2, Dither::None), image);
        let one = quantize(&image, 1, Dither::None);
        assert_eq!(
            one.data,
            [128.0 / 255.0, 0.0, 128.0 / 255.0, 0.3, 128.0 / 255.0, 0.0, 128.0 / 255.0, 0.7]
        );
        for name in Dither::NAMES {
            let dither = Dither::from_name(name).unwrap();
            assert_eq!(quantize(&one, 1, dither), one, "{name}");
        }
    }
}
