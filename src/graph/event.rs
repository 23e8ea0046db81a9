//! What the engine tells its host while it runs: ComfyUI's events, by name and payload.
//!
//! An [`Event`] serialises as `{type, data}` without its bytes; [`Event::take_bytes`] moves those out,
//! so that a picture is not turned into a list of numbers on its way. A `file` comes before the
//! `executed` that names it.

use serde::Serialize;

use super::NodeId;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// The graph passed its checks and the run begins.
    ExecutionStart {
        /// The run.
        prompt_id: String,
        /// Milliseconds since 1970.
        timestamp: u64,
    },
    /// These nodes need not run: their results are known.
    ExecutionCached {
        /// Ids of the nodes.
        nodes: Vec<NodeId>,
        /// The run.
        prompt_id: String,
    },
    /// A node begins; no node means that the run is over, however it went.
    Executing {
        /// The node.
        node: Option<NodeId>,
        /// The node to highlight.
        display_node: Option<NodeId>,
        /// The run.
        prompt_id: String,
    },
    /// A node got further.
    Progress {
        /// Steps done.
        value: u64,
        /// Steps in all.
        max: u64,
        /// The run.
        prompt_id: String,
        /// The node.
        node: NodeId,
    },
    /// The picture as it stands.
    Preview {
        /// The node.
        node: NodeId,
        /// The run.
        prompt_id: String,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// `width · height · 4` bytes: red, green, blue, opacity.
        #[serde(skip)]
        rgba: Vec<u8>,
    },
    /// A node made a file.
    File {
        /// The node.
        node: NodeId,
        /// The run.
        prompt_id: String,
        /// The file.
        #[serde(flatten)]
        file: File,
    },
    /// A node has something to show.
    Executed {
        /// The node.
        node: NodeId,
        /// The node to highlight.
        display_node: NodeId,
        /// What it shows, for example `{images: [{filename, subfolder, type}]}`.
        output: serde_json::Value,
        /// The run.
        prompt_id: String,
    },
    /// All went well.
    ExecutionSuccess {
        /// The run.
        prompt_id: String,
        /// Milliseconds since 1970.
        timestamp: u64,
    },
    /// A node failed, and the run with it.
    ExecutionError {
        /// The run.
        prompt_id: String,
        /// The node.
        node_id: NodeId,
        /// Its class.
        node_type: String,
        /// What went wrong.
        exception_message: String,
        /// Always `TintypeError`; `code` tells causes apart.
        exception_type: &'static str,
        /// Stable name of the cause.
        code: &'static str,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The run was cancelled.
    ExecutionInterrupted {
        /// The run.
        prompt_id: String,
        /// The node that was running, or would have been next.
        node_id: NodeId,
        /// Its class.
        node_type: String,
    },
    /// A model file is on its way.
    ModelProgress {
        /// The file.
        file: String,
        /// Bytes done.
        loaded: u64,
        /// Bytes in all.
        total: u64,
        /// What is being done to it.
        phase: Phase,
    },
    /// Something the person should know, though it is no error.
    Notice {
        /// The node it is about.
        node: Option<NodeId>,
        /// The message.
        message: String,
    },
}

/// What is being done to a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Bytes are fetched.
    Fetch,
    /// Tensors are put where the network wants them.
    Load,
    /// The first run, which prepares the device.
    Warmup,
}

/// A file that a node made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its name.
    pub filename: String,
    /// Folder inside the output folder; empty for the folder itself.
    pub subfolder: String,
    /// For keeping, or only for looking at.
    #[serde(rename = "type")]
    pub place: Place,
    /// For example `image/png`.
    pub mime: String,
    /// Its contents.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Where a file belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It was asked for.
    Output,
    /// It is a preview.
    Temp,
}

impl Event {
    /// The `type` it serialises with.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ExecutionStart { .. } => "execution_start",
            Self::ExecutionCached { .. } => "execution_cached",
            Self::Executing { .. } => "executing",
            Self::Progress { .. } => "progress",
            Self::Preview { .. } => "preview",
            Self::File { .. } => "file",
            Self::Executed { .. } => "executed",
            Self::ExecutionSuccess { .. } => "execution_success",
            Self::ExecutionError { .. } => "execution_error",
            Self::ExecutionInterrupted { .. } => "execution_interrupted",
            Self::ModelProgress { .. } => "model_progress",
            Self::Notice { .. } => "notice",
        }
    }

    /// Moves the bytes out, with the name they have in `data`; none for events without any.
    pub fn take_bytes(&mut self) -> Option<(&'static str, Vec<u8>)> {
        match self {
            Self::Preview { rgba, .. } => Some(("rgba", std::mem::take(rgba))),
            Self::File { file, .. } => Some(("bytes", std::mem::take(&mut file.bytes))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_out_of_the_json() {
        let mut event = Event::File {
            node: "9".into(),
            prompt_id: "p".to_owned(),
            file: File {
                filename: "a.png".to_owned(),
                subfolder: String::new(),
                place: Place::Output,
                mime: "image/png".to_owned(),
                bytes: vec![1, 2, 3],
            },
        };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"type":"file","data":{"node":"9","prompt_id":"p","filename":"a.png","subfolder":"","type":"output","mime":"image/png"}}"#
        );
        assert_eq!(event.take_bytes(), Some(("bytes", vec![1, 2, 3])));
    }

    #[test]
    fn type_and_kind_are_one() {
        let events = [
            Event::ExecutionStart { prompt_id: "p".to_owned(), timestamp: 1 },
            Event::Executing { node: None, display_node: None, prompt_id: "p".to_owned() },
            Event::ModelProgress {
                file: "unet".to_owned(),
                loaded: 1,
                total: 2,
                phase: Phase::Warmup,
            },
            Event::Notice { node: None, message: "m".to_owned() },
        ];
        for event in events {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["type"], event.kind());
        }
    }
}
