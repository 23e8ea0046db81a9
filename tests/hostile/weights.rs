//! Weights that are not those of the network, and tokens that are not those of the weights.

use serde_json::json;
use tintype::store::MemorySource;

use super::{NETWORKS, Tensors, assert_told};
use crate::support::{Folder, Reference, load};

/// Every `step`th name, but not those that have another one in the network.
fn some_names(tensors: &Tensors, step: usize) -> Vec<String> {
    let own = |name: &&String| {
        !name.contains("mid_block.attentions.0.") || name.contains("transformer_blocks")
    };
    let names = tensors.keys().filter(own).filter(|name| !name.ends_with("position_ids"));
    names.step_by(step).cloned().collect()
}

#[test]
fn the_file_as_it_is_loads() {
    for network in NETWORKS {
        network.load(&network.tensors()).unwrap();
    }
}

#[test]
fn a_missing_tensor() {
    for network in NETWORKS {
        let tensors = network.tensors();
        for name in some_names(&tensors, 13) {
            let mut tensors = tensors.clone();
            tensors.remove(&name);
            let error = network.load(&tensors).unwrap_err();
            assert_told(&error, "missing_tensor", &[&name, network.weights]);
        }
    }
}

#[test]
fn an_unused_tensor() {
    for network in NETWORKS {
        for name in ["extra.weight", "conv_in.weight_2", "mid_block.attentions.0.querry.weight"] {
            let mut tensors = network.tensors();
            tensors.insert(name.to_owned(), Reference { shape: vec![2], data: vec![0.0; 2] });
            let error = network.load(&tensors).unwrap_err();
            assert_told(&error, "unused_tensors", &[name, network.weights]);
        }
    }
}

#[test]
fn a_misshaped_tensor() {
    for network in NETWORKS {
        let tensors = network.tensors();
        for name in some_names(&tensors, 13) {
            let mut twice = tensors.clone();
            let tensor = twice.get_mut(&name).unwrap();
            tensor.shape[0] *= 2;
            tensor.data.extend_from_within(..);
            let error = network.load(&twice).unwrap_err();
            let (expected, got) = (&tensors[&name].shape, &twice[&name].shape);
            let shapes = [format!("has shape {got:?}"), format!("expected {:?}", expected)];
            assert_told(&error, "tensor_shape", &[&name, network.weights, &shapes[0]]);
            // A 1×1 convolution may be asked for as a matrix.
            assert!(expected.ends_with(&[1, 1]) || error.to_string().contains(&shapes[1]));

            let mut flat = tensors.clone();
            let tensor = flat.get_mut(&name).unwrap();
            if tensor.shape.len() > 1 {
                tensor.shape = vec![tensor.data.len()];
                let error = network.load(&flat).unwrap_err();
                assert_told(&error, "tensor_shape", &[&name, network.weights]);
            }
        }
    }
}

/// Two names for one tensor: neither may win silently.
#[test]
fn an_old_and_a_new_name_of_one_tensor() {
    let network = &NETWORKS[1];
    let mut tensors = network.tensors();
    let old = "decoder.mid_block.attentions.0.query.weight";
    let new = "decoder.mid_block.attentions.0.to_q.weight";
    let copy = tensors[old].clone();
    tensors.insert(new.to_owned(), copy);
    let error = network.load(&tensors).unwrap_err();
    assert_eq!(error.kind().code(), "bad_header");
    assert!(error.to_string().contains(new) && error.to_string().contains(network.weights));
}

#[test]
fn integers_are_no_weights() {
    let integer = |name: &str| {
        let header = json!({ name: { "dtype": "I64", "shape": [2], "data_offsets": [0, 16] } });
        let header = header.to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes().chain([0; 16]));
        load(&MemorySource::new("mine.safetensors", bytes))
    };
    let error = integer("conv_in.bias").err().unwrap();
    assert_told(&error, "unknown_dtype", &["conv_in.bias", "mine.safetensors", "I64"]);
    let weights = integer("text_model.embeddings.position_ids").unwrap();
    assert!(!weights.has("text_model.embeddings.position_ids"));
}

#[test]
fn tokens_outside_the_vocabulary() {
    let clip = Folder::tiny("sd15").clip("text_encoder");
    for windows in [
        vec![vec![526]],
        vec![vec![u32::MAX; 77]],
        vec![vec![0; 78]],
        vec![vec![0; 77], vec![0; 76]],
        vec![vec![]],
        vec![],
    ] {
        let error = clip.forward(&windows, 1).unwrap_err();
        assert_eq!(error.kind().code(), "mismatch", "{error}");
    }
}
