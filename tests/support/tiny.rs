//! Checkpoints whose numbers follow from the names of their tensors, written as files in every layout there is.
//!
//! `tests/reference/checkpoints.py` makes the same numbers and says what networks of torch compute with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use half::f16;
use serde_json::{Map, json};
use tintype::models::clip::TOKEN_TABLE;
use tintype::store::MemorySource;
use tintype::weights::checkpoint::{Checkpoint, Part};
use tintype::weights::{Weights, WeightsFile};

use super::{block_on, fixture, tested_device};

/// A tensor of a checkpoint: its name in a single file, its names in diffusers' layout (more than one where a single
/// file keeps several together), its shape in the single file.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) theirs: String,
    pub(crate) ours: Vec<String>,
    pub(crate) shape: Vec<usize>,
}

/// All tensors of a checkpoint that `tests/reference/checkpoints.py` lists.
pub(crate) fn names(checkpoint: &str) -> Vec<Named> {
    let packed = std::fs::read(fixture(&format!("checkpoints/{checkpoint}.txt.z"))).unwrap();
    let text = String::from_utf8(fdeflate::decompress_to_vec(&packed).unwrap()).unwrap();
    let named = |line: &str| {
        let [theirs, ours, shape] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let ours = ours.split('+').filter(|name| *name != "-").map(str::to_owned).collect();
        let shape = shape.split('x').filter(|side| *side != "-").map(|side| side.parse().unwrap());
        Named { theirs: theirs.to_owned(), ours, shape: shape.collect() }
    };
    text.lines().map(named).collect()
}

/// A tensor's numbers: splitmix64 from the FNV-1a hash of its name, as large as keeps activations near 1.
pub(crate) fn fill(name: &str, shape: &[usize]) -> Vec<f16> {
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let count: usize = shape.iter().product();
    let rows: usize = shape.iter().skip(1).product();
    let number = |i: u64| {
        let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let u = ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0;
        f16::from_f32(if shape.len() > 1 && !name.contains("embeddings.") {
            u * (3.0 / rows as f64).sqrt() as f32
        } else if shape.len() == 1 {
            u * 0.1 + f32::from(u8::from(name.ends_with("weight")))
        } else {
            u
        })
    };
    (0..count as u64).map(number).collect()
}

/// The numbers of a tensor as the single file keeps it.
pub(crate) fn theirs(named: &Named) -> Vec<f16> {
    match &named.ours[..] {
        [] => vec![f16::ONE; named.shape.iter().product()],
        [one] if one == "text_projection.weight" && named.theirs.ends_with("text_projection") => {
            let [rows, columns] = named.shape[..].try_into().unwrap();
            let ours = fill(one, &[columns, rows]);
            (0..rows * columns).map(|i| ours[i % columns * rows + i / columns]).collect()
        }
        [one] => fill(one, &named.shape),
        parts => {
            let mut shape = named.shape.clone();
            shape[0] /= parts.len();
            parts.iter().flat_map(|part| fill(part, &shape)).collect()
        }
    }
}

pub(crate) type Tensors = Vec<(String, Vec<usize>, Vec<f16>)>;

/// The checkpoint as one file with the names of CompVis' programs.
pub(crate) fn single_file(checkpoint: &str) -> Vec<u8> {
    let tensors = names(checkpoint);
    write(tensors.iter().map(|one| (one.theirs.clone(), one.shape.clone(), theirs(one))).collect())
}

/// The networks of a checkpoint with the names of diffusers and transformers, by their place in its layout.
pub(crate) fn networks(checkpoint: &str) -> BTreeMap<&'static str, Tensors> {
    let mut networks: BTreeMap<&str, Tensors> = BTreeMap::new();
    for named in names(checkpoint) {
        let place = match &named.theirs {
            name if name.starts_with("model.diffusion_model.") => "unet",
            name if name.starts_with("first_stage_model.") => "vae",
            name if name.starts_with("conditioner.embedders.1.") => "text_encoder_2",
            _ => "text_encoder",
        };
        let mut shape = named.shape.clone();
        if let Some(rows) = shape.first_mut() {
            *rows /= named.ours.len().max(1);
        }
        if named.theirs.ends_with("text_projection") {
            shape.reverse();
        }
        let numbers = |name: &String| (name.clone(), shape.clone(), fill(name, &shape));
        networks.entry(place).or_default().extend(named.ours.iter().map(numbers));
    }
    networks
}

/// A safetensors file in half precision.
pub(crate) fn write(tensors: Tensors) -> Vec<u8> {
    let mut header = Map::new();
    let mut body = Vec::new();
    for (name, shape, numbers) in tensors {
        let start = body.len();
        body.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let place = json!({ "dtype": "F16", "shape": shape, "data_offsets": [start, body.len()] });
        assert!(header.insert(name, place).is_none());
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &body].concat()
}

/// The networks of a checkpoint's single file on the CPU, and what the file is made of.
pub(crate) fn loaded(checkpoint: &str) -> (Checkpoint, BTreeMap<Part, Weights>) {
    let source = MemorySource::new(checkpoint, single_file(checkpoint));
    let file = block_on(WeightsFile::open(&source)).unwrap();
    let checkpoint = Checkpoint::of(file.tensors());
    let (device, progress) = (tested_device(), &mut |_, _| Ok(()));
    let load = file.load_parts(&checkpoint, &device, &[TOKEN_TABLE], progress);
    let parts = block_on(load).unwrap();
    (checkpoint, parts)
}

/// A models folder of its own, gone when it is dropped.
pub(crate) struct Models(PathBuf);

impl Models {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("tintype-models-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(folder))
    }

    pub(crate) fn with(self, path: &str, bytes: &[u8]) -> Self {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}
