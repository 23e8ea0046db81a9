//! What the executions of one node give together: values to lists, and one thing to show.
//!
//! A node runs once for each element of the longest list it is given, while shorter lists repeat their
//! last element; a class that takes whole lists runs once.
//!
//! # Source
//!
//! <https://docs.comfy.org/custom-nodes/backend/lists>

use serde_json::Value as Json;

use crate::error::{ErrorKind, Result};
use crate::graph::{Inputs, Outputs, Schema, Value};

/// How often a node of this class runs on these inputs.
pub(super) fn executions(schema: &Schema, inputs: &Inputs) -> usize {
    if schema.input_is_list { 1 } else { inputs.longest() }
}

/// What the executions of a node gave so far.
pub(super) struct Gathered {
    schema: &'static Schema,
    values: Vec<Vec<Value>>,
    ui: Option<Json>,
}

impl Gathered {
    pub(super) fn new(schema: &'static Schema) -> Self {
        Self { schema, values: vec![Vec::new(); schema.outputs.len()], ui: None }
    }

    /// Adds what one execution gave, and holds the node to its schema: what follows relies on it.
    pub(super) fn add(&mut self, outputs: Outputs) -> Result<()> {
        let declared = self.schema.outputs;
        if outputs.values.len() != declared.len() {
            let expected = format!("{} values", declared.len());
            return mismatch(expected, outputs.values.len().to_string());
        }
        for ((value, output), all) in outputs.values.iter().zip(declared).zip(&mut self.values) {
            let elements = value.elements();
            let got = match elements.iter().find(|value| !value.fits(output.kind)) {
                Some(wrong) => wrong.kind().name(),
                None if elements.is_empty() => "an empty list",
                None if !output.list && matches!(value, Value::List(_)) => "a list",
                None => {
                    all.extend_from_slice(elements);
                    continue;
                }
            };
            return mismatch(format!("{} for `{}`", output.kind, output.name), got.to_owned());
        }
        if let Some(ui) = outputs.ui {
            self.ui = Some(match self.ui.take() {
                Some(before) => joined(before, ui),
                None => ui,
            });
        }
        Ok(())
    }

    /// One value or one list for each output, and what is shown.
    pub(super) fn finish(self) -> (Vec<Value>, Option<Json>) {
        let one_or_list = |mut values: Vec<Value>| match values.len() {
            1 => values.remove(0),
            _ => Value::list(values),
        };
        (self.values.into_iter().map(one_or_list).collect(), self.ui)
    }
}

/// Lists of the same name joined; of anything else the later one.
fn joined(before: Json, after: Json) -> Json {
    match (before, after) {
        (Json::Array(mut before), Json::Array(after)) => {
            before.extend(after);
            Json::Array(before)
        }
        (Json::Object(mut before), Json::Object(after)) => {
            for (name, after) in after {
                let value = match before.remove(&name) {
                    Some(before) => joined(before, after),
                    None => after,
                };
                before.insert(name, value);
            }
            Json::Object(before)
        }
        (_, after) => after,
    }
}

fn mismatch(expected: String, got: String) -> Result<()> {
    Err(ErrorKind::Mismatch { what: "outputs of the node", expected, got }.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_that_are_shown_are_joined() {
        let first = json!({"images": [1], "text": ["a"], "mode": "x"});
        let second = json!({"text": ["b", "c"], "mode": "y", "more": [2]});
        assert_eq!(
            joined(first, second),
            json!({"images": [1], "text": ["a", "b", "c"], "mode": "y", "more": [2]})
        );
    }
}
