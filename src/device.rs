//! Opening a device, and hearing about its failures: the only place that names a backend.
//!
//! Everything else takes a burn [`Device`] value. Failures of a GPU arrive beside the program's path: a
//! shader that does not compile is only logged, an invalid command goes to a callback, and the numbers
//! read back afterwards are stale memory. So every way a device can complain sets one *fault*, and
//! [`read`], the only way numbers come back, refuses once there is one: never a silent wrong picture. Weights that are
//! read from their file as they are used may fail in the same way.

use std::cell::{Cell, RefCell};

use burn::tensor::{Device, Tensor};

use crate::error::{Error, ErrorKind, Result};

mod unused;
#[cfg(feature = "webgpu")]
mod webgpu;

pub use self::unused::release_unused;

/// A kind of device the engine runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// One thread with SIMD instructions.
    Cpu,
    /// The GPU, through WebGPU (natively: wgpu's choice of graphics API).
    WebGpu,
}

impl DeviceKind {
    /// The name people type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::WebGpu => "webgpu",
        }
    }

    /// From the name people type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownName`].
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "webgpu" => Ok(Self::WebGpu),
            _ => Err(Error::new(ErrorKind::UnknownName { what: "device", got: name.to_owned() })
                .hint("use `cpu` or `webgpu`")),
        }
    }
}

/// What is known of an opened device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its kind.
    pub kind: DeviceKind,
    /// What the adapter calls itself.
    pub name: String,
    /// Whether it knows halves as numbers.
    pub f16: bool,
    /// Largest single buffer.
    pub max_buffer_bytes: u64,
    /// Most that the weights of a model may take; as much as there is, where nothing tells.
    pub max_weights_bytes: u64,
    /// Weights of one file that are held in memory, as f32; those of a larger one are read as they are used.
    pub held_weights_bytes: u64,
}

/// Opens a device. `on_fault` hears of the first failure, at any time later.
///
/// # Errors
///
/// [`ErrorKind::DeviceUnavailable`] if this build has no such device, or the machine has none.
pub async fn open(
    kind: DeviceKind,
    on_fault: impl Fn(&str) + 'static,
) -> Result<(Device, DeviceInfo)> {
    ON_FAULT.with(|slot| *slot.borrow_mut() = Some(Box::new(on_fault)));
    match kind {
        #[cfg(feature = "cpu")]
        DeviceKind::Cpu => Ok((Device::flex(), cpu_info())),
        #[cfg(feature = "webgpu")]
        DeviceKind::WebGpu => webgpu::open().await,
        #[cfg(not(all(feature = "cpu", feature = "webgpu")))]
        _ => Err(Error::new(ErrorKind::DeviceUnavailable {
            device: kind.name(),
            why: "this build of the engine has none".into(),
        })
        .hint(format!("build with `--features {}`", kind.name()))),
    }
}

/// Largest single array on the CPU. A page has 4 GiB of addresses, a decoder needs more than four times its largest array
/// (571 MB were measured with one of 128 MiB), and running out ends the engine rather than the run.
#[cfg(feature = "cpu")]
const CPU_BUFFER_BYTES: u64 = if cfg!(web) { 384 << 20 } else { 4 << 30 };

/// Most that weights may take on the CPU: of a page's 4 GiB of addresses, a quarter is left to what is computed.
#[cfg(feature = "cpu")]
const CPU_WEIGHTS_BYTES: u64 = if cfg!(web) { 3 << 30 } else { u64::MAX };

/// Weights of one file that are held on the CPU. Reading larger ones anew for each layer takes a few per cent of the
/// time that computing with them does, and a page's memory would not hold them.
#[cfg(feature = "cpu")]
const CPU_HELD_BYTES: u64 = if cfg!(web) { 256 << 20 } else { 8 << 30 };

#[cfg(feature = "cpu")]
const CPU_NAME: &str = if cfg!(all(web, feature = "cpu-relaxed")) {
    "CPU, one thread, SIMD with multiply-adds"
} else {
    "CPU, one thread, SIMD"
};

#[cfg(feature = "cpu")]
fn cpu_info() -> DeviceInfo {
    DeviceInfo {
        kind: DeviceKind::Cpu,
        name: CPU_NAME.into(),
        f16: false,
        max_buffer_bytes: CPU_BUFFER_BYTES,
        max_weights_bytes: CPU_WEIGHTS_BYTES,
        held_weights_bytes: CPU_HELD_BYTES,
    }
}

/// Whether it is the CPU, which has no memory but the host's.
#[cfg(feature = "cpu")]
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Whether it is the CPU: there is none in this build.
#[cfg(not(feature = "cpu"))]
pub fn is_cpu(_device: &Device) -> bool {
    false
}

