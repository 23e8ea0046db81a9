//! Image files ↔ [`Image`](super::Image).

mod animation;
mod decode;
mod exr;
mod png;

pub use animation::{encode_apng, encode_webp};
pub use decode::decode;
pub use exr::encode_exr;
pub use png::{encode_png, encode_png16};

use crate::error::{Error, ErrorKind};

/// The error of a picture that cannot be written.
fn unwritable(error: impl std::fmt::Display) -> Error {
    ErrorKind::BadImage { file: "result".into(), why: error.to_string() }.into()
}

#[cfg(test)]
mod tests;
