//! What the tests share: reading fixtures, comparing numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};


/// A folder or file below `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// The model that ships with the page.
pub fn bundled_models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("www/public/models")
}

/// A reference tensor.
#[derive(Debug, Clone)]
pub struct Reference {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl Reference {
    /// Part `index` along the first axis.
    pub fn part(&self, index: usize) -> &[f32] {
        let len = self.data.len() / self.shape[0];
        &self.data[index * len..][..len]
    }

    pub fn ints(&self) -> Vec<u32> {
        self.data.iter().map(|v| *v as u32).collect()
    }
}

/// Every tensor of a reference file (F32 or I32).
pub fn references(path: &str) -> BTreeMap<String, Reference> {
    let bytes = std::fs::read(fixture(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let body = &bytes[8 + length..];
    let tensor = |info: &serde_json::Value| {
        let numbers = |key: &str| -> Vec<usize> {
            info[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
        };
        let span = numbers("data_offsets");
        let words = body[span[0]..span[1]].as_chunks::<4>().0.iter();
        let data = match info["dtype"].as_str().unwrap() {
            "F32" => words.map(|w| f32::from_le_bytes(*w)).collect(),
            "I32" => words.map(|w| i32::from_le_bytes(*w) as f32).collect(),
            other => panic!("{path}: {other}"),
        };
        Reference { shape: numbers("shape"), data }
    };
    header
        .iter()
        .filter(|(name, _)| *name != "__metadata__")
        .map(|(name, info)| (name.clone(), tensor(info)))
        .collect()
}

/// Largest |a − b| divided by the largest |b|: one number for a whole tensor.
pub fn relative_error(ours: &[f32], reference: &[f32]) -> f32 {
    assert_eq!(ours.len(), reference.len(), "length");
    let scale = reference.iter().fold(0f32, |m, v| m.max(v.abs())).max(1e-12);
    let worst = ours.iter().zip(reference).map(|(a, b)| (a - b).abs());
    worst.fold(0f32, |m, v| if v.is_nan() { f32::INFINITY } else { m.max(v) }) / scale
}

/// Fails, naming the tensor and the first place that differs most.
#[track_caller]
pub fn assert_close(name: &str, ours: &[f32], reference: &[f32], tolerance: f32) {
    let error = relative_error(ours, reference);
    if error <= tolerance {
        return;
    }
    let difference = |i: usize| (ours[i] - reference[i]).abs();
    let worst = (0..ours.len()).max_by(|a, b| difference(*a).total_cmp(&difference(*b))).unwrap();
    panic!(
        "`{name}` differs: relative error {error:.2e}, allowed {tolerance:.0e}; worst at {worst}: {} against {}",
        ours[worst], reference[worst]
    );
}

/// Runs a future that never really waits: the CPU device computes at once.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}
