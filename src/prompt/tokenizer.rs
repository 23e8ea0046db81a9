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
                let vocab: Value = serde_json::from_str(&vocab).map_err(|error| {
                    ErrorKind::BadFile { file: path("vocab.json"), why: error.to_string() }
                })?;
                fast_tokenizer(&vocab, &merges)
            }
            json => json?,
        };
        let config = store::read_text(store, &path("tokenizer_config.json")).await?;
        Self::parse(&path("tokenizer.json"), &json, &path("tokenizer_config.json"), &config)
    }

    /// CLIP's own tokenizer, with its whole vocabulary, which files without a tokenizer were trained with.
    ///
    /// `pads_with_end` is how OpenAI's encoders were trained; OpenCLIP's pad with token 0, an exclamation mark.
    ///
    /// # Errors
    ///
    /// If the bundled list of merges cannot be read.
    pub async fn clip(store: &dyn ModelStore, pads_with_end: bool) -> Result<Self> {
        let merges = clip_merges(store).await?;
        let json = fast_tokenizer(&clip_vocabulary(&merges), &merges);
        let pad = if pads_with_end { END } else { "!" };
        let config = json!({ "bos_token": START, "eos_token": END, "pad_token": pad });
        Self::parse(CLIP_MERGES, &json, CLIP_MERGES, &config.to_string())
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

/// Path of CLIP's merges, which ship with the page.
const CLIP_MERGES: &str = "clip-tokenizer/merges.txt";

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// Natively the list is part of the program, so that any folder of models will do.
#[cfg(native)]
async fn clip_merges(_store: &dyn ModelStore) -> Result<String> {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/www/public/models/clip-tokenizer/merges.txt"
    ));
    Ok(text.to_owned())
}

/// In a page it is a file: every visitor would download it with the engine, and few need it.
#[cfg(web)]
async fn clip_merges(store: &dyn ModelStore) -> Result<String> {
    store::read_text(store, CLIP_MERGES).await
}

/// CLIP's vocabulary: the 256 bytes, the same at the end of a word, what each merge makes of its two halves, and the two
/// special tokens (OpenAI's `simple_tokenizer.py`).
fn clip_vocabulary(merges: &str) -> Value {
    // Bytes that print stand for themselves and come first; the others, in their order, for the letters from 256 on.
    let prints = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let itself = (0..=255).filter(prints).map(char::from);
    let others = (256..).filter_map(char::from_u32).take((0..=255).filter(|b| !prints(b)).count());
    let bytes: Vec<String> = itself.chain(others).map(String::from).collect();
    let ends = bytes.iter().map(|byte| format!("{byte}</w>"));
    let merged = lines(merges).map(|line| line.replace(' ', ""));
    let all = bytes.iter().cloned().chain(ends).chain(merged).chain([START, END].map(String::from));
    all.enumerate().map(|(id, token)| (token, json!(id))).collect::<serde_json::Map<_, _>>().into()
}

/// The pairs of a list of merges.
fn lines(merges: &str) -> impl Iterator<Item = &str> {
    merges.lines().filter(|line| !line.starts_with("#version") && !line.is_empty())
}

/// The `tokenizer.json` that `vocab.json` and `merges.txt` stand for, with CLIP's own text rules
/// (transformers 5.23 `CLIPTokenizer`).
fn fast_tokenizer(vocab: &Value, merges: &str) -> String {
    let merges: Vec<&str> = lines(merges).collect();
    let special = |text: &str| {
        json!({
            "id": vocab[text], "content": text, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    let words = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(START), special(END)],
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
            "type": "BPE", "dropout": null, "unk_token": END, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": false, "vocab": vocab, "merges": merges,
        },
    })
    .to_string()
}
