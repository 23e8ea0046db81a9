//! Where JPEG, WebP, GIF and AVIF files keep their texts.
//!
//! # Source
//!
//! ITU T.81 annex B (JPEG); Google, "WebP Container Specification"; CompuServe, "GIF89a Specification";
//! ISO/IEC 23008-12 (AVIF).

use super::{Found, exif, text_of};

/// Adds the texts of what follows a JPEG's first marker.
pub(super) fn jpeg(mut rest: &[u8], found: &mut Found) {
    loop {
        let (marker, data) = match rest {
            // Any number of ones may come before a marker.
            [0xff, 0xff, ..] => {
                rest = &rest[1..];
                continue;
            }
            // The end, or pixels: texts come before them.
            [0xff, 0xd9 | 0xda, ..] => return,
            [0xff, 0x01 | 0xd0..=0xd7, after @ ..] => {
                rest = after;
                continue;
            }
            [0xff, marker, data @ ..] => (*marker, data),
            _ => return found.problem("it is cut short"),
        };
        let segment = data.split_first_chunk::<2>().and_then(|(length, data)| {
            data.split_at_checked(usize::from(u16::from_be_bytes(*length)).checked_sub(2)?)
        });
        let Some((segment, after)) = segment else { return found.problem("it is cut short") };
        if marker == 0xe1 && segment.starts_with(b"Exif\0\0") {
            exif::collect(segment, found);
        }
        rest = after;
    }
}

/// Adds the texts of what follows a WebP's header.
pub(super) fn webp(mut rest: &[u8], found: &mut Found) {
    while let Some((header, data)) = rest.split_first_chunk::<8>() {
        let [kind @ .., a, b, c, d] = *header;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let Some((data, after)) = data.split_at_checked(length) else {
            return found.problem("it is cut short");
        };
        if kind == *b"EXIF" {
            exif::collect(data, found);
        }
        // Chunks of odd length are followed by a byte of nothing.
        rest = after.get(length % 2..).unwrap_or(&[]);
    }
}

/// Adds the comments of what follows a GIF's header.
pub(super) fn gif(rest: &[u8], found: &mut Found) {
    if gif_blocks(rest, found).is_none() {
        found.problem("it is cut short");
    }
}

fn gif_blocks(bytes: &[u8], found: &mut Found) -> Option<()> {
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let (screen, rest) = bytes.split_first_chunk::<7>()?;
    let mut rest = rest.get(colours(screen[4])..)?;
    loop {
        let (what, after) = rest.split_first()?;
        let data = match what {
            0x3b => return Some(()),
            0x21 => after.get(1..)?,
            0x2c => {
                let (picture, after) = after.split_first_chunk::<9>()?;
                after.get(colours(picture[8]) + 1..)?
            }
            _ => return None,
        };
        let is_comment = *what == 0x21 && after.first() == Some(&0xfe);
        let mut comment = Vec::new();
        rest = data;
        loop {
            let (length, after) = rest.split_first()?;
            let (part, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            if part.is_empty() {
                break;
            }
            if is_comment {
                comment.extend_from_slice(part);
            }
        }
        if is_comment {
            found.push_remark(text_of(&comment));
        }
    }
}

/// Adds the texts of an AVIF: those of the first thing in it that reads as EXIF.
///
/// Where the block lies is said by boxes in boxes in boxes; its first four bytes are as good a sign.
pub(super) fn avif(bytes: &[u8], found: &mut Found) {
    const CANDIDATES: usize = 16;
    let starts = (0..bytes.len()).map(|at| &bytes[at..]);
    let starts = starts.filter(|rest| rest.starts_with(b"II*\0") || rest.starts_with(b"MM\0*"));
    for block in starts.take(CANDIDATES) {
        exif::collect(block, found);
        if !found.texts.is_empty() {
            return;
        }
    }
    // Pixels may look like EXIF; that they are not is no problem of the file.
    found.problem = None;
}
