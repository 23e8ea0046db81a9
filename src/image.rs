//! Pictures on the host: the array that flows along an IMAGE link, and the files it comes from and goes to.
//!
//! Knows nothing of graphs or networks.

pub mod batch;
pub mod blend;
pub mod codec;
pub mod colour;
pub mod filters;
pub mod layout;
pub mod mask;
pub mod metadata;
pub mod porter_duff;
pub mod quantize;
pub mod resample;
pub mod tiles;

use crate::error::{ErrorKind, Result};

/// A batch of pictures: `[batch, height, width, channels]`, row major, 0..1.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Number of pictures.
    pub batch: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 3, or 4 with opacity.
    pub channels: usize,
    /// The numbers.
    pub data: Vec<f32>,
}

/// A batch of masks: `[batch, height, width]`, row major, 0..1; 1 is "edit here".
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// Number of masks.
    pub batch: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The numbers.
    pub data: Vec<f32>,
}

impl Image {
    /// Wraps an array of shape `[batch, height, width, channels]`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] if the length is not the product of the shape, or the channels are not 3 or 4.
    pub fn new([batch, height, width, channels]: [usize; 4], data: Vec<f32>) -> Result<Self> {
        let fits = data.len() == batch * height * width * channels && !data.is_empty();
        if !fits || !(3..=4).contains(&channels) {
            return Err(ErrorKind::Mismatch {
                what: "shape of an image",
                expected: format!("[batch, height, width, 3] with {} numbers", data.len()),
                got: format!("[{batch}, {height}, {width}, {channels}]"),
            }
            .into());
        }
        Ok(Self { batch, height, width, channels, data })
    }

    /// `[batch, height, width, channels]`.
    pub fn shape(&self) -> [usize; 4] {
        [self.batch, self.height, self.width, self.channels]
    }

    /// Picture `index` as 8-bit samples, row major; values are clipped and, as ComfyUI does, truncated.
    pub fn bytes(&self, index: usize) -> Vec<u8> {
        let len = self.height * self.width * self.channels;
        self.data[index * len..][..len]
            .iter()
            .map(|v| (v * 255.0).clamp(0.0, 255.0) as u8)
            .collect()
    }

    /// Without opacity, cut in the middle to sides that are multiples of `of`: what an encoder takes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ValueOutOfRange`] if a side is smaller than `of`.
    pub fn cropped_to_multiple(&self, of: usize) -> Result<Self> {
        let (height, width) = (self.height / of * of, self.width / of * of);
        for (input, side) in [("height", self.height), ("width", self.width)] {
            if side < of {
                let (got, min) = (side as f64, of as f64);
                return Err(ErrorKind::ValueOutOfRange { input, got, min, max: 16384.0 }.into());
            }
        }
        let (top, left) = ((self.height - height) / 2, (self.width - width) / 2);
        let mut data = Vec::with_capacity(self.batch * height * width * 3);
        for b in 0..self.batch {
            for y in top..top + height {
                for x in left..left + width {
                    let pixel = ((b * self.height + y) * self.width + x) * self.channels;
                    data.extend_from_slice(&self.data[pixel..pixel + 3]);
                }
            }
        }
        Self::new([self.batch, height, width, 3], data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_clipped_and_truncated() {
        let image = Image::new([1, 1, 2, 3], vec![-1.0, 0.0, 0.5, 0.999, 1.0, 7.0]).unwrap();
        assert_eq!(image.bytes(0), [0, 0, 127, 254, 255, 255]);
    }

    #[test]
    fn crop_keeps_the_middle_and_drops_opacity() {
        let data = (0..3 * 3 * 4).map(|i| i as f32).collect();
        let image = Image::new([1, 3, 3, 4], data).unwrap().cropped_to_multiple(2).unwrap();
        assert_eq!([image.height, image.width, image.channels], [2, 2, 3]);
        assert_eq!(image.data[..3], [0.0, 1.0, 2.0]);
        let tiny = Image::new([1, 1, 9, 3], vec![0.0; 27]).unwrap();
        assert_eq!(tiny.cropped_to_multiple(8).unwrap_err().kind().code(), "value_out_of_range");
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        assert_eq!(Image::new([1, 2, 2, 3], vec![0.0; 11]).unwrap_err().kind().code(), "mismatch");
        assert_eq!(Image::new([1, 2, 2, 2], vec![0.0; 8]).unwrap_err().kind().code(), "mismatch");
    }
}
