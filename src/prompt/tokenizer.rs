//! CLIP's byte-pair tokenizer and its windows of 77 tokens.

mod clip;

use serde_json::{Value, json};

use self::clip::{ClipTokenizer, Vocabulary};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{self, ModelStore};

/// Tokens of a window, start and end included.
pub const WINDOW: usize = 77;

/// A tokenizer as transformers' `CLIPTokenizer` saves it.
#[derive(Debug)]
pub struct Tokenizer {
    inner: ClipTokenizer,
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
    /// A file that is missing or cannot be read, is of another kind of tokenizer, or has no start and end token.
    pub async fn load(store: &dyn ModelStore, folder: &str) -> Result<Self> {
        let path = |name: &str| format!("{folder}/{name}");
        let json = |name: &str, text: &str| -> Result<Value> {
            serde_json::from_str(text).map_err(|error| bad(&path(name), error.to_string()))
        };
        let vocabulary = match store::read_text(store, &path("tokenizer.json")).await {
            Err(error) if matches!(error.kind(), ErrorKind::FileNotFound { .. }) => {
                let vocab = store::read_text(store, &path("vocab.json")).await?;
                let merges = store::read_text(store, &path("merges.txt")).await?;
                Vocabulary::of(&json("vocab.json", &vocab)?, &merges)
            }
            text => Vocabulary::of_fast(&json("tokenizer.json", &text?)?),
        };
        let vocabulary = vocabulary.map_err(|why| bad(&path("tokenizer.json"), why))?;
        let config = store::read_text(store, &path("tokenizer_config.json")).await?;
        let config = json("tokenizer_config.json", &config)?;
        Self::new(&path("tokenizer.json"), vocabulary, &path("tokenizer_config.json"), &config)
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
        let pad = if pads_with_end { clip::END } else { "!" };
        let config = json!({ "bos_token": clip::START, "eos_token": clip::END, "pad_token": pad });
        Self::new(CLIP_MERGES, Vocabulary::of_merges(&merges), CLIP_MERGES, &config)
    }

    fn new(file: &str, vocabulary: Vocabulary, config_file: &str, config: &Value) -> Result<Self> {
        let inner = ClipTokenizer::new(vocabulary).map_err(|why| bad(file, why))?;
        let special = |name: &str| {
            // A token is written as its text or as `{"content": text, …}`.
            let token = &config[name];
            let text = token.as_str().or_else(|| token["content"].as_str());
            text.and_then(|text| inner.id(text))
                .ok_or_else(|| bad(config_file, format!("`{name}` is not in the vocabulary")))
        };
        let (start, end, pad) =
            (special("bos_token")?, special("eos_token")?, special("pad_token")?);
        Ok(Self { inner, start, end, pad })
    }

    /// Tokens of a text, without start and end.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        self.inner.ids(text)
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

fn bad(file: &str, why: String) -> Error {
    Error::new(ErrorKind::BadFile { file: file.to_owned(), why })
}
