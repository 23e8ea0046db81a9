//! App mode: which widgets and results of a graph a simple view of it shows.

use serde_json::{Value as Json, json};

use super::parse::{id_text, list};
use crate::graph::NodeId;

/// What a simple view of a graph shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct App {
    /// Inputs to ask for: the node and the name of the input, in order.
    pub inputs: Vec<(NodeId, String)>,
    /// Nodes whose results are shown.
    pub outputs: Vec<NodeId>,
    /// True if the file opens as the simple view at first.
    pub first: bool,
}

impl App {
    /// What a workflow's `extra` says of it; `None` if nothing.
    pub fn from_workflow(workflow: &Json) -> Option<Self> {
        let extra = workflow.get("extra")?;
        let data = extra.get("linearData")?;
        let inputs = list(data.get("inputs")).iter();
        let outputs = list(data.get("outputs")).iter();
        Some(Self {
            inputs: inputs
                .filter_map(|input| {
                    let name = input.get(1)?.as_str()?;
                    Some((id_text(input.get(0)?)?.into(), name.to_owned()))
                })
                .collect(),
            outputs: outputs.filter_map(|id| Some(id_text(id)?.into())).collect(),
            first: extra.get("linearMode").and_then(Json::as_bool).unwrap_or(false),
        })
    }

    /// Writes it into a workflow.
    pub fn write_into(&self, workflow: &mut Json) {
        let Json::Object(fields) = workflow else { return };
        let extra = fields.entry("extra").or_insert(Json::Null);
        if !extra.is_object() {
            *extra = json!({});
        }
        extra["linearMode"] = json!(self.first);
        extra["linearData"] = json!({ "inputs": self.inputs, "outputs": self.outputs });
    }
}
