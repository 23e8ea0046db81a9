//! A node class written in JavaScript.

use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Function, Object, Promise, Reflect};
use serde::Deserialize;
use serde_json::Value as Json;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::convert::{from_js, js_from_value, value_from_js};
use super::error::js_error;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{
    Choices, Context, Input, Inputs, Kind, Node, Output, Outputs, Schema, Type, Value,
};

/// A class whose work is a function `(inputs) => outputs`.
pub(super) struct JsNode {
    schema: &'static Schema,
    run: Function,
    /// What the result depends on besides the inputs, as a text.
    fingerprint: Option<Function>,
    deterministic: bool,
}

#[derive(Deserialize)]
struct Definition {
    class_type: String,
    display_name: Option<String>,
    category: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    inputs: serde_json::Map<String, Json>,
    #[serde(default)]
    outputs: Vec<OutputDefinition>,
    #[serde(default)]
    output_node: bool,
    /// True for a node that gets each input as an array of all its elements.
    #[serde(default)]
    input_is_list: bool,
    /// False for a node that may give something else each time.
    deterministic: Option<bool>,
}

/// `"IMAGE"`, or `{type, name, list}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum OutputDefinition {
    Kind(String),
    Named {
        r#type: String,
        name: Option<String>,
        #[serde(default)]
        list: bool,
    },
}

impl JsNode {
    pub(super) fn new(
        definition: &JsValue,
        run: Function,
        fingerprint: Option<Function>,
    ) -> Result<Self, JsValue> {
        let definition: Definition = from_js(definition)?;
        let deterministic = definition.deterministic.unwrap_or(true);
        let schema = schema(definition).map_err(|error| js_error(&error))?;
        Ok(Self { schema, run, fingerprint, deterministic })
    }

    /// What the page's function makes of these inputs.
    async fn ask(&self, function: &Function, inputs: &Inputs) -> Result<JsValue> {
        let argument = Object::new();
        for (name, value) in inputs.iter() {
            let value = if self.schema.input_is_list {
                let elements = value.elements().iter().map(js_from_value);
                elements.collect::<Result<Array, _>>().map(JsValue::from)
            } else {
                js_from_value(value)
            };
            let set = value.and_then(|value| Reflect::set(&argument, &name.into(), &value));
            set.map_err(|thrown| threw(&thrown))?;
        }
        let result = function.call1(&JsValue::NULL, &argument).map_err(|thrown| threw(&thrown))?;
        JsFuture::from(Promise::resolve(&result)).await.map_err(|thrown| threw(&thrown))
    }

    async fn call(&self, inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
        cx.checkpoint().await?;
        let result = self.ask(&self.run, &inputs).await?;
        let outputs = self.schema.outputs;
        let values: Vec<JsValue> = match result.dyn_ref::<Array>() {
            Some(list) => list.iter().collect(),
            None if outputs.is_empty() => Vec::new(),
            None => vec![result],
        };
        if values.len() != outputs.len() {
            let message =
                format!("the node returned {} values, expected {}", values.len(), outputs.len());
            return Err(Error::new(ErrorKind::NodeThrew { message })
                .hint("return an array with one value for each output"));
        }
        let values = values.iter().zip(outputs).map(|(value, output)| {
            let elements = value.dyn_ref::<Array>().filter(|_| output.list);
            let Some(elements) = elements else { return value_from_js(value, output.kind) };
            let elements = elements.iter().map(|element| value_from_js(&element, output.kind));
            elements.collect::<Result<_>>().map(Value::list)
        });
        Ok(Outputs::new(values.collect::<Result<_>>()?))
    }
}

impl Node for JsNode {
    fn schema(&self) -> &'static Schema {
        self.schema
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(self.call(inputs, cx))
    }

    fn is_deterministic(&self) -> bool {
        self.deterministic
    }

    fn fingerprint<'a>(
        &'a self,
        inputs: &'a Inputs,
        _: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            let Some(fingerprint) = &self.fingerprint else { return Ok(None) };
            let value = self.ask(fingerprint, inputs).await?;
            // NaN is equal to nothing, and means that nothing is to be kept.
            if value.as_f64().is_some_and(f64::is_nan) {
                return Err(threw(&value));
            }
            let text = js_sys::JSON::stringify(&value).map_err(|thrown| threw(&thrown))?;
            Ok(text.as_string())
        })
    }
}

