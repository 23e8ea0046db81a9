//! Files that hold graphs: text in, graph out, and back. Nothing here knows tensors.

pub mod comfy_api;
pub mod comfy_ui;
