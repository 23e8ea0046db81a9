//! The arithmetic of the networks: the only place with layouts, kernels and number formats.
//!
//! `models` state the mathematics by calling these functions and structs. An activation is a burn tensor:
//! pictures and feature maps `[batch, channels, height, width]`, token sequences `[batch, tokens, width]`,
//! both f32, or in denoisers and decoders on a GPU [halves](narrowed). Parameters ([`Conv2d`], [`Linear`],
//! [`GroupNorm`], [`LayerNorm`]) are built once from the checkpoint's tensors and may keep them in whatever layout the device likes best, or where memory is short in
//! their file ([`Weight`]); nothing outside this module looks inside them. Start at [`conv2d`](Conv2d::forward).

/// What to do on the device that holds a tensor; a build for one device knows which that is.
macro_rules! on_device {
    ($x:ident, cpu: $cpu:expr, gpu: $gpu:expr) => {{
        #[cfg(all(feature = "cpu", feature = "webgpu"))]
        {
            if super::cpu::holds(&$x) { $cpu } else { $gpu }
        }
        #[cfg(all(feature = "cpu", not(feature = "webgpu")))]
        {
            $cpu
        }
        #[cfg(all(feature = "webgpu", not(feature = "cpu")))]
        {
            $gpu
        }
    }};
}

mod activation;
mod after;
mod attention;
mod conv;
#[cfg(feature = "cpu")]
mod cpu;
mod frequency;
#[cfg(feature = "webgpu")]
mod gpu;
mod halves;
mod join;
mod linear;
mod norm;
#[cfg(any(test, feature = "webgpu"))]
mod pace;
mod pool;
mod resize;
mod shuffle;
mod time;
mod weight;

pub use activation::{gelu, leaky_relu, prelu, quick_gelu, relu, sigmoid, silu};
pub use after::{Activation, After};
pub use attention::split_heads_attention;
pub use conv::{Conv2d, Padding};
#[cfg(feature = "cpu")]
pub use cpu::Kept;
pub use frequency::scale_low_frequencies;
#[cfg(feature = "webgpu")]
pub use gpu::Packed;
pub use halves::{like, narrowed, widened};
pub use join::join_channels;
pub use linear::Linear;
pub use norm::{GroupNorm, LayerNorm};
pub use pool::halve;
pub use resize::upsample_nearest;
pub use shuffle::{pixel_shuffle, pixel_unshuffle};
pub use time::timestep_embedding;
pub use weight::{Read, Weight};
