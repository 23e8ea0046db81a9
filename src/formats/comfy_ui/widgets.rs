//! Widget values, which the UI format keeps by position.
//!
//! The order is that of the class: required widgets, then optional ones. A seed is followed by what the
//! editor does to it after a run; a picture's upload button has a value of its own, after all others.

use serde_json::Value as Json;

use super::parse::Node;
use crate::graph::{Input, Schema, Type};

/// What a seed's control can be set to.
const CONTROLS: [&str; 4] = ["fixed", "increment", "decrement", "randomize"];

/// Goes through the widgets of a class in the order of their values. `take` is told the name and the
/// input, and says which branch was chosen where that decides about further widgets.
pub(super) fn each_widget(
    schema: &'static Schema,
    take: &mut dyn FnMut(String, &'static Input) -> Option<String>,
) {
    let (required, optional): (Vec<&Input>, Vec<&Input>) =
        schema.inputs.iter().partition(|input| input.required);
    for input in required.into_iter().chain(optional) {
        visit(input.name.to_owned(), input, take);
    }
}

fn visit(
    name: String,
    input: &'static Input,
    take: &mut dyn FnMut(String, &'static Input) -> Option<String>,
) {
    if !input.is_widget() {
        return;
    }
    let chosen = take(name.clone(), input);
    if let Type::Branches(branches) = input.ty {
        let branch = branches.iter().find(|branch| Some(branch.key) == chosen.as_deref());
        for inner in branch.or(branches.first()).map_or(&[][..], |branch| branch.inputs) {
            visit(format!("{name}.{}", inner.name), inner, take);
        }
    }
}

/// True if its value is followed by that of its control.
pub(super) fn is_controlled(input: &Input) -> bool {
    matches!(input.ty, Type::Int { control_after_generate: true, .. })
}

/// True if it comes with an upload button.
pub(super) fn uploads(input: &Input) -> bool {
    matches!(input.ty, Type::Combo { image_upload: true, .. })
}

/// The values of a node with their names.
pub(super) fn named_values<'a>(
    node: &Node<'a>,
    schema: Option<&'static Schema>,
) -> Vec<(String, &'a Json)> {
    match node.values {
        Json::Object(values) => values.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Json::Array(values) => match schema {
            Some(schema) => {
                let (mut values, mut named) = (Values(values), Vec::new());
                each_widget(schema, &mut |name, input| {
                    let value = values.next(input)?;
                    named.push((name, value));
                    value.as_str().map(str::to_owned)
                });
                named
            }
            None => own_names(node, values),
        },
        _ => Vec::new(),
    }
}

/// Values yet to be given to widgets.
pub(super) struct Values<'a>(pub(super) &'a [Json]);

impl<'a> Values<'a> {
    /// The value of this widget, which is the next one.
    pub(super) fn next(&mut self, input: &Input) -> Option<&'a Json> {
        let (value, rest) = self.0.split_first()?;
        // Looked at rather than counted: old files have no control where newer ones have.
        let controlled = is_controlled(input) && rest.first().is_some_and(is_control);
        self.0 = &rest[usize::from(controlled)..];
        Some(value)
    }
}

/// Values of a class that is not known here, by the names that newer files list beside the inputs.
fn own_names<'a>(node: &Node<'a>, values: &'a [Json]) -> Vec<(String, &'a Json)> {
    let names: Vec<String> =
        node.inputs.iter().filter(|slot| slot.widget).map(|slot| slot.name.to_owned()).collect();
    let mut kept: Vec<&Json> = values.iter().collect();
    if kept.len() > names.len() {
        let mut after_number = false;
        kept.retain(|value| {
            let control = after_number && is_control(value);
            after_number = value.is_number();
            !control
        });
    }
    // Otherwise there is no telling whose value is whose.
    if kept.len() == names.len() { names.into_iter().zip(kept).collect() } else { Vec::new() }
}

fn is_control(value: &Json) -> bool {
    value.as_str().is_some_and(|text| CONTROLS.contains(&text))
}
