//! Files that hold graphs: text in, graph out, and back. Nothing here knows tensors.

use serde_json::Value as Json;

use crate::error::{Error, ErrorKind};

pub mod comfy_api;
pub mod comfy_ui;
pub mod infotext;
mod open;
pub mod pipeline;
#[cfg(test)]
mod testing;
mod yaml;

pub use open::{Opened, read};

/// More than anyone draws, and less than would tie up a page.
pub const MAX_NODES: usize = 20_000;

/// What a graph is called in messages: at this place nobody knows the file's name.
const FILE: &str = "workflow";

/// The error of a file that is no graph, or none that can be read.
fn bad(why: impl Into<String>) -> Error {
    ErrorKind::BadFile { file: FILE.to_owned(), why: why.into() }.into()
}

/// What a piece of JSON is, in words.
fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
