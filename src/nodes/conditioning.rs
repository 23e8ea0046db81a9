//! Nodes that make conditions and say where, when and how much they count.

mod text;

use crate::graph::Node;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[&text::CLIPTextEncode];
