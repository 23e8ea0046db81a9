//! Nodes that make conditions and say where, when and how much they count.

mod a1111;
mod encode;
mod text;

use crate::graph::Node;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[
    &text::CLIPTextEncode,
    &text::CLIPTextEncodeSDXL,
    &text::CLIPTextEncodeSDXLRefiner,
    &a1111::CLIPTextEncodeA1111,
    &text::CLIP_SET_LAST_LAYER,
];
