//! The texts that travel inside picture files: ComfyUI's `prompt` and `workflow`, AUTOMATIC1111's `parameters`.
//!
//! [`texts`] reads them from whatever picture a person drops. It walks over the container and never decodes
//! a pixel, so that a header that claims a billion pixels costs nothing.

mod containers;
pub mod exif;
mod png;

use crate::error::{Error, ErrorKind, Result};

/// Most bytes of text that one file may unfold to; the largest workflows people share are a tenth of it.
const MAX_TEXT_BYTES: usize = 32 << 20;

/// Longest keyword of a text, as PNG has it.
const MAX_KEYWORD: usize = 79;

/// All texts of a PNG, WebP, JPEG, GIF or AVIF file as `(keyword, text)`, in file order; none if it has none.
///
/// ComfyUI's are called `prompt` and `workflow`, AUTOMATIC1111's `parameters`, in every format; others have the
/// keyword that is in the file. A part that cannot be read is passed over where the file has another one
/// that can.
///
/// # Errors
///
/// [`ErrorKind::BadImage`] if the format is unknown, or nothing could be read because it is damaged, is not
/// the text it says it is, or unfolds to more than 32 MiB.
pub fn texts(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    let mut found = Found { texts: Vec::new(), left: MAX_TEXT_BYTES, problem: None };
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => {
            png::collect(rest, &mut found);
        }
        [0xff, 0xd8, rest @ ..] => containers::jpeg(rest, &mut found),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', rest @ ..] => containers::gif(rest, &mut found),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', rest @ ..] => {
            containers::webp(rest, &mut found);
        }
        [_, _, _, _, b'f', b't', b'y', b'p', rest @ ..] => containers::avif(rest, &mut found),
        _ => {
            return Err(bad("its format is none that is known")
                .hint("use a PNG, JPEG, WebP, GIF or AVIF file"));
        }
    }
    match found.problem {
        Some(why) if found.texts.is_empty() => Err(bad(why)),
        _ => Ok(found.texts),
    }
}

/// JSON text with every character outside ASCII escaped, so that it fits a Latin-1 chunk.
pub fn ascii_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

fn bad(why: &str) -> Error {
    Error::new(ErrorKind::BadImage { file: "picture".into(), why: why.to_owned() })
}

/// What a walk over a file gathers.
struct Found {
    texts: Vec<(String, String)>,
    /// Bytes of text that may still be added.
    left: usize,
    /// The first thing that could not be read.
    problem: Option<&'static str>,
}

impl Found {
    fn problem(&mut self, why: &'static str) {
        self.problem.get_or_insert(why);
    }

    /// Adds a text if it fits; a file whose texts do not is done with.
    fn push(&mut self, keyword: String, text: String) {
        match self.left.checked_sub(keyword.len() + text.len()) {
            Some(left) => {
                self.left = left;
                self.texts.push((keyword, text));
            }
            None => self.too_much(),
        }
    }

    fn too_much(&mut self) {
        self.left = 0;
        self.problem("its texts are longer than 32 MiB");
    }

    /// Adds what is written as `keyword:{JSON}`, as ComfyUI does where a format has numbers for keywords.
    /// False if it is no such text.
    fn push_named(&mut self, bytes: &[u8]) -> bool {
        let Some(colon) = bytes.iter().take(MAX_KEYWORD + 1).position(|byte| *byte == b':') else {
            return false;
        };
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let (name, value) = (&bytes[..colon], bytes[colon + 1..].trim_ascii_start());
        if name.is_empty() || !name.iter().all(word) || !matches!(value.first(), Some(b'{' | b'['))
        {
            return false;
        }
        if value.len() > self.left {
            self.too_much();
            return true;
        }
        // Some programs write `Prompt:` and `Workflow:`.
        let name = name.to_ascii_lowercase();
        self.push(text_of(&name), text_of(value));
        true
    }

    /// Adds a remark that has no keyword, if it is what a generator writes and not what a camera does.
    fn push_remark(&mut self, text: String) {
        let text = text.trim_end_matches('\0');
        if !self.push_named(text.as_bytes()) && (text.contains("Steps: ") || text.starts_with('{'))
        {
            self.push("parameters".to_owned(), text.to_owned());
        }
    }
}

/// Bytes of unknown encoding: UTF-8 where they are that, else Latin-1, which anything is.
fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => latin1(bytes),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
pub(super) mod tests;
