//! Weights of a layer as a checkpoint may have them.

use half::{bf16, f16};
use serde_json::{Map, Value, json};

/// How a file has its weights.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    F32,
    F16,
    Bf16,
    Int8,
}
use Format::{Bf16, F16, F32, Int8};

pub(super) const FORMATS: [Format; 4] = [F32, F16, Bf16, Int8];

/// Numbers in −1..1 that follow from a seed.
pub(super) fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Weights as a file has them, and what these are exactly.
pub(super) struct Stored {
    dtype: &'static str,
    bytes: Vec<u8>,
    scales: Vec<f32>,
    pub(super) numbers: Vec<f32>,
}

impl Stored {
    pub(super) fn new(format: Format, rows: usize, row: usize) -> Self {
        let size = 2.0 / (row as f32).sqrt();
        let wanted = numbers(2, rows * row).into_iter().map(|number| number * size);
        let (dtype, mut bytes, mut scales) = ("F32", Vec::new(), Vec::new());
        let mut numbers: Vec<f32> = wanted.collect();
        let dtype = match format {
            F32 => {
                numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
                dtype
            }
            F16 => {
                for number in &mut numbers {
                    let half = f16::from_f32(*number);
                    *number = half.to_f32();
                    bytes.extend(half.to_le_bytes());
                }
                "F16"
            }
            Bf16 => {
                for number in &mut numbers {
                    let half = bf16::from_f32(*number);
                    *number = half.to_f32();
                    bytes.extend(half.to_le_bytes());
                }
                "BF16"
            }
            Int8 => {
                scales = (0..rows).map(|i| size / 127.0 * (1.0 + i as f32 / rows as f32)).collect();
                for (i, number) in numbers.iter_mut().enumerate() {
                    let scale = scales[i / row];
                    let integer = (*number / scale).round() as i8;
                    *number = f32::from(integer) * scale;
                    bytes.push(integer.cast_unsigned());
                }
                "I8"
            }
        };
        Self { dtype, bytes, scales, numbers }
    }

    /// A safetensors file of a layer.
    pub(super) fn file(&self, shape: &[usize], bias: &[f32]) -> Vec<u8> {
        let floats = |numbers: &[f32]| -> Vec<u8> {
            numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
        };
        let (mut header, mut body) = (Map::new(), Vec::new());
        let mut add = |name: &str, dtype: &str, shape: &[usize], bytes: Vec<u8>| {
            let start = body.len();
            body.extend(bytes);
            let info =
                json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, body.len()] });
            header.insert(name.into(), info);
        };
        add("layer.bias", "F32", &[bias.len()], floats(bias));
        if !self.scales.is_empty() {
            add("layer.weight.scale", "F32", &[shape[0]], floats(&self.scales));
        }
        add("layer.weight", self.dtype, shape, self.bytes.clone());
        let header = Value::Object(header).to_string();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &body].concat()
    }
}
