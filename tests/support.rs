//! What the tests share: reading fixtures, loading networks, comparing numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::{Map, Value};
use tintype::device::{self, DeviceKind};
use tintype::error::Result;
use tintype::models::clip::{ClipConfig, TOKEN_TABLE};
use tintype::models::unet::UnetConfig;
use tintype::models::vae::VaeConfig;
use tintype::models::{ClipTextModel, Unet, Vae};
use tintype::store::native::FolderStore;
use tintype::store::{self, ByteSource, ModelStore};
use tintype::weights::{Dtype, Weights};

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

/// The device every test computes on.
pub(crate) fn cpu() -> Device {
    block_on(device::open(DeviceKind::Cpu, |_| {})).unwrap().0
}

/// A tensor's numbers.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(device::read(tensor)).unwrap()
}

/// A reference tensor.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<f32>,
}

impl Reference {
    /// Part `index` along the first axis.
    pub(crate) fn part(&self, index: usize) -> &[f32] {
        let len = self.data.len() / self.shape[0];
        &self.data[index * len..][..len]
    }

    /// As token ids.
    pub(crate) fn ints(&self) -> Vec<u32> {
        self.data.iter().map(|v| *v as u32).collect()
    }

    /// As a tensor on the CPU, in its own shape or one with axes of length 1 added at the end.
    pub(crate) fn tensor<const D: usize>(&self) -> Tensor<D> {
        let mut shape = [1; D];
        shape[..self.shape.len()].copy_from_slice(&self.shape);
        Tensor::from_data(TensorData::new(self.data.clone(), shape), &cpu())
    }
}

/// Every tensor of a reference file.
pub(crate) fn references(path: &str) -> BTreeMap<String, Reference> {
    let (header, body) = split(path);
    let tensor = |(name, info): (String, Value)| {
        let numbers = |key: &str| -> Vec<usize> {
            info[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
        };
        let span = numbers("data_offsets");
        let bytes = &body[span[0]..span[1]];
        let data = match info["dtype"].as_str().unwrap() {
            "I32" => {
                bytes.as_chunks().0.iter().map(|word| i32::from_le_bytes(*word) as f32).collect()
            }
            dtype => Dtype::from_name(dtype).unwrap().widen(bytes),
        };
        (name, Reference { shape: numbers("shape"), data })
    };
    header.into_iter().filter(|(name, _)| name != "__metadata__").map(tensor).collect()
}

/// What a reference file says of its cases beside their tensors: JSON by case.
pub(crate) fn settings(path: &str) -> Value {
    let (header, _) = split(path);
    serde_json::from_str(header["__metadata__"]["settings"].as_str().unwrap()).unwrap()
}

fn split(path: &str) -> (Map<String, Value>, Vec<u8>) {
    let mut bytes = std::fs::read(fixture(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let body = bytes.split_off(8 + length);
    (serde_json::from_slice(&bytes[8..]).unwrap(), body)
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

    fn weights(&self, file: &str) -> Weights {
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
    block_on(Weights::load(source, &cpu(), &[TOKEN_TABLE], &mut |_, _| Ok(())))
}

/// Largest |a − b| divided by the largest |b|: one number for a whole tensor.
pub(crate) fn relative_error(ours: &[f32], reference: &[f32]) -> f32 {
    assert_eq!(ours.len(), reference.len(), "length");
    let scale = reference.iter().fold(0f32, |m, v| m.max(v.abs())).max(1e-12);
    let worst = ours.iter().zip(reference).map(|(a, b)| (a - b).abs());
    worst.fold(0f32, |m, v| if v.is_nan() { f32::INFINITY } else { m.max(v) }) / scale
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
        let error = relative_error(ours, reference);
        if error > self.worst.0 {
            self.worst = (error, name.to_owned());
        }
        if error <= self.tolerance {
            return;
        }
        let difference = |i: &usize| (ours[*i] - reference[*i]).abs();
        let worst = (0..ours.len()).max_by(|a, b| difference(a).total_cmp(&difference(b))).unwrap();
        panic!(
            "`{name}` differs: relative error {error:.2e}, allowed {:.0e}; worst at {worst}: {} for {}",
            self.tolerance, ours[worst], reference[worst]
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
