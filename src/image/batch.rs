//! Pictures as a batch: how many there are, and how many channels.

use super::{Image, Mask};

impl Image {
    /// A batch of one value.
    #[must_use]
    pub fn filled([batch, height, width, channels]: [usize; 4], value: f32) -> Self {
        let data = vec![value; batch * height * width * channels];
        Self { batch, height, width, channels, data }
    }

    /// The pictures one by one, `[height, width, channels]` each.
    pub fn pictures(&self) -> impl Iterator<Item = &[f32]> + Clone {
        self.data.chunks_exact(self.height * self.width * self.channels)
    }

    /// With as many channels: opacity is dropped, or 1.
    #[must_use]
    pub fn with_channels(&self, channels: usize) -> Self {
        let pixels = self.data.chunks_exact(self.channels);
        let data = match (self.channels, channels) {
            (4, 3) => pixels.flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
            (3, 4) => pixels.flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 1.0]).collect(),
            _ => return self.clone(),
        };
        Self { channels, data, ..*self }
    }

    /// `length` pictures from number `first` on.
    ///
    /// # Panics
    ///
    /// If there are not as many.
    #[must_use]
    pub fn part(&self, first: usize, length: usize) -> Self {
        let one = self.height * self.width * self.channels;
        let data = self.data[first * one..][..length * one].to_vec();
        Self { batch: length, data, ..*self }
    }

    /// With the last picture repeated until there are `batch`.
    #[must_use]
    pub fn padded_to(&self, batch: usize) -> Self {
        let mut data = self.data.clone();
        let last = self.part(self.batch - 1, 1).data;
        (self.batch..batch).for_each(|_| data.extend_from_slice(&last));
        Self { batch: self.batch.max(batch), data, ..*self }
    }
}

impl Mask {
    /// The masks one by one, `[height, width]` each.
    pub fn masks(&self) -> impl Iterator<Item = &[f32]> + Clone {
        self.data.chunks_exact(self.height * self.width)
    }
}

/// One batch of all pictures, those of the first image first.
///
/// # Panics
///
/// If sizes or channels differ, or there is none.
#[must_use]
pub fn join(images: &[Image]) -> Image {
    let [_, height, width, channels] = images[0].shape();
    let mut data = Vec::with_capacity(images.iter().map(|image| image.data.len()).sum());
    for image in images {
        assert_eq!(image.shape()[1..], [height, width, channels], "pictures of one size");
        data.extend_from_slice(&image.data);
    }
    Image { batch: images.iter().map(|image| image.batch).sum(), height, width, channels, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opacity_is_added_and_dropped() {
        let image = Image::filled([2, 1, 1, 3], 0.5);
        let clear = image.with_channels(4);
        assert_eq!(clear.data, [0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 0.5, 1.0]);
        assert_eq!(clear.with_channels(3), image);
    }

    #[test]
    fn batches_are_cut_padded_and_joined() {
        let image = Image {
            batch: 2,
            height: 1,
            width: 1,
            channels: 3,
            data: vec![0., 0., 0., 1., 1., 1.],
        };
        assert_eq!(image.part(1, 1).data, [1.0; 3]);
        assert_eq!(image.padded_to(4).data, [0., 0., 0., 1., 1., 1., 1., 1., 1., 1., 1., 1.]);
        assert_eq!(image.padded_to(1), image);
        let joined = join(&[image.part(1, 1), image.clone()]);
        assert_eq!((joined.batch, &joined.data[..6]), (3, &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0][..]));
    }
}
