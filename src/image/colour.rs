//! Colours in other coordinates.

use super::Image;

/// Brightness and two differences of colour (YCbCr), each 0..1, as three grey pictures.
///
/// # Source
///
/// ITU-R BT.601 with its rounded factors, full range; as kornia 0.9 `color.rgb_to_ycbcr`.
#[must_use]
pub fn rgb_to_yuv(image: &Image) -> [Image; 3] {
    let mut parts =
        [(); 3].map(|()| Vec::with_capacity(image.batch * image.height * image.width * 3));
    for pixel in image.data.chunks_exact(image.channels) {
        let (r, g, b) = (pixel[0], pixel[1], pixel[2]);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        for (part, value) in parts.iter_mut().zip([y, (b - y) * 0.564 + 0.5, (r - y) * 0.713 + 0.5])
        {
            part.extend([value; 3]);
        }
    }
    parts.map(|data| Image { channels: 3, data, ..*image })
}

/// The colours of brightness and two differences, each the mean of its picture's channels; clipped to 0..1.
/// Smaller batches are repeated.
///
/// # Panics
///
/// If sizes differ.
///
/// # Source
///
/// The inverse of [`rgb_to_yuv`], as kornia 0.9 `color.ycbcr_to_rgb`.
#[must_use]
pub fn yuv_to_rgb([y, u, v]: [&Image; 3]) -> Image {
    assert!(
        [u, v].iter().all(|part| part.shape()[1..3] == y.shape()[1..3]),
        "pictures of one size"
    );
    let batch = y.batch.max(u.batch).max(v.batch);
    let mut data = Vec::with_capacity(batch * y.height * y.width * 3);
    let parts = [y, u, v].map(|part| part.data.chunks_exact(part.channels).cycle());
    let [ys, us, vs] = parts;
    let mean = |pixel: &[f32]| pixel.iter().sum::<f32>() / pixel.len() as f32;
    for ((y, u), v) in ys.zip(us).zip(vs).take(batch * y.height * y.width) {
        let (y, u, v) = (mean(y), mean(u) - 0.5, mean(v) - 0.5);
        let red = y + 1.402_524_5 * v;
        let green = y - 0.714_403_5 * v - 0.344_340_14 * u;
        let blue = y + 1.773_049_6 * u;
        data.extend([red, green, blue].map(|value| value.clamp(0.0, 1.0)));
    }
    Image { batch, channels: 3, data, ..*y }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_back() {
        let data = vec![1.0, 0.0, 0.0, 0.2, 0.4, 0.8];
        let image = Image { batch: 2, height: 1, width: 1, channels: 3, data };
        let parts = rgb_to_yuv(&image);
        assert_eq!(parts[0].data[..3], [0.299; 3]);
        let back = yuv_to_rgb([&parts[0], &parts[1], &parts[2]]);
        for (got, expected) in back.data.iter().zip(&image.data) {
            assert!((got - expected).abs() < 1e-3, "{got} for {expected}");
        }
        let one = yuv_to_rgb([&parts[0], &parts[1].part(0, 1), &parts[2].part(0, 1)]);
        assert_eq!((one.batch, &one.data[..3]), (2, &back.data[..3]));
    }
}
