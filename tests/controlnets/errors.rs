//! What is wrong with a control net, or with how it is applied, is said with the way out.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tintype::graph::RunError;

use super::files::{Tensors, file, net};
use super::{controlled, engine, engine_with, graph, latent, refused, sd15};
use crate::nodes::{TestHost, run};
use crate::support::{Reference, fixture};

/// What is said of a net with these tensors.
fn of_net(tensors: &Tensors) -> String {
    let more = BTreeMap::from([("controlnet/it.safetensors".to_owned(), file(tensors))]);
    refused(&engine_with(more), &controlled(graph("sd15", "it.safetensors"), json!({})))
}

fn zeros(shape: &[usize]) -> Reference {
    Reference { shape: shape.to_vec(), data: vec![0.0; shape.iter().product()] }
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_net_of_another_family_is_refused_with_both_sizes() {
    let engine = engine();
    for (checkpoint, net, parts) in [
        (
            "sd15",
            "sdxl/diffusion_pytorch_model.safetensors",
            [
                "expected 32 as in the model",
                "56 in `controlnet/sdxl/diffusion_pytorch_model.safetensors`",
            ],
        ),
        (
            "sdxl",
            "sd15.safetensors",
            ["expected 56 as in the model", "32 in `controlnet/sd15.safetensors`"],
        ),
        (
            "sd21",
            "sd15.safetensors",
            [
                "expected [8, 16, 24, 24] as in the model",
                "[16, 16, 24, 24] in `controlnet/sd15.safetensors`",
            ],
        ),
        (
            "sd15",
            "adapter_sdxl.safetensors",
            [
                "16 at 1/1, 16 at 1/2, 24 at 1/4, 24 at 1/8",
                "in `controlnet/adapter_sdxl.safetensors`",
            ],
        ),
    ] {
        let message = refused(&engine, &controlled(graph(checkpoint, net), json!({})));
        assert_says(&message, &parts);
        assert_says(&message, &["node 3 (KSampler)", "; ", "use "]);
    }
}

#[test]
fn a_net_that_looks_at_other_pictures_is_refused() {
    let mut tensors = net();
    tensors.insert("controlnet_cond_embedding.conv_in.weight".to_owned(), zeros(&[4, 4, 3, 3]));
    let message = of_net(&tensors);
    let parts =
        ["expected 3, for red", "got 4 in `controlnet/it.safetensors`", "use a control net"];
    assert_says(&message, &parts);
    // Only a quarter of the picture's size.
    let mut tensors = net();
    let last = ["embedding.blocks.4.", "embedding.blocks.5."];
    tensors.retain(|name, _| !last.iter().any(|part| name.contains(part)));
    tensors.insert("controlnet_cond_embedding.conv_out.weight".to_owned(), zeros(&[16, 12, 3, 3]));
    assert_says(&of_net(&tensors), &["expected 3, to the", "got 2 in `controlnet/it.safetensors`"]);
}

#[test]
fn tensors_that_are_missing_or_too_many_are_named() {
    for name in ["controlnet_mid_block.bias", "controlnet_down_blocks.3.weight", "conv_in.weight"] {
        let mut tensors = net();
        tensors.remove(name);
        let part = format!("tensor `{name}` is missing from `controlnet/it.safetensors`");
        assert_says(&of_net(&tensors), &[&part]);
    }
    let mut tensors = net();
    tensors.insert("class_embedding.weight".to_owned(), zeros(&[3, 4]));
    assert_says(&of_net(&tensors), &["among them `class_embedding.weight`"]);
    let mut tensors = net();
    tensors.insert("controlnet_down_blocks.3.weight".to_owned(), zeros(&[7, 16, 1, 1]));
    assert_says(&of_net(&tensors), &["has shape [7, 16, 1, 1], expected [16, 16, 1, 1]"]);
}

#[test]
fn files_of_other_kinds_are_told_by_name() {
    for (name, what, fix) in [
        ("task_embedding", "several kinds of pictures", "for one kind"),
        ("controlnet_blocks.0.weight", "SD3 or FLUX", "Stable Diffusion 1.x"),
        ("backbone.0.0.weight", "Stable Cascade", "Stable Diffusion 1.x"),
        (
            "model.diffusion_model.out.0.weight",
            "a denoising network",
            "and load it with `UNETLoader`",
        ),
        ("lora_unet_mid_block.lora_up.weight", "a LoRA", "and load it with `LoraLoader`"),
        ("tail.0.weight", "whose first tensor is `tail.0.weight`", "use a whole"),
    ] {
        let tensors = Tensors::from([(name.to_owned(), zeros(&[1]))]);
        assert_says(&of_net(&tensors), &["`controlnet/it.safetensors` is", what, fix]);
    }
    let unet = "networks/sd15/unet/diffusion_pytorch_model.safetensors";
    let unet = std::fs::read(fixture(unet)).unwrap();
    let engine = engine_with(BTreeMap::from([("controlnet/unet.safetensors".to_owned(), unet)]));
    let message = refused(&engine, &controlled(graph("sd15", "unet.safetensors"), json!({})));
    assert_says(&message, &["node 20 (ControlNetLoader)", "load it with `UNETLoader`"]);
}

#[test]
fn an_adapter_with_other_squares_is_refused() {
    let names = ["adapter.conv_in.weight", "adapter.body.0.resnets.0.block1.weight"];
    let tensors = Tensors::from([
        (names[0].to_owned(), zeros(&[16, 128, 3, 3])),
        (names[1].to_owned(), zeros(&[16, 16, 3, 3])),
    ]);
    assert_says(&of_net(&tensors), &["expected 64 or 192", "128 in `controlnet/it.safetensors`"]);
}

#[test]
fn a_stretch_that_ends_before_it_begins_is_told_and_does_nothing() {
    let engine = engine();
    let graph = controlled(sd15(), json!({ "start_percent": 0.8, "end_percent": 0.2 }));
    let host = TestHost::default();
    run(&engine, &graph, &host).unwrap();
    assert_says(&host.notices().join("\n"), &["never counts", "0.8", "0.2"]);
    assert_eq!(latent(&engine, &graph), latent(&engine, &sd15()));
}

#[test]
fn numbers_out_of_range_are_refused_before_the_run() {
    let engine = engine();
    for (input, value) in [
        ("strength", json!(-0.1)),
        ("strength", json!(10.5)),
        ("start_percent", json!(1.5)),
        ("end_percent", json!("late")),
    ] {
        let mut inputs = json!({});
        inputs[input] = value;
        let graph: Value = controlled(sd15(), inputs);
        match run(&engine, &graph, &TestHost::default()) {
            Err(RunError::Refused(refusal)) => {
                let text = format!("{:?}", refusal.node_errors);
                assert!(text.contains(input), "{text}");
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("`{input}` was not refused"),
        }
    }
}
