//! Writing a batch as the pictures of one animation.

use image::ExtendedColorType;
use image::codecs::webp::WebPEncoder;

use super::png::encoder;
use super::unwritable;
use crate::error::Result;
use crate::image::{Image, metadata};

/// Encodes a batch as an animated 8-bit PNG that plays for ever, `fps` pictures a second; a single picture as a
/// PNG. `level` is how hard it is packed, 0 to 9.
///
/// # Errors
///
/// As [`encode_png`](super::encode_png).
pub fn encode_apng(
    image: &Image,
    fps: f64,
    level: u8,
    texts: &[(String, String)],
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = encoder(&mut bytes, image, texts)?;
    encoder.set_deflate_compression(png::DeflateCompression::Level(level));
    if image.batch > 1 {
        encoder.set_animated(image.batch as u32, 0).map_err(unwritable)?;
        let delay = millis(fps).min(u16::MAX.into()) as u16;
        encoder.set_frame_delay(delay, 1000).map_err(unwritable)?;
    }
    let mut writer = encoder.write_header().map_err(unwritable)?;
    for index in 0..image.batch {
        writer.write_image_data(&image.bytes(index)).map_err(unwritable)?;
    }
    writer.finish().map_err(unwritable)?;
    Ok(bytes)
}

/// Encodes a batch as a lossless animated WebP that plays for ever, `fps` pictures a second; a single picture as
/// one that does not move. `texts` become EXIF as ComfyUI writes it.
///
/// # Errors
///
/// [`ErrorKind::BadImage`](crate::error::ErrorKind::BadImage) if a side has more than 16384 pixels.
///
/// # Source
///
/// Google, "WebP Container Specification", extended file format.
pub fn encode_webp(image: &Image, fps: f64, texts: &[(String, String)]) -> Result<Vec<u8>> {
    const HAS_ANIMATION: u8 = 0x02;
    const HAS_EXIF: u8 = 0x08;
    const HAS_OPACITY: u8 = 0x10;
    /// A picture replaces what was there, also where it is transparent.
    const NO_BLENDING: u8 = 0x02;

    let (width, height) = (image.width as u32, image.height as u32);
    let animated = image.batch > 1;
    let mut flags = if animated { HAS_ANIMATION } else { 0 };
    flags |= if texts.is_empty() { 0 } else { HAS_EXIF };
    flags |= if image.channels == 4 { HAS_OPACITY } else { 0 };
    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    let canvas = [&[flags, 0, 0, 0], &three(width - 1)[..], &three(height - 1)].concat();
    chunk(&mut out, b"VP8X", &canvas);
    if animated {
        // No background, no end.
        chunk(&mut out, b"ANIM", &[0; 6]);
    }
    let colour =
        if image.channels == 4 { ExtendedColorType::Rgba8 } else { ExtendedColorType::Rgb8 };
    for index in 0..image.batch {
        let mut still = Vec::new();
        let encoder = WebPEncoder::new_lossless(&mut still);
        encoder.encode(&image.bytes(index), width, height, colour).map_err(unwritable)?;
        // After the file's own header comes the one chunk with the pixels.
        let pixels = &still[12..];
        if animated {
            let place = [[0; 3], [0; 3], three(width - 1), three(height - 1), three(millis(fps))];
            chunk(&mut out, b"ANMF", &[place.as_flattened(), &[NO_BLENDING], pixels].concat());
        } else {
            out.extend(pixels);
        }
    }
    if !texts.is_empty() {
        chunk(&mut out, b"EXIF", &metadata::exif::block(texts));
    }
    let length = out.len() as u32 - 8;
    out[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(out)
}

/// How long each picture is shown: whole milliseconds, as ComfyUI cuts them.
fn millis(fps: f64) -> u32 {
    (1000.0 / fps) as u32
}

/// The lower 24 bits.
fn three(n: u32) -> [u8; 3] {
    let [a, b, c, _] = n.to_le_bytes();
    [a, b, c]
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    out.extend(kind);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out.extend(&[0][..data.len() % 2]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::codec::decode;

    fn batch(pictures: usize, channels: usize) -> Image {
        let shape = [pictures, 3, 5, channels];
        let data = (0..shape.iter().product::<usize>()).map(|i| (i * 37 % 256) as f32 / 255.0);
        // The encoder truncates; half a step more makes it exact.
        Image::new(shape, data.map(|v| (v + 0.4 / 255.0).min(1.0)).collect()).unwrap()
    }

    fn bytes_of(image: &Image) -> Vec<u8> {
        (0..image.batch).flat_map(|i| image.bytes(i)).collect()
    }

    fn colours(image: &Image) -> Vec<u8> {
        bytes_of(image).chunks(image.channels).flat_map(|p| [p[0], p[1], p[2]]).collect()
    }

    #[test]
    fn animations_come_back_picture_by_picture() {
        let texts =
            [("prompt".to_owned(), "{}".to_owned()), ("workflow".to_owned(), "{}".to_owned())];
        for (pictures, channels) in [(1, 3), (3, 3), (1, 4), (2, 4)] {
            let image = batch(pictures, channels);
            let files = [
                ("a.webp", encode_webp(&image, 6.0, &texts).unwrap()),
                ("a.png", encode_apng(&image, 6.0, 4, &texts).unwrap()),
            ];
            for (name, file) in files {
                let (mut back, mask) = decode(name, &file).unwrap();
                assert_eq!([back.batch, back.height, back.width], [pictures, 3, 5], "{name}");
                back.data.iter_mut().for_each(|v| *v += 0.4 / 255.0);
                assert_eq!(bytes_of(&back), colours(&image), "{name} of {pictures} × {channels}");
                assert_eq!(mask.width, if channels == 4 { 5 } else { 64 });
                let mut found = metadata::texts(&file).unwrap();
                found.sort();
                assert_eq!(found, texts, "{name}");
            }
        }
    }

    #[test]
    fn pictures_are_shown_for_whole_milliseconds() {
        let webp = encode_webp(&batch(2, 3), 6.0, &[]).unwrap();
        let at = webp.windows(4).position(|four| four == b"ANMF").unwrap() + 8;
        assert_eq!(webp[at + 12..at + 15], [166, 0, 0]);
        let png = encode_apng(&batch(2, 3), 0.01, 4, &[]).unwrap();
        let at = png.windows(4).position(|four| four == b"fcTL").unwrap() + 4;
        assert_eq!(png[at + 20..at + 24], [0xff, 0xff, 0x03, 0xe8], "as long as the format has");
    }
}
