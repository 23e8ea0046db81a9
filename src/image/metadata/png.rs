//! The text chunks of a PNG.
//!
//! # Source
//!
//! W3C, "Portable Network Graphics (PNG) Specification (Third Edition)", 5.3 and 11.3.3.

use super::{Found, MAX_KEYWORD, exif, latin1};

/// Adds the texts of what follows the signature.
pub(super) fn collect(mut rest: &[u8], found: &mut Found) {
    while found.left > 0 {
        let Some((Chunk { kind, data, whole }, after)) = chunk(rest) else {
            return found.problem("it is cut short");
        };
        if kind == *b"IEND" {
            return;
        }
        if [*b"tEXt", *b"comf", *b"zTXt", *b"iTXt", *b"eXIf"].contains(&kind) {
            if !whole {
                found.problem("a text in it is damaged: its check sum is wrong");
            } else if kind == *b"eXIf" {
                exif::collect(data, found);
            } else if let Err(why) = text(kind, data, found) {
                found.problem(why);
            }
        }
        rest = after;
    }
}

/// A part of a PNG.
struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    /// Whether its check sum is right.
    whole: bool,
}

/// The first chunk, and what follows it.
fn chunk(bytes: &[u8]) -> Option<(Chunk<'_>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let kind = *rest.first_chunk::<4>()?;
    let (checked, rest) = rest.split_at_checked(length.checked_add(4)?)?;
    let (sum, after) = rest.split_first_chunk::<4>()?;
    // Pixels are many and not of interest here.
    let whole = kind == *b"IDAT" || crc(checked) == u32::from_be_bytes(*sum);
    Some((Chunk { kind, data: &checked[4..], whole }, after))
}

fn text(kind: [u8; 4], data: &[u8], found: &mut Found) -> Result<(), &'static str> {
    let (keyword, rest) = until_nul(data).ok_or("a text in it has no keyword")?;
    if keyword.is_empty() || keyword.len() > MAX_KEYWORD {
        return Err("a text in it has a keyword of more than 79 characters, or none");
    }
    let text = match kind {
        // ComfyUI's animated PNGs have a kind of their own, since Pillow writes no text after the pixels.
        _ if kind == *b"tEXt" || kind == *b"comf" => latin1(rest),
        _ if kind == *b"zTXt" => {
            let (method, packed) = rest.split_first().ok_or("a text in it is cut short")?;
            latin1(&unpack(*method, packed, found)?)
        }
        _ => {
            let (&[packed, method], rest) =
                rest.split_first_chunk::<2>().ok_or("a text in it is cut short")?;
            // A language and the keyword in it.
            let (_, rest) = until_nul(rest).ok_or("a text in it is cut short")?;
            let (_, rest) = until_nul(rest).ok_or("a text in it is cut short")?;
            let utf8 = if packed == 0 { rest.to_vec() } else { unpack(method, rest, found)? };
            String::from_utf8(utf8).map_err(|_| "a text in it is not UTF-8")?
        }
    };
    found.push(latin1(keyword), text);
    Ok(())
}

/// Inflates a text, at most to what may still be added.
fn unpack(method: u8, packed: &[u8], found: &mut Found) -> Result<Vec<u8>, &'static str> {
    use fdeflate::BoundedDecompressionError::OutputTooLarge;
    if method != 0 {
        return Err("a text in it is packed in an unknown way");
    }
    fdeflate::decompress_to_vec_bounded(packed, found.left).map_err(|error| {
        if matches!(error, OutputTooLarge { .. }) {
            found.too_much();
        }
        "a text in it cannot be unpacked"
    })
}

fn until_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let nul = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..nul], &bytes[nul + 1..]))
}

/// CRC-32.
///
/// # Source
///
/// PNG specification, annex D, bit by bit: texts are short.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}
