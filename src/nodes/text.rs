//! Nodes that work on text, with the meaning Python gives to it: what a workflow computes on a desktop it
//! computes here.

mod case;
mod pattern;
mod regex;
mod strings;
mod template;
mod translate;

use crate::error::{Error, ErrorKind};
use crate::graph::Node;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[
    &strings::STRING_CONCATENATE,
    &strings::STRING_SUBSTRING,
    &strings::STRING_LENGTH,
    &strings::CASE_CONVERTER,
    &strings::STRING_TRIM,
    &strings::STRING_REPLACE,
    &strings::STRING_CONTAINS,
    &strings::STRING_COMPARE,
    &regex::REGEX_MATCH,
    &regex::REGEX_EXTRACT,
    &regex::REGEX_REPLACE,
];

/// An input that is not what it should be.
fn refused(input: &'static str, expected: &str, got: String) -> Error {
    ErrorKind::Mismatch { what: input, expected: expected.to_owned(), got }.into()
}
