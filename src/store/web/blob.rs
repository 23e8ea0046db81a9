//! A file the person gave: the browser holds it, on the disk where it lies, and hands over ranges of it.

use futures_util::future::LocalBoxFuture;
use js_sys::Uint8Array;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use super::message;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{ByteSource, cut_short};

/// A file of the person's own, read by ranges.
pub struct BlobSource {
    name: String,
    blob: Blob,
}

impl BlobSource {
    /// Wraps a file under the path that it has among the models.
    pub fn new(name: impl Into<String>, blob: Blob) -> Self {
        Self { name: name.into(), blob }
    }
}

impl ByteSource for BlobSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.blob.size() as u64
    }

    fn read(&self, offset: u64, len: usize) -> LocalBoxFuture<'_, Result<Vec<u8>>> {
        Box::pin(async move {
            let end = offset.saturating_add(len as u64);
            if end > self.len() {
                return Err(cut_short(self, offset, len));
            }
            let gone = |error| {
                Error::new(ErrorKind::Io { file: self.name.clone(), cause: message(&error) })
                    .hint("the file was moved or changed since it was added: add it again")
            };
            let part = self.blob.slice_with_f64_and_f64(offset as f64, end as f64).map_err(gone)?;
            let buffer = JsFuture::from(part.array_buffer()).await.map_err(gone)?;
            Ok(Uint8Array::new(&buffer).to_vec())
        })
    }
}
