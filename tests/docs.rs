//! `docs/nodes.md` and `www/src/engine/nodes.gen.ts` are what `NODES` says. `make docs` (or `UPDATE_DOCS=1`)
//! rewrites them.

use std::fmt::Write as _;
use std::path::Path;

use tintype::graph::{Branch, Choices, Input, Schema, Type};
use tintype::nodes::NODES;

mod types;

#[test]
fn node_reference_is_up_to_date() {
    check("docs/nodes.md", &reference());
}

#[test]
fn node_types_are_up_to_date() {
    let schemas: Vec<_> = NODES.iter().copied().flatten().map(|node| node.schema()).collect();
    check("www/src/engine/nodes.gen.ts", &types::typescript(&schemas));
}

fn check(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{file} is out of date: run `make docs`");
}

#[test]
fn every_node_and_input_is_described() {
    for node in NODES.iter().copied().flatten() {
        let schema = node.schema();
        let class = schema.class_type;
        let sentence = |text: &str| text.ends_with('.') && text.starts_with(char::is_uppercase);
        assert!(sentence(schema.doc), "{class}: {:?}", schema.doc);
        let mut inputs: Vec<&Input> = schema.inputs.iter().collect();
        while let Some(input) = inputs.pop() {
            assert!(sentence(input.doc), "{class}.{}: {:?}", input.name, input.doc);
            if let Type::Branches(branches) = input.ty {
                inputs.extend(branches.iter().flat_map(|branch| branch.inputs));
            }
        }
    }
}

fn reference() -> String {
    let mut text = String::from(
        "# Nodes\n\nGenerated from the code by `make docs`; do not edit. Classes, inputs and outputs have ComfyUI's names.\n",
    );
    let mut category = "";
    for node in NODES.iter().copied().flatten() {
        let schema = node.schema();
        if schema.category != category {
            category = schema.category;
            write!(text, "\n## {category}\n").unwrap();
        }
        describe(&mut text, schema);
    }
    text
}

fn describe(text: &mut String, schema: &Schema) {
    let Schema { class_type, display_name, doc, .. } = schema;
    write!(text, "\n### {class_type}\n\n*{display_name}.* {doc}\n").unwrap();
    if !schema.inputs.is_empty() {
        text.push_str("\n| input | takes | default | |\n| --- | --- | --- | --- |\n");
    }
    for input in schema.inputs {
        let (takes, default) = widget(input);
        let name = input.name;
        let optional = if input.required { "" } else { " (optional)" };
        writeln!(text, "| `{name}`{optional} | {takes} | {default} | {} |", input.doc).unwrap();
    }
    if schema.outputs.is_empty() {
        text.push_str("\nAn output node: a run is made for its sake.\n");
    } else {
        let outputs: Vec<String> =
            schema.outputs.iter().map(|output| format!("`{}`", output.name)).collect();
        write!(text, "\nOutputs: {}.\n", outputs.join(", ")).unwrap();
    }
}

fn widget(input: &Input) -> (String, String) {
    match input.ty {
        Type::Int { default, min, max, .. } => {
            (format!("whole number, {min} to {max}"), default.to_string())
        }
        Type::Float { default, min, max, .. } => {
            (format!("number, {min} to {max}"), default.to_string())
        }
        Type::String { default, .. } => {
            ("text".into(), default.map_or(String::new(), |text| format!("`{text}`")))
        }
        Type::Boolean { default } => ("true or false".into(), default.to_string()),
        Type::Combo { choices: Choices::Folder(folder), .. } => {
            (format!("a file of `{folder}`"), String::new())
        }
        Type::Combo { choices: Choices::List(names), default, .. } => {
            let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let first = default.or(names.first().copied()).unwrap_or_default();
            (list.join(", "), format!("`{first}`"))
        }
        Type::Link(kind) => (kind.name().to_owned(), String::new()),
        Type::Grow { each, names, min } => {
            let (first, second) = (names.name(input.name, 0), names.name(input.name, 1));
            let (takes, max) = (widget(each).0, names.max());
            (format!("{min} to {max} × {takes}: `{first}`, `{second}` …"), String::new())
        }
        Type::Branches(branches) => {
            let branch = |branch: &Branch| {
                let inputs = branch.inputs.iter().map(|sub| {
                    let (takes, default) = widget(sub);
                    let default =
                        if default.is_empty() { default } else { format!(", default {default}") };
                    format!("`{}.{}` ({takes}{default})", input.name, sub.name)
                });
                let inputs: Vec<String> = inputs.collect();
                if inputs.is_empty() {
                    format!("`{}`", branch.key)
                } else {
                    format!("`{}` with {}", branch.key, inputs.join(", "))
                }
            };
            let first = branches.first().map_or("", |branch| branch.key);
            let branches: Vec<String> = branches.iter().map(branch).collect();
            (branches.join("; "), format!("`{first}`"))
        }
    }
}
