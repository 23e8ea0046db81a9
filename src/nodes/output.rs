//! Nodes that hand results to somebody outside of the engine.

use serde_json::Value as Json;

use super::image::files::write_pngs;
use crate::error::Result;
use crate::graph::event::Place;
use crate::graph::node::Complaint;
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema};
use crate::image::Image;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[&SEND_IMAGE];

/// Pictures → whoever the host lets them go to.
///
/// The node makes the files and says where they are to go; the host sends them, if the person allowed it.
const SEND_IMAGE: Function = Function::waiting(
    &Schema::new("SendImage", "Send Image", "image/output")
        .doc("Sends pictures to a chat or another program: a function of the page, another window, or a web address. Only places that were allowed get anything.")
        .inputs(&[
            Input::link("images", Kind::IMAGE).doc("The pictures."),
            Input::string("target")
                .or("callback:chat")
                .doc("Where to: callback:NAME, postMessage:https://chat.example or an https address."),
            Input::string("caption").or("").doc("Words to go with them."),
            Input::combo("body", &["image", "form"])
                .doc("What a web address gets: the PNG itself, or a form with file and caption, as chat services take it."),
            Input::string("filename_prefix").or("ComfyUI").doc("Start of the files' names."),
        ])
        .outputs(&[Output::new(Kind::IMAGE).doc("The same pictures.")])
        .output_node(),
    |inputs, cx| Box::pin(send_image(inputs, cx)),
)
.checked_by(|inputs| {
    let Ok(target) = inputs.string("target") else { return Vec::new() };
    if is_target(target) {
        return Vec::new();
    }
    let message = format!(
        "`{target}` is no target: write `callback:NAME`, `postMessage:https://…` or an https address"
    );
    vec![Complaint { input: "target", message }]
})
// Sending is the point: it happens in every run.
.never_cached();

async fn send_image(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let image = inputs.object::<Image>("images")?;
    let prefix = inputs.string("filename_prefix")?;
    let made = write_pngs(&image, prefix, Place::Temp, cx).await?;
    let mut ui = made.ui.unwrap_or_default();
    let order = |file: &Json| {
        let mut order = file.clone();
        for name in ["target", "caption", "body"] {
            order[name] = inputs.string(name)?.into();
        }
        Ok(order)
    };
    // One order a picture: what several executions show is put together.
    let files = ui["images"].as_array().map_or(&[][..], Vec::as_slice);
    ui["send"] = files.iter().map(order).collect::<Result<Json>>()?;
    Ok(Outputs::one(inputs.value("images")?.clone()).with_ui(ui))
}

/// Whether a target is of a form that a host can know. Which of them it may reach, the host decides.
fn is_target(target: &str) -> bool {
    let secure = |address: &str| {
        let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
        let host = address.strip_prefix("https://").map(|rest| !rest.is_empty());
        host.unwrap_or_else(|| local.iter().any(|start| address.starts_with(start)))
    };
    let target = target.trim();
    match target.split_once(':') {
        Some(("callback", name)) => !name.is_empty(),
        Some(("postMessage", origin)) => secure(origin),
        _ => secure(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_callback_a_window_or_a_secure_address() {
        for good in [
            "callback:chat",
            "postMessage:https://chat.example",
            "https://hooks.example/a?b=c",
            " http://localhost:8000/hook ",
            "http://[::1]/",
        ] {
            assert!(is_target(good), "{good}");
            assert!(SEND_IMAGE.validate(&Inputs::new().with("target", good)).is_empty(), "{good}");
        }
        for bad in [
            "",
            "chat",
            "callback:",
            "http://chat.example",
            "javascript:alert(1)",
            "file:///etc",
            "https://",
            "postMessage:*",
        ] {
            let complaints = SEND_IMAGE.validate(&Inputs::new().with("target", bad));
            assert_eq!(complaints[0].input, "target", "{bad}");
        }
    }
}
