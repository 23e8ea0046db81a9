//! ComfyUI's UI format: what its editor opens, and what travels in a picture as `workflow`.
//!
//! Read in schemas 0.4 and 1.0 ([`read`]), written in 0.4 ([`write`]). Reading flattens subgraphs and
//! old group nodes, follows reroutes and bypassed nodes, and gives widgets their values, which the file
//! keeps by position. Nothing is lost in silence: what cannot be followed is a notice that names the node.
//!
//! # Source
//!
//! <https://docs.comfy.org/specs/workflow_json>

mod app;
mod groups;
mod parse;
mod read;
#[cfg(test)]
mod tests;
mod widgets;
mod write;

pub use app::App;
pub use read::{Read, read};
pub use write::workflow_from_graph;
