//! CLIP's byte-pair tokenizer and its windows of 77 tokens.

use std::str::FromStr;

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::store::{self, ModelStore};

/// Tokens of a window, start and end included.
pub const WINDOW: usize = 77;

/// A tokenizer as transformers' `CLIPTokenizer` saves it.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    start: u32,
    end: u32,
    pad: u32,
}

impl Tokenizer {
    /// Reads a tokenizer folder: `tokenizer.json`, or `vocab.json` and `merges.txt` where it is older,
    /// and `tokenizer_config.json` for the padding.
    ///
    /// # Errors
    ///
    /// A file that is missing or cannot be read, or has no start and end token.
    pub async fn load(store: &dyn ModelStore, folder: &str) -> Result<Self> {
        let path = |name: &str| format!("{folder}/{name}");
        let json = match store::read_text(store, &path("tokenizer.json")).await {
            Err(error) if matches!(error.kind(), ErrorKind::FileNotFound { .. }) => {
                let vocab = store::read_text(store, &path("vocab.json")).await?;
                let merges = store::read_text(store, &path("merges.txt")).await?;
                fast_tokenizer(&path("vocab.json"), &vocab, &merges)?
            }
            json => json?,
        };
        let config = store::read_text(store, &path("tokenizer_config.json")).await?;
        Self::parse(&path("tokenizer.json"), &json, &path("tokenizer_config.json"), &config)
    }

    fn parse(file: &str, json: &str, config_file: &str, config: &str) -> Result<Self> {
        let bad =
            |file: &str, why: String| Error::new(ErrorKind::BadFile { file: file.to_owned(), why });
        let inner =
            tokenizers::Tokenizer::from_str(json).map_err(|error| bad(file, error.to_string()))?;
        let config: Value =
            serde_json::from_str(config).map_err(|error| bad(config_file, error.to_string()))?;
        let special = |name: &str| {
            // A token is written as its text or as `{"content": text, …}`.
            let token = &config[name];
            let text = token.as_str().or_else(|| token["content"].as_str());
            text.and_then(|text| inner.token_to_id(text))
                .ok_or_else(|| bad(config_file, format!("`{name}` is not in the vocabulary")))
        };
        let (start, end, pad) =
            (special("bos_token")?, special("eos_token")?, special("pad_token")?);
        Ok(Self { inner, start, end, pad })
    }

    /// Tokens of a text, without start and end.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        // Encoding a string fails only for inputs that are not strings.
        self.inner.encode_fast(text, false).map_or_else(|_| Vec::new(), |e| e.get_ids().to_vec())
    }

    /// At most 75 tokens between start and end, padded to [`WINDOW`].
    pub fn window(&self, ids: &[u32]) -> Vec<u32> {
        let mut window = Vec::with_capacity(WINDOW);
        window.push(self.start);
        window.extend(ids);
        window.push(self.end);
        window.resize(WINDOW, self.pad);
        window
    }
}

/// The `tokenizer.json` that `vocab.json` and `merges.txt` stand for, with CLIP's own text rules
/// (transformers 5.23 `CLIPTokenizer`).
fn fast_tokenizer(file: &str, vocab: &str, merges: &str) -> Result<String> {
    let vocab: Value = serde_json::from_str(vocab)
        .map_err(|error| ErrorKind::BadFile { file: file.to_owned(), why: error.to_string() })?;
    let merges: Vec<&str> =
        merges.lines().filter(|line| !line.starts_with("#version") && !line.is_empty()).collect();
    let special = |text: &str| {
        json!({
            "id": vocab[text], "content": text, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    let (start, end) = ("<|startoftext|>", "<|endoftext|>");
    let words = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    });
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(start), special(end)],
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "NFC" },
            { "type": "Replace", "pattern": { "Regex": r"\s+" }, "content": " " },
            { "type": "Lowercase" },
        ]},
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": words }, "behavior": "Removed", "invert": true },
            byte_level,
        ]},
        "post_processor": null,
        "decoder": null,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": end, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": false, "vocab": vocab, "merges": merges,
        },
    })
    .to_string())
}
