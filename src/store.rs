//! Where files come from and go to: models by byte ranges, inputs, results.
//!
//! The same API on a disk ([`native`]) and in a page (`web`). A path is relative to the models folder and
//! uses `/`: `sprite/unet/config.json`. Nothing here knows what is inside a file.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

pub use self::hash::Hash;
use crate::error::{Error, ErrorKind, Result};

mod hash;
#[cfg(native)]
pub mod native;
#[cfg(any(web, test))]
mod parts;
#[cfg(web)]
pub mod web;

/// An open file that is read by byte ranges.
pub trait ByteSource {
    /// Path as asked for; errors name it.
    fn name(&self) -> &str;

    /// Size in bytes.
    fn len(&self) -> u64;

    /// True if there is nothing in it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// SHA-256 of the whole, in hexadecimal, where one is known that nobody has compared yet: whoever reads all of it does.
    fn sha256(&self) -> Option<String> {
        bundled(self.name()).map(|(_, sha256)| sha256)
    }

    /// Exactly `len` bytes from `offset`; a shorter file is [`ErrorKind::Truncated`].
    fn read(&self, offset: u64, len: usize) -> LocalBoxFuture<'_, Result<Vec<u8>>> {
        let bytes = self.read_now(offset, len);
        Box::pin(async { bytes })
    }

    /// True if bytes can be had without waiting, and again and again: a file on this machine.
    fn reads_now(&self) -> bool {
        true
    }

    /// As [`ByteSource::read`], without waiting.
    ///
    /// # Errors
    ///
    /// As [`ByteSource::read`], and [`ErrorKind::Io`] if this source has to be waited for.
    fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>>;
}

/// Is told the bytes done and the bytes in all; an error from it ends the work.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> Result<()>;

/// What is known of a file without fetching it.
pub struct Look {
    /// The file: of one that is not here, parts are fetched as they are read.
    pub source: Rc<dyn ByteSource>,
    /// How much of it has to be fetched before it can be used.
    pub fetch_bytes: u64,
    /// Whether it can be read [at once](ByteSource::read_now) when it is here.
    pub reads_now: bool,
}

/// A place with models in it.
pub trait ModelStore {
    /// Paths of the files there are.
    fn list(&self) -> Vec<String>;

    /// Looks at a file, which is not fetched for that.
    fn look<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, Result<Look>> {
        Box::pin(async move {
            let source = self.open(path, &mut |_, _| Ok(())).await?;
            let reads_now = source.reads_now();
            Ok(Look { source, fetch_bytes: 0, reads_now })
        })
    }

    /// Opens a file. If it has to be fetched first, `progress` is told the bytes so far and in all.
    fn open<'a>(
        &'a self,
        path: &'a str,
        progress: Progress<'a>,
    ) -> LocalBoxFuture<'a, Result<Rc<dyn ByteSource>>>;

    /// Forgets a stored copy that turned out to be damaged, so that the next open fetches it again.
    fn discard<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, ()>;
}

/// Reads a whole (small) file as text.
pub async fn read_text(store: &dyn ModelStore, path: &str) -> Result<String> {
    let source = store.open(path, &mut |_, _| Ok(())).await?;
    let bytes = source.read(0, usize::try_from(source.len()).unwrap_or(usize::MAX)).await?;
    let expected = source.sha256();
    drop(source);
    if let Err(error) = verify(path, &bytes, expected) {
        // A damaged stored copy would fail every time.
        store.discard(path).await;
        return Err(error);
    }
    String::from_utf8(bytes).map_err(|_| {
        ErrorKind::BadFile { file: path.to_owned(), why: "not UTF-8 text".into() }.into()
    })
}

/// A file in memory: an uploaded picture, a dropped checkpoint, a test's hostile bytes.
#[derive(Debug, Clone)]
pub struct MemorySource {
    name: String,
    bytes: Rc<[u8]>,
}

impl MemorySource {
    /// Wraps the bytes under a name.
    pub fn new(name: impl Into<String>, bytes: impl Into<Rc<[u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

impl ByteSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let range = start.checked_add(len).and_then(|end| self.bytes.get(start..end));
        range.map(<[u8]>::to_vec).ok_or_else(|| cut_short(self, offset, len))
    }
}

/// The error of a read past the end.
pub(crate) fn cut_short(source: &dyn ByteSource, offset: u64, len: usize) -> Error {
    Error::new(ErrorKind::Truncated {
        file: source.name().to_owned(),
        expected: offset.saturating_add(len as u64),
        got: source.len(),
    })
    .hint("download the file again; the copy here is incomplete")
}

/// What `build.rs` recorded of a bundled file: its size and SHA-256, or `None` for the person's own files.
pub fn bundled(path: &str) -> Option<(u64, String)> {
    let manifest = manifest();
    let entry = manifest.get(path)?;
    Some((entry["bytes"].as_u64()?, entry["sha256"].as_str()?.to_owned()))
}

/// Paths of the bundled files.
pub fn bundled_files() -> Vec<String> {
    manifest().keys().cloned().collect()
}

fn manifest() -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/manifest.json")))
        .expect("build.rs writes a JSON object")
}

/// Compares the bytes of a file with its hash, if one is known.
fn verify(path: &str, bytes: &[u8], expected: Option<String>) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    let mut hash = Hash::default();
    hash.update(bytes);
    hash.check(path, expected)
}
