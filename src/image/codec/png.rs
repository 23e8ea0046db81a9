//! Writing a PNG.

use super::unwritable;
use crate::error::Result;
use crate::image::Image;

/// Encodes picture `index` of a batch as an 8-bit PNG with text chunks `(keyword, text)`.
///
/// A text is a `tEXt` chunk, or an `iTXt` where it is not Latin-1.
///
/// # Errors
///
/// [`ErrorKind::BadImage`](crate::error::ErrorKind::BadImage) if a keyword is not 1 to 79 characters of Latin-1, or
/// the size is beyond the format.
pub fn encode_png(image: &Image, index: usize, texts: &[(String, String)]) -> Result<Vec<u8>> {
    encode(image, &image.bytes(index), png::BitDepth::Eight, texts)
}

/// As [`encode_png`], with 16 bits for each number, rounded.
///
/// # Errors
///
/// As [`encode_png`].
pub fn encode_png16(image: &Image, index: usize, texts: &[(String, String)]) -> Result<Vec<u8>> {
    let len = image.height * image.width * image.channels;
    let samples = image.data[index * len..][..len].iter();
    let samples =
        samples.flat_map(|v| ((v * 65535.0).clamp(0.0, 65535.0).round() as u16).to_be_bytes());
    encode(image, &samples.collect::<Vec<u8>>(), png::BitDepth::Sixteen, texts)
}

fn encode(
    image: &Image,
    samples: &[u8],
    depth: png::BitDepth,
    texts: &[(String, String)],
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = encoder(&mut bytes, image, texts)?;
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().map_err(unwritable)?;
    writer.write_image_data(samples).map_err(unwritable)?;
    writer.finish().map_err(unwritable)?;
    Ok(bytes)
}

/// An encoder of 8-bit pictures of this size and with these texts.
pub(super) fn encoder<'a>(
    bytes: &'a mut Vec<u8>,
    image: &Image,
    texts: &[(String, String)],
) -> Result<png::Encoder<'a, &'a mut Vec<u8>>> {
    let mut encoder = png::Encoder::new(bytes, image.width as u32, image.height as u32);
    let colour = if image.channels == 4 { png::ColorType::Rgba } else { png::ColorType::Rgb };
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    for (keyword, text) in texts {
        let (keyword, text) = (keyword.clone(), text.clone());
        if text.chars().all(|c| c <= '\u{ff}') {
            encoder.add_text_chunk(keyword, text).map_err(unwritable)?;
        } else {
            encoder.add_itxt_chunk(keyword, text).map_err(unwritable)?;
        }
    }
    Ok(encoder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::codec::decode;
    use crate::image::metadata::texts as texts_of;

    #[test]
    fn png_comes_back_with_pixels_and_texts() {
        let data = (0..2 * 3 * 3).map(|v| v as f32 / 255.0).collect();
        let image = Image::new([1, 2, 3, 3], data).unwrap();
        let texts = [("prompt".to_owned(), r#"{"a":"\u00e9"}"#.to_owned())];
        let bytes = encode_png(&image, 0, &texts).unwrap();
        let (back, mask) = decode("a.png", &bytes).unwrap();
        assert_eq!((back.height, back.width), (2, 3));
        // The encoder truncates: 7/255·255 may come out as 6.
        let near = back.data.iter().zip(&image.data).all(|(a, b)| (a - b).abs() <= 1.01 / 255.0);
        assert!(near, "{:?}", back.data);
        assert_eq!(mask.data.len(), 64 * 64);
        assert_eq!(texts_of(&bytes).unwrap(), texts);
    }

    #[test]
    fn sixteen_bits_come_back() {
        let data = vec![0.0, 1e-5, 0.123_456, 0.5, 0.999_99, 1.0, -3.0, 7.0, 0.25, 0.1, 0.2, 0.3];
        let image = Image::new([2, 1, 2, 3], data).unwrap();
        let (back, _) = decode("a.png", &encode_png16(&image, 1, &[]).unwrap()).unwrap();
        let wanted = [0.0, 1.0, 0.25, 0.1, 0.2, 0.3];
        let off = back.data.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off <= 0.51 / 65535.0, "{off}");
    }

    #[test]
    fn opacity_becomes_the_mask() {
        let image = Image::new([1, 1, 2, 4], vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        let (back, mask) = decode("a.png", &encode_png(&image, 0, &[]).unwrap()).unwrap();
        assert_eq!(back.channels, 3);
        assert_eq!(mask.data, [0.0, 1.0]);
    }

    #[test]
    fn garbage_and_cut_files_are_refused_by_name() {
        let image = Image::new([1, 8, 8, 3], vec![0.5; 192]).unwrap();
        let png = encode_png(&image, 0, &[]).unwrap();
        for bytes in [&b"not a picture"[..], &png[..png.len() / 2], &[]] {
            let error = decode("odd.png", bytes).unwrap_err();
            assert_eq!(error.kind().code(), "bad_image");
            assert!(error.to_string().contains("odd.png"), "{error}");
        }
        let error = decode("odd.gif", b"GIF89a").unwrap_err().to_string();
        assert!(
            error.contains("it is a GIF file") && error.contains("convert it to PNG"),
            "{error}"
        );
    }
}
