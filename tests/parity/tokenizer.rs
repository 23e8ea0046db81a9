//! Token ids against transformers' `CLIPTokenizer`.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tintype::error::{ErrorKind, Result};
use tintype::prompt::Tokenizer;
use tintype::prompt::chunk::{self, Word};
use tintype::prompt::tokenizer::WINDOW;
use tintype::store::native::FolderStore;
use tintype::store::{ByteSource, ModelStore, Progress};

use crate::support::{block_on, bundled_models, fixture, references};

/// A folder without its `tokenizer.json`: published checkpoints ship `vocab.json` and `merges.txt`.
struct OldFolder(FolderStore);

impl ModelStore for OldFolder {
    fn list(&self) -> Vec<String> {
        self.0.list().into_iter().filter(|path| !path.ends_with("tokenizer.json")).collect()
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        progress: Progress<'a>,
    ) -> LocalBoxFuture<'a, Result<Rc<dyn ByteSource>>> {
        if path.ends_with("tokenizer.json") {
            let error = ErrorKind::FileNotFound { file: path.to_owned() };
            return Box::pin(async { Err(error.into()) });
        }
        self.0.open(path, progress)
    }

    fn discard<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, ()> {
        self.0.discard(path)
    }
}

fn check(tokenizer: &Tokenizer) {
    let text = std::fs::read_to_string(fixture("tokenizer/cases.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let id = |name: &str| file[name].as_u64().unwrap() as u32;
    let ids = |list: &Value| -> Vec<u32> {
        list.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
    };
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 80);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let expected = ids(&case["ids"]);
        assert_eq!(tokenizer.ids(text), expected, "{}: {text:?}", case["group"]);
        let word = Word { ids: expected.clone(), weight: 1.0 };
        let windows = chunk::whole_words(tokenizer, &[word]);
        if case["window"].is_array() {
            assert_eq!(windows[0].ids, ids(&case["window"]), "window of {text:?}");
        }
        // Every window is start, up to 75 tokens, end, padding; all tokens are in one of them.
        assert_eq!(windows.len(), expected.len().div_ceil(WINDOW - 2).max(1), "{text:?}");
        let chunks = expected.chunks(WINDOW - 2).chain(std::iter::repeat(&[][..]));
        for (window, chunk) in windows.iter().zip(chunks) {
            let mut rebuilt = vec![id("start")];
            rebuilt.extend(chunk);
            rebuilt.push(id("end"));
            rebuilt.resize(WINDOW, id("pad"));
            assert_eq!(window.ids, rebuilt, "{text:?}");
        }
    }
}

#[test]
fn ids_from_tokenizer_json() {
    let store = FolderStore::new(bundled_models());
    check(&block_on(Tokenizer::load(&store, "sprite/tokenizer")).unwrap());
}

#[test]
fn ids_from_vocabulary_and_merges() {
    let store = OldFolder(FolderStore::new(bundled_models()));
    assert!(store.list().iter().any(|path| path == "sprite/tokenizer/vocab.json"));
    check(&block_on(Tokenizer::load(&store, "sprite/tokenizer")).unwrap());
}

/// Padding, and the end token's spelling, are the folder's own.
#[test]
fn windows_of_each_model_family() {
    let store = FolderStore::new(fixture("networks"));
    for (folder, encoder) in [
        ("sd15/tokenizer", "sd15/text_encoder"),
        ("sd21/tokenizer", "sd21/text_encoder"),
        ("sdxl/tokenizer", "sdxl/text_encoder"),
        ("sdxl/tokenizer_2", "sdxl/text_encoder_2"),
    ] {
        let tokenizer = block_on(Tokenizer::load(&store, folder)).unwrap();
        let expected = references(&format!("networks/{encoder}/reference.safetensors"));
        // The prompts of `tests/reference/networks.py`; transformers cuts the second off.
        let prompts = ["a red cat, 3d".to_owned(), "the cat's hat on a mat ".repeat(12)];
        for (row, prompt) in prompts.iter().enumerate() {
            let mut ids = tokenizer.ids(prompt);
            ids.truncate(WINDOW - 2);
            let window = tokenizer.window(&ids);
            let expected = expected["input_ids"].part(row).iter().map(|id| *id as u32);
            assert_eq!(window, expected.collect::<Vec<_>>(), "{folder}: {prompt}");
        }
    }
}
