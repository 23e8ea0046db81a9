//! What went wrong, where in the graph, and what to do about it.
//!
//! [`Error`] is what every fallible function of the crate returns. The cause is an [`ErrorKind`]; the
//! node is added once, by the executor; the hint says the fix. Messages are lower case, without a full
//! stop, with the offending name in backticks and `expected …, got …`. Nothing here knows of JS: the
//! wasm layer turns an [`Error`] into a JavaScript one.

use std::fmt;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and how to fix it.
#[derive(Debug, Clone)]
pub struct Error {
    kind: Box<ErrorKind>,
    node: Option<NodeRef>,
    hint: Option<String>,
}

/// The node an error belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRef {
    /// The node's id in the graph that was run.
    pub id: String,
    /// Its class, for example `KSampler`.
    pub class_type: String,
}

/// The cause of an [`Error`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    // ---- files and weights
    /// There is no such file in the models folder, the input folder or on the server.
    #[error("`{file}` was not found")]
    FileNotFound {
        /// Path as asked for.
        file: String,
    },
    /// Reading or writing a file failed.
    #[error("`{file}`: {cause}")]
    Io {
        /// Path as asked for.
        file: String,
        /// What the system or the server said.
        cause: String,
    },
    /// A file ends before its contents do.
    #[error("`{file}` is cut short: expected {expected} bytes, got {got}")]
    Truncated {
        /// Path of the file.
        file: String,
        /// Bytes the header promises.
        expected: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// The header of a safetensors file is not what the format says.
    #[error("`{file}` is not a readable safetensors file: {why}")]
    BadHeader {
        /// Path of the file.
        file: String,
        /// Which rule it breaks.
        why: String,
    },
    /// A tensor's place in the file makes no sense.
    #[error("tensor `{tensor}` of `{file}` has a bad place in the file: {why}")]
    BadOffsets {
        /// Path of the file.
        file: String,
        /// Name of the tensor.
        tensor: String,
        /// Which rule it breaks.
        why: String,
    },
    /// A tensor's number format is none that weights are stored in.
    #[error(
        "tensor `{tensor}` of `{file}` has the number format `{dtype}`, expected F32, F16, BF16 or an FP8"
    )]
    UnknownDtype {
        /// Path of the file.
        file: String,
        /// Name of the tensor.
        tensor: String,
        /// The format named in the file.
        dtype: String,
    },
    /// The network needs a tensor that the file has not.
    #[error("tensor `{tensor}` is missing from `{file}`")]
    MissingTensor {
        /// Path of the file.
        file: String,
        /// Name of the tensor.
        tensor: String,
    },
    /// The file has tensors that the network does not use.
    #[error("{} tensor(s) of `{file}` belong to no part of the network, among them `{}`", names.len(), names.first().map_or("", String::as_str))]
    UnusedTensors {
        /// Path of the file.
        file: String,
        /// Names of the tensors.
        names: Vec<String>,
    },
    /// A tensor of the file does not have the shape the network needs.
    #[error("tensor `{tensor}` of `{file}` has shape {got:?}, expected {expected:?}")]
    TensorShape {
        /// Path of the file.
        file: String,
        /// Name of the tensor.
        tensor: String,
        /// Shape the network needs.
        expected: Vec<usize>,
        /// Shape in the file.
        got: Vec<usize>,
    },
    /// A file's SHA-256 is not the one the manifest or the person gave.
    #[error("`{file}` is damaged: its SHA-256 is {got}, expected {expected}")]
    HashMismatch {
        /// Path of the file.
        file: String,
        /// Expected hash, hexadecimal.
        expected: String,
        /// Hash of the bytes read, hexadecimal.
        got: String,
    },
    /// A config file asks for something this version cannot do.
    #[error("`{file}`: `{option}` is {value}, which is not supported")]
    UnsupportedConfig {
        /// Path of the config.
        file: String,
        /// Name of the option.
        option: String,
        /// Its value as text.
        value: String,
    },
    /// A file holds a model that this version cannot run.
    #[error("`{file}` is {what}, which is not supported here")]
    UnsupportedModel {
        /// Path of the file.
        file: String,
        /// What it is, in words.
        what: String,
    },
    /// A file holds a model of another kind than the one that is loaded.
    #[error("`{file}` is {what}, expected {expected}")]
    WrongModel {
        /// Path of the file.
        file: String,
        /// What it is, in words.
        what: String,
        /// What it should be, in words.
        expected: &'static str,
    },
    /// A config, tokenizer or graph file cannot be parsed.
    #[error("`{file}` cannot be read: {why}")]
    BadFile {
        /// Path of the file.
        file: String,
        /// Where and why.
        why: String,
    },
    /// An image file cannot be decoded or encoded.
    #[error("image `{file}`: {why}")]
    BadImage {
        /// Name of the image.
        file: String,
        /// What the codec said.
        why: String,
    },

    /// A prompt's weights, brackets or flags make no sense.
    #[error("the prompt cannot be read at character {at}: {why}")]
    BadPrompt {
        /// Which character, from 1.
        at: usize,
        /// Which rule it breaks.
        why: String,
    },

    // ---- values
    /// A number lies outside its range.
    #[error("`{input}` is {got}, expected {min} to {max}")]
    ValueOutOfRange {
        /// Name of the input.
        input: &'static str,
        /// The value.
        got: f64,
        /// Smallest allowed.
        min: f64,
        /// Largest allowed.
        max: f64,
    },
    /// A number that must be a multiple is not.
    #[error("`{input}` is {got}, expected a multiple of {of}")]
    NotAMultiple {
        /// Name of the input.
        input: &'static str,
        /// The value.
        got: u64,
        /// The divisor.
        of: u64,
    },
    /// A number is NaN or infinite.
    #[error("`{input}` is not a finite number")]
    NotFinite {
        /// Name of the input, or of the thing that was computed.
        input: &'static str,
    },
    /// A name is none of the known ones.
    #[error("unknown {what} `{got}`")]
    UnknownName {
        /// What is named: `sampler`, `scheduler`, `checkpoint`.
        what: &'static str,
        /// The name given.
        got: String,
    },
    /// Two values do not fit each other.
    #[error("{what}: expected {expected}, got {got}")]
    Mismatch {
        /// What was compared.
        what: &'static str,
        /// What is needed, in words.
        expected: String,
        /// What there is, in words.
        got: String,
    },
    /// The work would not fit the machine; nothing was allocated.
    #[error("{what} needs {needs} bytes, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Bytes it would take.
        needs: u64,
        /// Bytes there may be.
        limit: u64,
    },

    // ---- running
    /// A node written in JavaScript threw, or returned what its outputs do not allow.
    #[error("{message}")]
    NodeThrew {
        /// What it said.
        message: String,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The engine was closed.
    #[error("the engine is closed")]
    Closed,

    // ---- device
    /// No device of the kind asked for.
    #[error("no {device} device: {why}")]
    DeviceUnavailable {
        /// `webgpu` or `cpu`.
        device: &'static str,
        /// Why not.
        why: String,
    },
    /// The device was lost, or refused a command; results after that are not to be trusted.
    #[error("the device failed: {why}")]
    DeviceFailed {
        /// What the device said.
        why: String,
    },
}

