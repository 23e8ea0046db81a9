//! A models folder on a disk.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use super::{ByteSource, ModelStore, Progress, cut_short};
use crate::error::{Error, ErrorKind, Result};

/// The files below a folder.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// Opens a folder; it need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn open_file(&self, path: &str) -> Result<Rc<dyn ByteSource>> {
        let inside =
            Path::new(path).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        if !inside {
            return Err(Error::new(ErrorKind::FileNotFound { file: path.to_owned() })
                .hint("name a file below the models folder, without `..`"));
        }
        let file = File::open(self.root.join(path)).map_err(|error| file_error(path, &error))?;
        let len = file.metadata().map_err(|error| file_error(path, &error))?.len();
        Ok(Rc::new(FileSource { name: path.to_owned(), len, file: RefCell::new(file) }))
    }
}

impl ModelStore for FolderStore {
    fn list(&self) -> Vec<String> {
        let mut files = Vec::new();
        walk(&self.root, &self.root, &mut files);
        files.sort();
        files
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        _progress: Progress<'a>,
    ) -> LocalBoxFuture<'a, Result<Rc<dyn ByteSource>>> {
        Box::pin(async move { self.open_file(path) })
    }

    fn discard<'a>(&'a self, _path: &'a str) -> LocalBoxFuture<'a, ()> {
        // The person's own file: never deleted.
        Box::pin(async {})
    }
}

struct FileSource {
    name: String,
    len: u64,
    file: RefCell<File>,
}

impl ByteSource for FileSource {
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
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| file_error(&self.name, &error))?;
        Ok(bytes)
    }
}

fn file_error(path: &str, error: &io::Error) -> Error {
    let file = path.to_owned();
    if error.kind() == io::ErrorKind::NotFound {
        Error::new(ErrorKind::FileNotFound { file }).hint("check the name and the models folder")
    } else {
        ErrorKind::Io { file, cause: error.to_string() }.into()
    }
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            walk(root, &path, files);
        } else if let Ok(inside) = path.strip_prefix(root) {
            files.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
}
