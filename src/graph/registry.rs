//! The classes a graph may name.

use std::collections::HashMap;
use std::rc::Rc;

use super::node::Node;
use super::schema::{ChoiceSource, Schema};

/// The known classes, in the order they were first registered.
///
/// A class registered again replaces the earlier one from then on. Cloning copies references.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Vec<Entry>,
    by_class: HashMap<&'static str, usize>,
}

/// A class and how often it was replaced.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) node: Rc<dyn Node>,
    /// Part of every cache key: what an earlier class of the same name made is not this one's.
    pub(crate) generation: u32,
}

impl Registry {
    /// A registry without classes.
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry of constant lists, one a family.
    pub fn from_static(families: &[&[&'static dyn Node]]) -> Self {
        let mut registry = Self::new();
        for &node in families.iter().copied().flatten() {
            registry.register(Rc::new(node));
        }
        registry
    }

    /// Adds a class, in place of one of the same name.
    pub fn register(&mut self, node: Rc<dyn Node>) {
        let class_type = node.schema().class_type;
        if let Some(&at) = self.by_class.get(class_type) {
            let generation = self.entries[at].generation + 1;
            self.entries[at] = Entry { node, generation };
        } else {
            self.by_class.insert(class_type, self.entries.len());
            self.entries.push(Entry { node, generation: 0 });
        }
    }

    /// The class of this name.
    pub fn get(&self, class_type: &str) -> Option<&dyn Node> {
        self.entry(class_type).map(|entry| &*entry.node)
    }

    /// What all classes say about themselves, in order.
    pub fn schemas(&self) -> impl Iterator<Item = &'static Schema> {
        self.entries.iter().map(|entry| entry.node.schema())
    }

    /// All classes in the shape of ComfyUI's `object_info`.
    pub fn object_info(&self, choices: &dyn ChoiceSource) -> serde_json::Value {
        super::object_info::object_info(self.schemas(), choices)
    }

    pub(crate) fn entry(&self, class_type: &str) -> Option<&Entry> {
        self.by_class.get(class_type).map(|&at| &self.entries[at])
    }
}
