//! ComfyUI's UI format, schema 0.4: what its editor opens, and what travels in a picture as `workflow`.
//!
//! Written here from a [`Graph`], with positions, sizes and widget values in the order ComfyUI's editor
//! reads them, so that a picture made without an editor opens in one.
//!
//! # Source
//!
//! <https://docs.comfy.org/specs/workflow_json>

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::comfy_api::json_from_input;
use crate::graph::{Graph, Input, InputValue, NodeId, NodeSpec, Registry, Schema, Type};

/// Width of a node, and the room between two columns, on the canvas.
const NODE_WIDTH: usize = 320;
const GAP: usize = 60;

/// The UI form of a graph, laid out in columns from loaders to outputs.
///
/// A class that is not in `registry` gets its links and no widgets, in the order of its inputs.
pub fn workflow_from_graph(graph: &Graph, registry: &Registry) -> Json {
    let mut links: Vec<Json> = Vec::new();
    let mut outgoing: BTreeMap<(NodeId, usize), Vec<usize>> = BTreeMap::new();
    let mut incoming: BTreeMap<(NodeId, String), usize> = BTreeMap::new();
    for (id, node) in graph.iter() {
        let schema = registry.get(&node.class_type).map(|known| known.schema());
        for (slot, (name, source)) in connectable(node, schema).into_iter().enumerate() {
            let Some(InputValue::Link { node: from, output }) = source else { continue };
            let link = links.len() + 1;
            let kind = output_kind(graph, registry, from, *output);
            links.push(json!([link, json_id(from), output, json_id(id), slot, kind]));
            outgoing.entry((from.clone(), *output)).or_default().push(link);
            incoming.insert((id.clone(), name.to_owned()), link);
        }
    }
    let columns = columns(graph);
    let mut heights: BTreeMap<usize, usize> = BTreeMap::new();
    let mut nodes = Vec::new();
    for (order, (id, node)) in graph.iter().enumerate() {
        let schema = registry.get(&node.class_type).map(|known| known.schema());
        let inputs: Vec<Json> = connectable(node, schema)
            .into_iter()
            .map(|(name, _)| input_json(name, schema, incoming.get(&(id.clone(), name.to_owned()))))
            .collect();
        let outputs: Vec<Json> = schema.map_or(&[][..], |schema| schema.outputs).iter().enumerate()
            .map(|(slot, output)| {
                let links = outgoing.get(&(id.clone(), slot));
                json!({ "name": output.name, "type": output.kind.name(), "links": links, "slot_index": slot })
            })
            .collect();
        let widgets = schema.map(|schema| widget_values(node, schema)).unwrap_or_default();
        let column = columns.get(id).copied().unwrap_or(0);
        let height = 50 + 26 * (inputs.len().max(outputs.len()) + widgets.len());
        let top = heights.entry(column).or_insert(GAP);
        let position = [GAP + column * (NODE_WIDTH + GAP), *top];
        *top += height + GAP;
        nodes.push(json!({
            "id": json_id(id),
            "type": node.class_type,
            "pos": position,
            "size": [NODE_WIDTH, height],
            "flags": {},
            "order": order,
            "mode": 0,
            "inputs": inputs,
            "outputs": outputs,
            "title": node.title,
            "properties": { "Node name for S&R": node.class_type },
            "widgets_values": widgets,
        }));
        if node.title.is_none()
            && let Some(fields) = nodes.last_mut().and_then(Json::as_object_mut)
        {
            fields.remove("title");
        }
    }
    let last_node = graph.iter().filter_map(|(id, _)| id.as_str().parse::<u64>().ok()).max();
    json!({
        "last_node_id": last_node.unwrap_or(0),
        "last_link_id": links.len(),
        "nodes": nodes,
        "links": links,
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    })
}

/// Numbers where they are numbers, as the editor makes them.
fn json_id(id: &NodeId) -> Json {
    id.as_str().parse::<u64>().map_or_else(|_| json!(id.as_str()), |number| json!(number))
}

