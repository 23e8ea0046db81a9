//! Nodes that guide and denoise: whole runs on the bundled model.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tintype::diffusion::guidance;
use tintype::diffusion::noise::{Generator, Philox};
use tintype::engine::Engine;
use tintype::graph::RunError;
use tintype::image::{Image, codec};
use tintype::nodes::Desktop;

use crate::nodes::{TestHost, open, run};
use crate::support::{assert_close, fixture, tested_device, values};

// ---- runs

/// 64 × 64, two steps, Euler, as KSampler says it; node 30 saves the latent.
fn graph() -> Value {
    json!({
        "3": { "class_type": "KSampler", "inputs": {
            "seed": 7, "steps": 2, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal",
            "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
        }},
        "4": { "class_type": "CheckpointLoaderSimple", "inputs": { "ckpt_name": "sprite" } },
        "5": { "class_type": "EmptyLatentImage", "inputs": { "width": 64, "height": 64, "batch_size": 1 } },
        "6": { "class_type": "CLIPTextEncode", "inputs": { "text": "a red dragon", "clip": ["4", 1] } },
        "7": { "class_type": "CLIPTextEncode", "inputs": { "text": "blurry", "clip": ["4", 1] } },
        "8": { "class_type": "CLIPTextEncode", "inputs": { "text": "a blue knight, night", "clip": ["4", 1] } },
        "30": { "class_type": "SaveLatent", "inputs": { "samples": ["3", 0], "filename_prefix": "30" } },
    })
}

/// The graph with more nodes, or other inputs of its nodes.
fn with(changes: Value) -> Value {
    let mut graph = graph();
    for (id, node) in changes.as_object().unwrap() {
        match node.get("class_type") {
            Some(_) => graph[id] = node.clone(),
            None => {
                for (input, value) in node.as_object().unwrap() {
                    graph[id]["inputs"][input] = value.clone();
                }
            }
        }
    }
    graph
}

fn node(class: &str, inputs: Value) -> Value {
    json!({ "class_type": class, "inputs": inputs })
}

fn saved(from: &str, output: usize, id: &str) -> Value {
    node("SaveLatent", json!({ "samples": [from, output], "filename_prefix": id }))
}

/// The latents that the graph saves, by prefix.
fn latents(engine: &Engine, graph: &Value) -> BTreeMap<String, Vec<f32>> {
    let host = TestHost::default();
    run(engine, graph, &host).unwrap_or_else(|error| panic!("{error}"));
    let latent = |file: tintype::graph::event::File| {
        let header = u64::from_le_bytes(file.bytes[..8].try_into().unwrap()) as usize;
        let words = file.bytes[8 + header..].as_chunks::<4>().0.iter();
        let name = file.filename.split('_').next().unwrap().to_owned();
        (name, words.map(|word| f32::from_le_bytes(*word)).collect())
    };
    host.files().into_iter().map(latent).collect()
}

fn latent(engine: &Engine, graph: &Value) -> Vec<f32> {
    latents(engine, graph).remove("30").unwrap()
}

/// The left half of the columns of 8 × 8 latents, or the right one.
fn half(latent: &[f32], left: bool) -> Vec<f32> {
    (0..latent.len()).filter(|i| (i % 8 < 4) == left).map(|i| latent[i]).collect()
}

