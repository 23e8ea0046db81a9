//! Control nets and T2I-Adapters in whole graphs, on tiny checkpoints; and their bad inputs.

mod errors;
mod files;

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use serde_json::{Value, json};
use tintype::device::DeviceKind;
use tintype::engine::Engine;
use tintype::graph::RunError;
use tintype::image::codec;
use tintype::store::native::FolderStore;

use self::files::Files;
use crate::nodes::{TestHost, run};
use crate::support::{assert_close, block_on, fixture, references};

/// The tiny checkpoints with their nets, and more files; two pictures to look at.
fn engine_with(more: BTreeMap<String, Vec<u8>>) -> Engine {
    let store = Files { folder: FolderStore::new(fixture("networks")), more };
    let engine = block_on(Engine::open(DeviceKind::Cpu, Rc::new(store), |_| {})).unwrap();
    let picture = |name: &str| std::fs::read(fixture(name)).unwrap();
    engine.environment().put_input("hint.png", picture("controlnets/hint.png"));
    engine.environment().put_input("other.png", picture("pictures/rgb.png"));
    engine
}

fn engine() -> Engine {
    engine_with(BTreeMap::new())
}

fn node(class: &str, inputs: Value) -> Value {
    json!({ "class_type": class, "inputs": inputs })
}

/// 64 × 64, two steps; nodes 6 and 7 are the prompts, 20 a loaded net, 21 its picture.
fn graph(checkpoint: &str, net: &str) -> Value {
    json!({
        "3": node("KSampler", json!({
            "seed": 7, "steps": 2, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
            "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
        })),
        "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": checkpoint })),
        "5": node("EmptyLatentImage", json!({ "width": 64, "height": 64, "batch_size": 1 })),
        "6": node("CLIPTextEncode", json!({ "text": "a red cat, 3d", "clip": ["4", 1] })),
        "7": node("CLIPTextEncode", json!({ "text": "the hat", "clip": ["4", 1] })),
        "20": node("ControlNetLoader", json!({ "control_net_name": net })),
        "21": node("LoadImage", json!({ "image": "hint.png" })),
        "30": node("SaveLatent", json!({ "samples": ["3", 0], "filename_prefix": "30" })),
    })
}

fn sd15() -> Value {
    graph("sd15", "sd15.safetensors")
}

/// The graph with both prompts under the net, as these inputs say.
fn controlled(mut graph: Value, inputs: Value) -> Value {
    graph["22"] = applied("6", "7", inputs);
    graph["3"]["inputs"]["positive"] = json!(["22", 0]);
    graph["3"]["inputs"]["negative"] = json!(["22", 1]);
    graph
}

fn applied(positive: &str, negative: &str, inputs: Value) -> Value {
    let mut all = json!({
        "positive": [positive, 0], "negative": [negative, 0], "control_net": ["20", 0], "image": ["21", 0],
        "strength": 1.0, "start_percent": 0.0, "end_percent": 1.0,
    });
    for (name, value) in inputs.as_object().unwrap() {
        all[name] = value.clone();
    }
    node("ControlNetApplyAdvanced", all)
}

fn latent(engine: &Engine, graph: &Value) -> Vec<f32> {
    let host = TestHost::default();
    run(engine, graph, &host).unwrap_or_else(|error| panic!("{error}"));
    let file = host.files().remove(0);
    let header = u64::from_le_bytes(file.bytes[..8].try_into().unwrap()) as usize;
    let words = file.bytes[8 + header..].as_chunks::<4>().0.iter();
    words.map(|word| f32::from_le_bytes(*word)).collect()
}

