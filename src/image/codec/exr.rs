//! Writing an OpenEXR file.
//!
//! # Source
//!
//! Academy Software Foundation, "OpenEXR File Layout"; for sRGB, IEC 61966-2-1.

use super::unwritable;
use crate::error::Result;
use crate::image::Image;

/// The number that begins every file, and the version of the format.
const START: [u8; 8] = [0x76, 0x2f, 0x31, 0x01, 2, 0, 0, 0];

/// Longest name that version 2 has without a flag.
const MAX_NAME: usize = 31;

/// Encodes picture `index` of a batch as an OpenEXR file of 32-bit numbers, not packed, with texts
/// `(name, text)`.
///
/// The format means light, so that numbers of an sRGB picture are turned into that; those of a `linear` one
/// stay as they are. Colours are multiplied with their opacity, as the format has it.
///
/// # Errors
///
/// [`ErrorKind::BadImage`](crate::error::ErrorKind::BadImage) if a name is longer than 31 bytes.
pub fn encode_exr(
    image: &Image,
    index: usize,
    linear: bool,
    texts: &[(String, String)],
) -> Result<Vec<u8>> {
    /// A pixel's samples are kept by the names of their channels.
    const CHANNELS: [(u8, usize); 4] = [(b'A', 3), (b'B', 2), (b'G', 1), (b'R', 0)];

    let channels = &CHANNELS[4 - image.channels..];
    let mut list = Vec::new();
    for (name, _) in channels {
        // 32-bit floats, of which there is one for each pixel.
        list.extend([*name, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    }
    list.push(0);
    let window = [0, 0, image.width as i32 - 1, image.height as i32 - 1].map(i32::to_le_bytes);
    let window = window.as_flattened();
    let one = &1.0_f32.to_le_bytes()[..];
    let mut attributes: Vec<(&str, &str, &[u8])> = vec![
        ("channels", "chlist", &list),
        ("compression", "compression", &[0]),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", &[0]),
        ("pixelAspectRatio", "float", one),
        ("screenWindowCenter", "v2f", &[0; 8]),
        ("screenWindowWidth", "float", one),
    ];
    for (name, text) in texts {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(unwritable("a text has a name of more than 31 bytes, or none"));
        }
        attributes.push((name, "string", text.as_bytes()));
    }
    let mut out = START.to_vec();
    for (name, ty, value) in attributes {
        for part in [name.as_bytes(), &[0], ty.as_bytes(), &[0]] {
            out.extend(part);
        }
        out.extend((value.len() as u32).to_le_bytes());
        out.extend(value);
    }
    out.push(0);

    let row_bytes = image.width * channels.len() * 4;
    let first = (out.len() + 8 * image.height) as u64;
    for y in 0..image.height as u64 {
        out.extend((first + y * (8 + row_bytes as u64)).to_le_bytes());
    }
    let row = image.width * image.channels;
    let rows = image.data[index * image.height * row..].chunks(row).take(image.height);
    for (y, row) in rows.enumerate() {
        out.extend((y as u32).to_le_bytes());
        out.extend((row_bytes as u32).to_le_bytes());
        for (_, channel) in channels {
            for pixel in row.chunks(image.channels) {
                let light =
                    if linear || *channel == 3 { pixel[*channel] } else { light(pixel[*channel]) };
                let opacity =
                    if *channel == 3 { 1.0 } else { pixel.get(3).map_or(1.0, |alpha| *alpha) };
                out.extend((light * opacity).to_le_bytes());
            }
        }
    }
    Ok(out)
}

/// The light of an sRGB number.
fn light(v: f32) -> f32 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the channels of pixel 0 begin: behind the header, the table of two rows, and a row's own header.
    fn samples(file: &[u8], rows: usize) -> Vec<f32> {
        let table = file.windows(2).enumerate().skip(8);
        let end = b"screenWindowWidth\0float\0\x04\0\0\0\0\0\x80\x3f\0";
        let start =
            table.map(|(at, _)| at).find(|at| file[*at..].starts_with(end)).unwrap() + end.len();
        let at = |row: usize| u64::from_le_bytes(*file[start + 8 * row..].first_chunk().unwrap());
        assert_eq!(at(0) as usize, start + 8 * rows);
        let rows = (0..rows).map(|row| &file[at(row) as usize..]);
        rows.flat_map(|row| {
            let length = u32::from_le_bytes(*row[4..].first_chunk().unwrap()) as usize;
            row[8..][..length].as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four))
        })
        .collect()
    }

    #[test]
    fn rows_hold_one_channel_after_the_other() {
        let data = vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.5, -1.0];
        let image = Image::new([1, 2, 2, 3], data).unwrap();
        let file = encode_exr(&image, 0, true, &[]).unwrap();
        let wanted = [0.3, 0.6, 0.2, 0.5, 0.1, 0.4, 0.9, -1.0, 0.8, 1.5, 0.7, 1.0];
        assert_eq!(samples(&file, 2), wanted);
        assert!(encode_exr(&image, 0, true, &[("x".repeat(32), String::new())]).is_err());
    }

    #[test]
    fn srgb_becomes_light_of_its_opacity() {
        let image = Image::new([1, 1, 1, 4], vec![1.0, 0.5, 0.04, 0.5]).unwrap();
        let file = encode_exr(&image, 0, false, &[]).unwrap();
        let wanted = [0.5, 0.04 / 12.92 / 2.0, 0.214_041_14 / 2.0, 0.5];
        for (got, wanted) in samples(&file, 1).iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-6, "{got} for {wanted}");
        }
    }
}
