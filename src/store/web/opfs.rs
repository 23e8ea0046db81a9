//! The browser's origin-private file system: files that only this page's origin can see.

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemSyncAccessHandle,
    WorkerGlobalScope,
};

use super::{Remote, http, message};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{ByteSource, Hash, Progress, cut_short};

/// Name of the folder all model files are kept in.
const FOLDER: &str = "tintype-models";

/// Bytes that are hashed at a time of what an earlier visit fetched.
const WINDOW_BYTES: u64 = 1 << 20;

/// The folder that files are kept in.
pub(super) struct Folder(FileSystemDirectoryHandle);

/// Why a file could not be kept.
pub(super) enum Failure {
    /// The browser's storage refused: no right, no room, or in use by another tab.
    Storage,
    /// The file could not be fetched.
    Download(Error),
}

impl From<JsValue> for Failure {
    fn from(_: JsValue) -> Self {
        Self::Storage
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Download(error)
    }
}

/// The name a file is kept under: another version of it has another hash, and so another name.
pub(super) fn file_name(path: &str, version: &str) -> String {
    format!("{}.{}", path.replace('/', "~"), version.get(..16).unwrap_or(version))
}

impl Folder {
    pub(super) async fn open() -> std::result::Result<Self, JsValue> {
        let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
        let root = JsFuture::from(scope.navigator().storage().get_directory()).await?;
        let root: FileSystemDirectoryHandle = root.unchecked_into();
        let create = FileSystemGetDirectoryOptions::new();
        create.set_create(true);
        let folder = root.get_directory_handle_with_options(FOLDER, &create);
        Ok(Self(JsFuture::from(folder).await?.unchecked_into()))
    }

    /// The file, fetched first if it is not all here; a part that is here is not fetched again.
    ///
    /// Where its hash is known, it is compared before the last bytes are written: a file that is whole is the right one.
    pub(super) async fn fetched(
        &self,
        path: &str,
        name: &str,
        remote: &Remote,
        progress: Progress<'_>,
    ) -> std::result::Result<OpfsSource, Failure> {
        let len = remote.bytes;
        let create = FileSystemGetFileOptions::new();
        create.set_create(true);
        let file = JsFuture::from(self.0.get_file_handle_with_options(name, &create)).await?;
        let file: FileSystemFileHandle = file.unchecked_into();
        if kept_bytes(&file).await? == len {
            return Ok(OpfsSource::of_whole(path, &file, len).await?);
        }
        let handle = JsFuture::from(file.create_sync_access_handle()).await?;
        let source = OpfsSource { name: path.to_owned(), len, handle: handle.unchecked_into() };
        let mut at = source.handle.get_size()? as u64;
        if at > len {
            source.handle.truncate_with_f64(0.0)?;
            at = 0;
        }
        if at == len {
            return Ok(source);
        }
        let response = http::fetch(path, remote, (at > 0).then_some((at, None))).await?;
        if response.status() != 206 {
            at = 0;
        }
        let mut hash = match &remote.sha256 {
            Some(expected) => Some((source.hash(at)?, expected)),
            None => None,
        };
        let streamed = http::stream(path, &response, |chunk| -> std::result::Result<(), Failure> {
            let next = at + u64::from(chunk.length());
            if let Some((hash, expected)) = &mut hash {
                hash.update(&chunk.to_vec());
                if next == len {
                    hash.clone().check(path, (*expected).clone())?;
                }
            }
            let options = FileSystemReadWriteOptions::new();
            options.set_at(at as f64);
            source.handle.write_with_js_u8_array_and_options(chunk, &options)?;
            at = next;
            Ok(progress(at, len)?)
        })
        .await;
        match streamed {
            Err(Failure::Download(error))
                if matches!(error.kind(), ErrorKind::HashMismatch { .. }) =>
            {
                drop(source);
                self.remove(name).await;
                return Err(error.into());
            }
            streamed => streamed?,
        }
        source.handle.flush()?;
        if at != len {
            // Kept as it is: a file that is too short goes on from there, one too long starts anew.
            return Err(cut_short(&source, at, (len.saturating_sub(at)) as usize).into());
        }
        // The handle that wrote keeps others out.
        drop(source);
        Ok(OpfsSource::of_whole(path, &file, len).await?)
    }

    /// How much of a file is kept.
    pub(super) async fn kept(&self, name: &str) -> u64 {
        let bytes = async || -> std::result::Result<u64, JsValue> {
            let file = JsFuture::from(self.0.get_file_handle(name)).await?;
            kept_bytes(&file.unchecked_into()).await
        };
        bytes().await.unwrap_or(0)
    }

    /// Removes a file, if it is there and not in use.
    pub(super) async fn remove(&self, name: &str) {
        // Nothing to do if that fails: the file is not there, or another tab still reads it.
        let _ = JsFuture::from(self.0.remove_entry(name)).await;
    }
}

/// How much of a file is here.
async fn kept_bytes(file: &FileSystemFileHandle) -> std::result::Result<u64, JsValue> {
    let file: Blob = JsFuture::from(file.get_file()).await?.unchecked_into();
    Ok(file.size() as u64)
}

/// A handle that does not lock out others; where the browser knows no such handles, one that does.
fn read_only(file: &FileSystemFileHandle) -> std::result::Result<Promise, JsValue> {
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"mode".into(), &"read-only".into())?;
    let open = js_sys::Reflect::get(file, &"createSyncAccessHandle".into())?;
    Ok(open.unchecked_into::<Function>().call1(file, &options)?.unchecked_into())
}

/// A kept file, or one on its way. The handle is given back on drop.
pub(super) struct OpfsSource {
    name: String,
    len: u64,
    handle: FileSystemSyncAccessHandle,
}

impl OpfsSource {
    /// A file that is all here; other tabs may read it at the same time.
    async fn of_whole(
        path: &str,
        file: &FileSystemFileHandle,
        len: u64,
    ) -> std::result::Result<Self, JsValue> {
        let handle = JsFuture::from(read_only(file)?).await?.unchecked_into();
        Ok(Self { name: path.to_owned(), len, handle })
    }

    /// The hash of the first `end` bytes.
    fn hash(&self, end: u64) -> Result<Hash> {
        let mut hash = Hash::default();
        let mut at = 0;
        while at < end {
            let count = WINDOW_BYTES.min(end - at);
            hash.update(&self.read_now(at, count as usize)?);
            at += count;
        }
        Ok(hash)
    }
}

impl Drop for OpfsSource {
    fn drop(&mut self) {
        self.handle.close();
    }
}

impl ByteSource for OpfsSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        if offset.saturating_add(len as u64) > self.len {
            return Err(cut_short(self, offset, len));
        }
        let mut bytes = vec![0; len];
        let options = FileSystemReadWriteOptions::new();
        options.set_at(offset as f64);
        match self.handle.read_with_u8_array_and_options(&mut bytes, &options) {
            Ok(got) if got as usize == len => Ok(bytes),
            Ok(_) => Err(cut_short(self, offset, len)),
            Err(error) => {
                Err(ErrorKind::Io { file: self.name.clone(), cause: message(&error) }.into())
            }
        }
    }
}