fn refused(engine: &Engine, graph: &Value) -> String {
    match run(engine, graph, &TestHost::default()) {
        Err(RunError::Failed(error)) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

/// KSamplerAdvanced with the inputs of KSampler.
fn advanced(latent: &str, steps: [u64; 2], add_noise: &str, leftover: &str) -> Value {
    let mut node = graph()["3"].clone();
    node["class_type"] = json!("KSamplerAdvanced");
    let more = json!({
        "noise_seed": 7, "steps": 4, "start_at_step": steps[0], "end_at_step": steps[1],
        "add_noise": add_noise, "return_with_leftover_noise": leftover, "latent_image": [latent, 0],
    });
    for (name, value) in more.as_object().unwrap() {
        node["inputs"][name] = value.clone();
    }
    node
}

#[test]
fn a_run_in_two_parts_is_the_whole_run() {
    let graph = with(json!({
        "3": { "steps": 4 },
        "10": advanced("5", [0, 2], "enable", "enable"),
        "11": advanced("10", [2, 10000], "disable", "disable"),
        "12": advanced("5", [0, 10000], "enable", "disable"),
        "13": advanced("5", [0, 2], "enable", "disable"),
        "14": advanced("11", [4, 10000], "enable", "disable"),
        "31": saved("11", 0, "31"), "32": saved("12", 0, "32"),
        "33": saved("13", 0, "33"), "34": saved("14", 0, "34"),
    }));
    let latents = latents(&open(), &graph);
    assert_eq!(latents["32"], latents["30"], "all steps are KSampler's");
    // The latent between the two is scaled there and back, which rounds.
    assert_close("two parts", &latents["31"], &latents["30"], 1e-5);
    assert_ne!(latents["33"], latents["30"]);
    assert_eq!(latents["34"], latents["31"], "a start beyond the end changes nothing");
}

/// SamplerCustom, SamplerCustomAdvanced and what they take; samplers from 20 on, levels in 21.
fn custom(sampler: &str) -> Value {
    with(json!({
        "3": { "sampler_name": sampler },
        "20": node("KSamplerSelect", json!({ "sampler_name": sampler })),
        "21": node("BasicScheduler", json!({ "model": ["4", 0], "scheduler": "normal", "steps": 2, "denoise": 1.0 })),
        "22": node("SamplerCustom", json!({
            "model": ["4", 0], "add_noise": true, "noise_seed": 7, "cfg": 5.0, "positive": ["6", 0],
            "negative": ["7", 0], "sampler": ["20", 0], "sigmas": ["21", 0], "latent_image": ["5", 0],
        })),
        "23": node("RandomNoise", json!({ "noise_seed": 7 })),
        "24": node("CFGGuider", json!({ "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "cfg": 5.0 })),
        "25": node("SamplerCustomAdvanced", json!({
            "noise": ["23", 0], "guider": ["24", 0], "sampler": ["20", 0], "sigmas": ["21", 0], "latent_image": ["5", 0],
        })),
        "31": saved("22", 0, "31"), "32": saved("22", 1, "32"),
        "33": saved("25", 0, "33"), "34": saved("25", 1, "34"),
    }))
}

#[test]
fn custom_sampling_is_ksampler_taken_apart() {
    let engine = open();
    for sampler in ["euler", "euler_ancestral"] {
        let latents = latents(&engine, &custom(sampler));
        assert_eq!(latents["31"], latents["30"], "{sampler}");
        assert_eq!(latents["33"], latents["30"], "{sampler}");
        assert_eq!(latents["32"], latents["34"], "{sampler}");
        // The last step ends at level 0, where nothing is left between the two.
        assert_close(sampler, &latents["32"], &latents["31"], 1e-5);
    }
}

#[test]
fn samplers_with_numbers_are_those_of_their_names_until_a_number_changes() {
    let engine = open();
    let (eta, no_eta) = (json!({ "eta": 1.0 }), json!({ "eta": 0.0 }));
    for (class, inputs, sampler) in [
        ("SamplerEulerAncestral", &eta, "euler_ancestral"),
        ("SamplerEulerAncestral", &no_eta, "euler"),
        ("SamplerEulerAncestralCFGPP", &no_eta, "euler_cfg_pp"),
        ("SamplerDPMPP_2M_SDE", &eta, "dpmpp_2m_sde_gpu"),
        ("SamplerDPMPP_2M_SDE", &no_eta, "dpmpp_2m"),
        ("SamplerLMS", &json!({ "order": 1 }), "euler"),
    ] {
        let mut graph = custom(sampler);
        graph["20"] = node(class, inputs.clone());
        let latents = latents(&engine, &graph);
        assert_close(class, &latents["31"], &latents["30"], 1e-4);
    }
}

#[test]
fn noise_can_be_added_by_a_node_of_its_own() {
    let mut graph = custom("euler");
    graph["40"] = node("DisableNoise", json!({}));
    // One level: all of it is added. AddNoise does not know where a run starts from pure noise, so it starts lower.
    graph["21"]["inputs"]["denoise"] = json!(0.5);
    graph["3"]["inputs"]["denoise"] = json!(0.5);
    graph["41"] = node(
        "AddNoise",
        json!({
            "model": ["4", 0], "noise": ["23", 0], "sigmas": ["21", 0], "latent_image": ["5", 0],
        }),
    );
    graph["25"]["inputs"]["noise"] = json!(["40", 0]);
    graph["25"]["inputs"]["latent_image"] = json!(["41", 0]);
    let latents = latents(&open(), &graph);
    assert_close("noise apart", &latents["33"], &latents["30"], 1e-5);
}

#[test]
fn runs_draw_the_noise_of_the_desktop_that_is_set() {
    let engine = open();
    let mut graph = custom("euler_ancestral");
    graph["21"]["inputs"]["steps"] = json!(3);
    graph["41"] = node(
        "AddNoise",
        json!({
            "model": ["4", 0], "noise": ["23", 0], "sigmas": ["42", 0], "latent_image": ["5", 0],
        }),
    );
    graph["42"] = node("ManualSigmas", json!({ "sigmas": "1" }));
    graph["35"] = saved("41", 0, "35");
    let cpu = latents(&engine, &graph);
    // The engine keeps results: those of another desktop are none of them.
    engine.environment().set_noise(Desktop::A1111);
    let card = latents(&engine, &graph);
    for saved in ["30", "31", "33", "35"] {
        assert_ne!(cpu[saved], card[saved], "{saved}");
    }
    assert_eq!(card["31"], card["33"]);
    for (latents, noise) in
        [(&cpu, Generator::new(7).randn(256)), (&card, Philox::new(7).randn(256))]
    {
        let noise: Vec<f32> = noise.into_iter().map(|v| v / 0.18215).collect();
        assert_close("noise", &latents["35"], &noise, 1e-6);
    }
    // ComfyUI's noise of the start is the CPU's on a card, too; what the sampler adds is the card's.
    engine.environment().set_noise(Desktop::ComfyUiCuda);
    let comfy = latents(&engine, &graph);
    assert_eq!(comfy["35"], cpu["35"]);
    assert_ne!(comfy["30"], cpu["30"]);
    engine.environment().set_noise(Desktop::ComfyUi);
    assert_eq!(latents(&engine, &graph), cpu);
}

#[test]
fn what_the_network_saw_is_the_second_output() {
    let mut graph = custom("euler");
    graph["26"] = node("SplitSigmas", json!({ "sigmas": ["21", 0], "step": 1 }));
    graph["22"]["inputs"]["sigmas"] = json!(["26", 0]);
    // The clean latent of the first step is where a step straight to 0 ends.
    graph["28"] = node(
        "BasicScheduler",
        json!({ "model": ["4", 0], "scheduler": "normal", "steps": 1, "denoise": 1.0 }),
    );
    graph["25"]["inputs"]["sigmas"] = json!(["28", 0]);
    let latents = latents(&open(), &graph);
    assert_close("clean", &latents["32"], &latents["33"], 1e-5);
    assert_ne!(latents["31"], latents["32"]);
}

#[test]
fn without_levels_the_latent_stays_and_without_a_latent_nothing_is_guessed() {
    let engine = open();
    let mut graph = custom("euler");
    graph["26"] = node("SplitSigmasDenoise", json!({ "sigmas": ["21", 0], "denoise": 0.0 }));
    graph["22"]["inputs"]["sigmas"] = json!(["26", 0]);
    graph["22"]["inputs"]["latent_image"] = json!(["3", 0]);
    let latents = latents(&engine, &graph);
    assert_eq!(latents["31"], latents["30"]);
    assert_eq!(latents["32"], latents["30"]);
}

// ---- conditions

#[test]
fn an_area_leaves_the_rest_of_the_picture_alone() {
    let engine = open();
    let plain = latent(&engine, &with(json!({ "3": { "steps": 1 } })));
    let other = latent(&engine, &with(json!({ "3": { "steps": 1, "positive": ["8", 0] } })));
    let area = |class: &str, inputs: Value| {
        let mut area = node(class, inputs);
        area["inputs"]["conditioning"] = json!(["8", 0]);
        area["inputs"]["strength"] = json!(1.0);
        latent(
            &engine,
            &with(json!({
                "3": { "steps": 1, "positive": ["11", 0] },
                "10": area,
                "11": node("ConditioningCombine", json!({ "conditioning_1": ["6", 0], "conditioning_2": ["10", 0] })),
            })),
        )
    };
    // 64 pixels are the least area in pixels: all of this picture from column 32 on.
    let pixels = area("ConditioningSetArea", json!({ "width": 64, "height": 64, "x": 32, "y": 0 }));
    let part = area(
        "ConditioningSetAreaPercentage",
        json!({ "width": 0.5, "height": 1.0, "x": 0.5, "y": 0.0 }),
    );
    assert_eq!(pixels, part);
    assert_eq!(half(&part, true), half(&plain, true), "outside nothing changes, after one step");
    assert_ne!(half(&part, false), half(&plain, false));
    assert_ne!(half(&part, false), half(&other, false), "cut out, not painted over");
}

#[test]
fn an_area_outside_the_picture_is_refused() {
    let graph = with(json!({
        "3": { "positive": ["10", 0] },
        "10": node("ConditioningSetArea", json!({
            "conditioning": ["6", 0], "width": 64, "height": 64, "x": 64, "y": 0, "strength": 1.0,
        })),
    }));
    let text = refused(&open(), &graph);
    assert!(text.contains("area of a condition") && text.contains("8 × 8"), "{text}");
}

#[test]
fn masks_strengths_and_times_choose_between_prompts() {
    let engine = open();
    let mut pixels = Vec::new();
    for i in 0..64 * 64 {
        // Opacity 0 is the mask's white: the right half.
        pixels.extend([0.5, 0.5, 0.5, if i % 64 < 32 { 1.0 } else { 0.0 }]);
    }
    let image = Image::new([1, 64, 64, 4], pixels).unwrap();
    engine.environment().put_input("in.png", codec::encode_png(&image, 0, &[]).unwrap());
    let combined = |node: Value, other: Value| {
        latent(
            &engine,
            &with(json!({
                "3": { "steps": 1, "positive": ["12", 0] },
                "9": { "class_type": "LoadImage", "inputs": { "image": "in.png" } },
                "10": node,
                "11": other,
                "12": { "class_type": "ConditioningCombine", "inputs": { "conditioning_1": ["10", 0], "conditioning_2": ["11", 0] } },
            })),
        )
    };
    let alone = |prompt: &str| {
        latent(&engine, &with(json!({ "3": { "steps": 1, "positive": [prompt, 0] } })))
    };
    let (six, eight) = (alone("6"), alone("8"));

    let strength = |prompt: &str, strength: f64| {
        node(
            "ConditioningSetAreaStrength",
            json!({ "conditioning": [prompt, 0], "strength": strength }),
        )
    };
    let close = |name: &str, got: &[f32], expected: &[f32]| assert_close(name, got, expected, 1e-5);
    // Products of another size round differently in the last bits.
    close("no strength", &combined(strength("6", 1.0), strength("8", 0.0)), &six);
    let both = combined(strength("6", 1.0), strength("8", 1.0));
    // In one step guidance is linear: the mean of the prompts is the mean of the pictures.
    let mean: Vec<f32> = six.iter().zip(&eight).map(|(a, b)| (a + b) / 2.0).collect();
    assert_close("mean", &both, &mean, 1e-4);

    let mask = |prompt: &str, bounds: &str| {
        node(
            "ConditioningSetMask",
            json!({
                "conditioning": [prompt, 0], "mask": ["9", 1], "strength": 1.0, "set_cond_area": bounds,
            }),
        )
    };
    let masked = combined(strength("6", 1.0), mask("8", "default"));
    // The mask's edge lies between two columns, so no position is grey.
    close("beside the mask", &half(&masked, true), &half(&six, true));
    assert_close("under the mask", &half(&masked, false), &half(&mean, false), 1e-4);
    let bounds = combined(strength("6", 1.0), mask("8", "mask bounds"));
    close("beside the bounds", &half(&bounds, true), &half(&six, true));
    assert_ne!(half(&bounds, false), half(&masked, false), "a rectangle of its own");

    let range = |prompt: &str, start: f64, end: f64| {
        node(
            "ConditioningSetTimestepRange",
            json!({ "conditioning": [prompt, 0], "start": start, "end": end }),
        )
    };
    assert_eq!(combined(range("6", 0.0, 0.5), range("8", 0.5, 1.0)), six);
    assert_eq!(combined(range("6", 0.1, 1.0), range("8", 0.0, 1.0)), eight);
}

#[test]
fn prompts_are_averaged_joined_and_zeroed() {
    let engine = open();
    let positive = |class: &str, inputs: Value| {
        latent(
            &engine,
            &with(json!({
                "3": { "steps": 1, "positive": ["10", 0] },
                "9": node("CLIPTextEncode", json!({ "text": "a blue knight ".repeat(40), "clip": ["4", 1] })),
                "10": node(class, inputs),
            })),
        )
    };
    let alone = |prompt: &str| {
        latent(&engine, &with(json!({ "3": { "steps": 1, "positive": [prompt, 0] } })))
    };
    let average = |to: &str, from: &str, strength: f64| {
        positive(
            "ConditioningAverage",
            json!({
                "conditioning_to": [to, 0], "conditioning_from": [from, 0], "conditioning_to_strength": strength,
            }),
        )
    };
    assert_eq!(average("6", "9", 1.0), alone("6"));
    assert_eq!(average("6", "8", 0.0), alone("8"));
    let between = average("6", "8", 0.5);
    assert!(between != alone("6") && between != alone("8"));
    let concat = |to: &str, from: &str| {
        positive(
            "ConditioningConcat",
            json!({ "conditioning_to": [to, 0], "conditioning_from": [from, 0] }),
        )
    };
    // Twice the same tokens are as much attention as once.
    assert_close("twice", &concat("6", "6"), &alone("6"), 1e-4);
    assert_ne!(concat("6", "8"), alone("6"));
    let nothing = positive("ConditioningZeroOut", json!({ "conditioning": ["6", 0] }));
    assert_eq!(nothing, positive("ConditioningZeroOut", json!({ "conditioning": ["8", 0] })));
    assert_ne!(nothing, alone("6"));
}

// ---- guiders

#[test]
fn guiders_agree_where_they_mean_the_same() {
    let engine = open();
    let guided = |class: &str, inputs: Value| {
        let mut graph = custom("euler");
        graph["24"] = node(class, inputs);
        graph["24"]["inputs"]["model"] = json!(["4", 0]);
        latents(&engine, &graph).remove("33").unwrap()
    };
    let cfg = |cfg: f64| {
        guided("CFGGuider", json!({ "positive": ["6", 0], "negative": ["7", 0], "cfg": cfg }))
    };
    let (one, five) = (cfg(1.0), cfg(5.0));
    assert_ne!(one, five);
    assert_eq!(guided("BasicGuider", json!({ "conditioning": ["6", 0] })), one);
    let dual = |first: f64, second: f64, cond2: &str, style: &str| {
        guided(
            "DualCFGGuider",
            json!({
                "cond1": ["6", 0], "cond2": [cond2, 0], "negative": ["7", 0],
                "cfg_conds": first, "cfg_cond2_negative": second, "style": style,
            }),
        )
    };
    for style in ["regular", "nested"] {
        // The first prompt twice leaves the guidance between it and the negative one.
        assert_close(style, &dual(3.0, 5.0, "6", style), &five, 1e-4);
    }
    assert_ne!(dual(3.0, 5.0, "8", "regular"), dual(3.0, 5.0, "8", "nested"));
    let perp = |negative: &str, scale: f64| {
        guided(
            "PerpNegGuider",
            json!({
                "positive": ["6", 0], "negative": [negative, 0], "empty_conditioning": ["7", 0],
                "cfg": 5.0, "neg_scale": scale,
            }),
        )
    };
    // Without weight the negative does not count; one that is empty, or the positive, has nothing across.
    assert_close("no negative", &perp("8", 0.0), &five, 1e-4);
    assert_close("empty negative", &perp("7", 1.0), &five, 1e-4);
    assert_close("negative is positive", &perp("6", 1.0), &five, 1e-3);
    assert_ne!(perp("8", 1.0), five);
}

// ---- patches

/// The graph with KSampler's model patched by node 10.
fn patched(class: &str, inputs: Value) -> Value {
    let mut patch = node(class, inputs);
    patch["inputs"]["model"] = json!(["4", 0]);
    with(json!({ "3": { "model": ["10", 0] }, "10": patch }))
}

#[test]
fn a_patch_that_changes_nothing_changes_nothing_and_others_do() {
    let engine = open();
    let plain = latent(&engine, &graph());
    let free = |b: f64, s: f64| json!({ "b1": b, "b2": b, "s1": s, "s2": s });
    let edm =
        |sampling: &str| json!({ "sampling": sampling, "sigma_max": 80.0, "sigma_min": 0.01 });
    let sampling = |sampling: &str, zsnr: bool| json!({ "sampling": sampling, "zsnr": zsnr });
    for (class, none, some) in [
        ("FreeU", free(1.0, 1.0), vec![free(1.3, 1.0), free(1.0, 0.5)]),
        ("FreeU_V2", free(1.0, 1.0), vec![free(1.3, 1.0), free(1.0, 0.5)]),
        ("RescaleCFG", json!({ "multiplier": 0.0 }), vec![json!({ "multiplier": 0.7 })]),
        ("DifferentialDiffusion", json!({}), vec![]),
        (
            "ModelSamplingDiscrete",
            sampling("v_prediction", false),
            ["eps", "v_prediction", "lcm", "x0", "img_to_img"]
                .into_iter()
                .map(|name| sampling(name, name == "v_prediction"))
                .collect(),
        ),
        ("ModelSamplingContinuousV", Value::Null, vec![edm("v_prediction")]),
        (
            "ModelSamplingContinuousEDM",
            Value::Null,
            vec![edm("v_prediction"), edm("edm"), edm("eps")],
        ),
    ] {
        if none.is_object() {
            assert_close(class, &latent(&engine, &patched(class, none)), &plain, 1e-4);
        }
        let mut seen = vec![plain.clone()];
        for inputs in some {
            let out = latent(&engine, &patched(class, inputs.clone()));
            assert!(out.iter().all(|v| v.is_finite()) && !seen.contains(&out), "{class} {inputs}");
            seen.push(out);
        }
    }
    let text = refused(
        &engine,
        &patched("ModelSamplingContinuousV", json!({ "sigma_max": 1.0, "sigma_min": 2.0 })),
    );
    assert!(text.contains("`sigma_min` is 2, expected 0 to 1"), "{text}");
}

#[test]
fn rescaled_guidance_has_the_spread_of_the_papers_formula() {
    let engine = open();
    let last = |cfg: f64, model: &str| {
        let mut graph = custom("euler");
        graph["21"] = node("ManualSigmas", json!({ "sigmas": "4, 0" }));
        graph["10"] = node("RescaleCFG", json!({ "model": ["4", 0], "multiplier": 0.7 }));
        graph["22"]["inputs"]["cfg"] = json!(cfg);
        graph["22"]["inputs"]["model"] = json!([model, 0]);
        latents(&engine, &graph).remove("31").unwrap()
    };
    let (positive, guided) = (last(1.0, "4"), last(5.0, "4"));
    // The formula knows no scale, so the latents stay as the autoencoder has them.
    let noise = Generator::new(7).randn(positive.len());
    let x: Vec<f32> = noise.into_iter().map(|v| v * 4.0 / 0.18215).collect();
    let expected = guidance::rescaled(&x, &positive, guided.clone(), 4.0, 0.7, 1).unwrap();
    assert_close("rescaled", &last(5.0, "10"), &expected, 1e-5);
    assert_ne!(expected, guided);
}

#[test]
fn levels_are_made_from_the_models_own_whichever_patch_came_before() {
    let engine = open();
    let mut graph = patched("ModelSamplingDiscrete", json!({ "sampling": "lcm", "zsnr": true }));
    graph["11"] =
        node("ModelSamplingDiscrete", json!({ "model": ["10", 0], "sampling": "v_prediction" }));
    graph["3"]["inputs"]["model"] = json!(["11", 0]);
    assert_eq!(latent(&engine, &graph), latent(&engine, &self::graph()));
}

#[test]
fn perp_neg_is_the_same_as_patch_and_as_guider() {
    let mut graph = custom("euler");
    graph["24"] = node(
        "PerpNegGuider",
        json!({
            "model": ["4", 0], "positive": ["6", 0], "negative": ["8", 0], "empty_conditioning": ["7", 0],
            "cfg": 5.0, "neg_scale": 0.8,
        }),
    );
    graph["10"] = node(
        "PerpNeg",
        json!({ "model": ["4", 0], "empty_conditioning": ["7", 0], "neg_scale": 0.8 }),
    );
    graph["22"]["inputs"]["model"] = json!(["10", 0]);
    graph["22"]["inputs"]["negative"] = json!(["8", 0]);
    let latents = latents(&open(), &graph);
    assert_eq!(latents["31"], latents["33"]);
    assert_ne!(latents["31"], latents["30"]);
}

#[test]
fn low_frequencies_are_scaled_as_by_diffusers() {
    let text = std::fs::read_to_string(fixture("sampling/low_frequencies.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let numbers = |name: &str| serde_json::from_value::<Vec<f32>>(case[name].clone()).unwrap();
        let shape: [usize; 4] = serde_json::from_value(case["shape"].clone()).unwrap();
        let x = burn::tensor::TensorData::new(numbers("x"), shape);
        let x = burn::tensor::Tensor::<4>::from_data(x, &tested_device());
        let scale = case["scale"].as_f64().unwrap() as f32;
        let out = values(tintype::ops::scale_low_frequencies(x, scale));
        assert_close(&format!("{shape:?}, {scale}"), &out, &numbers("y"), 1e-5);
    }
}

// ---- latents

#[test]
fn an_empty_latent_of_another_family_is_fixed_up_and_a_full_one_refused() {
    let engine = open();
    let put = |name: &str, value: f32| {
        let numbers = vec![value; 16 * 64];
        let tensor: (&str, &[usize], &[f32]) = ("latent_tensor", &[1, 16, 8, 8], &numbers);
        let mark: (&str, &[usize], &[f32]) = ("latent_format_version_0", &[0], &[]);
        let bytes = tintype::weights::safetensors::write(&[tensor, mark], &serde_json::Map::new());
        engine.environment().put_input(name, bytes);
    };
    put("empty.latent", 0.0);
    put("full.latent", 0.1);
    let of = |file: &str| with(json!({ "5": node("LoadLatent", json!({ "latent": file })) }));
    assert_eq!(latent(&engine, &of("empty.latent")), latent(&engine, &graph()));
    let text = refused(&engine, &of("full.latent"));
    assert!(text.contains("channels of the latent: expected 4, got 16"), "{text}");
}

#[test]
fn what_a_mask_protects_comes_back_to_the_last_bit() {
    let engine = open();
    let mut pixels = Vec::new();
    for i in 0..64 * 64 {
        pixels.extend([0.8, 0.2, 0.2, if i % 64 < 32 { 1.0 } else { 0.0 }]);
    }
    let image = Image::new([1, 64, 64, 4], pixels).unwrap();
    engine.environment().put_input("in.png", codec::encode_png(&image, 0, &[]).unwrap());
    for sampler in ["euler", "euler_ancestral", "dpmpp_2m", "uni_pc", "ddim"] {
        let mut graph = custom(sampler);
        graph["9"] = node("LoadImage", json!({ "image": "in.png" }));
        graph["10"] = node("VAEEncode", json!({ "pixels": ["9", 0], "vae": ["4", 2] }));
        graph["11"] = node("SetLatentNoiseMask", json!({ "samples": ["10", 0], "mask": ["9", 1] }));
        for sampler in ["3", "22", "25"] {
            graph[sampler]["inputs"]["latent_image"] = json!(["11", 0]);
        }
        graph["35"] = saved("10", 0, "35");
        let latents = latents(&engine, &graph);
        let before = &latents["35"];
        for after in ["30", "31", "33"] {
            let after = &latents[after];
            assert_eq!(half(after, true), half(before, true), "{sampler}");
            assert_ne!(half(after, false), half(before, false), "{sampler}");
        }
        // A mask of black and white means the same by degrees.
        if sampler == "euler" {
            // Other schedulers' last level is the lowest there is, at which all is let free.
            graph["3"]["inputs"]["scheduler"] = json!("simple");
            let plain = latent(&engine, &graph);
            graph["12"] = node("DifferentialDiffusion", json!({ "model": ["4", 0] }));
            graph["3"]["inputs"]["model"] = json!(["12", 0]);
            assert_close("by degrees", &latent(&engine, &graph), &plain, 1e-5);
        }
        // UniPC's own levels are one step longer, which BasicScheduler does not know of.
        assert_eq!(latents["30"] == latents["33"], sampler != "uni_pc", "{sampler}");
    }
}
