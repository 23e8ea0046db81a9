//! The arithmetic of the CPU engine, on plain slices.
//!
//! A crate of its own for two reasons: it alone is compiled for speed where the rest of the engine is
//! compiled for size, and it depends on nothing but a matrix product, so that each kernel can be tested
//! against three lines of plain loops. All arrays are row major and contiguous, all numbers f32.
//!
//! There is no platform code: what is worth SIMD instructions is written with the types of the `wide` crate, and outside a
//! browser [`mod@matmul`] uses the `gemm` crate.

mod activation;
mod attention;
mod conv;
mod exp;
mod lanes;
mod matmul;
mod norm;
mod pictures;
mod pool;
mod tiles;
mod widen;
mod winograd;

pub use activation::{geglu, gelu, leaky_relu, prelu, quick_gelu, silu};
pub use attention::{AttentionShape, attention};
pub use conv::{ConvLayer, ConvWeights};
pub use matmul::{LinearWeights, Matrix};
pub use norm::{group_norm, layer_norm};
pub use pictures::Pictures;
pub use pool::halve;
pub use widen::{widen_f16, widen_i8};
