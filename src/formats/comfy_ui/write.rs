//! From a [`Graph`] to a UI workflow, schema 0.4.
//!
//! With positions, sizes and widget values in the order ComfyUI's editor reads them, so that a picture
//! made without an editor opens in one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::widgets::{each_widget, is_controlled, uploads};
use crate::graph::{
    Graph, Input, InputValue, Literal, NodeId, NodeSpec, Registry, Schema, Type, expand,
};

/// Width of a node, and the room between two columns, on the canvas.
const NODE_WIDTH: usize = 320;
const GAP: usize = 60;
/// A link to an output beyond this is a mistake, and not drawn as one of a node's outputs.
const MAX_OUTPUT: usize = 255;

/// The UI form of a graph, laid out in columns from loaders to outputs.
///
/// A class that is not in `registry` gets its links and values in the order of its inputs.
pub fn workflow_from_graph(graph: &Graph, registry: &Registry) -> Json {
    let mut links: Vec<Json> = Vec::new();
    let mut outgoing: BTreeMap<(NodeId, usize), Vec<usize>> = BTreeMap::new();
    let mut incoming: BTreeMap<(NodeId, String), usize> = BTreeMap::new();
    for (id, node) in graph.iter() {
        let schema = registry.get(&node.class_type).map(|known| known.schema());
        for (slot, place) in connectable(node, schema).into_iter().enumerate() {
            let Some(InputValue::Link { node: from, output }) = place.value else { continue };
            let link = links.len() + 1;
            let kind = output_kind(graph, registry, from, *output);
            links.push(json!([link, json_id(from), output, json_id(id), slot, kind]));
            outgoing.entry((from.clone(), *output)).or_default().push(link);
            incoming.insert((id.clone(), place.name.into_owned()), link);
        }
    }
    let columns = columns(graph);
    let mut heights: BTreeMap<usize, usize> = BTreeMap::new();
    let mut nodes = Vec::new();
    for (order, (id, node)) in graph.iter().enumerate() {
        let schema = registry.get(&node.class_type).map(|known| known.schema());
        let inputs: Vec<Json> = connectable(node, schema)
            .iter()
            .map(|place| {
                input_json(place, incoming.get(&(id.clone(), place.name.clone().into_owned())))
            })
            .collect();
        let outputs = outputs_json(id, schema, &outgoing);
        let widgets = widget_values(node, schema);
        let column = columns[order];
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
    let last_node = graph.iter().filter_map(|(id, _)| number(id)).max();
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
    number(id).map_or_else(|| json!(id.as_str()), |number| json!(number))
}

/// The number that an id is. `05` and `+5` are none: `5` may be another node.
fn number(id: &NodeId) -> Option<u64> {
    id.as_str().parse::<u64>().ok().filter(|number| number.to_string() == id.as_str())
}

/// A place to connect, and what stands there.
struct Place<'a> {
    name: Cow<'a, str>,
    input: Option<&'static Input>,
    value: Option<&'a InputValue>,
}

/// Inputs that have a place to connect: those only a node can give, and widgets that a node gives.
fn connectable<'a>(node: &'a NodeSpec, schema: Option<&'static Schema>) -> Vec<Place<'a>> {
    match schema {
        Some(schema) => expand(schema.inputs, node)
            .0
            .into_iter()
            .map(|slot| {
                let value = node.input(&slot.name);
                Place { name: slot.name, input: Some(slot.input), value }
            })
            .filter(|place| {
                place.input.is_some_and(|input| !input.is_widget())
                    || place.value.is_some_and(is_link)
            })
            .collect(),
        // The names of its widgets travel as those of inputs.
        None => {
            let place = |(name, value): &'a (String, InputValue)| Place {
                name: name.as_str().into(),
                input: None,
                value: Some(value),
            };
            node.inputs.iter().map(place).collect()
        }
    }
}

fn is_link(value: &InputValue) -> bool {
    matches!(value, InputValue::Link { .. })
}

