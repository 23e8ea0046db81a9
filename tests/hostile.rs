//! Files that are broken, wrong or malicious: each is refused by name, with the reason, and never panics.

mod configs;
pub(crate) mod damage;
mod files;
mod mutations;
mod texts;
mod upscalers;
mod weights;

use std::collections::BTreeMap;

use serde_json::Map;
use tintype::error::{Error, Result};
use tintype::models::clip::ClipConfig;
use tintype::models::unet::UnetConfig;
use tintype::models::vae::VaeConfig;
use tintype::models::{ClipTextModel, Unet, Vae};
use tintype::store::MemorySource;
use tintype::weights::Weights;
use tintype::weights::safetensors::{self, Header};

use crate::support::{Folder, Reference, block_on, load, references};

fn code<T>(result: Result<T>) -> Option<&'static str> {
    result.err().map(|error| error.kind().code())
}

fn header(source: &MemorySource) -> Result<Header> {
    block_on(Header::read(source)).map(|(header, _)| header)
}

/// A message must say what, where and how to fix it.
#[track_caller]
fn assert_told(error: &Error, code: &str, words: &[&str]) {
    let message = error.to_string();
    assert_eq!(error.kind().code(), code, "{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert!(error.fix().is_some(), "no hint in: {message}");
}

type Tensors = BTreeMap<String, Reference>;

/// A network of the tiny Stable Diffusion 1.5, and how to load it from other weights.
struct Network {
    weights: &'static str,
    config: &'static str,
    build: fn(&str, &str, Weights) -> Result<()>,
}

const NETWORKS: [Network; 3] = [
    Network {
        weights: "unet/diffusion_pytorch_model.safetensors",
        config: "unet/config.json",
        build: |file, text, weights| {
            Unet::load(UnetConfig::parse(file, text)?, weights).map(|_| ())
        },
    },
    Network {
        weights: "vae/diffusion_pytorch_model.safetensors",
        config: "vae/config.json",
        build: |file, text, weights| Vae::load(VaeConfig::parse(file, text)?, weights).map(|_| ()),
    },
    Network {
        weights: "text_encoder/model.safetensors",
        config: "text_encoder/config.json",
        build: |file, text, weights| {
            ClipTextModel::load(ClipConfig::parse(file, text)?, weights).map(|_| ())
        },
    },
];

impl Network {
    fn tensors(&self) -> Tensors {
        references(&format!("networks/sd15/{}", self.weights))
    }

    fn load(&self, tensors: &Tensors) -> Result<()> {
        let list: Vec<(&str, &[usize], &[f32])> = tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), &tensor.shape[..], &tensor.data[..]))
            .collect();
        let bytes = safetensors::write(&list, &Map::new());
        let (file, text) = Folder::tiny("sd15").text(self.config);
        (self.build)(&file, &text, load(&MemorySource::new(self.weights, bytes))?)
    }
}
