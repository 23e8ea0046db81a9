//! Schemas in the shape of ComfyUI's `object_info`, which editors and other tools read.

use serde_json::{Map, Value as Json, json};

use super::schema::{Branch, ChoiceSource, Input, Names, Output, Schema, Type};
use super::value::number_from_int;

/// The schemas by class, as ComfyUI's `GET /object_info` gives them.
pub(crate) fn object_info(
    schemas: impl Iterator<Item = &'static Schema>,
    choices: &dyn ChoiceSource,
) -> Json {
    schemas.map(|schema| (schema.class_type.to_owned(), class_info(schema, choices))).collect()
}

fn class_info(schema: &Schema, choices: &dyn ChoiceSource) -> Json {
    let outputs =
        |of: fn(&Output) -> &str| -> Vec<&str> { schema.outputs.iter().map(of).collect() };
    let mut info = json!({
        "input": input_configs(schema.inputs, choices),
        "input_order": { "required": names(schema, true) },
        "output": outputs(|output| output.kind.name()),
        "output_is_list": schema.outputs.iter().map(|output| output.list).collect::<Vec<_>>(),
        "output_name": outputs(|output| output.name),
        "output_tooltips": outputs(|output| output.doc),
        "name": schema.class_type,
        "display_name": schema.display_name,
        "description": schema.doc,
        "python_module": "tintype",
        "category": schema.category,
        "output_node": schema.output_node,
    });
    let optional = names(schema, false);
    if !optional.is_empty() {
        info["input_order"]["optional"] = json!(optional);
    }
    let flags = [
        ("deprecated", schema.deprecated),
        ("experimental", schema.experimental),
        ("is_input_list", schema.input_is_list),
    ];
    set_flags(&mut info, &flags);
    info
}

fn names(schema: &Schema, required: bool) -> Vec<&'static str> {
    let inputs = schema.inputs.iter().filter(|input| input.required == required);
    inputs.map(|input| input.name).collect()
}

/// `{required: {name: config}, optional: {…}}`.
fn input_configs(inputs: &[Input], choices: &dyn ChoiceSource) -> Json {
    let configs = |required: bool| -> Map<String, Json> {
        let inputs = inputs.iter().filter(|input| input.required == required);
        inputs.map(|input| (input.name.to_owned(), input_config(input, choices))).collect()
    };
    let (required, optional) = (configs(true), configs(false));
    let mut groups = json!({ "required": required });
    if !optional.is_empty() {
        groups["optional"] = Json::Object(optional);
    }
    groups
}

fn set_flags(options: &mut Json, flags: &[(&str, bool)]) {
    for (name, _) in flags.iter().filter(|(_, set)| *set) {
        options[*name] = Json::Bool(true);
    }
}

/// One input as `[TYPE, {options}]`; for a combo the list of names stands in the type's place.
pub(crate) fn input_config(input: &Input, choices: &dyn ChoiceSource) -> Json {
    let int = |n: i128| number_from_int(n).map_or(Json::Null, Json::Number);
    let mut kind = json!(input.ty.kind().name());
    let mut options = match input.ty {
        Type::Int { default, min, max, step, control_after_generate } => {
            let mut options = json!({
                "default": int(default), "min": int(min), "max": int(max), "step": int(step),
            });
            set_flags(&mut options, &[("control_after_generate", control_after_generate)]);
            options
        }
        Type::Float { default, min, max, step } => {
            json!({ "default": default, "min": min, "max": max, "step": step })
        }
        Type::String { default, multiline, dynamic_prompts } => {
            let mut options = json!({ "multiline": multiline });
            if let Some(default) = default {
                options["default"] = json!(default);
            }
            set_flags(&mut options, &[("dynamicPrompts", dynamic_prompts)]);
            options
        }
        Type::Boolean { default } => json!({ "default": default }),
        Type::Combo { choices: of, default, image_upload } => {
            kind = json!(of.names(choices));
            let mut options = json!({});
            if let Some(default) = default {
                options["default"] = json!(default);
            }
            set_flags(&mut options, &[("image_upload", image_upload)]);
            options
        }
        Type::Link(_) => json!({}),
        Type::Grow { each, names, min } => {
            kind = json!("COMFY_AUTOGROW_V3");
            let mut template = json!({ "input": input_configs(&[*each], choices), "min": min });
            match names {
                Names::Numbered { prefix, max } => {
                    template["prefix"] = json!(prefix);
                    template["max"] = json!(max);
                }
                Names::Listed(names) => template["names"] = json!(names),
            }
            json!({ "template": template })
        }
        Type::Branches(branches) => {
            kind = json!("COMFY_DYNAMICCOMBO_V3");
            let option = |branch: &Branch| json!({ "key": branch.key, "inputs": input_configs(branch.inputs, choices) });
            json!({ "options": branches.iter().map(option).collect::<Vec<_>>() })
        }
    };
    let flags =
        [("lazy", input.lazy), ("forceInput", input.force_input), ("advanced", input.advanced)];
    set_flags(&mut options, &flags);
    if !input.doc.is_empty() {
        options["tooltip"] = json!(input.doc);
    }
    json!([kind, options])
}

