//! The texts that travel inside a PNG: ComfyUI's `prompt` and `workflow`.

use std::io::Cursor;

use crate::error::{ErrorKind, Result};

/// All `tEXt` chunks of a PNG as `(keyword, text)`, in file order.
///
/// # Errors
///
/// [`ErrorKind::BadImage`] if it is no PNG.
pub fn png_texts(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    let bad = |error: png::DecodingError| ErrorKind::BadImage {
        file: "PNG".into(),
        why: error.to_string(),
    };
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().map_err(bad)?;
    reader.finish().map_err(bad)?;
    let texts = &reader.info().uncompressed_latin1_text;
    Ok(texts.iter().map(|chunk| (chunk.keyword.clone(), chunk.text.clone())).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_outside_ascii_is_escaped_as_json_would_read_it() {
        let json = r#"{"text":"é 龍 🐉"}"#;
        let escaped = ascii_json(json);
        assert!(escaped.is_ascii());
        let (a, b): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(json).unwrap(), serde_json::from_str(&escaped).unwrap());
        assert_eq!(a, b);
    }
}
