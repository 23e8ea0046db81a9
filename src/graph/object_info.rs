//! Schemas in the shape of ComfyUI's `object_info`, which editors and other tools read.

use serde_json::{Map, Value as Json, json};

use super::schema::{ChoiceSource, Input, Output, Schema, Type};
use super::value::number_from_int;

/// The schemas by class, as ComfyUI's `GET /object_info` gives them.
pub(crate) fn object_info(
    schemas: impl Iterator<Item = &'static Schema>,
    choices: &dyn ChoiceSource,
) -> Json {
    schemas.map(|schema| (schema.class_type.to_owned(), class_info(schema, choices))).collect()
}

fn class_info(schema: &Schema, choices: &dyn ChoiceSource) -> Json {
    let group =
        |required: bool| schema.inputs.iter().filter(move |input| input.required == required);
    let configs = |required: bool| -> Map<String, Json> {
        group(required).map(|i| (i.name.to_owned(), input_config(i, choices))).collect()
    };
    let names = |required: bool| -> Vec<&str> { group(required).map(|i| i.name).collect() };
    let outputs =
        |of: fn(&Output) -> &str| -> Vec<&str> { schema.outputs.iter().map(of).collect() };
    let mut info = json!({
        "input": { "required": configs(true) },
        "input_order": { "required": names(true) },
        "output": outputs(|output| output.kind.name()),
        "output_is_list": vec![false; schema.outputs.len()],
        "output_name": outputs(|output| output.name),
        "output_tooltips": outputs(|output| output.doc),
        "name": schema.class_type,
        "display_name": schema.display_name,
        "description": schema.doc,
        "python_module": "tintype",
        "category": schema.category,
        "output_node": schema.output_node,
    });
    if group(false).next().is_some() {
        info["input"]["optional"] = Json::Object(configs(false));
        info["input_order"]["optional"] = json!(names(false));
    }
    for (name, set) in [("deprecated", schema.deprecated), ("experimental", schema.experimental)] {
        if set {
            info[name] = Json::Bool(true);
        }
    }
    info
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
            if control_after_generate {
                options["control_after_generate"] = Json::Bool(true);
            }
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
            if dynamic_prompts {
                options["dynamicPrompts"] = Json::Bool(true);
            }
            options
        }
        Type::Boolean { default } => json!({ "default": default }),
        Type::Combo { choices: of, default, image_upload } => {
            kind = json!(of.names(choices));
            let mut options = json!({});
            if let Some(default) = default {
                options["default"] = json!(default);
            }
            if image_upload {
                options["image_upload"] = Json::Bool(true);
            }
            options
        }
        Type::Link(_) => json!({}),
    };
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
}
