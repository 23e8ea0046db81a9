//! The browser's origin-private file system: files that only this page's origin can see.

use std::ops::Range;

use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemSyncAccessHandle,
    WorkerGlobalScope,
};

use super::download::Download;
use super::{Remote, message};
use crate::error::{Error, ErrorKind, Result};
use crate::store::parts::Parts;
use crate::store::{ByteSource, Hash, Progress, cut_short};

/// Name of the folder all model files are kept in.
const FOLDER: &str = "tintype-models";

/// Bytes that are hashed at a time of what is here already.
const WINDOW_BYTES: u64 = 1 << 20;

/// Marks of parts that are read: those of a file of a terabyte.
const MOST_MARKS: u64 = 1 << 16;

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

    /// The file, fetched first if it is not all here; what is here is not fetched again.
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
        if blob_of(&file).await?.size() as u64 != len {
            let handle = JsFuture::from(file.create_sync_access_handle()).await?;
            let source = OpfsSource { name: path.to_owned(), len, handle: handle.unchecked_into() };
            let filled = Download::new(&source, remote, progress)?.run().await;
            // The handle that wrote keeps others out.
            drop(source);
            if let Err(Failure::Download(error)) = &filled
                && matches!(
                    error.kind(),
                    ErrorKind::HashMismatch { .. } | ErrorKind::BadFile { .. }
                )
            {
                self.remove(name).await;
            }
            filled?;
        }
        Ok(OpfsSource::of_whole(path, &file, len).await?)
    }

    /// How much is kept of a file that has `len` bytes.
    pub(super) async fn kept(&self, name: &str, len: u64) -> u64 {
        let bytes = async || -> std::result::Result<u64, JsValue> {
            let file = JsFuture::from(self.0.get_file_handle(name)).await?;
            let blob = blob_of(&file.unchecked_into()).await?;
            let size = blob.size() as u64;
            if size <= len {
                return Ok(size);
            }
            let marks = blob.slice_with_f64(len as f64)?;
            let marks = Uint8Array::new(&JsFuture::from(marks.array_buffer()).await?);
            Ok(Parts::of(len, size, &marks.to_vec()).bytes())
        };
        bytes().await.unwrap_or(0)
    }

    /// Removes a file, if it is there and not in use.
    pub(super) async fn remove(&self, name: &str) {
        // Nothing to do if that fails: the file is not there, or another tab still reads it.
        let _ = JsFuture::from(self.0.remove_entry(name)).await;
    }
}

/// What is here of a file.
async fn blob_of(file: &FileSystemFileHandle) -> std::result::Result<Blob, JsValue> {
    Ok(JsFuture::from(file.get_file()).await?.unchecked_into())
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

    /// How much is here, with what lies behind the file's last byte while it comes.
    pub(super) fn size(&self) -> std::result::Result<u64, JsValue> {
        Ok(self.handle.get_size()? as u64)
    }

    /// What lies behind the file's last byte, where so much is here.
    pub(super) fn behind(&self, size: u64) -> std::result::Result<Vec<u8>, JsValue> {
        let mut bytes = vec![0; size.saturating_sub(self.len).min(MOST_MARKS) as usize];
        let options = FileSystemReadWriteOptions::new();
        options.set_at(self.len as f64);
        let got = self.handle.read_with_u8_array_and_options(&mut bytes, &options)?;
        bytes.truncate(got as usize);
        Ok(bytes)
    }

    /// Makes it this long.
    pub(super) fn cut(&self, size: u64) -> std::result::Result<(), JsValue> {
        self.handle.truncate_with_f64(size as f64)
    }

    /// Waits until the disk has what was written.
    pub(super) fn flush(&self) -> std::result::Result<(), JsValue> {
        self.handle.flush()
    }

    /// Writes to a place.
    pub(super) fn write(&self, at: u64, bytes: &Uint8Array) -> std::result::Result<(), Failure> {
        let options = FileSystemReadWriteOptions::new();
        options.set_at(at as f64);
        let written = self.handle.write_with_js_u8_array_and_options(bytes, &options)?;
        if written as u32 == bytes.length() { Ok(()) } else { Err(Failure::Storage) }
    }

    /// Hashes on with what lies in a place.
    pub(super) fn hash(&self, hash: &mut Hash, place: Range<u64>) -> Result<()> {
        let mut at = place.start;
        while at < place.end {
            let count = WINDOW_BYTES.min(place.end - at);
            hash.update(&self.read_now(at, count as usize)?);
            at += count;
        }
        Ok(())
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
