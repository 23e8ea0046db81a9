//! What the engine tells its host while it runs: ComfyUI's events, by name and payload.
//!
//! An [`Event`] serialises as `{type, data}` without its bytes; [`Event::take_bytes`] moves those out,
//! so that a picture is not turned into a list of numbers on its way. A `file` comes before the
//! `executed` that names it.

use serde::{Serialize, Serializer};

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
    /// Where these nodes are: at first all that are to run, later those of which something changed.
    ProgressState {
        /// The run.
        prompt_id: String,
        /// The nodes.
        nodes: ProgressStates,
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
        /// The nodes that ran before.
        executed: Vec<NodeId>,
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
        /// The nodes that ran before.
        executed: Vec<NodeId>,
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

/// Where nodes are; serialises as a map by node.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgressStates(pub Vec<NodeProgress>);

impl Serialize for ProgressStates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|node| (&node.node_id, node)))
    }
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeProgress {
    /// Whether it runs.
    pub state: State,
    /// Steps done.
    pub value: u64,
    /// Steps in all.
    pub max: u64,
    /// The node.
    pub node_id: NodeId,
    /// The node to highlight.
    pub display_node_id: NodeId,
    /// The subgraph it is in: `57` for `57:8`.
    pub parent_node_id: Option<NodeId>,
    /// The node in the graph that was given.
    pub real_node_id: NodeId,
}

impl NodeProgress {
    /// A node in this state, of one step.
    pub fn new(id: &NodeId, state: State) -> Self {
        Self {
            state,
            value: u64::from(state == State::Finished),
            max: 1,
            node_id: id.clone(),
            display_node_id: id.clone(),
            parent_node_id: id.as_str().rsplit_once(':').map(|(parent, _)| parent.into()),
            real_node_id: id.clone(),
        }
    }
}

/// Whether a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not yet.
    Pending,
    /// Now.
    Running,
    /// It did, or its result was known.
    Finished,
    /// It failed.
    Error,
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
            Self::ProgressState { .. } => "progress_state",
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
    fn progress_is_a_map_and_knows_the_subgraph() {
        let (inner, outer) = (NodeId::from("57:3:2"), NodeId::from("9"));
        let nodes =
            [NodeProgress::new(&inner, State::Running), NodeProgress::new(&outer, State::Error)];
        let event =
            Event::ProgressState { prompt_id: "p".to_owned(), nodes: ProgressStates(nodes.into()) };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(
            json["data"]["nodes"]["57:3:2"],
            serde_json::json!({
                "state": "running", "value": 0, "max": 1, "node_id": "57:3:2",
                "display_node_id": "57:3:2", "parent_node_id": "57:3", "real_node_id": "57:3:2",
            })
        );
        assert_eq!(json["data"]["nodes"]["9"]["parent_node_id"], serde_json::Value::Null);
        assert_eq!(json["data"]["nodes"]["9"]["state"], "error");
    }

    #[test]
    fn type_and_kind_are_one() {
        let events = [
            Event::ProgressState { prompt_id: "p".to_owned(), nodes: ProgressStates(Vec::new()) },
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
