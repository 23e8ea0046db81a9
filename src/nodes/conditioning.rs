//! Nodes that make conditions and say where, when and how much they count, and by what pictures they are steered.

mod a1111;
mod combine;
mod control;
mod edit;
mod encode;
mod inpaint;
mod learned;
mod place;
mod text;

use crate::graph::Node;

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[
    &text::CLIP_TEXT_ENCODE,
    &text::CLIP_TEXT_ENCODE_SDXL,
    &text::CLIP_TEXT_ENCODE_SDXL_REFINER,
    &a1111::CLIP_TEXT_ENCODE_A1111,
    &text::CLIP_SET_LAST_LAYER,
    &combine::CONDITIONING_COMBINE,
    &combine::CONDITIONING_AVERAGE,
    &combine::CONDITIONING_CONCAT,
    &place::CONDITIONING_SET_AREA,
    &place::CONDITIONING_SET_AREA_PERCENTAGE,
    &place::CONDITIONING_SET_AREA_STRENGTH,
    &place::CONDITIONING_SET_MASK,
    &place::CONDITIONING_SET_TIMESTEP_RANGE,
    &combine::CONDITIONING_ZERO_OUT,
    &control::CONTROL_NET_APPLY_ADVANCED,
    &control::CONTROL_NET_APPLY,
    &inpaint::INPAINT_MODEL_CONDITIONING,
    &edit::INSTRUCT_PIX_TO_PIX_CONDITIONING,
];
