//! What runs in two worlds: natively on the CPU in `cargo test`, and in a page on the GPU.
//!
//! The second is the `parity` build of the WebGPU engine (`src/wasm_api/parity.rs`), which includes this
//! file and hands its comparisons to `www/test/browser/parity.spec.ts`. So nothing here opens a file, waits,
//! or panics over a number: a panic would end the engine and say nothing of the other cases.

// Paths, because this file is a module of two crates, in one of them by `#[path]`.
#[path = "shared/golden.rs"]
pub(crate) mod golden;
#[path = "shared/kernels.rs"]
pub(crate) mod kernels;
#[path = "shared/ops.rs"]
pub(crate) mod ops;
#[path = "shared/reference.rs"]
pub(crate) mod reference;
