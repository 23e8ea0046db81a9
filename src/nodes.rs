//! The node classes: where graphs meet models.
//!
//! One file a family, classes named as ComfyUI names them, all in the one list [`NODES`]. A node is a
//! [`Function`](crate::graph::Function) and has no state: what it needs beyond its inputs (models
//! folder, device, uploaded files) is the [`Environment`]. What flows along the links is in [`values`].

mod alpha;
mod conditioning;
mod environment;
mod folders;
mod identity;
mod image;
mod latent;
mod length;
mod limits;
mod loaders;
mod logic;
mod lora;
mod mask;
mod naming;
mod output;
mod plan;
mod primitive;
mod sampling;
mod style;
#[cfg(test)]
mod testing;
mod text;
mod upscale;
pub mod values;

pub use environment::{Desktop, Environment, Precision, Previews, WeightFormat};
pub use identity::{Identity, identify};
pub use length::{PromptLength, prompt_length};
pub use plan::{FilePlan, Plan, StepPlan, plan};

use crate::graph::Node;

/// All built-in classes, family by family, in menu order. Adding a node is: a constant in its family's
/// file, a place in the family's list, a test; menus, `docs/nodes.md`, types and validation follow from
/// its schema.
pub const NODES: &[&[&dyn Node]] = &[
    loaders::NODES,
    lora::NODES,
    conditioning::NODES,
    latent::NODES,
    sampling::NODES,
    image::files::NODES,
    output::NODES,
    upscale::NODES,
    style::NODES,
    image::scale::NODES,
    image::layout::NODES,
    image::batch::NODES,
    image::blend::NODES,
    image::filter::NODES,
    image::compare::NODES,
    text::NODES,
    primitive::NODES,
    logic::NODES,
    mask::NODES,
    alpha::NODES,
];
