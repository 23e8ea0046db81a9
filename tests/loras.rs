//! LoRAs in a graph: what they do to a picture, and those that cannot be used.

use serde_json::{Value, json};
use tintype::graph::RunError;
use tintype::graph::event::Event;

use crate::checkpoints::{engine, graph, made, node, tensor};
use crate::nodes::{TestHost, run};
use crate::parity::loras::file;
use crate::support::tiny::{Models, single_file, write};

fn models() -> Models {
    Models::new()
        .with("checkpoints/a.safetensors", &single_file("tiny_sd1"))
        .with("loras/kohya.safetensors", &file("kohya"))
        .with("loras/sub/loha.safetensors", &file("loha"))
        .with("loras/text.safetensors", &file("text"))
}

/// LoRAs one after the other: each its name and how strong it is in the two networks.
fn with_loras(loras: &[(&str, f64, f64)]) -> Value {
    let mut loaders =
        json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "a.safetensors" })) });
    let mut last = "4".to_owned();
    for (i, (name, model, clip)) in loras.iter().enumerate() {
        let id = format!("{}", 20 + i);
        loaders[&id] = node(
            "LoraLoader",
            json!({
                "model": [last, 0], "clip": [last, 1], "lora_name": name, "strength_model": model, "strength_clip": clip,
            }),
        );
        last = id;
    }
    graph(loaders, [(&last, 0), (&last, 1), ("4", 2)])
}

#[test]
fn loras_change_the_picture_each_by_its_strength() {
    let models = models();
    let latent = |loras: &[(&str, f64, f64)]| made(&models, &with_loras(loras))[0].clone();
    let none = latent(&[]);
    assert!(latent(&[("kohya.safetensors", 0.0, 0.0)]) == none, "no strength is no LoRA");
    let kohya = latent(&[("kohya.safetensors", 1.0, 1.0)]);
    assert!(kohya != none);
    assert!(latent(&[("kohya.safetensors", 0.5, 1.0)]) != kohya);
    assert!(latent(&[("text.safetensors", 1.0, 1.0)]) != none, "the prompt is read otherwise");
    assert!(latent(&[("kohya.safetensors", 0.5, 0.5), ("kohya.safetensors", 0.5, 0.5)]) != none);
    let both = [("kohya.safetensors", 0.5, 0.5), ("sub/loha.safetensors", 1.0, 1.0)];
    assert!(latent(&both) != kohya);
}

#[test]
fn the_network_that_paints_can_have_it_alone() {
    let models = models();
    let alone = |name: &str| {
        let loaders = json!({
            "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "a.safetensors" })),
            "20": node("LoraLoaderModelOnly", json!({ "model": ["4", 0], "lora_name": name, "strength_model": 1.0 })),
        });
        made(&models, &graph(loaders, [("20", 0), ("4", 1), ("4", 2)]))
    };
    assert!(
        alone("kohya.safetensors")
            == made(&models, &with_loras(&[("kohya.safetensors", 1.0, 0.0)]))
    );
}

fn refusal(lora: &[u8]) -> String {
    let models = models().with("loras/bad.safetensors", lora);
    let graph = with_loras(&[("bad.safetensors", 1.0, 1.0)]);
    match run(&engine(&models), &graph, &TestHost::default()) {
        Err(RunError::Failed(error)) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn files_that_are_no_lora_for_this_model_are_refused_with_why() {
    let to_q = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
    let down = |name: &str, shape: &[usize]| tensor(&format!("{name}.lora_down.weight"), shape);
    let up = |name: &str, shape: &[usize]| tensor(&format!("{name}.lora_up.weight"), shape);
    let cases: [(Vec<u8>, &[&str]); 8] = [
        (write(vec![]), &["`loras/bad.safetensors` is no LoRA: it has no tensors"]),
        (
            single_file("tiny_sd1"),
            &["`loras/bad.safetensors` is no LoRA", "choose a file that was saved as a LoRA"],
        ),
        (
            write(vec![tensor(&format!("{to_q}.dora_scale"), &[32])]),
            &["DoRA", "dora_scale", "save them as one"],
        ),
        (
            write(vec![down("lora_unet_elsewhere", &[4, 8]), up("lora_unet_elsewhere", &[8, 4])]),
            &[
                "LoRA: expected one for Stable Diffusion 1.x, got `loras/bad.safetensors`, none of whose 1 layers this model has",
            ],
        ),
        (
            write(vec![down(to_q, &[4, 64]), up(to_q, &[64, 4])]),
            &[to_q, "has shape [64, 64], expected [32, 32]", "family"],
        ),
        (
            write(vec![down(to_q, &[4, 32]), up(to_q, &[32, 5])]),
            &["whose parts do not fit each other", to_q],
        ),
        (write(vec![down(to_q, &[4, 32])]), &["(Up)` is missing from `loras/bad.safetensors`"]),
        (
            write(vec![down(to_q, &[0, 32]), up(to_q, &[32, 0])]),
            &["whose parts do not fit each other"],
        ),
    ];
    for (file, parts) in cases {
        let text = refusal(&file);
        assert!(text.starts_with("node 20 (LoraLoader)"), "{text}");
        for part in parts {
            assert!(text.contains(part), "{text}\nlacks {part}");
        }
    }
}

#[test]
fn layers_that_the_model_lacks_are_told() {
    let mut tensors = vec![tensor("lora_unet_elsewhere.diff", &[4])];
    let to_q = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
    tensors.push(tensor(&format!("{to_q}.diff"), &[32, 32]));
    let models = models().with("loras/part.safetensors", &write(tensors));
    let host = TestHost::default();
    run(&engine(&models), &with_loras(&[("part.safetensors", 1.0, 1.0)]), &host).unwrap();
    let told = "1 of the 2 layers of `loras/part.safetensors` are not in this model, among them `lora_unet_elsewhere`";
    assert!(host.any(|event| matches!(event, Event::Notice { message, .. } if message == told)));
}
