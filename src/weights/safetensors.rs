//! The header of a safetensors file, with every rule of the format checked.
//!
//! Layout: eight bytes little-endian length, that many bytes of JSON `{name: {dtype, shape, data_offsets}}`,
//! then the numbers. Offsets count from the end of the header; tensors may not overlap and may leave no
//! gap, so that nothing can hide in the file (<https://github.com/huggingface/safetensors>, version 0.8).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Dtype, dtype, torch};
use crate::error::{Error, ErrorKind, Result};
use crate::store::ByteSource;

/// The format's own limit on the header, 100 MB: a header says little, and must not exhaust the memory.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// What a file says it holds.
#[derive(Debug)]
pub struct Header {
    /// The tensors, in the order they lie in the file.
    pub tensors: Vec<TensorInfo>,
    /// Offset of the first number.
    pub data_start: u64,
    /// Free text that the file carries (`__metadata__`).
    pub metadata: Map<String, Value>,
}

/// One tensor of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Its number format.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// First byte, from the end of the header.
    pub start: u64,
    /// Byte after the last, from the end of the header.
    pub end: u64,
    /// What it has to do with weights in eight bits.
    pub scaling: Scaling,
}

/// What a tensor has to do with weights in eight bits: integers `NAME`, of which each row, an output channel, is
/// multiplied by its number of `NAME.scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scaling {
    /// Nothing.
    #[default]
    None,
    /// It is such weights; these bytes, from the end of the header, are their scales in f32.
    Rows {
        /// The first.
        start: u64,
        /// The one after the last.
        end: u64,
    },
    /// It is the scales of another tensor.
    Scales,
}

/// How the scales of a tensor are called after it.
const SCALES: &str = ".scale";

impl TensorInfo {
    /// True for weights in eight bits with their scales.
    pub fn is_scaled(&self) -> bool {
        matches!(self.scaling, Scaling::Rows { .. })
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> usize {
        // Beyond what a 32-bit heap can address, the read is what fails.
        usize::try_from(self.end - self.start).unwrap_or(usize::MAX)
    }

    /// Its bytes, with those of its scales after them if it has any, as f32.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownDtype`] for integers without scales.
    pub fn widen(&self, file: &str, bytes: &[u8]) -> Result<Vec<f32>> {
        if let Scaling::Rows { start, end } = self.scaling {
            let (numbers, scales) = bytes.split_at(bytes.len() - (end - start) as usize);
            return Ok(dtype::widen_rows(numbers, scales));
        }
        self.dtype.widen(bytes).ok_or_else(|| self.refused(file))
    }

    /// The error for integers where weights are wanted.
    pub(super) fn refused(&self, file: &str) -> Error {
        match self.dtype {
            Dtype::Integer { name, .. } => unknown_dtype(file, &self.name, name),
            float => unreachable!("{float:?} widens"),
        }
    }
}

impl Header {
    /// Reads and checks a header; also returns its bytes as they stand in the file. One of torch's own files has none:
    /// its tensors are found all the same (`torch`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadFile`] for one of torch's files that is damaged or asks for anything but tensors;
    /// [`ErrorKind::BadHeader`], [`ErrorKind::BadOffsets`], [`ErrorKind::UnknownDtype`],
    /// [`ErrorKind::Truncated`], or what the source says.
    pub async fn read(source: &dyn ByteSource) -> Result<(Self, Vec<u8>)> {
        let file = source.name();
        let mut bytes = source.read(0, 8).await?;
        if torch::is_torch(&bytes) {
            return Ok((torch::read(source).await?, Vec::new()));
        }
        let length = u64::from_le_bytes(bytes[..].try_into().expect("eight bytes were read"));
        if length > MAX_HEADER_BYTES {
            return Err(bad(
                file,
                format!("its header claims {length} bytes, at most {MAX_HEADER_BYTES} are allowed"),
            )
            .hint("this is another kind of file, or a damaged one"));
        }
        if length + 8 > source.len() {
            return Err(bad(
                file,
                format!("its header claims {length} bytes, the file has {}", source.len()),
            )
            .hint("download the file again; the copy here is incomplete"));
        }
        bytes.extend(source.read(8, length as usize).await?);
        let header = Self::parse(file, &bytes[8..], source.len())?;
        Ok((header, bytes))
    }

