//! Reference tensors, and how near ours come to them.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use serde::Serialize;
use serde_json::{Map, Value};
use tintype::weights::Dtype;

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

    /// As a tensor on `device`, in its own shape or one with axes of length 1 added at the end.
    pub(crate) fn tensor_on<const D: usize>(&self, device: &Device) -> Tensor<D> {
        let mut shape = [1; D];
        shape[..self.shape.len()].copy_from_slice(&self.shape);
        Tensor::from_data(TensorData::new(self.data.clone(), shape), device)
    }
}

/// A reference file: tensors by name, and what it says of its cases beside them.
#[derive(Debug)]
pub(crate) struct References {
    pub(crate) tensors: BTreeMap<String, Reference>,
    metadata: Value,
}

impl References {
    /// From the bytes of a safetensors file that `tests/reference` wrote.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let (length, rest) = bytes.split_first_chunk().unwrap();
        let (header, body) = rest.split_at(u64::from_le_bytes(*length) as usize);
        let mut header: Map<String, Value> = serde_json::from_slice(header).unwrap();
        let metadata = header.remove("__metadata__").unwrap_or_default();
        let tensors = header.into_iter().map(|(name, info)| (name, tensor(&info, body))).collect();
        Self { tensors, metadata }
    }

    /// The metadata's `settings`: JSON by case.
    pub(crate) fn settings(&self) -> Value {
        serde_json::from_str(self.metadata["settings"].as_str().unwrap()).unwrap()
    }
}

fn tensor(info: &Value, body: &[u8]) -> Reference {
    let numbers = |key: &str| -> Vec<usize> {
        info[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
    };
    let span = numbers("data_offsets");
    let bytes = &body[span[0]..span[1]];
    let data = match info["dtype"].as_str().unwrap() {
        "I32" => bytes.as_chunks().0.iter().map(|word| i32::from_le_bytes(*word) as f32).collect(),
        "I64" => bytes.as_chunks().0.iter().map(|word| i64::from_le_bytes(*word) as f32).collect(),
        dtype => Dtype::from_name(dtype).unwrap().widen(bytes).unwrap(),
    };
    Reference { shape: numbers("shape"), data }
}

/// How near one of our tensors comes to its reference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    /// Largest |ours − reference| divided by the largest |reference|; infinite if a number is none.
    pub(crate) error: f32,
    /// What `error` may be.
    pub(crate) allowed: f32,
    /// Where it differs most, or why there are no numbers.
    pub(crate) detail: String,
}

impl Comparison {
    pub(crate) fn new(name: &str, ours: &[f32], reference: &[f32], allowed: f32) -> Self {
        if ours.len() != reference.len() {
            let detail = format!("{} numbers for {}", ours.len(), reference.len());
            return Self::failed(name, detail);
        }
        let scale = reference.iter().fold(0f32, |m, v| m.max(v.abs())).max(1e-12);
        let difference = |i: usize| {
            let difference = (ours[i] - reference[i]).abs();
            if difference.is_nan() { f32::INFINITY } else { difference }
        };
        let worst = (0..ours.len()).max_by(|a, b| difference(*a).total_cmp(&difference(*b)));
        let Some(worst) = worst else { return Self::failed(name, "no numbers".to_owned()) };
        let detail = format!("worst at {worst}: {} for {}", ours[worst], reference[worst]);
        Self { name: name.to_owned(), error: difference(worst) / scale, allowed, detail }
    }

    /// What must be the same to the last bit.
    pub(crate) fn exact<T: PartialEq + std::fmt::Debug>(
        name: &str,
        ours: &T,
        reference: &T,
    ) -> Self {
        if ours == reference {
            return Self { name: name.to_owned(), error: 0.0, allowed: 0.0, detail: String::new() };
        }
        Self::failed(name, format!("{ours:?} for {reference:?}"))
    }

    pub(crate) fn failed(name: &str, detail: String) -> Self {
        Self { name: name.to_owned(), error: f32::INFINITY, allowed: 0.0, detail }
    }

    pub(crate) fn is_close(&self) -> bool {
        self.error <= self.allowed
    }
}