/// Inputs that have a place to connect: those only a node can give, and widgets that a node gives.
fn connectable<'a>(
    node: &'a NodeSpec,
    schema: Option<&'static Schema>,
) -> Vec<(&'a str, Option<&'a InputValue>)> {
    let linked = |value: &InputValue| matches!(value, InputValue::Link { .. });
    match schema {
        Some(schema) => schema
            .inputs
            .iter()
            .map(|input| (input, node.input(input.name)))
            .filter(|(input, value)| matches!(input.ty, Type::Link(_)) || value.is_some_and(linked))
            .map(|(input, value)| (input.name, value))
            .collect(),
        None => {
            let links = node.inputs.iter().filter(|(_, value)| linked(value));
            links.map(|(name, value)| (name.as_str(), Some(value))).collect()
        }
    }
}

fn input_json(name: &str, schema: Option<&'static Schema>, link: Option<&usize>) -> Json {
    let input = schema.and_then(|schema| schema.input(name));
    let kind = input.map_or("*", |input| input.ty.kind().name());
    let mut json = json!({ "name": name, "type": kind, "link": link });
    if input.is_some_and(|input| !matches!(input.ty, Type::Link(_))) {
        json["widget"] = json!({ "name": name });
    }
    json
}

fn output_kind(graph: &Graph, registry: &Registry, from: &NodeId, output: usize) -> &'static str {
    let class = graph.get(from.as_str()).and_then(|node| registry.get(&node.class_type));
    let output = class.and_then(|class| class.schema().outputs.get(output));
    output.map_or("*", |output| output.kind.name())
}

/// Values by position: required widgets, then optional ones, with the extra values ComfyUI's editor
/// keeps behind a seed and an upload.
fn widget_values(node: &NodeSpec, schema: &'static Schema) -> Vec<Json> {
    let mut values = Vec::new();
    let (required, optional): (Vec<&Input>, Vec<&Input>) =
        schema.inputs.iter().partition(|input| input.required);
    for input in required.into_iter().chain(optional) {
        let extra = match input.ty {
            Type::Link(_) | Type::Grow { .. } => continue,
            Type::Int { control_after_generate: true, .. } => Some("fixed"),
            Type::Combo { image_upload: true, .. } => Some("image"),
            _ => None,
        };
        values.push(match node.input(input.name) {
            Some(value @ InputValue::Literal(_)) => json_from_input(value),
            // A linked widget keeps its place; what stands there is not used.
            _ => default_value(input),
        });
        values.extend(extra.map(Json::from));
    }
    values
}

fn default_value(input: &Input) -> Json {
    match input.ty {
        Type::Int { default, .. } => i64::try_from(default).map_or(Json::Null, Json::from),
        Type::Float { default, .. } => json!(default),
        Type::String { default, .. } | Type::Combo { default, .. } => json!(default.unwrap_or("")),
        Type::Boolean { default } => json!(default),
        Type::Branches(branches) => json!(branches.first().map(|branch| branch.key)),
        Type::Link(_) | Type::Grow { .. } => Json::Null,
    }
}

/// The column of each node: one right of the rightmost node it takes from. A cycle ends the count.
fn columns(graph: &Graph) -> BTreeMap<NodeId, usize> {
    let mut columns: BTreeMap<NodeId, usize> =
        graph.iter().map(|(id, _)| (id.clone(), 0)).collect();
    for _ in 0..graph.len() {
        let mut changed = false;
        for (id, node) in graph.iter() {
            let sources = node.inputs.iter().filter_map(|(_, value)| match value {
                InputValue::Link { node, .. } => columns.get(node).map(|column| column + 1),
                _ => None,
            });
            let column = sources.max().unwrap_or(0);
            changed |= columns.insert(id.clone(), column) != Some(column);
        }
        if !changed {
            break;
        }
    }
    columns
}
