//! Graphs of nodes: data, checks, order, cache and the run.
//!
//! A [`Graph`] is ComfyUI's: nodes by id, each with a class and with inputs that are literals or links.
//! What a class is, [`schema`] and [`node`] say. [`Executor`] checks a graph, plans it, runs what the
//! cache does not hold and tells the host by [`Event`]s. Nothing here knows of models, images or
//! JavaScript: the tests of this module run arithmetic, and that is all it takes.
//!
//! Start reading at [`run`]; [`validate`], [`plan`] and [`cache`] each answer one question of it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use serde::{Serialize, Serializer};

pub mod cache;
mod coerce;
mod dynamic;
pub mod event;
mod function;
pub mod inputs;
pub mod node;
mod object_info;
pub mod plan;
pub mod problem;
pub mod registry;
pub mod run;
pub mod schema;
#[cfg(test)]
mod tests;
pub mod validate;
pub mod value;

pub use dynamic::{Slot, expand};
pub use event::Event;
pub use function::Function;
pub use inputs::Inputs;
pub use node::{Complaint, Context, Host, Node, Outputs, RunOptions};
pub use problem::{NodeErrors, Refusal};
pub use registry::Registry;
pub use run::{Executor, RunError, RunReport};
pub use schema::{Branch, ChoiceSource, Choices, Input, Names, NoFolders, Output, Schema, Type};
pub use value::{Kind, Object, Value};

/// The name of a node in its graph: any text, in the wild mostly numbers, `57:8` inside a subgraph.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Rc<str>);

impl NodeId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for NodeId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl Borrow<str> for NodeId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Nodes by id, in the order they were added.
///
/// The order has no meaning for a run's result; it decides between nodes that could run next, and a
/// file is written back in the order it was read.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<(NodeId, NodeSpec)>,
    index: HashMap<NodeId, usize>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node, or replaces the one of this id where it stands.
    pub fn insert(&mut self, id: impl Into<NodeId>, spec: NodeSpec) {
        let id = id.into();
        if let Some(&at) = self.index.get(&id) {
            self.nodes[at].1 = spec;
        } else {
            self.index.insert(id.clone(), self.nodes.len());
            self.nodes.push((id, spec));
        }
    }

    /// The same graph with one more node.
    #[must_use]
    pub fn with(mut self, id: impl Into<NodeId>, spec: NodeSpec) -> Self {
        self.insert(id, spec);
        self
    }

    /// The node of this id.
    pub fn get(&self, id: &str) -> Option<&NodeSpec> {
        self.position(id).map(|at| &self.nodes[at].1)
    }

    /// The node of this id, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut NodeSpec> {
        self.position(id).map(|at| &mut self.nodes[at].1)
    }

    /// All nodes, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&NodeId, &NodeSpec)> {
        self.nodes.iter().map(|(id, spec)| (id, spec))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Place of the node of this id in the order.
    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The node at this place of the order.
    pub(crate) fn at(&self, position: usize) -> (&NodeId, &NodeSpec) {
        let (id, spec) = &self.nodes[position];
        (id, spec)
    }
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
    }
}

/// One node as the graph has it: its class, and what its inputs are given.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeSpec {
    /// Name of its class, for example `KSampler`.
    pub class_type: String,
    /// What each input is given, in the order of the file.
    pub inputs: Vec<(String, InputValue)>,
    /// The person's own name for it; only shown in messages.
    pub title: Option<String>,
    /// Where its class or its files can be had, in words; shown where they are missing.
    pub source: Option<String>,
}

impl NodeSpec {
    /// A node of this class without inputs.
    pub fn new(class_type: impl Into<String>) -> Self {
        Self { class_type: class_type.into(), inputs: Vec::new(), title: None, source: None }
    }

    /// Gives the input `name` a value or a link, in place of what it was given before.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<InputValue>) {
        let (name, value) = (name.into(), value.into());
        match self.inputs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.inputs.push((name, value)),
        }
    }

    /// The same node with the input `name` given `value`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<InputValue>) -> Self {
        self.set(name, value);
        self
    }

    /// The same node with the input `name` linked to an output of another one.
    #[must_use]
    pub fn linked(self, name: impl Into<String>, node: impl Into<NodeId>, output: usize) -> Self {
        self.with(name, InputValue::Link { node: node.into(), output })
    }

    /// The same node with a title.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// What the input `name` is given.
    pub fn input(&self, name: &str) -> Option<&InputValue> {
        self.inputs.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// What an input is given.
#[derive(Debug, Clone, PartialEq)]
pub enum InputValue {
    /// Something written down.
    Literal(Literal),
    /// An output of another node.
    Link {
        /// Id of that node.
        node: NodeId,
        /// Which of its outputs, from 0.
        output: usize,
    },
    /// A list that looks like a link but is none; kept so that validation can say so, and where.
    BadLink(serde_json::Value),
}

/// Something written in a graph.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A whole number.
    Int(i128),
    /// A number with a point or an exponent.
    Float(f64),
    /// Text.
    String(String),
    /// Yes or no.
    Boolean(bool),
    /// A list, an object or null.
    Json(serde_json::Value),
}

impl Literal {
    /// True if it is JSON's `null`, which means that nothing was given.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Json(serde_json::Value::Null))
    }

    /// The literal as JSON; `None` for a number that JSON cannot write.
    pub fn to_json(&self) -> Option<serde_json::Value> {
        Value::from(self.clone()).to_json()
    }
}

impl From<serde_json::Value> for Literal {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Bool(yes) => Self::Boolean(yes),
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Number(number) => match number.as_i128() {
                Some(n) => Self::Int(n),
                // Without arbitrary precision a number is one of u64, i64 and f64.
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            json => Self::Json(json),
        }
    }
}

impl<T: Into<Literal>> From<T> for InputValue {
    fn from(literal: T) -> Self {
        Self::Literal(literal.into())
    }
}

impl From<i64> for Literal {
    fn from(n: i64) -> Self {
        Self::Int(n.into())
    }
}

impl From<u64> for Literal {
    fn from(n: u64) -> Self {
        Self::Int(n.into())
    }
}

impl From<f64> for Literal {
    fn from(x: f64) -> Self {
        Self::Float(x)
    }
}

impl From<bool> for Literal {
    fn from(yes: bool) -> Self {
        Self::Boolean(yes)
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Literal {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}