fn threw(thrown: &JsValue) -> Error {
    let error = thrown.dyn_ref::<js_sys::Error>();
    if error.is_some_and(|error| error.name() == "AbortError") {
        return ErrorKind::Cancelled.into();
    }
    let message =
        error.map_or_else(|| format!("{thrown:?}"), |error| String::from(error.message()));
    ErrorKind::NodeThrew { message }.into()
}

/// Reads a definition whose inputs are written as in ComfyUI's `object_info`:
/// `{name: ["INT", {default, min, max}], other: "IMAGE"}`.
fn schema(definition: Definition) -> Result<&'static Schema> {
    let class = text(definition.class_type);
    let inputs = definition.inputs.into_iter().map(|(name, spec)| input(class, name, &spec));
    let inputs: Vec<Input> = inputs.collect::<Result<_>>()?;
    let outputs = definition.outputs.into_iter().map(|output| match output {
        OutputDefinition::Kind(kind) => Output::new(Kind::new(text(kind))),
        OutputDefinition::Named { r#type, name, list } => {
            let output = Output::new(Kind::new(text(r#type)));
            let output = name.map_or(output, |name| output.named(text(name)));
            Output { list, ..output }
        }
    });
    let schema = Schema {
        class_type: class,
        display_name: definition.display_name.map_or(class, text),
        category: definition.category.map_or("custom", text),
        doc: text(definition.description),
        inputs: Vec::leak(inputs),
        outputs: Vec::leak(outputs.collect()),
        output_node: definition.output_node,
        input_is_list: definition.input_is_list,
        deprecated: false,
        experimental: false,
    };
    // Schemas live as long as the engine; a page registers a handful of classes.
    Ok(Box::leak(Box::new(schema)))
}

fn input(class: &str, name: String, spec: &Json) -> Result<Input> {
    let wrong = |why: &str| {
        let what = "definition of a node";
        let (expected, got) = (why.to_owned(), format!("`{name}` of `{class}`: {spec}"));
        Error::new(ErrorKind::Mismatch { what, expected, got })
    };
    let (ty, options) = match spec {
        Json::Array(parts) => (parts.first(), parts.get(1)),
        other => (Some(other), None),
    };
    let option = |key: &str| options.and_then(|options| options.get(key));
    let number = |key: &str| option(key).and_then(Json::as_f64);
    let ty = match ty {
        Some(Json::String(kind)) if kind == "COMBO" => option("options"),
        ty => ty,
    };
    let ty = match ty {
        Some(Json::Array(names)) => {
            let names: Option<Vec<&'static str>> =
                names.iter().map(|n| n.as_str().map(|n| text(n.to_owned()))).collect();
            let names = names.ok_or_else(|| wrong("a list of names"))?;
            let default = option("default").and_then(Json::as_str).map(|n| text(n.to_owned()));
            Type::Combo { choices: Choices::List(Vec::leak(names)), default, image_upload: false }
        }
        Some(Json::String(kind)) => match kind.as_str() {
            "INT" => Type::Int {
                default: number("default").unwrap_or(0.0) as i128,
                min: number("min").map_or(i128::from(i64::MIN), |n| n as i128),
                max: number("max").map_or(i128::from(u64::MAX), |n| n as i128),
                step: number("step").unwrap_or(1.0) as i128,
                control_after_generate: false,
            },
            "FLOAT" => Type::Float {
                default: number("default").unwrap_or(0.0),
                min: number("min").unwrap_or(f64::MIN),
                max: number("max").unwrap_or(f64::MAX),
                step: number("step").unwrap_or(0.01),
            },
            "STRING" => Type::String {
                default: option("default").and_then(Json::as_str).map(|n| text(n.to_owned())),
                multiline: option("multiline").and_then(Json::as_bool).unwrap_or(false),
                dynamic_prompts: false,
            },
            "BOOLEAN" => Type::Boolean {
                default: option("default").and_then(Json::as_bool).unwrap_or(false),
            },
            other => Type::Link(Kind::new(text(other.to_owned()))),
        },
        _ => return Err(wrong("a type, or [type, options]")),
    };
    let is = |key: &str| option(key).and_then(Json::as_bool).unwrap_or(false);
    let input = Input::new(text(name.clone()), ty);
    Ok(Input {
        required: !is("optional"),
        force_input: is("forceInput"),
        advanced: is("advanced"),
        ..input
    })
}

fn text(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}
