//! One picture over another.

use super::{Image, Mask};

/// How two colours become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The second.
    Normal,
    /// Their product: darker.
    Multiply,
    /// The product of what they lack: lighter.
    Screen,
    /// Multiply where the first is dark, screen where it is light.
    Overlay,
    /// The first, darkened or lightened by the second.
    SoftLight,
    /// The first less the second.
    Difference,
}

impl Mode {
    /// The names, as graphs write them.
    pub const NAMES: &[&str] =
        &["normal", "multiply", "screen", "overlay", "soft_light", "difference"];

    /// The mode of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        let modes = [
            Self::Normal,
            Self::Multiply,
            Self::Screen,
            Self::Overlay,
            Self::SoftLight,
            Self::Difference,
        ];
        Some(modes[place])
    }

    /// # Source
    ///
    /// W3C "Compositing and Blending Level 1", section 5; `Difference` keeps its sign, as ComfyUI does.
    fn of(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Normal => b,
            Self::Multiply => a * b,
            Self::Screen => 1.0 - (1.0 - a) * (1.0 - b),
            Self::Overlay if a <= 0.5 => 2.0 * a * b,
            Self::Overlay => 1.0 - 2.0 * (1.0 - a) * (1.0 - b),
            Self::SoftLight if b <= 0.5 => a - (1.0 - 2.0 * b) * a * (1.0 - a),
            Self::SoftLight => {
                let lit = if a <= 0.25 { ((16.0 * a - 12.0) * a + 4.0) * a } else { a.sqrt() };
                a + (2.0 * b - 1.0) * (lit - a)
            }
            Self::Difference => a - b,
        }
    }
}

/// `factor` of `mode`'s colour and the rest of the first one's, clipped to 0..1. The smaller batch is repeated.
///
/// # Panics
///
/// If sizes or channels differ.
#[must_use]
pub fn blend(first: &Image, second: &Image, factor: f32, mode: Mode) -> Image {
    assert_eq!(first.shape()[1..], second.shape()[1..], "pictures of one size");
    let batch = first.batch.max(second.batch);
    let pairs = first.pictures().cycle().zip(second.pictures().cycle()).take(batch);
    let mut data = Vec::with_capacity(first.data.len() / first.batch * batch);
    for (first, second) in pairs {
        data.extend(
            first
                .iter()
                .zip(second)
                .map(|(a, b)| (a * (1.0 - factor) + mode.of(*a, *b) * factor).clamp(0.0, 1.0)),
        );
    }
    Image { batch, data, ..*first }
}

/// Lays `source` onto `destination`, its corner at `[top, left]`, by `mask` (1 shows the source, everywhere if
/// absent). What reaches beyond the edges is left out; smaller batches are repeated.
///
/// # Panics
///
/// If channels differ, or the mask's size is not the source's.
#[must_use]
pub fn composite(
    destination: &Image,
    source: &Image,
    [top, left]: [usize; 2],
    mask: Option<&Mask>,
) -> Image {
    assert_eq!(destination.channels, source.channels, "channels");
    let mut out = destination.clone();
    let channels = out.channels;
    let (row, source_row) = (out.width * channels, source.width * channels);
    if left >= out.width {
        return out;
    }
    let width = source.width.min(out.width - left);
    let mut masks = mask.map(|mask| {
        assert_eq!([mask.height, mask.width], [source.height, source.width], "size of the mask");
        mask.masks().cycle()
    });
    let pictures = out.data.chunks_exact_mut(out.height * row);
    for (canvas, picture) in pictures.zip(source.pictures().cycle()) {
        let mask = masks.as_mut().and_then(Iterator::next);
        let rows = canvas.chunks_exact_mut(row).skip(top).zip(picture.chunks_exact(source_row));
        for (y, (to, from)) in rows.enumerate() {
            let (to, from) = (&mut to[left * channels..][..width * channels], from);
            let Some(mask) = mask else {
                to.copy_from_slice(&from[..to.len()]);
                continue;
            };
            let pixels = to.chunks_exact_mut(channels).zip(from.chunks_exact(channels));
            for ((to, from), part) in pixels.zip(&mask[y * source.width..]) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = from * part + *to * (1.0 - part);
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_by_hand() {
        let cases = [
            (Mode::Normal, 0.2, 0.6, 0.6),
            (Mode::Multiply, 0.2, 0.6, 0.12),
            (Mode::Screen, 0.2, 0.6, 0.68),
            (Mode::Overlay, 0.2, 0.6, 0.24),
            (Mode::Overlay, 0.7, 0.6, 0.76),
            (Mode::SoftLight, 0.2, 0.4, 0.168),
            (Mode::SoftLight, 0.2, 0.6, 0.2 + 0.2 * (0.448 - 0.2)),
            (Mode::SoftLight, 0.49, 0.6, 0.49 + 0.2 * (0.7 - 0.49)),
            (Mode::Difference, 0.6, 0.2, 0.4),
            (Mode::Difference, 0.2, 0.6, -0.4),
        ];
        for (mode, a, b, expected) in cases {
            assert!((mode.of(a, b) - expected).abs() < 1e-6, "{mode:?}: {}", mode.of(a, b));
        }
        for name in Mode::NAMES {
            assert!(Mode::from_name(name).is_some());
        }
        assert_eq!(Mode::from_name("soft_light"), Some(Mode::SoftLight));
    }

    #[test]
    fn a_smaller_batch_is_repeated_and_the_result_clipped() {
        let (dark, light) = (Image::filled([1, 1, 1, 3], 0.25), Image::filled([3, 1, 1, 3], 0.75));
        assert_eq!(blend(&dark, &light, 0.5, Mode::Normal).data, [0.5; 9]);
        assert_eq!(blend(&dark, &light, 1.0, Mode::Difference).data, [0.0; 9]);
    }

    #[test]
    fn a_source_is_cut_at_the_edges_and_shown_by_its_mask() {
        let (black, white) = (Image::filled([2, 2, 3, 3], 0.0), Image::filled([1, 2, 2, 3], 1.0));
        let firsts = |image: &Image| -> Vec<f32> {
            image.data.chunks_exact(3).map(|pixel| pixel[0]).collect()
        };
        let plain = composite(&black, &white, [1, 2], None);
        assert_eq!(firsts(&plain), [0., 0., 0., 0., 0., 1., 0., 0., 0., 0., 0., 1.]);
        let mask =
            Mask { batch: 2, height: 2, width: 2, data: vec![1., 0.5, 0., 0.25, 0., 0., 0., 1.] };
        let masked = composite(&black, &white, [0, 0], Some(&mask));
        assert_eq!(firsts(&masked), [1., 0.5, 0., 0., 0.25, 0., 0., 0., 0., 0., 1., 0.]);
        assert_eq!(composite(&black, &white, [2, 0], None), black);
        assert_eq!(composite(&black, &white, [0, 3], None), black);
    }
}
