//! The one test binary: burn is linked once for all of it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy takes only functions marked #[test] for tests, not what they share"
)]

mod shared;
mod support;

mod areas;
mod bundled_workflows;
mod checkpoints;
mod controlnets;
mod diffusion;
mod docs;
mod editing;
mod eight_bits;
mod golden;
mod halves;
mod hostile;
mod image_nodes;
mod layering;
mod loras;
mod nodes;
mod parity;
mod plan;
mod prompts;
mod sampling;
mod streaming;
mod taesd;
mod torch_files;
mod workflows;
