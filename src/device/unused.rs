//! Memory that the device keeps for arrays of sizes that may not come again.

use burn::tensor::{Device, Tensor};

use crate::error::Result;

#[cfg(all(web, feature = "webgpu"))]
mod web;

/// Unused bytes that are worth waiting for the device and making arrays anew: a decoder leaves as much from one level to the
/// next at 512 × 512.
const MUCH: u64 = 64 << 20;

/// Gives back what the device keeps and nothing uses, if that is much.
///
/// To be called before work whose arrays have other sizes, which would come on top. Waits for what the device has to do: memory
/// that it still reads is not free. Does nothing on a device that keeps nothing.
///
/// # Errors
///
/// As [`read`](super::read).
pub async fn release_unused(device: &Device) -> Result<()> {
    let Some(usage) = device.memory_pool_usage() else { return Ok(()) };
    if usage.bytes_reserved.saturating_sub(usage.bytes_in_use) < MUCH {
        return Ok(());
    }
    super::read(Tensor::<1>::zeros([1], device)).await?;
    #[cfg(all(web, feature = "webgpu"))]
    web::destroying(|| device.memory_cleanup());
    #[cfg(not(all(web, feature = "webgpu")))]
    device.memory_cleanup();
    Ok(())
}