#[cfg(test)]
mod tests {
    use super::super::schema::NoFolders;
    use super::super::value::Kind;
    use super::*;

    const SAMPLER: Schema = Schema::new("KSampler", "Sampler", "sampling")
        .doc("Denoises.")
        .inputs(&[
            Input::link("model", Kind::MODEL),
            Input::int("seed", 0, 0..=u64::MAX as i128).control_after_generate(),
            Input::float("cfg", 8.0, 0.0..=100.0, 0.1).doc("Guidance."),
            Input::combo("scheduler", &["normal", "karras"]),
            Input::prompt("text"),
            Input::boolean("tile", false).optional(),
            Input::folder("image", "input").image_upload().optional(),
        ])
        .outputs(&[Output::new(Kind::LATENT).named("samples")])
        .output_node();

    #[test]
    fn shape_is_comfyuis() {
        let info = object_info([&SAMPLER].into_iter(), &NoFolders);
        let node = &info["KSampler"];
        let required = &node["input"]["required"];
        assert_eq!(required["model"], json!(["MODEL", {}]));
        assert_eq!(
            required["seed"].to_string(),
            r#"["INT",{"default":0,"min":0,"max":18446744073709551615,"step":1,"control_after_generate":true}]"#
        );
        assert_eq!(required["cfg"][1]["tooltip"], "Guidance.");
        assert_eq!(required["scheduler"], json!([["normal", "karras"], {}]));
        assert_eq!(
            required["text"],
            json!(["STRING", {"multiline": true, "dynamicPrompts": true}])
        );
        assert_eq!(node["input"]["optional"]["image"], json!([[], {"image_upload": true}]));
        assert_eq!(node["input_order"]["optional"], json!(["tile", "image"]));
        assert_eq!(node["output"], json!(["LATENT"]));
        assert_eq!(node["output_name"], json!(["samples"]));
        assert_eq!(node["output_is_list"], json!([false]));
        assert_eq!(node["output_node"], json!(true));
    }

    #[test]
    fn groups_and_flags_have_comfyuis_shape_too() {
        const SCHEMA: Schema = Schema::new("Mixed", "Mixed", "test")
            .inputs(&[
                Input::grow("images", &Input::link("image", Kind::IMAGE), "image", 2..=50),
                Input::grow_named("values", &Input::link("value", Kind::FLOAT), &["a", "b"], 1),
                Input::branches(
                    "resize_type",
                    &[
                        Branch::new("by", &[Input::float("multiplier", 1.0, 0.1..=8.0, 0.1)]),
                        Branch::new("to", &[Input::link("size", Kind::IMAGE).optional()]),
                    ],
                ),
                Input::link("on_true", Kind::ANY).lazy().optional(),
                Input::string("text").force_input(),
                Input::boolean("fast", true).advanced(),
            ])
            .outputs(&[Output::new(Kind::IMAGE).list()])
            .input_is_list();
        let info = object_info([&SCHEMA].into_iter(), &NoFolders);
        let node = &info["Mixed"];
        let required = &node["input"]["required"];
        assert_eq!(
            required["images"],
            json!(["COMFY_AUTOGROW_V3", {"template": {
                "input": {"required": {"image": ["IMAGE", {}]}},
                "min": 2, "prefix": "image", "max": 50,
            }}])
        );
        assert_eq!(required["values"][1]["template"]["names"], json!(["a", "b"]));
        assert_eq!(required["resize_type"][0], "COMFY_DYNAMICCOMBO_V3");
        let options = &required["resize_type"][1]["options"];
        assert_eq!(options[0]["key"], "by");
        assert_eq!(options[0]["inputs"]["required"]["multiplier"][1]["max"], 8.0);
        assert_eq!(options[1]["inputs"]["optional"]["size"], json!(["IMAGE", {}]));
        assert_eq!(node["input"]["optional"]["on_true"], json!(["*", {"lazy": true}]));
        assert_eq!(required["text"][1]["forceInput"], true);
        assert_eq!(required["fast"][1]["advanced"], true);
        assert_eq!(node["output_is_list"], json!([true]));
        assert_eq!(node["is_input_list"], true);
    }
}