    fn parse(file: &str, json: &[u8], file_len: u64) -> Result<Self> {
        let data_start = 8 + json.len() as u64;
        let entries: Entries =
            serde_json::from_slice(json).map_err(|error| bad(file, error.to_string()))?;
        let mut metadata = Map::new();
        let mut tensors = Vec::new();
        for (name, value) in entries.0 {
            if name == "__metadata__" {
                metadata = value.as_object().cloned().unwrap_or_default();
            } else {
                tensors.push(tensor_info(file, name, &value)?);
            }
        }
        tensors.sort_by_key(|tensor| (tensor.start, tensor.end));
        let mut expected = 0;
        for tensor in &tensors {
            if tensor.start != expected {
                let what = if tensor.start < expected {
                    "overlaps the tensor before it"
                } else {
                    "leaves a gap before it"
                };
                return Err(bad_offsets(
                    file,
                    &tensor.name,
                    format!("it {what}: starts at {}, expected {expected}", tensor.start),
                ));
            }
            expected = tensor.end;
        }
        pair(&mut tensors);
        // A place near 2^64 is beyond the end of any file, whatever the sum would be.
        let end = data_start.saturating_add(expected);
        if end > file_len {
            return Err(Error::new(ErrorKind::Truncated {
                file: file.to_owned(),
                expected: end,
                got: file_len,
            })
            .hint("download the file again; the copy here is incomplete"));
        }
        if end < file_len {
            return Err(bad(file, format!("{} bytes follow the last tensor", file_len - end)));
        }
        Ok(Self { tensors, data_start, metadata })
    }
}

/// The header's members in order, refusing a name that comes twice (JSON itself would let the last win).
struct Entries(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entries;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Entries, A::Error> {
                let mut seen = std::collections::BTreeSet::new();
                let mut entries = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if !seen.insert(name.clone()) {
                        return Err(serde::de::Error::custom(format!("`{name}` is there twice")));
                    }
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

fn tensor_info(file: &str, name: String, value: &Value) -> Result<TensorInfo> {
    let malformed = |what: &str| bad(file, format!("tensor `{name}` has no valid `{what}`"));
    let dtype_name = value["dtype"].as_str().ok_or_else(|| malformed("dtype"))?;
    let dtype =
        Dtype::from_name(dtype_name).ok_or_else(|| unknown_dtype(file, &name, dtype_name))?;
    let numbers = |key: &str| -> Option<Vec<u64>> {
        value[key].as_array()?.iter().map(Value::as_u64).collect()
    };
    let shape = numbers("shape").ok_or_else(|| malformed("shape"))?;
    let offsets = numbers("data_offsets").ok_or_else(|| malformed("data_offsets"))?;
    let &[start, end] = &offsets[..] else { return Err(malformed("data_offsets")) };
    let bytes = shape.iter().try_fold(dtype.bytes() as u64, |bytes, side| bytes.checked_mul(*side));
    if end < start || bytes != Some(end - start) {
        let why = format!("offsets {start}..{end} do not hold {shape:?} numbers of {dtype_name}");
        return Err(bad_offsets(file, &name, why));
    }
    let shape: Option<Vec<usize>> =
        shape.into_iter().map(|side| usize::try_from(side).ok()).collect();
    let shape = shape.ok_or_else(|| malformed("shape"))?;
    Ok(TensorInfo { name, dtype, shape, start, end, scaling: Scaling::None })
}

/// Brings weights in eight bits together with their scales. Integers without any, or with too few, stay integers.
fn pair(tensors: &mut [TensorInfo]) {
    let scales: BTreeMap<String, usize> = tensors
        .iter()
        .enumerate()
        .filter(|(_, tensor)| tensor.dtype == Dtype::F32)
        .filter_map(|(at, tensor)| Some((tensor.name.strip_suffix(SCALES)?.to_owned(), at)))
        .collect();
    for i in 0..tensors.len() {
        let tensor = &tensors[i];
        let Some(&at) = scales.get(&tensor.name) else { continue };
        let (start, end) = (tensors[at].start, tensors[at].end);
        let rows = tensor.shape.first().filter(|_| tensor.shape.len() > 1);
        let is_eight = tensor.dtype == Dtype::EIGHT_BITS && tensor.end > tensor.start;
        if is_eight && rows.is_some_and(|rows| 4 * *rows as u64 == end - start) {
            tensors[i].scaling = Scaling::Rows { start, end };
            tensors[at].scaling = Scaling::Scales;
        }
    }
}

fn unknown_dtype(file: &str, tensor: &str, dtype: &str) -> Error {
    Error::new(ErrorKind::UnknownDtype {
        file: file.to_owned(),
        tensor: tensor.to_owned(),
        dtype: dtype.to_owned(),
    })
    .hint("save the checkpoint as fp16 safetensors")
}

fn bad(file: &str, why: String) -> Error {
    ErrorKind::BadHeader { file: file.to_owned(), why }.into()
}

fn bad_offsets(file: &str, tensor: &str, why: String) -> Error {
    ErrorKind::BadOffsets { file: file.to_owned(), tensor: tensor.to_owned(), why }.into()
}

/// Writes a safetensors file of f32 tensors `(name, shape, values)`, with metadata.
pub fn write(tensors: &[(&str, &[usize], &[f32])], metadata: &Map<String, Value>) -> Vec<u8> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".into(), Value::Object(metadata.clone()));
    }
    let mut start = 0;
    for (name, shape, values) in tensors {
        let end = start + values.len() * 4;
        let entry =
            serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
        header.insert((*name).to_owned(), entry);
        start = end;
    }
    let mut json = Value::Object(header).to_string().into_bytes();
    // The format wants the numbers aligned to eight bytes; spaces are allowed after the JSON.
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json);
    bytes.extend(
        tensors.iter().flat_map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes())),
    );
    bytes
}
