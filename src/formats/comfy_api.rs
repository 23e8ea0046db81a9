//! ComfyUI's API format: `{id: {class_type, inputs, _meta?}}`, as text and as a [`Graph`].
//!
//! Read with what is met in the wild: a submission envelope `{"prompt": {...}}`, lists wrapped as
//! `{"__value__": [...]}`, Python's `NaN` and `Infinity`, a byte order mark. What cannot be a graph is
//! refused with the place in the text; what is only wrong for a node (a link to nowhere, say) is kept,
//! since validation can say more about it.
//!
//! # Source
//!
//! <https://docs.comfy.org/development/api-development/workflow-api-format>

use serde_json::{Map, Value as Json, json};

use super::{MAX_NODES, bad, kind};
use crate::error::{Error, Result};
use crate::graph::{Graph, InputValue, Literal, NodeId, NodeSpec};

/// Around a word that JSON has no number for; a private character, so that no prompt contains it.
const MARK: char = '\u{f8f0}';

/// Reads a graph.
///
/// # Errors
///
/// If the text is no JSON (with line and column), a UI workflow, or no graph at all.
pub fn parse(text: &str) -> Result<Graph> {
    graph_from_json(&json(text)?)
}

/// Reads JSON as ComfyUI writes it.
pub(super) fn json(text: &str) -> Result<Json> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(bad("it is empty"));
    }
    match serde_json::from_str(text) {
        Ok(json) => Ok(json),
        // Only then: the usual text is not copied.
        Err(error) => serde_json::from_str(&marked(text)).map_err(|_| bad_json(&error)),
    }
}

/// Reads a graph from JSON that is parsed already.
///
/// # Errors
///
/// If it is a UI workflow, or no graph at all.
pub fn graph_from_json(json: &Json) -> Result<Graph> {
    let Json::Object(nodes) = json else {
        return Err(bad(format!("expected an object of nodes, got {}", kind(json))));
    };
    if nodes.get("nodes").is_some_and(Json::is_array) {
        return Err(bad("it is a UI workflow, expected the API format")
            .hint("export it from ComfyUI with `Export (API)`"));
    }
    if let Some(Json::Object(prompt)) = nodes.get("prompt")
        && !prompt.contains_key("class_type")
    {
        return graph_from_json(&nodes["prompt"]);
    }
    if nodes.len() > MAX_NODES {
        return Err(bad(format!("it has {} nodes, expected at most {MAX_NODES}", nodes.len())));
    }
    let mut graph = Graph::new();
    for (id, node) in nodes {
        graph.insert(id.as_str(), spec_from_json(id, node)?);
    }
    Ok(graph)
}

/// The graph as JSON, as ComfyUI exports it: `inputs`, `class_type`, `_meta`.
///
/// A number that JSON cannot write becomes `null`; no graph that passes validation holds one.
pub fn json_from_graph(graph: &Graph) -> Json {
    graph.iter().map(|(id, spec)| (id.to_string(), json_from_spec(spec))).collect()
}

/// What ComfyUI's server takes: the graph, and the canvas for its pictures to carry.
pub fn envelope(graph: &Graph, workflow: Option<&Json>) -> Json {
    let mut envelope = json!({ "prompt": json_from_graph(graph) });
    if let Some(workflow) = workflow {
        envelope["extra_data"] = json!({ "extra_pnginfo": { "workflow": workflow } });
    }
    envelope
}

/// The graph as indented text.
pub fn write(graph: &Graph) -> String {
    format!("{:#}", json_from_graph(graph))
}

fn spec_from_json(id: &str, node: &Json) -> Result<NodeSpec> {
    let Json::Object(fields) = node else {
        return Err(bad(format!("node `{id}` is {}, expected an object", kind(node))));
    };
    let class_type = match fields.get("class_type") {
        Some(Json::String(class_type)) => class_type,
        Some(other) => {
            let got = kind(other);
            return Err(bad(format!("`class_type` of node `{id}` is {got}, expected text")));
        }
        None => return Err(bad(format!("node `{id}` has no `class_type`"))),
    };
    let mut spec = NodeSpec::new(class_type);
    match fields.get("inputs") {
        Some(Json::Object(inputs)) => {
            spec.inputs =
                inputs.iter().map(|(name, v)| (name.clone(), input_from_json(v))).collect();
        }
        None => {}
        Some(other) => {
            let got = kind(other);
            return Err(bad(format!("`inputs` of node `{id}` is {got}, expected an object")));
        }
    }
    let meta = |name: &str| Some(fields.get("_meta")?.get(name)?.as_str()?.to_owned());
    spec.title = meta("title");
    spec.source = meta("source");
    Ok(spec)
}