fn refused(engine: &Engine, graph: &Value) -> String {
    match run(engine, graph, &TestHost::default()) {
        Err(RunError::Failed(error)) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn a_run_is_that_of_diffusers_pipeline() {
    let reference = references("controlnets/run/reference.safetensors");
    let sigmas: Vec<String> = reference["sigmas"].data.iter().map(f32::to_string).collect();
    let mut graph = controlled(sd15(), json!({ "strength": 0.75 }));
    graph["5"]["inputs"]["width"] = json!(96);
    graph["23"] = node("KSamplerSelect", json!({ "sampler_name": "euler" }));
    graph["24"] = node("ManualSigmas", json!({ "sigmas": sigmas.join(", ") }));
    graph["3"] = node(
        "SamplerCustom",
        json!({
            "model": ["4", 0], "add_noise": true, "noise_seed": 7, "cfg": 5.0, "positive": ["22", 0],
            "negative": ["22", 1], "sampler": ["23", 0], "sigmas": ["24", 0], "latent_image": ["5", 0],
        }),
    );
    let ours: Vec<f32> = latent(&engine(), &graph).iter().map(|v| v * 0.18215).collect();
    assert_close("latents", &ours, &reference["latents"].data, 1e-4);
}

#[test]
fn strength_nought_leaves_the_net_out_and_more_of_it_counts_more() {
    let engine = engine();
    let plain = latent(&engine, &sd15());
    assert_eq!(latent(&engine, &controlled(sd15(), json!({ "strength": 0.0 }))), plain);
    let [half, whole] = [0.5, 1.0].map(|strength| {
        let controlled = latent(&engine, &controlled(sd15(), json!({ "strength": strength })));
        distance(&controlled, &plain)
    });
    assert!(0.0 < half && half < whole, "{half} {whole}");
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

#[test]
fn the_old_node_lends_its_net_to_the_negative_prompt() {
    let engine = engine();
    let both = latent(&engine, &controlled(sd15(), json!({})));
    let mut old = sd15();
    old["22"] = node(
        "ControlNetApply",
        json!({ "conditioning": ["6", 0], "control_net": ["20", 0], "image": ["21", 0], "strength": 1.0 }),
    );
    old["3"]["inputs"]["positive"] = json!(["22", 0]);
    assert_eq!(latent(&engine, &old), both);
    // The new one does not: the two halves of guidance are computed apart.
    let mut one = controlled(sd15(), json!({}));
    one["3"]["inputs"]["negative"] = json!(["7", 0]);
    let one = latent(&engine, &one);
    assert!(distance(&one, &both) > 0.01);
    assert!(distance(&one, &latent(&engine, &sd15())) > 0.01);
    // A negative prompt with a net of its own keeps it.
    old["24"] = node(
        "ControlNetApply",
        json!({ "conditioning": ["7", 0], "control_net": ["20", 0], "image": ["25", 0], "strength": 1.0 }),
    );
    old["25"] = node("LoadImage", json!({ "image": "other.png" }));
    old["3"]["inputs"]["negative"] = json!(["24", 0]);
    assert!(distance(&latent(&engine, &old), &both) > 0.01);
}

#[test]
fn nets_applied_one_after_the_other_add_up() {
    let engine = engine();
    let once = latent(&engine, &controlled(sd15(), json!({})));
    let mut twice = controlled(sd15(), json!({ "strength": 0.25 }));
    twice["23"] = applied("22", "22", json!({ "strength": 0.75, "negative": ["22", 1] }));
    twice["3"]["inputs"]["positive"] = json!(["23", 0]);
    twice["3"]["inputs"]["negative"] = json!(["23", 1]);
    assert_close("a quarter and three", &latent(&engine, &twice), &once, 1e-4);
    // Each has its own time: where the second never counts, the first still does.
    for (name, value) in [("start_percent", 1.0), ("end_percent", 1.0)] {
        twice["23"]["inputs"][name] = json!(value);
    }
    let quarter = latent(&engine, &controlled(sd15(), json!({ "strength": 0.25 })));
    assert_close("a quarter", &latent(&engine, &twice), &quarter, 1e-6);
}

#[test]
fn a_net_counts_in_its_part_of_the_run() {
    let engine = engine();
    let part = |steps: [u64; 2], control: bool, latent: &str| {
        let plain = ["6", "7"];
        let prompt = |i: usize| if control { json!(["22", i]) } else { json!([plain[i], 0]) };
        let [from, to] = steps;
        node(
            "KSamplerAdvanced",
            json!({
                "model": ["4", 0], "positive": prompt(0), "negative": prompt(1), "latent_image": [latent, 0],
                "noise_seed": 7, "steps": 2, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal",
                "start_at_step": from, "end_at_step": to, "add_noise": if from == 0 { "enable" } else { "disable" },
                "return_with_leftover_noise": if from == 0 { "enable" } else { "disable" },
            }),
        )
    };
    for (first, stretch) in
        [(true, json!({ "end_percent": 0.3 })), (false, json!({ "start_percent": 0.3 }))]
    {
        let whole = latent(&engine, &controlled(sd15(), stretch));
        let mut parts = controlled(sd15(), json!({}));
        parts["26"] = part([0, 1], first, "5");
        parts["3"] = part([1, 10000], !first, "26");
        assert_close("two parts", &latent(&engine, &parts), &whole, 1e-4);
        assert!(distance(&whole, &latent(&engine, &sd15())) > 0.01);
    }
}

#[test]
fn pictures_of_a_batch_are_for_its_latents_in_turn() {
    let engine = engine();
    let mut graph = controlled(sd15(), json!({}));
    graph["5"]["inputs"]["batch_size"] = json!(3);
    let one = latent(&engine, &graph);
    graph["25"] = node("LoadImage", json!({ "image": "other.png" }));
    graph["26"] = node("ImageBatch", json!({ "image1": ["21", 0], "image2": ["25", 0] }));
    graph["22"]["inputs"]["image"] = json!(["26", 0]);
    let two = latent(&engine, &graph);
    let parts = |latent: &[f32]| latent.chunks(256).map(<[f32]>::to_vec).collect::<Vec<_>>();
    let (one, two) = (parts(&one), parts(&two));
    // The first and the third have the first picture.
    for i in [0, 2] {
        assert_close("first picture", &two[i], &one[i], 1e-4);
    }
    assert!(distance(&two[1], &one[1]) > 0.01);
}

#[test]
fn a_net_steers_the_area_of_its_prompt_by_its_whole_picture() {
    let engine = engine();
    // Without noise every canvas begins alike, and without a negative prompt areas know nothing of each other.
    let quiet = |mut graph: Value| {
        graph["3"]["class_type"] = json!("KSamplerAdvanced");
        let more = json!({
            "add_noise": "disable", "noise_seed": 7, "cfg": 1.0, "start_at_step": 0, "end_at_step": 10000,
            "return_with_leftover_noise": "disable",
        });
        for (name, value) in more.as_object().unwrap() {
            graph["3"]["inputs"][name] = value.clone();
        }
        graph
    };
    let alone = latent(&engine, &quiet(controlled(sd15(), json!({}))));
    let mut wide = quiet(controlled(sd15(), json!({})));
    wide["5"]["inputs"]["width"] = json!(128);
    let area = |of: Value, x: u64| {
        let size = json!({ "conditioning": of, "width": 64, "height": 64, "x": x, "y": 0, "strength": 1.0 });
        node("ConditioningSetArea", size)
    };
    wide["23"] = area(json!(["22", 0]), 0);
    wide["24"] = area(json!(["6", 0]), 64);
    wide["25"] = node(
        "ConditioningCombine",
        json!({ "conditioning_1": ["23", 0], "conditioning_2": ["24", 0] }),
    );
    wide["3"]["inputs"]["positive"] = json!(["25", 0]);
    let wide = latent(&engine, &wide);
    let half = |right: bool| -> Vec<f32> {
        (0..wide.len()).filter(|i| (i % 16 >= 8) == right).map(|i| wide[i]).collect()
    };
    assert_close("under the net", &half(false), &alone, 1e-4);
    assert_close("beside it", &half(true), &latent(&engine, &quiet(sd15())), 1e-4);
}

#[test]
fn adapters_and_nets_of_sdxl_work_together() {
    let engine = engine();
    let net = "sdxl/diffusion_pytorch_model.safetensors";
    let plain = latent(&engine, &graph("sdxl", net));
    let one = controlled(graph("sdxl", net), json!({}));
    let mut both = one.clone();
    both["27"] =
        node("ControlNetLoader", json!({ "control_net_name": "adapter_sdxl.safetensors" }));
    both["23"] = applied("22", "22", json!({ "negative": ["22", 1], "control_net": ["27", 0] }));
    both["3"]["inputs"]["positive"] = json!(["23", 0]);
    both["3"]["inputs"]["negative"] = json!(["23", 1]);
    let mut adapter = one.clone();
    adapter["20"] = both["27"].clone();
    let all = [plain, latent(&engine, &one), latent(&engine, &adapter), latent(&engine, &both)];
    for (i, a) in all.iter().enumerate() {
        assert!(a.iter().all(|v| v.is_finite()));
        for b in &all[..i] {
            assert!(distance(a, b) > 0.01);
        }
    }
}

#[test]
fn a_grey_adapter_looks_at_lightness() {
    let engine = engine();
    let light = graph("sd15", "adapter_sd15_light.safetensors");
    let colours = latent(&engine, &controlled(light.clone(), json!({})));
    assert!(distance(&colours, &latent(&engine, &light)) > 0.01);
}

/// Canny's edges steer: the workflow that the page comes with, with the names of files that are here.
#[test]
fn the_bundled_workflow_runs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/public/workflows");
    let text = std::fs::read_to_string(path.join("controlnet_canny.json")).unwrap();
    let mut graph: Value = serde_json::from_str(&text).unwrap();
    for (id, input, here) in [
        ("4", "ckpt_name", json!("sd15")),
        ("5", "width", json!(64)),
        ("5", "height", json!(64)),
        ("3", "steps", json!(2)),
        ("10", "image", json!("hint.png")),
        ("12", "control_net_name", json!("sd15.safetensors")),
    ] {
        graph[id]["inputs"][input] = here;
    }
    let engine = engine();
    let pictures = |graph: &Value| {
        let host = TestHost::default();
        run(&engine, graph, &host).unwrap_or_else(|error| panic!("{error}"));
        let mut files = host.files();
        files.sort_by(|a, b| a.filename.cmp(&b.filename));
        let decoded =
            files.iter().map(|file| codec::decode(&file.filename, &file.bytes).unwrap().0);
        decoded.collect::<Vec<_>>()
    };
    let made = pictures(&graph);
    let sizes: Vec<_> = made.iter().map(|image| [image.width, image.height]).collect();
    assert_eq!(sizes, [[96, 64], [64, 64]], "the edges, then the picture");
    graph["13"]["inputs"]["strength"] = json!(0.0);
    assert_ne!(pictures(&graph)[1].data, made[1].data, "the edges count");
}
