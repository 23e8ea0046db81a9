#![doc = include_str!("../README.md")]

pub mod device;
pub mod diffusion;
pub mod engine;
pub mod error;
pub mod formats;
pub mod graph;
pub mod image;
pub mod models;
pub mod nodes;
pub mod ops;
pub mod prompt;
pub mod store;
pub mod weights;

#[cfg(web)]
mod wasm_api;

// The comparisons of `tests/shared.rs` name this crate as the tests do.
#[cfg(all(web, feature = "parity"))]
extern crate self as tintype;
