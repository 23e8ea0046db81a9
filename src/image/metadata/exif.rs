//! EXIF: ComfyUI's texts in a WebP, AUTOMATIC1111's user comment in a JPEG or WebP.
//!
//! # Source
//!
//! CIPA DC-008 (Exif 2.32), 4.5 and 4.6; TIFF 6.0, section 2.

use super::{Found, text_of};

/// Types of a value.
const ASCII: u16 = 2;
const LONG: u16 = 4;

/// Tags of values.
const MAKE: u16 = 0x010f;
const MODEL: u16 = 0x0110;
const EXIF_FOLDER: u16 = 0x8769;
const USER_COMMENT: u16 = 0x9286;

/// A block of bytes whose numbers are in one of both orders.
#[derive(Clone, Copy)]
struct Block<'a> {
    bytes: &'a [u8],
    little: bool,
}

/// An entry of a directory.
struct Entry<'a> {
    tag: u16,
    ty: u16,
    /// The value, or the four bytes that would say where it is.
    value: &'a [u8],
}

/// Adds the texts of an EXIF block, with or without the six bytes that say that it is one.
pub(super) fn collect(bytes: &[u8], found: &mut Found) {
    let bytes = bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes);
    let little = bytes.starts_with(b"II*\0");
    if !little && !bytes.starts_with(b"MM\0*") {
        return found.problem("its EXIF is damaged");
    }
    let block = Block { bytes, little };
    let Some(first) = block.u32(4) else { return found.problem("its EXIF is cut short") };
    let mut inner = None;
    for entry in block.directory(first) {
        match (entry.tag, entry.ty) {
            (EXIF_FOLDER, LONG) => inner = block.at(entry.value).u32(0),
            (_, ASCII) => {
                let text = entry.value.split(|byte| *byte == 0).next().unwrap_or(entry.value);
                found.push_named(text);
            }
            _ => {}
        }
        if found.left == 0 {
            return;
        }
    }
    // One level, and one comment: whatever points in circles ends here.
    let mut inner = inner.into_iter().flat_map(|at| block.directory(at));
    if let Some(comment) = inner.find(|entry| entry.tag == USER_COMMENT) {
        if comment.value.len() > found.left {
            return found.too_much();
        }
        found.push_remark(user_comment(comment.value, little));
    }
}

/// An EXIF block of ASCII values `keyword:text`, in the places where ComfyUI puts them: `prompt` as the
/// camera's model, the others as its make and the tags before that.
pub fn block(texts: &[(String, String)]) -> Vec<u8> {
    let mut others = (1..=MAKE).rev();
    let mut entries: Vec<(u16, Vec<u8>)> = Vec::new();
    for (keyword, text) in texts {
        let tag = if keyword == "prompt" { Some(MODEL) } else { others.next() };
        if let Some(tag) = tag {
            entries.push((tag, [keyword.as_bytes(), b":", text.as_bytes(), b"\0"].concat()));
        }
    }
    entries.sort_by_key(|(tag, _)| *tag);
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend((entries.len() as u16).to_le_bytes());
    let mut at = 8 + 2 + 12 * entries.len() + 4;
    for (tag, value) in &entries {
        out.extend(tag.to_le_bytes());
        out.extend(ASCII.to_le_bytes());
        out.extend((value.len() as u32).to_le_bytes());
        let mut place = (at as u32).to_le_bytes();
        if value.len() <= 4 {
            place = [0; 4];
            place[..value.len()].copy_from_slice(value);
        } else {
            at += value.len().next_multiple_of(2);
        }
        out.extend(place);
    }
    out.extend([0; 4]);
    for (_, value) in entries.iter().filter(|(_, value)| value.len() > 4) {
        out.extend(value);
        out.extend(&[0][..value.len() % 2]);
    }
    out
}

impl<'a> Block<'a> {
    fn at(self, bytes: &'a [u8]) -> Self {
        Self { bytes, ..self }
    }

    fn u16(self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn u32(self, at: usize) -> Option<u32> {
        let four = *self.bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    /// The entries of a directory that lie within the block.
    fn directory(self, at: u32) -> impl Iterator<Item = Entry<'a>> {
        let at = at as usize;
        let count = self.u16(at).unwrap_or(0);
        let entries = self.bytes.get(at.saturating_add(2)..).unwrap_or(&[]).chunks_exact(12);
        entries.take(count.into()).filter_map(move |entry| self.entry(self.at(entry)))
    }

    fn entry(self, entry: Self) -> Option<Entry<'a>> {
        let (tag, ty) = (entry.u16(0)?, entry.u16(2)?);
        let size = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8].get(usize::from(ty))?;
        let length = (entry.u32(4)? as usize).checked_mul(*size)?;
        let value = if length <= 4 {
            &entry.bytes[8..12]
        } else {
            self.bytes.get(entry.u32(8)? as usize..)?.get(..length)?
        };
        Some(Entry { tag, ty, value })
    }
}

/// The text of a user comment: eight bytes name its encoding.
fn user_comment(bytes: &[u8], little: bool) -> String {
    match bytes.split_first_chunk::<8>() {
        Some((b"UNICODE\0", text)) => utf16(text, little),
        Some((b"ASCII\0\0\0" | [0, 0, 0, 0, 0, 0, 0, 0], text)) => text_of(text),
        _ => text_of(bytes),
    }
}

/// UTF-16 in the order its zeros show, since programs do not agree whether the block's order counts; what
/// generators write has English words in it.
fn utf16(bytes: &[u8], little: bool) -> String {
    let pairs = bytes.as_chunks::<2>().0;
    let zeros = |half: usize| pairs.iter().filter(|pair| pair[half] == 0).count();
    let (high_first, low_first) = (zeros(0), zeros(1));
    let little = if high_first == low_first { little } else { low_first > high_first };
    let read = if little { u16::from_le_bytes } else { u16::from_be_bytes };
    let units: Vec<u16> = pairs.iter().map(|pair| read(*pair)).collect();
    String::from_utf16_lossy(units.strip_prefix(&[0xfeff]).unwrap_or(&units))
}
