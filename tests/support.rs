//! What the tests share: reading fixtures, loading networks, comparing numbers.

pub(crate) mod tiny;
pub(crate) mod torch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use burn::tensor::{Device, Tensor};
use tintype::device::{self, DeviceKind};
use tintype::error::Result;
use tintype::models::clip::{ClipConfig, TOKEN_TABLE};
use tintype::models::unet::UnetConfig;
use tintype::models::vae::VaeConfig;
use tintype::models::{ClipTextModel, Unet, Vae};
use tintype::store::native::FolderStore;
use tintype::store::{self, ByteSource, ModelStore};
use tintype::weights::Weights;

pub(crate) use crate::shared::reference::{Comparison, Reference, References};

/// A folder or file below `tests/fixtures`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// The model that ships with the page.
pub(crate) fn bundled_models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("www/public/models")
}

/// Runs a future that never really waits: the CPU device computes at once.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

/// The device every test computes on: the CPU, or where `make test-gpu` says so this machine's GPU.
pub(crate) fn tested_device() -> Device {
    // A GPU is opened once.
    static DEVICE: OnceLock<Device> = OnceLock::new();
    DEVICE.get_or_init(|| block_on(device::open(tested_kind(), |_| {})).unwrap().0).clone()
}

/// Of which kind it is.
pub(crate) fn tested_kind() -> DeviceKind {
    let name = std::env::var("TINTYPE_DEVICE").unwrap_or_else(|_| "cpu".into());
    DeviceKind::from_name(&name).unwrap()
}

/// How near a network comes that a LoRA, or differences, were added to: on a GPU the sums are halves.
pub(crate) fn tolerance_of_sums() -> f32 {
    if device::is_cpu(&tested_device()) { 1e-4 } else { 1e-2 }
}

/// A tensor's numbers.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(device::read(tensor)).unwrap()
}

impl Reference {
    /// As a tensor on the CPU, in its own shape or one with axes of length 1 added at the end.
    pub(crate) fn tensor<const D: usize>(&self) -> Tensor<D> {
        self.tensor_on(&tested_device())
    }
}

/// Every tensor of a reference file.
pub(crate) fn references(path: &str) -> BTreeMap<String, Reference> {
    let bytes = std::fs::read(fixture(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    References::parse(&bytes).tensors
}

/// A model in diffusers' layout.
pub(crate) struct Folder {
    store: FolderStore,
    name: String,
}

impl Folder {
    pub(crate) fn new(root: PathBuf, name: &str) -> Self {
        Self { store: FolderStore::new(root), name: name.to_owned() }
    }

    /// One of `tests/fixtures/networks`.
    pub(crate) fn tiny(name: &str) -> Self {
        Self::new(fixture("networks"), name)
    }

    pub(crate) fn text(&self, file: &str) -> (String, String) {
        let path = format!("{}/{file}", self.name);
        let text = block_on(store::read_text(&self.store, &path)).unwrap();
        (path, text)
    }

    pub(crate) fn weights(&self, file: &str) -> Weights {
        let path = format!("{}/{file}", self.name);
        let source = block_on(self.store.open(&path, &mut |_, _| Ok(()))).unwrap();
        load(&*source).unwrap()
    }

    pub(crate) fn unet(&self) -> Unet {
        let (file, text) = self.text("unet/config.json");
        let weights = self.weights("unet/diffusion_pytorch_model.safetensors");
        Unet::load(UnetConfig::parse(&file, &text).unwrap(), weights).unwrap()
    }

    pub(crate) fn vae(&self) -> Vae {
        let (file, text) = self.text("vae/config.json");
        let weights = self.weights("vae/diffusion_pytorch_model.safetensors");
        Vae::load(VaeConfig::parse(&file, &text).unwrap(), weights).unwrap()
    }

    /// `part`: `text_encoder` or `text_encoder_2`.
    pub(crate) fn clip(&self, part: &str) -> ClipTextModel {
        let (file, text) = self.text(&format!("{part}/config.json"));
        let weights = self.weights(&format!("{part}/model.safetensors"));
        ClipTextModel::load(ClipConfig::parse(&file, &text).unwrap(), weights).unwrap()
    }
}

/// A file's tensors on the CPU, as the loader of any network wants them.
pub(crate) fn load(source: &dyn ByteSource) -> Result<Weights> {
    block_on(Weights::load(source, &tested_device(), &[TOKEN_TABLE], &mut |_, _| Ok(())))
}

/// Largest |a − b| divided by the largest |b|: one number for a whole tensor.
pub(crate) fn relative_error(ours: &[f32], reference: &[f32]) -> f32 {
    assert_eq!(ours.len(), reference.len(), "length");
    Comparison::new("", ours, reference, 0.0).error
}

/// Compares tensors by [`relative_error`] with one tolerance, and remembers how near it came.
#[derive(Debug)]
pub(crate) struct Closeness {
    tolerance: f32,
    worst: (f32, String),
}

impl Closeness {
    pub(crate) fn within(tolerance: f32) -> Self {
        Self { tolerance, worst: (0.0, String::new()) }
    }

    /// Fails, naming the tensor and the place that differs most.
    #[track_caller]
    pub(crate) fn check(&mut self, name: &str, ours: &[f32], reference: &[f32]) {
        self.take(Comparison::new(name, ours, reference, self.tolerance));
    }

    /// Fails for the first that is not close, in the order given.
    #[track_caller]
    pub(crate) fn of(comparisons: Vec<Comparison>) {
        let mut all = Self::within(comparisons.iter().map(|c| c.allowed).fold(0.0, f32::max));
        for comparison in comparisons {
            all.take(comparison);
        }
    }

    #[track_caller]
    fn take(&mut self, comparison: Comparison) {
        let Comparison { name, error, allowed, detail } = &comparison;
        if *error > self.worst.0 {
            self.worst = (*error, name.clone());
        }
        assert!(
            comparison.is_close(),
            "`{name}` differs: relative error {error:.2e}, allowed {allowed:.0e}; {detail}"
        );
    }
}

impl Drop for Closeness {
    /// Seen with `--nocapture`: whether a tolerance is tight.
    fn drop(&mut self) {
        let (error, name) = &self.worst;
        println!(
            "largest relative error {error:.1e} of {:.0e} allowed, in `{name}`",
            self.tolerance
        );
    }
}

/// Fails, naming the tensor and the place that differs most.
#[track_caller]
pub(crate) fn assert_close(name: &str, ours: &[f32], reference: &[f32], tolerance: f32) {
    Closeness::within(tolerance).check(name, ours, reference);
}

#[test]
fn numbers_that_differ_are_told_apart() {
    assert_eq!(relative_error(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
    assert_eq!(relative_error(&[1.0, 3.0], &[1.0, 2.0]), 0.5);
    assert_eq!(relative_error(&[f32::NAN], &[1.0]), f32::INFINITY);
    let wrong = std::panic::catch_unwind(|| Closeness::within(0.1).check("x", &[1.0], &[2.0]));
    assert!(wrong.is_err());
}