fn input_json(Place { name, input, .. }: &Place<'_>, link: Option<&usize>) -> Json {
    let kind = input.map_or("*", |input| input.ty.kind().name());
    let mut json = json!({ "name": name, "type": kind, "link": link });
    if input.map_or(link.is_none(), Input::is_widget) {
        json["widget"] = json!({ "name": name });
    }
    json
}

/// Outputs of a class that is not known are those that something is linked to.
fn outputs_json(
    id: &NodeId,
    schema: Option<&'static Schema>,
    outgoing: &BTreeMap<(NodeId, usize), Vec<usize>>,
) -> Vec<Json> {
    let known = schema.map_or(&[][..], |schema| schema.outputs);
    let links = |slot: usize| outgoing.get(&(id.clone(), slot));
    let linked = outgoing.range((id.clone(), 0)..=(id.clone(), MAX_OUTPUT)).next_back();
    let count = linked.map_or(0, |((_, slot), _)| slot + 1).max(known.len());
    let output = |slot: usize| {
        let (name, kind) = known.get(slot).map_or(("*", "*"), |o| (o.name, o.kind.name()));
        json!({ "name": name, "type": kind, "links": links(slot), "slot_index": slot })
    };
    (0..count).map(output).collect()
}

fn output_kind(graph: &Graph, registry: &Registry, from: &NodeId, output: usize) -> &'static str {
    let class = graph.get(from.as_str()).and_then(|node| registry.get(&node.class_type));
    let output = class.and_then(|class| class.schema().outputs.get(output));
    output.map_or("*", |output| output.kind.name())
}

/// Values by position, with the extra values ComfyUI's editor keeps behind a seed and at the end for an
/// upload.
fn widget_values(node: &NodeSpec, schema: Option<&'static Schema>) -> Vec<Json> {
    let mut values = Vec::new();
    let Some(schema) = schema else {
        for (name, value) in node.inputs.iter().filter(|(_, value)| !is_link(value)) {
            values.push(literal_json(value).unwrap_or_default());
            if is_seed(name, value) {
                values.push(json!("fixed"));
            }
        }
        return values;
    };
    let mut uploaded = false;
    each_widget(schema, &mut |name, input| {
        // A linked widget keeps its place; what stands there is not used.
        let given = node.input(&name).and_then(literal_json);
        let value = given.unwrap_or_else(|| default_value(input));
        let chosen = value.as_str().map(str::to_owned);
        values.push(value);
        if is_controlled(input) {
            values.push(json!("fixed"));
        }
        uploaded |= uploads(input);
        chosen
    });
    if uploaded {
        values.push(json!("image"));
    }
    values
}

fn literal_json(value: &InputValue) -> Option<Json> {
    match value {
        InputValue::Literal(literal) => literal.to_json(),
        InputValue::BadLink(list) => Some(list.clone()),
        InputValue::Link { .. } => None,
    }
}

/// What is a seed in every class we know is taken for one in a class we do not.
fn is_seed(name: &str, value: &InputValue) -> bool {
    matches!(name, "seed" | "noise_seed") && matches!(value, InputValue::Literal(Literal::Int(_)))
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

/// The column of each node: one right of the rightmost node it takes from. Nodes that wait for each
/// other stay in the first.
fn columns(graph: &Graph) -> Vec<usize> {
    let sources = |node: &NodeSpec| -> Vec<usize> {
        let linked = node.inputs.iter().filter_map(|(_, value)| match value {
            InputValue::Link { node, .. } => graph.position(node.as_str()),
            _ => None,
        });
        linked.collect()
    };
    let mut columns = vec![0; graph.len()];
    let mut waits = vec![0; graph.len()];
    let mut followers = vec![Vec::new(); graph.len()];
    for (at, (_, node)) in graph.iter().enumerate() {
        for source in sources(node) {
            waits[at] += 1;
            followers[source].push(at);
        }
    }
    let mut ready: Vec<usize> = (0..graph.len()).filter(|&at| waits[at] == 0).collect();
    while let Some(at) = ready.pop() {
        for &follower in &followers[at] {
            columns[follower] = columns[follower].max(columns[at] + 1);
            waits[follower] -= 1;
            if waits[follower] == 0 {
                ready.push(follower);
            }
        }
    }
    columns
}
