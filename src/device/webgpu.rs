//! The GPU: opening it with burn's own set-up, then listening to everything it may complain through.

use std::sync::Arc;

use burn::tensor::Device;
use burn_wgpu::WgpuSetup;
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::{DeviceInfo, DeviceKind, raise_fault};
use crate::error::{Error, ErrorKind, Result};

/// Commands in one submission. A slow GPU gets about two seconds before the browser calls it hung: 16 of burn's own stay below
/// that where its default of 32 may not. (`ops/pace` submits our own large kernels earlier.)
const TASKS_MAX: usize = 16;

/// Largest single array. An adapter may allow four times as much, but a network holds three of its largest arrays at
/// once, nothing tells how much memory there is for them, and running out loses the device.
const BUFFER_BYTES: u64 = 512 << 20;

pub(super) async fn open() -> Result<(Device, DeviceInfo)> {
    let options = Device::wgpu_options().tasks_max(TASKS_MAX);
    let (device, setup) = options.init_with_setup_async().await.map_err(|error| {
        Error::new(ErrorKind::DeviceUnavailable { device: "webgpu", why: error.to_string() }).hint(
            "turn on hardware acceleration in the browser's settings, or choose the CPU engine",
        )
    })?;
    listen(&setup);
    let limits = setup.device.limits();
    let info = setup.adapter.get_info();
    let is_software = info.device_type == wgpu::DeviceType::Cpu;
    super::take_for_software(is_software);
    let f16 = setup.device.features().contains(wgpu::Features::SHADER_F16);
    // A processor computes with f32 alone, and would take its time over halves.
    super::keep_halves(f16 && !is_software);
    let name = if info.name.is_empty() { info.driver } else { info.name };
    let info = DeviceInfo {
        kind: DeviceKind::WebGpu,
        name,
        f16,
        max_buffer_bytes: limits
            .max_buffer_size
            .min(limits.max_storage_buffer_binding_size)
            .min(BUFFER_BYTES),
        // WebGPU does not tell how much memory a card has.
        max_weights_bytes: u64::MAX,
        held_weights_bytes: u64::MAX,
    };
    Ok((device, info))
}

fn listen(setup: &WgpuSetup) {
    // cubecl's own handler panics inside the browser's callback, which ends the engine without a word.
    setup
        .device
        .on_uncaptured_error(Arc::new(|error: wgpu::Error| raise_fault(&error.to_string())));
    // cubecl's device-lost callback stays: it makes later reads fail instead of hanging, and logs.
    if log::set_logger(&FaultLogger).is_ok() {
        log::set_max_level(LevelFilter::Error);
    }
}

/// Hears what cubecl says at level "error": a shader that did not compile, a device that was lost. It says
/// so nowhere else, skips the command and leaves stale memory as the result (tracel-ai/cubecl#1641).
struct FaultLogger;

impl Log for FaultLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() == Level::Error && metadata.target().starts_with("cubecl")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            // The shader's whole source follows the message.
            raise_fault(text.split("\n--- shader source").next().unwrap_or(&text));
        }
    }

    fn flush(&self) {}
}
