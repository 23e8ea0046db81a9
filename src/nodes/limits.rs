//! What fits the machine: refused with the numbers before anything is allocated.

use super::Environment;
use crate::device::{DeviceInfo, DeviceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::models::Autoencoder;
use crate::models::clip::ClipConfig;
use crate::models::unet::UnetConfig;
use crate::models::upscaler::Upscaler;

/// Refuses a denoising run whose largest single array is beyond what the device allows.
///
/// `rows` counts batch items with both halves of guidance; `[height, width]` is the latent's size.
pub(super) fn check_unet(
    device: &DeviceInfo,
    config: &UnetConfig,
    rows: usize,
    [height, width]: [usize; 2],
) -> Result<()> {
    check(device, "denoising at this size", unet_bytes(config, rows, [height, width]))
}

/// Bytes of the largest single array of a denoising run.
///
/// A feed-forward's hidden layer can be larger and is not counted: it never takes more than every device allows.
pub(super) fn unet_bytes(config: &UnetConfig, rows: usize, [height, width]: [usize; 2]) -> u64 {
    let maps = config.block_out_channels.iter().enumerate().map(|(level, channels)| {
        let positions = (height as u64).div_ceil(1 << level) * (width as u64).div_ceil(1 << level);
        // An up block sees its own channels beside those of the level below.
        let below = config.block_out_channels.get(level + 1).unwrap_or(channels);
        (channels + below.max(channels)) as u64 * positions
    });
    (4 * rows as u64).saturating_mul(maps.max().unwrap_or(0))
}

/// Refuses to encode or decode a picture if the largest single array is beyond what the device allows.
///
/// `size` is the latent's.
pub(super) fn check_vae(device: &DeviceInfo, vae: &Autoencoder, size: [usize; 2]) -> Result<()> {
    check(device, "turning latents of this size into pictures", 4 * vae.largest_map(size))
}

/// Refuses to enlarge a tile of `[height, width]` whose largest single array is beyond what the device allows.
pub(super) fn check_upscaler(
    device: &DeviceInfo,
    upscaler: &Upscaler,
    size: [usize; 2],
) -> Result<()> {
    let needs = upscaler.largest_map(size).saturating_mul(4);
    check(device, "enlarging a tile of a picture", needs)
        .map_err(|error| error.hint("use another upscaler, or the CPU engine"))
}

/// Refuses to look at pictures of `[height, width]` for a control net whose first layer has `widest` channels.
pub(super) fn check_hint(
    device: &DeviceInfo,
    widest: usize,
    pictures: usize,
    [height, width]: [usize; 2],
) -> Result<()> {
    let numbers = pictures as u64 * widest as u64 * height as u64 * width as u64;
    check(device, "a control net's picture at this size", 4 * numbers)
}

/// Refuses to encode this many windows of tokens at once.
pub(super) fn check_clip(device: &DeviceInfo, config: &ClipConfig, windows: usize) -> Result<()> {
    let tokens = config.max_position_embeddings as u64;
    let row = config.intermediate_size.max(config.hidden_size) as u64;
    let needs = (windows as u64).saturating_mul(4 * tokens * row);
    check(device, "a prompt of this length", needs).map_err(|error| error.hint("use fewer words"))
}

/// Refuses to make an array of this many f32 on the host.
pub(super) fn check_host(device: &DeviceInfo, what: &str, numbers: u64) -> Result<()> {
    check(device, what, numbers.saturating_mul(4))
}

/// As [`check_host`], for a latent of this shape; gives how many numbers it has.
pub(super) fn check_latent(env: &Environment, what: &str, shape: [usize; 4]) -> Result<usize> {
    let numbers = shape.iter().fold(1_u64, |all, side| all.saturating_mul(*side as u64));
    check_host(&env.device_info, what, numbers)?;
    Ok(numbers as usize)
}

/// Refuses to load a file whose weights take more memory than the device has for them.
pub(super) fn check_weights(device: &DeviceInfo, file: &str, needs: u64) -> Result<()> {
    let limit = device.max_weights_bytes;
    if needs <= limit {
        return Ok(());
    }
    let what = format!("the model `{file}`");
    Err(Error::new(ErrorKind::TooLarge { what, needs, limit }).hint(match device.kind {
        DeviceKind::Cpu => {
            "download the file and add it from the disk, from where it is read as it is used; or use the WebGPU engine"
        }
        DeviceKind::WebGpu => "use a smaller model",
    }))
}

/// Refuses to make a text of more than 64 MiB.
pub(super) fn check_text(bytes: usize) -> Result<()> {
    let (needs, limit) = (bytes as u64, 1 << 26);
    if needs <= limit {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TooLarge { what: "a text of this length".to_owned(), needs, limit })
        .hint("use shorter texts"))
}

fn check(device: &DeviceInfo, what: &str, needs: u64) -> Result<()> {
    let limit = device.max_buffer_bytes;
    if needs <= limit {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TooLarge { what: what.to_owned(), needs, limit })
        .hint("use a smaller width, height or batch size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_do_not_fit_are_refused_with_the_numbers() {
        let device = |kind| DeviceInfo {
            kind,
            name: String::new(),
            f16: false,
            max_buffer_bytes: 1 << 30,
            max_weights_bytes: 1000,
            held_weights_bytes: 1000,
        };
        let cpu = device(DeviceKind::Cpu);
        check_weights(&cpu, "a", 1000).unwrap();
        let error = check_weights(&cpu, "big.safetensors", 1004).unwrap_err().to_string();
        let words = "the model `big.safetensors` needs 1004 bytes, the limit is 1000; download the file and add it";
        assert!(error.starts_with(words), "{error}");
        let error = check_weights(&device(DeviceKind::WebGpu), "a", u64::MAX).unwrap_err();
        assert_eq!(error.fix(), Some("use a smaller model"));
    }
}
