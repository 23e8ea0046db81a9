//! torch's own files (`.pt`, `.pth`, `.ckpt`, `.bin`): where their tensors lie, found without running what is in them.
//!
//! Such a file is a zip archive: a program in Python's pickle language, which says how the tensors are made of arrays, and
//! an entry with the numbers of each array, not compressed. The program is read by [`pickle`], which knows what tensors
//! need and refuses the rest; the arrays are read by ranges, as those of safetensors are.
//!
//! Source: PKWARE's APPNOTE 6.3.10 for the archive; the files that torch 2.x writes for what is in it.

mod pickle;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use self::pickle::View;
use super::safetensors::{Header, Scaling, TensorInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::store::ByteSource;

/// What an archive begins with, and what torch's files did before version 1.6: a pickled number.
const ZIP: &[u8] = b"PK\x03\x04";
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46";

/// Longest list of entries and longest program that are read: what a checkpoint has many times over.
const MAX_DIRECTORY: u64 = 1 << 25;
const MAX_PROGRAM: u64 = 1 << 23;

/// Torch puts the numbers of an array at multiples of this.
const ALIGNMENT: u64 = 64;

const CONVERT: &str = "convert it to safetensors: in Python, `safetensors.torch.save_file(torch.load(\"it\", weights_only=True), \"it.safetensors\")`";

/// True if a file that begins so is one of torch's.
pub(super) fn is_torch(first: &[u8]) -> bool {
    first.starts_with(ZIP) || first.starts_with(LEGACY)
}

/// The tensors of one of torch's files.
///
/// # Errors
///
/// [`ErrorKind::BadFile`] for an archive or a program that is damaged or asks for anything but tensors,
/// [`ErrorKind::BadOffsets`] for a tensor that lies outside its array, or not row by row.
pub(super) async fn read(source: &dyn ByteSource) -> Result<Header> {
    let file = source.name();
    let refused = |why: &str| bad(file, why.to_owned());
    if source.read(0, ZIP.len()).await? != ZIP {
        return Err(refused("it is of the kind that torch wrote before version 1.6").hint(CONVERT));
    }
    let archive = Archive::open(source).await?;
    let mut programs = archive.entries.iter().filter_map(|one| one.name.strip_suffix("data.pkl"));
    let (Some(folder), None) = (programs.next(), programs.next()) else {
        return Err(refused("it is a zip archive without torch's `data.pkl`")
            .hint("choose a file that torch saved, or a `.safetensors` file"));
    };
    let order = archive.small(folder, "byteorder", 6).await?;
    if order.is_some_and(|order| order != b"little") {
        return Err(refused("its numbers are stored highest byte first").hint(CONVERT));
    }
    let program = archive.small(folder, "data.pkl", MAX_PROGRAM).await?.unwrap_or_default();
    let views = pickle::tensors(&program).map_err(|why| bad(file, why).hint(CONVERT))?;
    let mut tensors = Vec::new();
    for (name, view) in views {
        let array = format!("{folder}data/{}", view.array.key);
        let Some(&i) = archive.names.get(&array) else {
            return Err(bad_place(file, &name, format!("there is no `{array}`")));
        };
        let bytes = view.range().map_err(|why| bad_place(file, &name, why))?;
        let size = archive.entries[i].size;
        let needs = bytes.end.max(view.array.bytes);
        if needs > size {
            let why = format!("it needs {needs} bytes, `{array}` has {size}");
            return Err(bad_place(file, &name, why));
        }
        let at = archive.place(i).await?;
        let shape = view.shape.iter().map(|side| *side as usize).collect();
        let (start, end) = (at + bytes.start, at + bytes.end);
        tensors.push(TensorInfo {
            name,
            dtype: view.array.dtype,
            shape,
            start,
            end,
            scaling: Scaling::None,
        });
    }
    tensors.sort_by_key(|tensor| (tensor.start, tensor.end));
    let mut names = BTreeSet::new();
    if let Some(twice) = tensors.iter().find(|tensor| !names.insert(&tensor.name)) {
        return Err(bad(file, format!("it has two tensors called `{}`", twice.name)));
    }
    Ok(Header { tensors, data_start: 0, metadata: Map::new() })
}

impl View {
    /// The bytes of its array that it is.
    fn range(&self) -> Result<std::ops::Range<u64>, String> {
        let size = self.array.dtype.bytes() as u64;
        let mut numbers = 1u64;
        let mut is_rows = true;
        for (side, stride) in self.shape.iter().zip(&self.strides).rev() {
            is_rows &= *side < 2 || *stride == numbers;
            numbers = numbers.checked_mul(*side).ok_or("it has more numbers than there can be")?;
        }
        if !is_rows && numbers > 0 {
            let (shape, strides) = (&self.shape, &self.strides);
            return Err(format!("shape {shape:?} with strides {strides:?} is not row by row"));
        }
        let end = self.offset.checked_add(numbers).and_then(|end| end.checked_mul(size));
        let end = end.filter(|end| usize::try_from(*end).is_ok());
        let end = end.ok_or("it has more numbers than there can be")?;
        Ok(self.offset * size..end)
    }
}

/// The entries of an archive.
struct Archive<'a> {
    source: &'a dyn ByteSource,
    /// In the order they lie in the file.
    entries: Vec<Entry>,
    names: BTreeMap<String, usize>,
    /// Where the list of entries begins, which is after all of them.
    end: u64,
}

struct Entry {
    name: String,
    /// Offset of its own header.
    header: u64,
    size: u64,
}

