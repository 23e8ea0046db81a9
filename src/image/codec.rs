//! Image files ↔ [`Image`].

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::{Image, Mask};
use crate::error::{Error, ErrorKind, Result};

/// Longest side that is read: ComfyUI's own limit.
const MAX_SIDE: u32 = 16384;

/// Largest number of samples that is decoded; a small file can claim far more than it holds.
const MAX_ALLOC_BYTES: u64 = 1 << 30;

/// Decodes a PNG, JPEG or WebP: turned as its EXIF says, as RGB, an animation as a batch.
///
/// The mask is 1 − opacity; a picture without opacity gives zeros of 64 × 64, as ComfyUI's LoadImage does.
///
/// # Errors
///
/// [`ErrorKind::BadImage`].
pub fn decode(file: &str, bytes: &[u8]) -> Result<(Image, Mask)> {
    let bad = |why: String| {
        Error::new(ErrorKind::BadImage { file: file.to_owned(), why })
            .hint("use a PNG, JPEG or WebP picture of at most 16384 × 16384 pixels")
    };
    let frames = decode_frames(bytes).map_err(|error| bad(error.to_string()))?;
    let first = frames.first().ok_or_else(|| bad("it has no frame".into()))?;
    let (width, height) = (first.width(), first.height());
    if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
        return Err(bad(format!("it is {width} × {height} pixels")));
    }
    let opaque = frames.iter().all(|frame| !frame.color().has_alpha());
    let same: Vec<&DynamicImage> =
        frames.iter().filter(|f| (f.width(), f.height()) == (width, height)).collect();
    let mut rgb = Vec::new();
    let mut mask = Vec::new();
    for frame in &same {
        for pixel in frame.to_rgba8().pixels() {
            rgb.extend(pixel.0[..3].iter().map(|v| f32::from(*v) / 255.0));
            mask.push(1.0 - f32::from(pixel.0[3]) / 255.0);
        }
    }
    let (width, height, batch) = (width as usize, height as usize, same.len());
    let mask = if opaque {
        Mask { batch: 1, height: 64, width: 64, data: vec![0.0; 64 * 64] }
    } else {
        Mask { batch, height, width, data: mask }
    };
    Ok((Image::new([batch, height, width, 3], rgb)?, mask))
}

fn decode_frames(bytes: &[u8]) -> image::ImageResult<Vec<DynamicImage>> {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    reader.limits(limits.clone());
    let frames = |frames: image::Frames<'_>| -> image::ImageResult<Vec<DynamicImage>> {
        frames.map(|frame| Ok(DynamicImage::ImageRgba8(frame?.into_buffer()))).collect()
    };
    match reader.format() {
        Some(ImageFormat::Png) => {
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits)?;
            if decoder.is_apng()? {
                return frames(decoder.apng()?.into_frames());
            }
        }
        Some(ImageFormat::WebP) => {
            let mut decoder = WebPDecoder::new(Cursor::new(bytes))?;
            decoder.set_limits(limits)?;
            if decoder.has_animation() {
                return frames(decoder.into_frames());
            }
        }
        _ => {}
    }
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(vec![picture])
}

/// Encodes picture `index` of a batch as an 8-bit PNG with text chunks `(keyword, text)`.
///
/// A text is a `tEXt` chunk, or an `iTXt` where it is not Latin-1.
///
/// # Errors
///
/// [`ErrorKind::BadImage`] if a keyword is not 1 to 79 characters of Latin-1, or the size is beyond the format.
pub fn encode_png(image: &Image, index: usize, texts: &[(String, String)]) -> Result<Vec<u8>> {
    let bad = |error: png::EncodingError| ErrorKind::BadImage {
        file: "result".into(),
        why: error.to_string(),
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width as u32, image.height as u32);
    let colour = if image.channels == 4 { png::ColorType::Rgba } else { png::ColorType::Rgb };
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    for (keyword, text) in texts {
        let (keyword, latin1) = (keyword.clone(), text.chars().all(|c| c <= '\u{ff}'));
        if latin1 {
            encoder.add_text_chunk(keyword, text.clone()).map_err(bad)?;
        } else {
            encoder.add_itxt_chunk(keyword, text.clone()).map_err(bad)?;
        }
    }
    let mut writer = encoder.write_header().map_err(bad)?;
    writer.write_image_data(&image.bytes(index)).map_err(bad)?;
    writer.finish().map_err(bad)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
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
    }
}
