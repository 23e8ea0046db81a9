//! Text → token windows that a text encoder can read. Knows nothing of graphs or networks.
//!
//! A page may draw from choices first ([`dynamic`]), or translate another service's prompt
//! ([`midjourney`]). A prompt then passes through a *dialect*, which says what is emphasised, and a way of
//! cutting into windows:
//!
//! - [`comfy`]: what ComfyUI's `CLIPTextEncode` reads; [`chunk::whole_words`].
//! - [`a1111`]: what AUTOMATIC1111 reads, and keeps in its pictures; [`chunk::at_commas`].

pub mod a1111;
mod braces;
pub mod chunk;
pub mod comfy;
pub mod dynamic;
pub mod midjourney;
pub mod tokenizer;

pub use chunk::Chunk;
pub use tokenizer::Tokenizer;

use crate::error::{Error, ErrorKind};

/// Brackets may nest this deep. People use a handful; a file that nests deeper is not a prompt.
pub const MAX_DEPTH: usize = 100;

/// The error for brackets nested deeper than [`MAX_DEPTH`].
fn too_deep(at: usize) -> Error {
    let why = format!("brackets nest deeper than {MAX_DEPTH}");
    Error::new(ErrorKind::BadPrompt { at, why })
        .hint("write a weight as a number, as in `(word:1.5)`")
}
