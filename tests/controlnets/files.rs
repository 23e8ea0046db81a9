//! Files of other kinds than a whole net: differences to a model's weights, whole checkpoints, other names.

use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, json};
use tintype::error::Result;
use tintype::store::native::FolderStore;
use tintype::store::{ByteSource, MemorySource, ModelStore, Progress};
use tintype::weights::safetensors;

use super::{controlled, engine_with, graph, latent, node, refused, sd15};
use crate::support::{Reference, assert_close, fixture, references};

/// A folder of models, and more files in memory.
pub(super) struct Files {
    pub(super) folder: FolderStore,
    pub(super) more: BTreeMap<String, Vec<u8>>,
}

impl ModelStore for Files {
    fn list(&self) -> Vec<String> {
        self.folder.list().into_iter().chain(self.more.keys().cloned()).collect()
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        progress: Progress<'a>,
    ) -> LocalBoxFuture<'a, Result<Rc<dyn ByteSource>>> {
        match self.more.get(path) {
            None => self.folder.open(path, progress),
            Some(bytes) => {
                let source: Rc<dyn ByteSource> = Rc::new(MemorySource::new(path, bytes.clone()));
                Box::pin(async { Ok(source) })
            }
        }
    }

    fn discard<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, ()> {
        self.folder.discard(path)
    }
}

pub(super) type Tensors = BTreeMap<String, Reference>;

/// The tensors of the tiny net of Stable Diffusion 1.
pub(super) fn net() -> Tensors {
    references("networks/controlnet/sd15.safetensors")
}

/// A file of tensors, f32.
pub(super) fn file(tensors: &Tensors) -> Vec<u8> {
    let tensors: Vec<_> =
        tensors.iter().map(|(name, t)| (name.as_str(), &t.shape[..], &t.data[..])).collect();
    safetensors::write(&tensors, &Map::new())
}

/// Its name in the first control nets.
fn ldm(names: &BTreeMap<String, String>, name: &str) -> String {
    format!("control_model.{}", names[name])
}

#[test]
fn differences_are_added_to_the_model_s_weights() {
    let names = std::fs::read_to_string(fixture("controlnets/ldm_names.json")).unwrap();
    let names: BTreeMap<String, String> = serde_json::from_str(&names).unwrap();
    let base = references("networks/sd15/unet/diffusion_pytorch_model.safetensors");
    // Where there is no difference the file has no tensor.
    let same = ["time_embedding.linear_1.bias", "down_blocks.1.resnets.0.conv1.weight"];
    let (mut whole, mut differences) = (net(), Tensors::new());
    for (name, tensor) in &mut whole {
        let base = base.get(name);
        if same.contains(&name.as_str()) {
            tensor.data.clone_from(&base.unwrap().data);
            continue;
        }
        let mut difference = tensor.clone();
        for (d, base) in difference.data.iter_mut().zip(base.iter().flat_map(|b| &b.data)) {
            *d -= base;
        }
        differences.insert(ldm(&names, name), difference);
    }
    let mark = Reference { shape: Vec::new(), data: vec![1.0] };
    differences.insert("difference".to_owned(), mark);
    let engine = engine_with(BTreeMap::from([
        ("controlnet/whole.safetensors".to_owned(), file(&whole)),
        ("controlnet/differences.safetensors".to_owned(), file(&differences)),
    ]));
    let with = |class: &str, name: &str| {
        let mut graph = controlled(sd15(), json!({}));
        graph["20"] = node(class, json!({ "control_net_name": name, "model": ["4", 0] }));
        graph
    };
    let expected = latent(&engine, &with("ControlNetLoader", "whole.safetensors"));
    let (class, name) = ("DiffControlNetLoader", "differences.safetensors");
    assert_close("differences", &latent(&engine, &with(class, name)), &expected, 1e-4);
    assert_eq!(latent(&engine, &with(class, "whole.safetensors")), expected);
    let message = refused(&engine, &with("ControlNetLoader", name));
    for part in [
        "node 20 (ControlNetLoader)",
        "got differences to a model's in `controlnet/differences.safetensors`",
        "load it with `DiffControlNetLoader`",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // Another model's weights are none to add to.
    let mut other = with(class, name);
    other["4"]["inputs"]["ckpt_name"] = json!("sdxl");
    let message = refused(&engine, &other);
    assert!(message.contains("`controlnet/differences.safetensors` has shape"), "{message}");
}

#[test]
fn low_rank_differences_are_multiplied_and_added_to_the_model_s_weights() {
    let engine = engine_with(BTreeMap::new());
    let with = |class: &str, checkpoint: &str| {
        let mut graph = controlled(sd15(), json!({}));
        let net = json!({ "control_net_name": "control_lora.safetensors", "model": ["4", 0] });
        graph["20"] = node(class, net);
        graph["4"]["inputs"]["ckpt_name"] = json!(checkpoint);
        graph
    };
    let plain = latent(&engine, &controlled(sd15(), json!({})));
    let steered = latent(&engine, &with("DiffControlNetLoader", "sd15"));
    assert!(steered != plain && steered.iter().all(|v| v.is_finite()));
    let message = refused(&engine, &with("ControlNetLoader", "sd15"));
    for part in ["differences to a model's in", "load it with `DiffControlNetLoader`"] {
        assert!(message.contains(part), "{message}");
    }
    let message = refused(&engine, &with("DiffControlNetLoader", "sdxl"));
    for part in ["control_lora.safetensors`", "load the model that the differences were made for"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_net_in_a_whole_checkpoint_is_taken_out_of_it() {
    let names = std::fs::read_to_string(fixture("controlnets/ldm_names.json")).unwrap();
    let names: BTreeMap<String, String> = serde_json::from_str(&names).unwrap();
    let mut tensors: Tensors =
        net().into_iter().map(|(name, tensor)| (ldm(&names, &name), tensor)).collect();
    for name in ["model.diffusion_model.out.0.weight", "first_stage_model.x", "betas"] {
        let tensor = Reference { shape: vec![2], data: vec![0.0; 2] };
        tensors.insert(name.to_owned(), tensor);
    }
    let more = BTreeMap::from([("controlnet/all.safetensors".to_owned(), file(&tensors))]);
    let engine = engine_with(more);
    let run = |net: &str| latent(&engine, &controlled(graph("sd15", net), json!({})));
    assert_eq!(run("all.safetensors"), run("sd15.safetensors"));
}

#[test]
fn a_net_named_shuffle_says_what_and_not_where() {
    let named = |name: &str| (format!("controlnet/{name}.safetensors"), file(&net()));
    let engine =
        engine_with(BTreeMap::from([named("a_shuffle"), named("a_shuffle_fp16"), named("b")]));
    let run = |net: &str| {
        latent(&engine, &controlled(graph("sd15", &format!("{net}.safetensors")), json!({})))
    };
    let shuffle = run("a_shuffle");
    assert_eq!(run("a_shuffle_fp16"), shuffle);
    assert_ne!(run("b"), shuffle);
}
