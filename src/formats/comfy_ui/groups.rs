//! Group nodes, which were there before subgraphs: `workflow/NAME`, defined in `extra.groupNodes`.
//!
//! A definition becomes a [`Sheet`] with the borders of a subgraph. What it takes are the inputs, what it
//! gives the outputs that no link inside ends at or starts from, in the order of its nodes.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::super::bad;
use super::parse::{INPUT_NODE, Node, Origin, Sheet, Slot, list};
use super::widgets::{Values, each_widget};
use crate::error::Result;
use crate::graph::Registry;

/// The canvas inside a group node.
pub(super) fn sheet<'a>(name: &str, json: &'a Json) -> Result<Sheet<'a>> {
    let mut sheet = Sheet::named(format!("group node `{name}`"));
    let Some(Json::Array(nodes)) = json.get("nodes") else {
        return Err(bad(format!("`nodes` of {} is no list", sheet.name)));
    };
    let mut nodes = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| Node::with_id(at.to_string(), node))
        .collect::<Result<Vec<_>>>()?;
    for slot in nodes.iter_mut().flat_map(|node| &mut node.inputs) {
        slot.link = None;
    }
    let mut used = HashSet::new();
    for (at, link) in list(json.get("links")).iter().enumerate() {
        let (Some(from), Some(slot), Some(to), Some(to_slot)) =
            (place(link, 0), place(link, 1), place(link, 2), place(link, 3))
        else {
            continue;
        };
        if let Some(end) = nodes.get_mut(to).and_then(|node| node.inputs.get_mut(to_slot)) {
            end.link = Some(at.to_string());
            used.insert((from, slot));
            sheet.links.insert(at.to_string(), Origin { node: from.to_string(), slot });
        }
    }
    for link in list(json.get("external")) {
        if let (Some(at), Some(slot)) = (place(link, 0), place(link, 1)) {
            used.remove(&(at, slot));
        }
    }
    for (at, node) in nodes.iter_mut().enumerate() {
        for slot in node.inputs.iter_mut().filter(|slot| slot.link.is_none()) {
            let port = sheet.inputs.len();
            let link = format!("in {port}");
            sheet.links.insert(link.clone(), Origin { node: INPUT_NODE.to_owned(), slot: port });
            sheet.inputs.push(slot.name.to_owned());
            slot.link = Some(link);
        }
        for slot in 0..node.outputs.len() {
            if !used.contains(&(at, slot)) && is_visible(json, at, "output", &slot.to_string()) {
                let link = format!("out {}", sheet.outputs.len());
                sheet.links.insert(link.clone(), Origin { node: at.to_string(), slot });
                sheet.outputs.insert(sheet.outputs.len(), link);
            }
        }
    }
    for node in nodes {
        sheet.add(node)?;
    }
    Ok(sheet)
}

/// Which value of a group node belongs to which widget inside.
pub(super) fn values<'a>(
    sheet: &Sheet<'a>,
    json: &Json,
    values: &'a Json,
    registry: &Registry,
) -> Vec<(String, String, &'a Json)> {
    let mut values = Values(values.as_array().map_or(&[], Vec::as_slice));
    let mut named = Vec::new();
    for (at, node) in sheet.nodes.iter().enumerate() {
        let Some(class) = registry.get(node.class) else { continue };
        each_widget(class.schema(), &mut |name, input| {
            let is_linked = |slot: &Slot<'_>| {
                let origin = slot.link.as_ref().and_then(|link| sheet.links.get(link));
                slot.name == name && origin.is_some_and(|origin| origin.node != INPUT_NODE)
            };
            if node.inputs.iter().any(is_linked) || !is_visible(json, at, "input", &name) {
                return None;
            }
            let value = values.next(input)?;
            named.push((node.id.clone(), name, value));
            value.as_str().map(str::to_owned)
        });
    }
    named
}

fn place(json: &Json, field: usize) -> Option<usize> {
    json.get(field)?.as_u64()?.try_into().ok()
}

fn is_visible(json: &Json, node: usize, side: &str, name: &str) -> bool {
    let config = json.get("config").and_then(|config| config.get(node.to_string()));
    let item = config.and_then(|config| config.get(side)).and_then(|side| side.get(name));
    item.and_then(|item| item.get("visible")) != Some(&Json::Bool(false))
}
