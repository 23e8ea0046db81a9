//! [`Error`] → a JavaScript `Error` with `name`, `code`, `node`, `hint`.

use serde_json::{Value as Json, json};
use wasm_bindgen::JsValue;

use super::convert::js_from_json;
use crate::error::Error;
use crate::graph::RunError;

pub(super) fn js_error(error: &Error) -> JsValue {
    let name = if error.is_cancelled() { "AbortError" } else { "TintypeError" };
    let node = error.node().map(|node| json!({ "id": node.id, "class_type": node.class_type }));
    // The node and the hint stand beside the message: a page shows them in their own places.
    let message = error.kind().to_string();
    new_error(
        name,
        &message,
        &json!({ "code": error.kind().code(), "node": node, "hint": error.fix() }),
    )
}

pub(super) fn js_run_error(error: &RunError) -> JsValue {
    match error {
        RunError::Failed(error) => js_error(error),
        RunError::Refused(refusal) => {
            let fields = json!({
                "code": refusal.code(),
                "node": null,
                "hint": null,
                "details": refusal.error.details,
                "node_errors": refusal.node_errors,
            });
            new_error("TintypeError", refusal.error.message, &fields)
        }
    }
}

fn new_error(name: &str, message: &str, fields: &Json) -> JsValue {
    let error = js_sys::Error::new(message);
    error.set_name(name);
    for (key, value) in fields.as_object().into_iter().flatten() {
        // Setting a field of a plain object cannot fail, and a value that cannot be shown is left out.
        if let Ok(value) = js_from_json(value) {
            let _ = js_sys::Reflect::set(&error, &key.into(), &value);
        }
    }
    error.into()
}
