//! Files that break the format, are not there, or are not what the manifest says.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};
use tintype::error::Result;
use tintype::store::native::FolderStore;
use tintype::store::{self, ByteSource, Hash, MemorySource, ModelStore, Progress};
use tintype::weights::safetensors;

use super::{assert_told, code, header};
use crate::support::{block_on, bundled_models, fixture, load, tested_device};

#[test]
fn broken_files_are_told_apart() {
    let index = std::fs::read_to_string(fixture("hostile/index.json")).unwrap();
    let index: Vec<Value> = serde_json::from_str(&index).unwrap();
    let files = std::fs::read_dir(fixture("hostile")).unwrap().count();
    assert_eq!(index.len(), files - 1, "a file is not in the index");
    for entry in index {
        let file = entry["file"].as_str().unwrap();
        let (expected, why) = (entry["code"].as_str(), &entry["why"]);
        let bytes = std::fs::read(fixture(&format!("hostile/{file}"))).unwrap();
        let source = MemorySource::new(format!("models/{file}"), bytes);
        let from_header = header(&source).map(|_| ());
        let from_weights = load(&source).map(|_| ());
        for result in [from_header, from_weights] {
            assert_eq!(code(result.clone()), expected, "{file}: {why}");
            let message = result.err().map_or_else(|| file.to_owned(), |error| error.to_string());
            assert!(message.contains(file), "{file} is not named in: {message}");
        }
    }
}

#[test]
fn a_file_that_is_not_there() {
    let store = FolderStore::new(bundled_models());
    for path in ["sprite/unet/none.safetensors", "../Cargo.toml", "/etc/hostname"] {
        let error = block_on(store.open(path, &mut |_, _| Ok(()))).err().unwrap();
        assert_told(&error, "file_not_found", &[path]);
    }
}

/// An empty tensor takes no memory and no numbers, and is still there.
#[test]
fn a_tensor_without_numbers_loads() {
    let file = "hostile/valid_scalar_and_empty.safetensors";
    let bytes = std::fs::read(fixture(file)).unwrap();
    let weights = load(&MemorySource::new(file, bytes)).unwrap();
    assert_eq!(weights.device_bytes(), 4);
    assert_eq!(*weights.device(), tested_device());
}

#[test]
fn one_wrong_bit_in_bundled_weights() {
    let path = "sprite/vae/diffusion_pytorch_model.safetensors";
    let mut bytes = std::fs::read(bundled_models().join(path)).unwrap();
    load(&MemorySource::new(path, bytes.clone())).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let error = load(&MemorySource::new(path, bytes.clone())).err().unwrap();
    assert_told(&error, "hash_mismatch", &[path]);
    // The person's own files are not in the manifest.
    load(&MemorySource::new("mine/vae.safetensors", bytes)).unwrap();
}

/// A store with one file, which remembers whether its copy was discarded.
struct OneFile {
    source: MemorySource,
    discarded: Cell<bool>,
}

impl ModelStore for OneFile {
    fn list(&self) -> Vec<String> {
        vec![self.source.name().to_owned()]
    }

    fn open<'a>(
        &'a self,
        _path: &'a str,
        _progress: Progress<'a>,
    ) -> LocalBoxFuture<'a, Result<Rc<dyn ByteSource>>> {
        let source: Rc<dyn ByteSource> = Rc::new(self.source.clone());
        Box::pin(async { Ok(source) })
    }

    fn discard<'a>(&'a self, _path: &'a str) -> LocalBoxFuture<'a, ()> {
        self.discarded.set(true);
        Box::pin(async {})
    }
}

#[test]
fn one_wrong_bit_in_a_bundled_config() {
    let path = "sprite/unet/config.json";
    let mut bytes = std::fs::read(bundled_models().join(path)).unwrap();
    let read = |bytes: &[u8]| {
        let source = MemorySource::new(path, bytes);
        let store = OneFile { source, discarded: Cell::new(false) };
        (block_on(store::read_text(&store, path)), store.discarded.get())
    };
    let (text, discarded) = read(&bytes);
    assert!(text.is_ok() && !discarded);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let (text, discarded) = read(&bytes);
    assert_told(&text.unwrap_err(), "hash_mismatch", &[path]);
    assert!(discarded, "the damaged copy would be found again next time");
}

/// A file of which somebody said what its SHA-256 is.
struct Promised(MemorySource, String);

impl ByteSource for Promised {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn sha256(&self) -> Option<String> {
        Some(self.1.clone())
    }

    fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        self.0.read_now(offset, len)
    }
}

#[test]
fn a_file_that_is_not_what_was_promised() {
    let bytes = safetensors::write(&[("a", &[2], &[1.0, 2.0]), ("b", &[1], &[3.0])], &Map::new());
    let mut hash = Hash::default();
    hash.update(&bytes);
    let promised = hash.hex();
    let source =
        |bytes: &[u8]| Promised(MemorySource::new("mine", bytes.to_vec()), promised.clone());
    assert!(load(&source(&bytes)).unwrap().has("b"));
    // One bit, in the last number and in the header.
    for at in [bytes.len() - 1, 3 + bytes.iter().position(|byte| *byte == b'a').unwrap()] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let error = load(&source(&damaged)).unwrap_err();
        assert!(["hash_mismatch", "bad_header"].contains(&error.kind().code()), "{error}");
    }
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_told(&load(&source(&damaged)).unwrap_err(), "hash_mismatch", &["mine"]);
}