impl<'a> Archive<'a> {
    async fn open(source: &'a dyn ByteSource) -> Result<Self> {
        let (file, len) = (source.name(), source.len());
        let cut = || {
            bad(file, "it is a zip archive whose list of entries is missing or damaged".to_owned())
                .hint("download the file again; the copy here is incomplete or damaged")
        };
        // The last record has 22 bytes, and a comment that torch leaves empty.
        let tail = source.read(len - len.min(1024), len.min(1024) as usize).await?;
        let last = tail.windows(4).rposition(|mark| mark == b"PK\x05\x06").ok_or_else(cut)?;
        let (mut size, mut end) = (number(&tail, last + 12, 4), number(&tail, last + 16, 4));
        // Before it, where to find the record with longer numbers.
        if let Some(before) =
            last.checked_sub(20).filter(|at| tail[*at..].starts_with(b"PK\x06\x07"))
        {
            let at = number(&tail, before + 8, 8).filter(|at| *at < len).ok_or_else(cut)?;
            let record = source.read(at, 56).await?;
            (size, end) = (number(&record, 40, 8), number(&record, 48, 8));
        }
        let (size, end) = size.zip(end).ok_or_else(cut)?;
        if size > MAX_DIRECTORY || end.checked_add(size).is_none_or(|end| end > len) {
            return Err(cut());
        }
        let list = source.read(end, size as usize).await?;
        let mut entries = Vec::new();
        let mut at = 0;
        while at < list.len() {
            let (entry, length) = entry(&list[at..]).ok_or_else(cut)?;
            let entry = entry.map_err(|name| {
                bad(file, format!("its entry `{name}` is compressed")).hint(CONVERT)
            })?;
            if entry.header.checked_add(entry.size).is_none_or(|after| after > end) {
                return Err(cut());
            }
            entries.push(entry);
            at += length;
        }
        entries.sort_by_key(|entry| entry.header);
        let names: BTreeMap<String, usize> =
            entries.iter().map(|one| one.name.clone()).zip(0..).collect();
        if names.len() < entries.len() {
            return Err(bad(file, "it has two entries of one name".to_owned()).hint(CONVERT));
        }
        Ok(Self { source, entries, names, end })
    }

    /// All of an entry that may have `limit` bytes; nothing if it is not there.
    async fn small(&self, folder: &str, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(&i) = self.names.get(&format!("{folder}{name}")) else { return Ok(None) };
        let size = self.entries[i].size;
        if size > limit {
            let why = format!("its `{name}` has {size} bytes, at most {limit} are allowed");
            return Err(bad(self.source.name(), why));
        }
        self.source.read(self.place(i).await?, size as usize).await.map(Some)
    }

    /// Offset of an entry's bytes, which lie behind a header whose length only the header tells. Where the next entry
    /// begins tells it, too, if the file is laid out as torch does: that saves thousands of small reads.
    async fn place(&self, i: usize) -> Result<u64> {
        let entry = &self.entries[i];
        let next = self.entries.get(i + 1).map_or(self.end, |next| next.header);
        let aligned = (entry.header + 34 + entry.name.len() as u64).next_multiple_of(ALIGNMENT);
        // After the bytes may come their length and their checksum again.
        let rest = next.checked_sub(aligned + entry.size);
        if entry.size > 0 && matches!(rest, Some(0 | 16 | 24)) {
            return Ok(aligned);
        }
        let header = self.source.read(entry.header, 30).await?;
        let lengths = number(&header, 26, 2).zip(number(&header, 28, 2));
        let at = lengths.map_or(0, |(name, more)| entry.header + 30 + name + more);
        if !header.starts_with(ZIP) || at + entry.size > self.end {
            let why = format!("its entry `{}` is damaged", entry.name);
            return Err(bad(self.source.name(), why));
        }
        Ok(at)
    }
}

/// The first entry of a list and the length of what says it; of one that is compressed only the name.
fn entry(list: &[u8]) -> Option<(Result<Entry, String>, usize)> {
    if !list.starts_with(b"PK\x01\x02") {
        return None;
    }
    let short = |at| number(list, at, 2).map(|value| value as usize);
    let method = short(10)?;
    let after_name = 46 + short(28)?;
    let after = after_name + short(30)?;
    let name = String::from_utf8_lossy(list.get(46..after_name)?).into_owned();
    let mut more = list.get(after_name..after)?;
    let mut numbers = [number(list, 24, 4)?, number(list, 20, 4)?, number(list, 42, 4)?];
    // Numbers that are all ones stand among the further fields, with eight bytes each.
    while let Some((kind, length)) = number(more, 0, 2).zip(number(more, 2, 2)) {
        let mut at = 4;
        for value in numbers.iter_mut().filter(|value| kind == 1 && **value == 0xffff_ffff) {
            *value = number(more, at, 8)?;
            at += 8;
        }
        more = more.get(4 + length as usize..)?;
    }
    let [size, stored, header] = numbers;
    let length = after + short(32)?;
    list.get(..length)?;
    let entry = Entry { name, header, size };
    Some((if method == 0 && stored == size { Ok(entry) } else { Err(entry.name) }, length))
}

/// `count` bytes from `at` as a number, lowest first.
fn number(bytes: &[u8], at: usize, count: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(count)?)?;
    Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn bad(file: &str, why: String) -> Error {
    ErrorKind::BadFile { file: file.to_owned(), why }.into()
}

fn bad_place(file: &str, tensor: &str, why: String) -> Error {
    let (file, tensor) = (file.to_owned(), tensor.to_owned());
    Error::new(ErrorKind::BadOffsets { file, tensor, why }).hint(CONVERT)
}
