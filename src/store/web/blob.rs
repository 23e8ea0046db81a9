//! A file the person gave: the browser holds it, on the disk where it lies, and hands over ranges of it.

use futures_util::future::LocalBoxFuture;
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, FileReaderSync};

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

    fn part(&self, offset: u64, len: usize) -> Result<Blob> {
        let end = offset.saturating_add(len as u64);
        if end > self.len() {
            return Err(cut_short(self, offset, len));
        }
        let part = self.blob.slice_with_f64_and_f64(offset as f64, end as f64);
        part.map_err(|error| self.gone(&error))
    }

    fn gone(&self, error: &JsValue) -> Error {
        Error::new(ErrorKind::Io { file: self.name.clone(), cause: message(error) })
            .hint("the file was moved or changed since it was added: add it again")
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
            let part = self.part(offset, len)?;
            let buffer = JsFuture::from(part.array_buffer()).await;
            Ok(Uint8Array::new(&buffer.map_err(|error| self.gone(&error))?).to_vec())
        })
    }

    fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let part = self.part(offset, len)?;
        // The engine is in a worker, which may wait for a file.
        let buffer = FileReaderSync::new().and_then(|reader| reader.read_as_array_buffer(&part));
        Ok(Uint8Array::new(&buffer.map_err(|error| self.gone(&error))?.into()).to_vec())
    }
}
