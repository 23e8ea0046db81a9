//! Models in a page: fetched from the page's own server, kept in the browser's private file system.
//!
//! A file is streamed chunk by chunk into the origin-private file system (OPFS), a large one in several parts at once,
//! going on where a broken download stopped, and read from there by byte ranges, so a second visit needs no network.
//! Where the browser gives no such storage, ranges are fetched as they are needed. A file of the person's own is read
//! where it lies. Nothing is ever whole in the engine's memory.

mod blob;
mod download;
mod http;
mod opfs;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

pub use self::blob::BlobSource;
pub use self::http::HttpSource;
use self::opfs::Folder;
use super::{ByteSource, Look, ModelStore, Progress};
use crate::error::{Error, ErrorKind, Result};

/// The bundled models, served beside the page, and the person's own.
pub struct WebStore {
    base_url: String,
    folder: Option<Folder>,
    files: Vec<String>,
    own: RefCell<BTreeMap<String, Own>>,
    /// Kept files that are being read: a browser may let each be opened once only.
    open: RefCell<BTreeMap<String, Weak<dyn ByteSource>>>,
}

/// A file of the person's own.
#[derive(Clone)]
enum Own {
    /// On this machine.
    File(Blob),
    /// On a server; fetched when it is first read, and kept as the bundled models are.
    Remote(Remote),
}

/// A file on some server. Not to be printed, for the sake of the token.
#[derive(Clone, Deserialize)]
pub struct Remote {
    /// Its address.
    pub url: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What changes when the file there does, as 16 letters or more: a hash of its ETag.
    pub version: String,
    /// SHA-256 in hexadecimal, if the server or the person told it: compared before the file is used.
    pub sha256: Option<String>,
    /// The ETag, if the server told one: where no SHA-256 is known, every answer has to be of this version.
    pub etag: Option<String>,
    /// What the server is to know the person by. Browsers leave it out where they are sent on to another server.
    pub token: Option<String>,
}

impl WebStore {
    /// Opens the store. `base_url` is where the models are served, absolute, ending in `/`; with `keep`,
    /// files are kept in the browser if it lets them be.
    pub async fn open(base_url: &str, keep: bool) -> Self {
        let folder = if keep { Folder::open().await.ok() } else { None };
        let (base_url, files) = (base_url.to_owned(), super::bundled_files());
        Self { base_url, folder, files, own: RefCell::default(), open: RefCell::default() }
    }

    /// True if files are kept for the next visit.
    pub fn keeps(&self) -> bool {
        self.folder.is_some()
    }

    /// Adds a file of the person's own; a later one of the same path replaces it.
    pub fn add(&self, path: &str, file: Blob) {
        self.own.borrow_mut().insert(path.to_owned(), Own::File(file));
    }

    /// As [`WebStore::add`], for a file on a server.
    pub fn add_remote(&self, path: &str, remote: Remote) {
        self.own.borrow_mut().insert(path.to_owned(), Own::Remote(remote));
    }

    /// Forgets a file of the person's own, with what was kept of it. False if there is none of this path.
    pub async fn forget(&self, path: &str) -> bool {
        let own = self.own.borrow_mut().remove(path);
        if let (Some(folder), Some(Own::Remote(remote))) = (&self.folder, &own) {
            folder.remove(&opfs::file_name(path, &remote.version)).await;
        }
        own.is_some()
    }

    /// The file on this machine of that path, or where to fetch it from.
    fn place(&self, path: &str) -> Result<std::result::Result<BlobSource, Remote>> {
        match self.own.borrow().get(path).cloned() {
            Some(Own::File(file)) => Ok(Ok(BlobSource::new(path, file))),
            Some(Own::Remote(remote)) => Ok(Err(remote)),
            None => {
                let Some((bytes, sha256)) = super::bundled(path) else {
                    return Err(Error::new(ErrorKind::FileNotFound { file: path.to_owned() })
                        .hint("add the file to the models, or use the bundled model `sprite`"));
                };
                let url = format!("{}{path}", self.base_url);
                // Compared whenever it is loaded, so not when it is fetched.
                Ok(Err(Remote {
                    url,
                    bytes,
                    version: sha256,
                    sha256: None,
                    etag: None,
                    token: None,
                }))
            }
        }
    }

    async fn source(&self, path: &str, progress: Progress<'_>) -> Result<Rc<dyn ByteSource>> {
        let remote = match self.place(path)? {
            Ok(file) => return Ok(Rc::new(file)),
            Err(remote) => remote,
        };
        if let Some(folder) = &self.folder {
            let name = opfs::file_name(path, &remote.version);
            if let Some(source) = self.open.borrow().get(&name).and_then(Weak::upgrade) {
                return Ok(source);
            }
            match folder.fetched(path, &name, &remote, progress).await {
                Ok(source) => {
                    let source: Rc<dyn ByteSource> = Rc::new(source);
                    self.open.borrow_mut().insert(name, Rc::downgrade(&source));
                    return Ok(source);
                }
                // Storage may be full, or another tab may hold the file: then it is read from the server.
                Err(opfs::Failure::Storage) => {}
                Err(opfs::Failure::Download(error)) => return Err(error),
            }
        }
        Ok(Rc::new(HttpSource::new(path.to_owned(), remote)))
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

    fn look<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, Result<Look>> {
        Box::pin(async move {
            let remote = match self.place(path)? {
                Ok(file) => {
                    return Ok(Look { source: Rc::new(file), fetch_bytes: 0, reads_now: true });
                }
                Err(remote) => remote,
            };
            let kept = match &self.folder {
                Some(folder) => {
                    folder.kept(&opfs::file_name(path, &remote.version), remote.bytes).await
                }
                None => 0,
            };
            let (reads_now, bytes) = (self.folder.is_some(), remote.bytes);
            if kept == bytes {
                let source = self.source(path, &mut |_, _| Ok(())).await?;
                return Ok(Look { source, fetch_bytes: 0, reads_now });
            }
            let source = Rc::new(HttpSource::new(path.to_owned(), remote));
            Ok(Look { source, fetch_bytes: bytes.saturating_sub(kept), reads_now })
        })
    }

    fn discard<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let version = match self.own.borrow().get(path) {
                Some(Own::Remote(remote)) => Some(remote.version.clone()),
                // The person's own file: never deleted.
                Some(Own::File(_)) => None,
                None => super::bundled(path).map(|(_, sha256)| sha256),
            };
            if let (Some(folder), Some(version)) = (&self.folder, version) {
                folder.remove(&opfs::file_name(path, &version)).await;
            }
        })
    }
}

/// What a JavaScript exception says.
fn message(value: &JsValue) -> String {
    let error = value.dyn_ref::<js_sys::Error>();
    error.map_or_else(|| format!("{value:?}"), |error| String::from(error.message()))
}
