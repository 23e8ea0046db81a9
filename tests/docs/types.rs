//! `www/src/engine/nodes.gen.ts`: the node classes as TypeScript types.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tintype::graph::{Choices, Input, Kind, Names, Schema, Type};

/// Longer lists of names get a name themselves where an editor would show them.
const INLINE: usize = 6;

/// The whole file.
pub(super) fn typescript(schemas: &[&'static Schema]) -> String {
    let mut lists = Lists::default();
    let mut body = String::new();
    for schema in schemas {
        class(&mut body, schema, &mut lists);
    }
    let mut text = String::from(
        "/** Generated from the node classes by `make docs`; do not edit. What is not here is in `nodes.ts`. */\n\n\
         import type { Handle, In } from \"./nodes\";\n",
    );
    for (name, list) in &lists.0 {
        let names: Vec<String> =
            list.iter().map(|name| format!("\n  | {}", quoted(name))).collect();
        write!(
            text,
            "\n/** Names of the engine; any other string is checked when a graph runs. */\n\
             export type {name} ={}\n  | (string & {{}});\n",
            names.concat()
        )
        .unwrap();
    }
    write!(
        text,
        "\n/** The built-in node classes: inputs and output types. An input that may be left out has a default. */\n\
         export interface Nodes {{\n{body}}}\n"
    )
    .unwrap();
    text
}

/// Long lists of names, by the name of their type.
#[derive(Default)]
struct Lists(BTreeMap<String, &'static [&'static str]>);

impl Lists {
    /// The type of an input that takes one of these names.
    fn name(&mut self, input: &Input, names: &'static [&'static str]) -> String {
        if names.len() > INLINE {
            let parts = input.name.split('_').filter(|part| *part != "name");
            let name = parts.map(capitalised).collect::<String>() + "Name";
            if *self.0.entry(name.clone()).or_insert(names) == names {
                return name;
            }
        }
        names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" | ")
    }
}

fn class(text: &mut String, schema: &Schema, lists: &mut Lists) {
    let mut members: Vec<Member> = Vec::new();
    for input in schema.inputs {
        collect(&mut members, input.name, input, input.required, lists);
    }
    let optional = if members.iter().any(|member| member.required) { "" } else { "?" };
    let kinds: Vec<String> =
        schema.outputs.iter().map(|output| quoted(single(output.kind))).collect();
    comment(text, 2, schema.doc);
    let name = key(schema.class_type);
    if members.is_empty() {
        write!(text, "  {name}(inputs?: Record<string, never>)").unwrap();
    } else {
        writeln!(text, "  {name}(inputs{optional}: {{").unwrap();
        for member in &members {
            comment(text, 4, member.doc);
            let mark = if member.required || member.key.starts_with('[') { "" } else { "?" };
            writeln!(text, "    {}{mark}: {};", member.key, member.takes.join(" | ")).unwrap();
        }
        text.push_str("  })");
    }
    writeln!(text, ": Handle<[{}]>;", kinds.join(", ")).unwrap();
}

/// One property of the object that a class takes.
struct Member {
    key: String,
    takes: Vec<String>,
    required: bool,
    doc: &'static str,
}

fn collect(
    members: &mut Vec<Member>,
    name: &str,
    input: &Input,
    required: bool,
    lists: &mut Lists,
) {
    let (property, takes) = match input.ty {
        Type::Grow { each, names, .. } => {
            let pattern = match names {
                Names::Numbered { prefix, .. } => format!("{name}.{prefix}${{number}}"),
                Names::Listed(_) => format!("{name}.${{string}}"),
            };
            (format!("[name: `{pattern}`]"), takes(each, lists))
        }
        Type::Branches(branches) => {
            let keys = branches.iter().map(|branch| quoted(branch.key)).collect();
            add(members, Member { key: key(name), takes: keys, required: false, doc: input.doc });
            for branch in branches {
                for input in branch.inputs {
                    // Whether it is needed depends on the choice, which the engine checks.
                    collect(members, &format!("{name}.{}", input.name), input, false, lists);
                }
            }
            return;
        }
        _ => (key(name), takes(input, lists)),
    };
    let required = required && !has_default(input);
    add(members, Member { key: property, takes, required, doc: input.doc });
}

/// Two branches may have inputs of one name.
fn add(members: &mut Vec<Member>, member: Member) {
    match members.iter_mut().find(|known| known.key == member.key) {
        Some(known) => {
            for takes in member.takes {
                if !known.takes.contains(&takes) {
                    known.takes.push(takes);
                }
            }
        }
        None => members.push(member),
    }
}