impl Error {
    /// An error without node and hint.
    pub fn new(kind: ErrorKind) -> Self {
        Self { kind: Box::new(kind), node: None, hint: None }
    }

    /// The same error with the fix, one imperative sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with the node it belongs to; the first node named stays.
    #[must_use]
    pub fn at(mut self, id: &str, class_type: &str) -> Self {
        self.node.get_or_insert_with(|| NodeRef {
            id: id.to_owned(),
            class_type: class_type.to_owned(),
        });
        self
    }

    /// The cause.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The node it happened in, once the executor has seen it.
    pub fn node(&self) -> Option<&NodeRef> {
        self.node.as_ref()
    }

    /// What to do about it.
    pub fn fix(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// True if the run was cancelled rather than failed.
    pub fn is_cancelled(&self) -> bool {
        matches!(*self.kind, ErrorKind::Cancelled)
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = &self.node {
            write!(f, "node {} ({}): ", node.id, node.class_type)?;
        }
        write!(f, "{}", self.kind)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl ErrorKind {
    /// The stable name of the cause, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileNotFound { .. } => "file_not_found",
            Self::Io { .. } => "io",
            Self::Truncated { .. } => "truncated",
            Self::BadHeader { .. } => "bad_header",
            Self::BadOffsets { .. } => "bad_offsets",
            Self::UnknownDtype { .. } => "unknown_dtype",
            Self::MissingTensor { .. } => "missing_tensor",
            Self::UnusedTensors { .. } => "unused_tensors",
            Self::TensorShape { .. } => "tensor_shape",
            Self::HashMismatch { .. } => "hash_mismatch",
            Self::UnsupportedConfig { .. } => "unsupported_config",
            Self::UnsupportedModel { .. } => "unsupported_model",
            Self::WrongModel { .. } => "wrong_model",
            Self::BadFile { .. } => "bad_file",
            Self::BadImage { .. } => "bad_image",
            Self::BadPrompt { .. } => "bad_prompt",
            Self::ValueOutOfRange { .. } => "value_out_of_range",
            Self::NotAMultiple { .. } => "not_a_multiple",
            Self::NotFinite { .. } => "not_finite",
            Self::UnknownName { .. } => "unknown_name",
            Self::Mismatch { .. } => "mismatch",
            Self::TooLarge { .. } => "too_large",
            Self::NodeThrew { .. } => "node_threw",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::DeviceUnavailable { .. } => "device_unavailable",
            Self::DeviceFailed { .. } => "device_failed",
        }
    }
}

/// The known name nearest to `got`, for a "did you mean" hint; `None` when nothing is near. That both are files of one kind
/// makes no names near.
pub fn nearest<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = got.chars().count();
    // What is longer is no name with a slip in it, and comparing takes its length times theirs.
    if length > 200 {
        return None;
    }
    let ending = got.rfind('.').map_or("", |dot| &got[dot..]);
    let near = |name: &str, distance| {
        let shared = if name.ends_with(ending) { ending.chars().count() } else { 0 };
        distance <= (length - shared).max(3) / 2
    };
    known
        .into_iter()
        .map(|name| (edit_distance(got, name), name))
        .filter(|(distance, name)| near(name, *distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_node_cause_and_fix() {
        let error = Error::new(ErrorKind::NotAMultiple { input: "width", got: 130, of: 8 })
            .hint("use 128 or 136")
            .at("5", "EmptyLatentImage")
            .at("9", "SaveImage");
        assert_eq!(
            error.to_string(),
            "node 5 (EmptyLatentImage): `width` is 130, expected a multiple of 8; use 128 or 136"
        );
        assert_eq!(error.kind().code(), "not_a_multiple");
    }

    #[test]
    fn nearest_name_is_offered_only_when_near() {
        let known = ["euler", "dpmpp_2m", "heun"];
        assert_eq!(nearest("dpmp_2m", known), Some("dpmpp_2m"));
        assert_eq!(nearest("zzzzzz", known), None);
        let files = ["sprite-lcm.safetensors"];
        assert_eq!(nearest("sprite_lcm.safetensors", files), Some(files[0]));
        assert_eq!(nearest("ink/inkstyle.safetensors", files), None);
    }
}
