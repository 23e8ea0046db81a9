//! Reading a picture.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, Frames, ImageDecoder, ImageFormat, ImageReader};

use crate::error::{Error, ErrorKind, Result};
use crate::image::{Image, Mask};

/// Longest side that is read: ComfyUI's own limit.
const MAX_SIDE: u32 = 16384;

/// Most pixels of a picture, or of all pictures of an animation: their colours, three numbers each, are the
/// largest array that a page has room for. A small file can claim far more than it holds.
const MAX_PIXELS: u64 = (512 << 20) / 12;

/// Decodes a PNG, JPEG or WebP: turned as its EXIF says, as RGB, an animation as a batch.
///
/// Numbers are 0..1, of 16-bit files with all their bits. The mask is 1 − opacity; a picture without opacity
/// gives zeros of 64 × 64, as ComfyUI's LoadImage does.
///
/// # Errors
///
/// [`ErrorKind::BadImage`].
pub fn decode(file: &str, bytes: &[u8]) -> Result<(Image, Mask)> {
    let refused = |why: String, hint: &str| {
        Error::new(ErrorKind::BadImage { file: file.to_owned(), why }).hint(hint)
    };
    if let Some(format) = foreign(bytes) {
        let why = format!("it is {format} file, expected PNG, JPEG or WebP");
        return Err(refused(why, "convert it to PNG, JPEG or WebP"));
    }
    let hint =
        "use a PNG, JPEG or WebP picture of at most 16384 pixels a side and 44 million in all";
    let pixels = read(bytes, MAX_PIXELS).map_err(|why| refused(why, hint))?;
    let Pixels { batch, size: [height, width], colours, mask } = pixels;
    let mask = if mask.is_empty() {
        Mask { batch, height: 64, width: 64, data: vec![0.0; batch * 64 * 64] }
    } else {
        Mask { batch, height, width, data: mask }
    };
    Ok((Image::new([batch, height, width, 3], colours)?, mask))
}

/// What a file is that is a picture, but none that is read.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => "a BMP",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => "an AVIF",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h', b'e', ..] => "a HEIC",
        [_, _, _, _, b'f', b't', b'y', b'p', b'm', b'i', b'f', ..] => "a HEIC",
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => "a JPEG XL",
        [b'8', b'B', b'P', b'S', ..] => "a Photoshop",
        _ if bytes.starts_with(b"<svg") || bytes.starts_with(b"<?xml") => "an SVG",
        _ => return None,
    })
}

/// The pictures of a file, unless they have more than `limit` pixels together.
pub(super) fn read(bytes: &[u8], limit: u64) -> Result<Pixels, String> {
    let mut pixels = Pixels::default();
    let text = |error: image::ImageError| error.to_string();
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    // 16 bits of four channels.
    limits.max_alloc = Some(8 * limit);
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| error.to_string())?;
    reader.limits(limits.clone());
    match reader.format() {
        Some(ImageFormat::Png) => {
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(text)?;
            check_size(&decoder, limit)?;
            if decoder.is_apng().map_err(text)? {
                let opacity = decoder.color_type().has_alpha();
                let frames = decoder.apng().map_err(text)?.into_frames();
                pixels.add_frames(frames, opacity, limit)?;
                return Ok(pixels);
            }
        }
        Some(ImageFormat::WebP) => {
            let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(text)?;
            check_size(&decoder, limit)?;
            if decoder.has_animation() {
                let opacity = decoder.color_type().has_alpha();
                pixels.add_frames(decoder.into_frames(), opacity, limit)?;
                return Ok(pixels);
            }
        }
        Some(ImageFormat::Jpeg) => {}
        _ => return Err("it is no PNG, JPEG or WebP".into()),
    }
    let mut decoder = reader.into_decoder().map_err(text)?;
    check_size(&decoder, limit)?;
    let turn = decoder.orientation().map_err(text)?;
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    let mut samples = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut samples).map_err(text)?;
    let channels = usize::from(colour.channel_count());
    let wide = usize::from(colour.bytes_per_pixel()) == 2 * channels;
    let size = [height as usize, width as usize];
    pixels.add(&Samples { data: &samples, size, channels, wide }, turn, colour.has_alpha());
    Ok(pixels)
}

/// Refuses a picture by what its header says, before anything is allocated for it.
fn check_size(decoder: &impl ImageDecoder, limit: u64) -> Result<(), String> {
    let (width, height) = decoder.dimensions();
    let fits = width.max(height) <= MAX_SIDE && u64::from(width) * u64::from(height) <= limit;
    if fits { Ok(()) } else { Err(format!("it is {width} × {height} pixels")) }
}

/// A decoded picture: `[height, width]` pixels of 1 (grey) to 4 (red, green, blue, opacity) samples.
struct Samples<'a> {
    data: &'a [u8],
    size: [usize; 2],
    channels: usize,
    /// Whether a sample has 16 bits, in this machine's order.
    wide: bool,
}

impl Samples<'_> {
    fn at(&self, i: usize) -> f32 {
        if self.wide {
            f32::from(u16::from_ne_bytes([self.data[2 * i], self.data[2 * i + 1]])) / 65535.0
        } else {
            f32::from(self.data[i]) / 255.0
        }
    }
}

/// The pictures of a file so far.
#[derive(Default)]
pub(super) struct Pixels {
    batch: usize,
    size: [usize; 2],
    colours: Vec<f32>,
    mask: Vec<f32>,
}

impl Pixels {
    fn add_frames(&mut self, frames: Frames<'_>, opacity: bool, limit: u64) -> Result<(), String> {
        for frame in frames {
            let frame = frame.map_err(|error| error.to_string())?.into_buffer();
            let size = [frame.height() as usize, frame.width() as usize];
            let all = (self.batch as u64 + 1) * size[0] as u64 * size[1] as u64;
            if all > limit {
                return Err(format!("it has more than {} pictures of its size", self.batch));
            }
            let samples = Samples { data: &frame, size, channels: 4, wide: false };
            self.add(&samples, Orientation::NoTransforms, opacity);
        }
        if self.batch == 0 { Err("it has no picture".into()) } else { Ok(()) }
    }

    fn add(&mut self, samples: &Samples<'_>, turn: Orientation, opacity: bool) {
        let turn = turn.to_exif();
        let [height, width] = samples.size;
        // The values of the EXIF tag 0x0112: from 5 on rows are columns.
        let swapped = turn >= 5;
        let (left, up) = (matches!(turn, 2 | 3 | 7 | 8), matches!(turn, 3 | 4 | 6 | 7));
        self.batch += 1;
        self.size = if swapped { [width, height] } else { [height, width] };
        let [rows, columns] = self.size;
        self.colours.reserve(rows * columns * 3);
        let grey = samples.channels < 3;
        for row in 0..rows {
            for column in 0..columns {
                let (mut y, mut x) = if swapped { (column, row) } else { (row, column) };
                if up {
                    y = height - 1 - y;
                }
                if left {
                    x = width - 1 - x;
                }
                let at = (y * width + x) * samples.channels;
                let colours = [0, 1, 2].map(|i| samples.at(if grey { at } else { at + i }));
                self.colours.extend(colours);
                if opacity {
                    self.mask.push(1.0 - samples.at(at + samples.channels - 1));
                }
            }
        }
    }
}