fn has_default(input: &Input) -> bool {
    match input.ty {
        _ if input.force_input => false,
        Type::Int { .. } | Type::Float { .. } | Type::Boolean { .. } | Type::Branches(_) => true,
        Type::String { default, .. } => default.is_some(),
        Type::Combo { choices, default, .. } => {
            default.is_some() || matches!(choices, Choices::List(names) if !names.is_empty())
        }
        Type::Link(_) | Type::Grow { .. } => false,
    }
}

/// The types of values an input takes, links among them.
fn takes(input: &Input, lists: &mut Lists) -> Vec<String> {
    let link = |kind: Kind| {
        let names: Vec<&str> = kind.name().split(',').map(str::trim).collect();
        if names.contains(&"*") {
            return "In<string>".to_owned();
        }
        format!("In<{}>", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" | "))
    };
    let literal = |literal: &str| vec![literal.to_owned(), link(input.ty.kind())];
    match input.ty {
        // Beyond 2^53 a number is not exact any more.
        Type::Int { max, .. } if max > 1 << 53 => literal("bigint | number"),
        Type::Int { .. } | Type::Float { .. } => literal("number"),
        Type::String { .. } => literal("string"),
        Type::Boolean { .. } => literal("boolean"),
        Type::Combo { choices: Choices::Folder(_), .. } => literal("string"),
        Type::Combo { choices: Choices::List(names), .. } => literal(&lists.name(input, names)),
        Type::Link(kind) => {
            let written = kind.name().split(',').filter_map(|name| match name.trim() {
                "INT" | "FLOAT" => Some("number"),
                "STRING" | "COMBO" => Some("string"),
                "BOOLEAN" => Some("boolean"),
                "*" => Some("number | string | boolean"),
                _ => None,
            });
            let mut types: Vec<String> = Vec::new();
            for written in written {
                if !types.iter().any(|known| known == written) {
                    types.push(written.to_owned());
                }
            }
            types.push(link(kind));
            types
        }
        Type::Grow { each, .. } => takes(each, lists),
        Type::Branches(branches) => branches.iter().map(|branch| quoted(branch.key)).collect(),
    }
}

/// An output that may be one of several kinds may go where any of them is taken.
fn single(kind: Kind) -> &'static str {
    if kind.name().contains(',') { "*" } else { kind.name() }
}

fn comment(text: &mut String, indent: usize, doc: &str) {
    if !doc.is_empty() {
        writeln!(text, "{:indent$}/** {} */", "", doc.replace("*/", "* /")).unwrap();
    }
}

fn key(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[test]
fn every_kind_of_input_has_its_type() {
    use tintype::graph::{Branch, Output};
    const LONG: &[&str] = &["a", "b", "c", "d", "e", "f", "g"];
    const MIXED: &Schema = &Schema::new("Mixed node", "Mixed", "test")
        .doc("Does */ a lot.")
        .inputs(&[
            Input::link("image", Kind::new("IMAGE,MASK")).doc("What to change."),
            Input::int("seed", 0, 0..=u64::MAX as i128),
            Input::combo("sampler_name", LONG),
            Input::combo("mode", &["on", "off"]),
            Input::string("text"),
            Input::float("scale", 1.0, 0.0..=1.0, 0.1).force_input(),
            Input::grow("images", &Input::link("image", Kind::IMAGE), "image", 1..=9),
            Input::branches(
                "size",
                &[
                    Branch::new("by", &[Input::float("of", 1.0, 0.0..=1.0, 0.1)]),
                    Branch::new("to", &[Input::link("of", Kind::ANY)]),
                ],
            ),
        ])
        .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::new("INT,FLOAT"))]);
    const EMPTY: &Schema = &Schema::new("Empty", "Empty", "test");
    let text = typescript(&[MIXED, EMPTY]);
    assert!(text.contains("export type SamplerName =\n  | \"a\"\n"), "{text}");
    let class = r#"  /** Does * / a lot. */
  "Mixed node"(inputs: {
    /** What to change. */
    image: In<"IMAGE" | "MASK">;
    seed?: bigint | number | In<"INT">;
    sampler_name?: SamplerName | In<"COMBO">;
    mode?: "on" | "off" | In<"COMBO">;
    text: string | In<"STRING">;
    scale: number | In<"FLOAT">;
    [name: `images.image${number}`]: In<"IMAGE">;
    size?: "by" | "to";
    "size.of"?: number | In<"FLOAT"> | number | string | boolean | In<string>;
  }): Handle<["IMAGE", "*"]>;
  Empty(inputs?: Record<string, never>): Handle<[]>;
"#;
    assert!(text.contains(class), "{text}");
}
