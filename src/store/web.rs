//! Models in a page: fetched from the page's own server, kept in the browser's private file system.
//!
//! A file is streamed chunk by chunk into the origin-private file system (OPFS), going on where a broken
//! download stopped, and read from there by byte ranges, so a second visit needs no network. Where the
//! browser gives no such storage, ranges are fetched as they are needed. A file of the person's own is read where it
//! lies. Nothing is ever whole in the engine's memory.

mod blob;
mod http;
mod opfs;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

pub use self::blob::BlobSource;
use self::http::HttpSource;
use self::opfs::Folder;
use super::{ByteSource, ModelStore, Progress};
use crate::error::{Error, ErrorKind, Result};

/// The bundled models, served beside the page, and the person's own.
pub struct WebStore {
    base_url: String,
    folder: Option<Folder>,
    files: Vec<String>,
    own: RefCell<BTreeMap<String, Blob>>,
}

impl WebStore {
    /// Opens the store. `base_url` is where the models are served, absolute, ending in `/`; with `keep`,
    /// files are kept in the browser if it lets them be.
    pub async fn open(base_url: &str, keep: bool) -> Self {
        let folder = if keep { Folder::open().await.ok() } else { None };
        let (base_url, files) = (base_url.to_owned(), super::bundled_files());
        Self { base_url, folder, files, own: RefCell::default() }
    }

    /// True if files are kept for the next visit.
    pub fn keeps(&self) -> bool {
        self.folder.is_some()
    }

    /// Adds a file of the person's own; a later one of the same path replaces it.
    pub fn add(&self, path: &str, file: Blob) {
        self.own.borrow_mut().insert(path.to_owned(), file);
    }

    /// Forgets a file of the person's own. False if there is none of this path.
    pub fn forget(&self, path: &str) -> bool {
        self.own.borrow_mut().remove(path).is_some()
    }

    async fn source(&self, path: &str, progress: Progress<'_>) -> Result<Rc<dyn ByteSource>> {
        let own = self.own.borrow().get(path).cloned();
        if let Some(file) = own {
            return Ok(Rc::new(BlobSource::new(path, file)));
        }
        let Some((bytes, sha256)) = super::bundled(path) else {
            return Err(Error::new(ErrorKind::FileNotFound { file: path.to_owned() })
                .hint("add the file to the models, or use the bundled model `sprite`"));
        };
        let url = format!("{}{path}", self.base_url);
        if let Some(folder) = &self.folder {
            let name = opfs::file_name(path, &sha256);
            match folder.fetched(path, &name, &url, bytes, progress).await {
                Ok(source) => return Ok(Rc::new(source)),
                // Storage may be full, or another tab may hold the file: then it is read from the server.
                Err(opfs::Failure::Storage) => {}
                Err(opfs::Failure::Download(error)) => return Err(error),
            }
        }
        Ok(Rc::new(HttpSource::new(path.to_owned(), url, bytes)))
    }
}

impl ModelStore for WebStore {
    fn list(&self) -> Vec<String> {
        self.files.iter().cloned().chain(self.own.borrow().keys().cloned()).collect()
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        progress: Progress<'a>,
    ) -> LocalBoxFuture<'a, Result<Rc<dyn ByteSource>>> {
        Box::pin(self.source(path, progress))
    }

    fn discard<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            if let (Some(folder), Some((_, sha256))) = (&self.folder, super::bundled(path)) {
                folder.remove(&opfs::file_name(path, &sha256)).await;
            }
        })
    }
}

/// What a JavaScript exception says.
fn message(value: &JsValue) -> String {
    let error = value.dyn_ref::<js_sys::Error>();
    error.map_or_else(|| format!("{value:?}"), |error| String::from(error.message()))
}
