//! Our numbers against those of torch, diffusers and transformers.
//!
//! The references are written by `tests/reference`; its README says what is in them.

pub(crate) mod checkpoints;
mod controlnets;
mod deep_cache;
pub(crate) mod halves;
pub(crate) mod loras;
mod networks;
mod ops;
mod stylizer;
mod taesd;
mod tokenizer;
mod upscalers;