/// Reads a tensor's numbers back, in row-major order.
///
/// # Errors
///
/// [`ErrorKind::DeviceFailed`] if the read fails, or anything failed on the device before; the error of
/// [weights that could not be read](note_unreadable) since the last call.
pub async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await;
    if let Some(why) = fault() {
        return Err(failed(why));
    }
    if let Some(error) = UNREADABLE.with(RefCell::take) {
        return Err(error);
    }
    let data = data.map_err(|error| failed(innermost(&format!("{error:?}")).to_owned()))?;
    data.convert::<f32>().try_into_vec().map_err(|error| failed(format!("{error:?}")))
}

/// Workgroups that keep the GPU busy: dozens of units want some each, where a software adapter has a few threads.
#[cfg(feature = "webgpu")]
pub(crate) fn busy_workgroups() -> usize {
    if is_software() { 8 } else { 96 }
}

/// Whether the GPU is a processor that stands in for one.
#[cfg(feature = "webgpu")]
pub(crate) fn is_software() -> bool {
    IS_SOFTWARE.get()
}

/// Takes a GPU for a processor from now on, or a processor for a GPU: either's kernels run on both, so that tests see both.
pub fn take_for_software(is_software: bool) {
    IS_SOFTWARE.set(is_software);
}

/// Multiply-adds that a GPU is told to make at once: 0.8 seconds of one that makes a tenth of a TFLOP/s. No kernel has more
/// for a picture of 512 × 512 by Stable Diffusion 1.5.
const AT_ONCE: f64 = 40e9;

/// Multiply-adds that the GPU is told to make at once.
#[cfg(any(test, feature = "webgpu"))]
pub(crate) fn multiply_adds_at_once() -> f64 {
    MULTIPLY_ADDS_AT_ONCE.get()
}

/// Has the GPU told to make so many multiply-adds at once from now on, or as many as it usually is: tests see small layers in
/// parts as large ones are.
pub fn pace(multiply_adds: Option<f64>) {
    MULTIPLY_ADDS_AT_ONCE.set(multiply_adds.unwrap_or(AT_ONCE));
}

/// Whether denoisers and decoders keep their maps as halves: half the memory, half of what is read and written.
pub fn keeps_halves() -> bool {
    KEEPS_HALVES.get()
}

/// Has denoisers and decoders keep their maps as halves from now on, or not. The device must [know them](DeviceInfo::f16).
pub fn keep_halves(keeps: bool) {
    KEEPS_HALVES.set(keeps);
}

type Listener = Box<dyn Fn(&str)>;

thread_local! {
    static FAULT: RefCell<Option<String>> = const { RefCell::new(None) };
    static UNREADABLE: RefCell<Option<Error>> = const { RefCell::new(None) };
    static IS_SOFTWARE: Cell<bool> = const { Cell::new(false) };
    static KEEPS_HALVES: Cell<bool> = const { Cell::new(false) };
    static MULTIPLY_ADDS_AT_ONCE: Cell<f64> = const { Cell::new(AT_ONCE) };
    static ON_FAULT: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Takes note that weights could not be read as they were used: what is computed since is wrong, and the next [`read`]
/// says why. The device itself is as it was.
pub fn note_unreadable(error: Error) {
    UNREADABLE.with(|slot| {
        slot.borrow_mut().get_or_insert(error);
    });
}

/// The first failure of the device, if there was one. The engine must be opened anew after it.
pub fn fault() -> Option<String> {
    FAULT.with(|fault| fault.borrow().clone())
}

/// Records a failure; only the first is kept, since the others follow from it.
#[cfg_attr(
    not(feature = "webgpu"),
    expect(dead_code, reason = "a CPU does not fail beside the program")
)]
fn raise_fault(why: &str) {
    let first = FAULT.with(|fault| {
        let mut fault = fault.borrow_mut();
        let first = fault.is_none();
        fault.get_or_insert_with(|| why.to_owned());
        first
    });
    if first {
        ON_FAULT.with(|slot| {
            if let Some(listener) = slot.borrow().as_ref() {
                listener(why);
            }
        });
    }
}

/// The cause at the end of burn's chain of them, which a backtrace follows.
fn innermost(chain: &str) -> &str {
    let causes = chain.split("\nBacktrace").next().unwrap_or(chain);
    causes.trim_end().lines().last().unwrap_or(chain).trim()
}

fn failed(why: String) -> Error {
    Error::new(ErrorKind::DeviceFailed { why })
        .hint("close other pages that use the GPU and try again, or choose the CPU engine")
}
