//! A UI file's JSON as plain lists: nodes, links, and the borders of subgraphs.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::super::{MAX_NODES, bad, kind};
use crate::error::Result;

/// Links from here come from outside a subgraph.
pub(super) const INPUT_NODE: &str = "-10";
/// Links to here leave a subgraph.
pub(super) const OUTPUT_NODE: &str = "-20";

/// A canvas: the whole file, or one subgraph's definition.
#[derive(Default)]
pub(super) struct Sheet<'a> {
    pub(super) name: String,
    pub(super) nodes: Vec<Node<'a>>,
    /// Where each link comes from, by its id.
    pub(super) links: HashMap<String, Origin>,
    /// Names of what a subgraph takes.
    pub(super) inputs: Vec<String>,
    /// Links to what a subgraph gives, by slot.
    pub(super) outputs: HashMap<usize, String>,
    index: HashMap<String, usize>,
}

/// An output of a node of the same sheet.
pub(super) struct Origin {
    pub(super) node: String,
    pub(super) slot: usize,
}

pub(super) struct Node<'a> {
    pub(super) id: String,
    pub(super) class: &'a str,
    pub(super) title: Option<&'a str>,
    pub(super) mode: Mode,
    pub(super) inputs: Vec<Slot<'a>>,
    /// Kinds of its outputs.
    pub(super) outputs: Vec<&'a str>,
    pub(super) values: &'a Json,
    pub(super) properties: &'a Json,
}

/// Whether a node takes part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Active,
    Muted,
    Bypassed,
}

/// A place of a node where a link may end.
pub(super) struct Slot<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) link: Option<String>,
    /// True if it is a widget that a link may stand in for.
    pub(super) widget: bool,
}

impl<'a> Sheet<'a> {
    pub(super) fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// Reads `nodes`, `links`, `inputs` of a file or of a definition.
    pub(super) fn read(name: &str, json: &'a Map<String, Json>) -> Result<Self> {
        let mut sheet = Self::named(name.to_owned());
        let Some(Json::Array(nodes)) = json.get("nodes") else {
            return Err(bad(format!("`nodes` of {name} is no list")));
        };
        if nodes.len() > MAX_NODES {
            let count = nodes.len();
            return Err(bad(format!("{name} has {count} nodes, expected at most {MAX_NODES}")));
        }
        for node in nodes {
            sheet.add(Node::read(node)?)?;
        }
        for link in list(json.get("links")) {
            sheet.add_link(link);
        }
        let inputs = list(json.get("inputs")).iter();
        sheet.inputs = inputs.map(|port| text(port, "name").to_owned()).collect();
        Ok(sheet)
    }

    pub(super) fn add(&mut self, node: Node<'a>) -> Result<()> {
        if self.index.insert(node.id.clone(), self.nodes.len()).is_some() {
            return Err(bad(format!("two nodes of {} have the id `{}`", self.name, node.id)));
        }
        self.nodes.push(node);
        Ok(())
    }

    pub(super) fn node(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// A link in either shape; one that makes no sense is as good as absent, which its end will notice.
    fn add_link(&mut self, link: &Json) {
        let field = |at: usize, name: &str| link.get(at).or_else(|| link.get(name));
        let slot = |json: Option<&Json>| json.and_then(Json::as_u64)?.try_into().ok();
        let (Some(id), Some(node), Some(slot_from)) = (
            field(0, "id").and_then(id_text),
            field(1, "origin_id").and_then(id_text),
            slot(field(2, "origin_slot")),
        ) else {
            return;
        };
        let target = field(3, "target_id").and_then(id_text);
        if target.as_deref() == Some(OUTPUT_NODE)
            && let Some(slot_to) = slot(field(4, "target_slot"))
        {
            self.outputs.insert(slot_to, id.clone());
        }
        self.links.insert(id, Origin { node, slot: slot_from });
    }
}

impl<'a> Node<'a> {
    fn read(json: &'a Json) -> Result<Self> {
        let Json::Object(fields) = json else {
            return Err(bad(format!("a node is {}, expected an object", kind(json))));
        };
        let id = fields.get("id").and_then(id_text);
        Self::with_id(id.ok_or_else(|| bad("a node has no `id`"))?, json)
    }

    /// A node whose id is not its own affair.
    pub(super) fn with_id(id: String, json: &'a Json) -> Result<Self> {
        let Some(Json::String(class)) = json.get("type") else {
            return Err(bad(format!("node `{id}` has no `type`")));
        };
        Ok(Self {
            id,
            class,
            title: Some(text(json, "title")).filter(|title| !title.is_empty()),
            mode: match json.get("mode").and_then(Json::as_u64) {
                Some(2) => Mode::Muted,
                Some(4) => Mode::Bypassed,
                _ => Mode::Active,
            },
            inputs: list(json.get("inputs")).iter().map(Slot::read).collect(),
            outputs: list(json.get("outputs")).iter().map(|output| text(output, "type")).collect(),
            values: json.get("widgets_values").unwrap_or(&Json::Null),
            properties: json.get("properties").unwrap_or(&Json::Null),
        })
    }

    /// Name for messages.
    pub(super) fn label(&self) -> String {
        match self.title {
            Some(title) if title != self.class => {
                format!("node {} ({}, `{title}`)", self.id, self.class)
            }
            _ => format!("node {} ({})", self.id, self.class),
        }
    }

    /// True if it is only there for the person at the canvas.
    pub(super) fn is_note(&self) -> bool {
        matches!(self.class, "Note" | "MarkdownNote")
    }

    /// True if no server ever sees it.
    pub(super) fn is_virtual(&self) -> bool {
        self.is_note() || matches!(self.class, "Reroute" | "PrimitiveNode")
    }

    /// The first of its values.
    pub(super) fn first_value(&self) -> Option<&'a Json> {
        match self.values {
            Json::Array(values) => values.first(),
            Json::Object(values) => values.values().next(),
            _ => None,
        }
    }
}

impl<'a> Slot<'a> {
    fn read(json: &'a Json) -> Self {
        let widget = json.get("widget");
        let name = match widget.map_or("", |widget| text(widget, "name")) {
            "" => text(json, "name"),
            name => name,
        };
        Self {
            name,
            kind: text(json, "type"),
            link: json.get("link").and_then(id_text),
            widget: widget.is_some_and(Json::is_object),
        }
    }
}

/// Numbers and texts alike; `3.0` is 3.
pub(super) fn id_text(json: &Json) -> Option<String> {
    match json {
        Json::String(id) => Some(id.clone()),
        Json::Number(id) => match id.as_f64() {
            Some(x) if !id.is_i64() && !id.is_u64() => {
                (x.fract() == 0.0 && x.abs() < 1e15).then(|| (x as i64).to_string())
            }
            _ => Some(id.to_string()),
        },
        _ => None,
    }
}

pub(super) fn list(json: Option<&Json>) -> &[Json] {
    json.and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// A text of an object; `*`, which is any kind, stands as well for kinds that old files write as lists.
pub(super) fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    match json.get(name) {
        Some(Json::String(text)) => text,
        Some(_) if name == "type" => "*",
        _ => "",
    }
}