fn input_from_json(value: &Json) -> InputValue {
    match value {
        Json::Array(list) => match &list[..] {
            [node, output] => match (node_id(node), output.as_u64().map(usize::try_from)) {
                (Some(node), Some(Ok(output))) => InputValue::Link { node, output },
                _ => InputValue::BadLink(value.clone()),
            },
            _ => InputValue::BadLink(value.clone()),
        },
        Json::Object(fields) if fields.len() == 1 && fields.contains_key("__value__") => {
            InputValue::Literal(fields["__value__"].clone().into())
        }
        Json::String(text) => match unmarked(text) {
            Some(x) => x.into(),
            None => text.as_str().into(),
        },
        literal => InputValue::Literal(literal.clone().into()),
    }
}

/// Some tools write the id of a node as a number.
fn node_id(id: &Json) -> Option<NodeId> {
    match id {
        Json::String(id) => Some(id.as_str().into()),
        Json::Number(id) if id.is_u64() => Some(id.to_string().into()),
        _ => None,
    }
}

fn json_from_spec(spec: &NodeSpec) -> Json {
    let inputs: Map<String, Json> =
        spec.inputs.iter().map(|(name, value)| (name.clone(), json_from_input(value))).collect();
    let mut node = json!({ "inputs": inputs, "class_type": spec.class_type });
    for (name, text) in [("title", &spec.title), ("source", &spec.source)] {
        if let Some(text) = text {
            node["_meta"][name] = json!(text);
        }
    }
    node
}

fn json_from_input(value: &InputValue) -> Json {
    match value {
        InputValue::Link { node, output } => json!([node, output]),
        InputValue::BadLink(list) => list.clone(),
        InputValue::Literal(Literal::Json(list @ Json::Array(_))) => json!({ "__value__": list }),
        InputValue::Literal(literal) => literal.to_json().unwrap_or(Json::Null),
    }
}

