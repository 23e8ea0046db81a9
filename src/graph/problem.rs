//! What a check finds wrong with a graph, in the shape of ComfyUI's `node_errors`.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::NodeId;

/// The kinds of problem, named as ComfyUI names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemType {
    /// The graph as a whole cannot be looked at: it is too large.
    InvalidPrompt,
    /// No node of the graph gives a result, or none of those asked for.
    PromptNoOutputs,
    /// There are results to give, and none of them can be made.
    PromptOutputsFailedValidation,
    /// The class is unknown.
    MissingNodeType,
    /// Nothing is given, and there is no default.
    RequiredInputMissing,
    /// A link leads nowhere, or a link is needed and something else is there.
    BadLinkedInput,
    /// A link leads to an output of another kind.
    ReturnTypeMismatch,
    /// A value cannot be read as what the input takes.
    InvalidInputType,
    /// A number is too small.
    ValueSmallerThanMin,
    /// A number is too large.
    ValueBiggerThanMax,
    /// A name is none of those allowed.
    ValueNotInList,
    /// The node itself refuses the value.
    CustomValidationFailed,
    /// Nodes wait for each other.
    DependencyCycle,
    /// An input of a group that the group has not, or a group given as a whole.
    InvalidDynamicInput,
}

impl ProblemType {
    /// Its stable name, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidPrompt => "invalid_prompt",
            Self::PromptNoOutputs => "prompt_no_outputs",
            Self::PromptOutputsFailedValidation => "prompt_outputs_failed_validation",
            Self::MissingNodeType => "missing_node_type",
            Self::RequiredInputMissing => "required_input_missing",
            Self::BadLinkedInput => "bad_linked_input",
            Self::ReturnTypeMismatch => "return_type_mismatch",
            Self::InvalidInputType => "invalid_input_type",
            Self::ValueSmallerThanMin => "value_smaller_than_min",
            Self::ValueBiggerThanMax => "value_bigger_than_max",
            Self::ValueNotInList => "value_not_in_list",
            Self::CustomValidationFailed => "custom_validation_failed",
            Self::DependencyCycle => "dependency_cycle",
            Self::InvalidDynamicInput => "invalid_dynamic_input",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::InvalidPrompt => "the graph is too large",
            Self::PromptNoOutputs => "the graph has no output to run",
            Self::PromptOutputsFailedValidation => "no output of the graph can be run",
            Self::MissingNodeType => "unknown node class",
            Self::RequiredInputMissing => "an input is missing",
            Self::BadLinkedInput => "a link leads nowhere",
            Self::ReturnTypeMismatch => "a link joins two different kinds",
            Self::InvalidInputType => "a value has the wrong type",
            Self::ValueSmallerThanMin => "a number is too small",
            Self::ValueBiggerThanMax => "a number is too large",
            Self::ValueNotInList => "a name is not in its list",
            Self::CustomValidationFailed => "a value does not suit the node",
            Self::DependencyCycle => "nodes wait for each other",
            Self::InvalidDynamicInput => "an input is not one of its group",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// What kind of thing.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// The kind in words.
    pub message: &'static str,
    /// What exactly, and how to fix it.
    pub details: String,
    /// The same for programs: `input_name`, `received_value` and so on.
    // Boxed, so that a problem is small enough to be an error.
    pub extra_info: Box<Map<String, Json>>,
}

impl Problem {
    /// A problem with these details.
    pub fn new(kind: ProblemType, details: impl Into<String>) -> Self {
        let extra_info = Box::default();
        Self { kind, message: kind.message(), details: details.into(), extra_info }
    }

    /// The same problem with one more entry of `extra_info`.
    #[must_use]
    pub fn info(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.extra_info.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.details)
    }
}

/// Everything wrong with one node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeError {
    /// The problems, in the order of the inputs.
    pub errors: Vec<Problem>,
    /// Output nodes that cannot be run because of it.
    pub dependent_outputs: Vec<NodeId>,
    /// The node's class.
    pub class_type: String,
}

/// Everything wrong with a graph, by node, in the order of the graph.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeErrors(Vec<(NodeId, NodeError)>);

impl NodeErrors {
    /// True if nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with the node of this id.
    pub fn get(&self, id: &str) -> Option<&NodeError> {
        self.0.iter().find(|(node, _)| node.as_str() == id).map(|(_, error)| error)
    }

    /// All nodes with which something is wrong.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeId, &NodeError)> {
        self.0.iter().map(|(id, error)| (id, error))
    }
}

impl FromIterator<(NodeId, NodeError)> for NodeErrors {
    fn from_iter<I: IntoIterator<Item = (NodeId, NodeError)>>(errors: I) -> Self {
        Self(errors.into_iter().collect())
    }
}

impl Serialize for NodeErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Why a graph was not run at all; ComfyUI's answer to such a prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refusal {
    /// The reason.
    pub error: Problem,
    /// What is wrong with which node.
    pub node_errors: NodeErrors,
}

impl Refusal {
    /// A refusal for a reason that lies with no single node.
    pub fn whole(kind: ProblemType, details: impl Into<String>) -> Self {
        Self { error: Problem::new(kind, details), node_errors: NodeErrors::default() }
    }

    /// The stable name of the reason, for programs.
    pub fn code(&self) -> &'static str {
        self.error.kind.code()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_the_type_it_serialises_with() {
        for kind in [
            ProblemType::InvalidPrompt,
            ProblemType::PromptNoOutputs,
            ProblemType::PromptOutputsFailedValidation,
            ProblemType::MissingNodeType,
            ProblemType::RequiredInputMissing,
            ProblemType::BadLinkedInput,
            ProblemType::ReturnTypeMismatch,
            ProblemType::InvalidInputType,
            ProblemType::ValueSmallerThanMin,
            ProblemType::ValueBiggerThanMax,
            ProblemType::ValueNotInList,
            ProblemType::CustomValidationFailed,
            ProblemType::DependencyCycle,
            ProblemType::InvalidDynamicInput,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
    }
}