/// The text with Python's `NaN`, `Infinity` and `-Infinity` as marked strings.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word));
        let length = match word {
            Some(word) => {
                out.extend(['"', MARK]);
                out += word;
                out.push('"');
                word.len()
            }
            None => {
                let length = if c == '"' { string_length(rest) } else { c.len_utf8() };
                out += &rest[..length];
                length
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Bytes of the JSON string at the start of `text`, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn unmarked(text: &str) -> Option<f64> {
    match text.strip_prefix(MARK)? {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn bad_json(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    // serde_json appends the place; it comes first here.
    let why = text.split(" at line ").next().unwrap_or(&text);
    bad(format!("line {}, column {}: {why}", error.line(), error.column()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT_TO_IMAGE: &str = include_str!("../../tests/fixtures/workflows/text_to_image.json");
    const INPAINT: &str = include_str!("../../tests/fixtures/workflows/inpaint.json");
    const ODD: &str = include_str!("../../tests/fixtures/workflows/odd.json");
    const ENVELOPE: &str = include_str!("../../tests/fixtures/workflows/envelope.json");
    const UI: &str = include_str!("../../tests/fixtures/workflows/ui.json");

    fn message(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn reading_and_writing_is_identity() {
        for text in [TEXT_TO_IMAGE, INPAINT, ODD] {
            let graph = parse(text).unwrap();
            let json: Json = serde_json::from_str(text).unwrap();
            // Text, so that the order of nodes and inputs and the form of numbers count.
            assert_eq!(json_from_graph(&graph).to_string(), json.to_string());
            assert_eq!(parse(&write(&graph)).unwrap(), graph);
        }
    }

    #[test]
    fn links_literals_and_titles_are_told_apart() {
        let graph = parse(ODD).unwrap();
        let node = graph.get("57:8").unwrap();
        assert_eq!(node.title.as_deref(), Some("Größe \u{1f409}"));
        assert_eq!(node.input("seed"), Some(&u64::MAX.into()));
        assert_eq!(node.input("cfg"), Some(&8.0.into()));
        assert_eq!(node.input("steps"), Some(&20_i64.into()));
        assert_eq!(
            node.input("model"),
            Some(&InputValue::Link { node: "any text".into(), output: 2 })
        );
        assert_eq!(node.input("sizes"), Some(&InputValue::Literal(json!([512, 768]).into())));
        assert_eq!(node.input("points"), Some(&InputValue::BadLink(json!([1.5, 2, 3]))));
        assert_eq!(node.input("vae"), Some(&InputValue::Literal(Json::Null.into())));
    }

    #[test]
    fn id_of_a_link_may_be_a_number() {
        let graph = parse(r#"{"1": {"class_type": "A", "inputs": {"x": [4, 0]}}}"#).unwrap();
        let link = InputValue::Link { node: "4".into(), output: 0 };
        assert_eq!(graph.get("1").unwrap().input("x"), Some(&link));
    }

    #[test]
    fn list_that_is_no_link_is_kept_for_validation() {
        for list in ["[]", r#"["4"]"#, r#"["4", "0"]"#, r#"["4", -1]"#, r#"["4", 0, 0]"#] {
            let text = format!(r#"{{"1": {{"class_type": "A", "inputs": {{"x": {list}}}}}}}"#);
            let graph = parse(&text).unwrap();
            let input = graph.get("1").unwrap().input("x").unwrap();
            assert!(matches!(input, InputValue::BadLink(_)), "{list}: {input:?}");
        }
    }

    #[test]
    fn submission_envelope_is_opened() {
        assert_eq!(parse(ENVELOPE).unwrap(), parse(TEXT_TO_IMAGE).unwrap());
        // A node may be called `prompt` as well.
        let graph = parse(r#"{"prompt": {"class_type": "A", "inputs": {}}}"#).unwrap();
        assert_eq!(graph.get("prompt").unwrap().class_type, "A");
    }

    #[test]
    fn numbers_of_python_are_read() {
        let text = r#"{"1": {"class_type": "A", "inputs":
            {"cfg": NaN, "a": -Infinity, "b": Infinity, "c": -1.5, "t": "say \"NaN\", Infinity"}}}"#;
        let graph = parse(text).unwrap();
        let node = graph.get("1").unwrap();
        assert!(
            matches!(node.input("cfg"), Some(InputValue::Literal(Literal::Float(x))) if x.is_nan())
        );
        assert_eq!(node.input("a"), Some(&f64::NEG_INFINITY.into()));
        assert_eq!(node.input("b"), Some(&f64::INFINITY.into()));
        assert_eq!(node.input("c"), Some(&(-1.5).into()));
        assert_eq!(node.input("t"), Some(&"say \"NaN\", Infinity".into()));
        assert_eq!(json_from_graph(&graph)["1"]["inputs"]["cfg"], Json::Null);
    }

    #[test]
    fn byte_order_mark_is_skipped() {
        let marked = parse(&format!("\u{feff}{TEXT_TO_IMAGE}")).unwrap();
        assert_eq!(marked, parse(TEXT_TO_IMAGE).unwrap());
    }

    #[test]
    fn ui_workflow_is_named_as_such() {
        assert_eq!(
            message(UI),
            "`workflow` cannot be read: it is a UI workflow, expected the API format; \
             export it from ComfyUI with `Export (API)`"
        );
    }

    #[test]
    fn bad_text_is_refused_with_its_place() {
        assert_eq!(
            message("{\n  \"1\": {,}\n}"),
            "`workflow` cannot be read: line 2, column 9: key must be a string"
        );
        assert_eq!(
            message("{\"1\": "),
            "`workflow` cannot be read: line 1, column 6: EOF while parsing a value"
        );
        assert_eq!(message(" \n"), "`workflow` cannot be read: it is empty");
        assert_eq!(
            message("[1]"),
            "`workflow` cannot be read: expected an object of nodes, got a list"
        );
        assert_eq!(
            message(r#"{"1": {"inputs": {}}}"#),
            "`workflow` cannot be read: node `1` has no `class_type`"
        );
        assert_eq!(
            message(r#"{"1": 7}"#),
            "`workflow` cannot be read: node `1` is a number, expected an object"
        );
        assert_eq!(
            message(r#"{"1": {"class_type": "A", "inputs": []}}"#),
            "`workflow` cannot be read: `inputs` of node `1` is a list, expected an object"
        );
        let deep = "[".repeat(100_000);
        assert!(message(&deep).contains("recursion limit exceeded"));
    }

    #[test]
    fn cut_anywhere_it_is_an_error_and_no_panic() {
        for end in 0..ODD.len() {
            if let Some(cut) = ODD.get(..end)
                && cut.trim_end().len() < ODD.trim_end().len()
            {
                assert!(parse(cut).is_err(), "{cut}");
            }
        }
    }
}
