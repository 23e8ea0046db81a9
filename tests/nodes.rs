//! The engine end to end on the bundled model: whole graphs, their files, and their bad inputs.

mod files;
mod style;
mod upscale;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tintype::device::DeviceKind;
use tintype::engine::{Engine, RunRequest};
use tintype::graph::event::File;
use tintype::graph::{Event, Host, RunError, RunReport};
use tintype::image::{Image, codec, metadata};
use tintype::store::native::FolderStore;

use crate::support::{assert_close, block_on, bundled_models};

/// A host that collects events and cancels at a given number of steps.
#[derive(Default)]
pub(crate) struct TestHost {
    events: RefCell<Vec<Event>>,
    steps: Cell<u64>,
    cancel_after_steps: Option<u64>,
}

impl Host for TestHost {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn now_millis(&self) -> f64 {
        951_782_400_000.0
    }

    fn emit(&self, event: Event) {
        if matches!(event, Event::Progress { .. }) {
            self.steps.set(self.steps.get() + 1);
        }
        self.events.borrow_mut().push(event);
    }

    fn cancelled(&self) -> bool {
        self.cancel_after_steps.is_some_and(|limit| self.steps.get() >= limit)
    }
}

impl TestHost {
    pub(crate) fn files(&self) -> Vec<File> {
        let events = self.events.borrow();
        let file = |event: &Event| match event {
            Event::File { file, .. } => Some(file.clone()),
            _ => None,
        };
        events.iter().filter_map(file).collect()
    }

    /// What is picked of the events.
    pub(crate) fn events<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.events.borrow().iter().filter_map(pick).collect()
    }

    /// True if one of the events is such.
    pub(crate) fn any(&self, such: impl Fn(&Event) -> bool) -> bool {
        self.events.borrow().iter().any(such)
    }

    pub(crate) fn notices(&self) -> Vec<String> {
        let events = self.events.borrow();
        let notice = |event: &Event| match event {
            Event::Notice { message, .. } => Some(message.clone()),
            _ => None,
        };
        events.iter().filter_map(notice).collect()
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.events.borrow().iter().map(Event::kind).collect()
    }

    fn cached(&self) -> Vec<String> {
        let events = self.events.borrow();
        let nodes = events.iter().filter_map(|event| match event {
            Event::ExecutionCached { nodes, .. } => Some(nodes.clone()),
            _ => None,
        });
        nodes.flatten().map(|id| id.to_string()).collect()
    }
}

pub(crate) fn open() -> Engine {
    let store = Rc::new(FolderStore::new(bundled_models()));
    block_on(Engine::open(DeviceKind::Cpu, store, |_| {})).unwrap()
}

pub(crate) fn run(engine: &Engine, graph: &Value, host: &TestHost) -> Result<RunReport, RunError> {
    run_text(engine, &graph.to_string(), host)
}

/// Runs a graph in any text form.
pub(crate) fn run_text(
    engine: &Engine,
    graph: &str,
    host: &TestHost,
) -> Result<RunReport, RunError> {
    let request = RunRequest { prompt_id: "p".into(), ..RunRequest::default() };
    block_on(engine.run(graph, request, host))
}

/// The text-to-picture graph at its smallest: 64 × 64, two steps.
fn graph() -> Value {
    json!({
        "3": { "class_type": "KSampler", "inputs": {
            "seed": 7, "steps": 2, "cfg": 5.0, "sampler_name": "dpmpp_2m", "scheduler": "sgm_uniform",
            "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
        }},
        "4": { "class_type": "CheckpointLoaderSimple", "inputs": { "ckpt_name": "sprite" } },
        "5": { "class_type": "EmptyLatentImage", "inputs": { "width": 64, "height": 64, "batch_size": 1 } },
        "6": { "class_type": "CLIPTextEncode", "inputs": { "text": "a red dragon — 龍", "clip": ["4", 1] } },
        "7": { "class_type": "CLIPTextEncode", "inputs": { "text": "", "clip": ["4", 1] } },
        "8": { "class_type": "VAEDecode", "inputs": { "samples": ["3", 0], "vae": ["4", 2] } },
        "9": { "class_type": "SaveImage", "inputs": { "images": ["8", 0], "filename_prefix": "dragons/%width%" } },
    })
}

fn with(mut graph: Value, node: &str, input: &str, value: Value) -> Value {
    graph[node]["inputs"][input] = value;
    graph
}

#[test]
fn prompt_becomes_a_png_that_carries_its_graph() {
    let (engine, host) = (open(), TestHost::default());
    let report = run(&engine, &graph(), &host).unwrap();
    assert_eq!(
        report.outputs.get("9").unwrap(),
        &json!({ "images": [{ "filename": "64_00001_.png", "subfolder": "dragons", "type": "output" }] })
    );
    let files = host.files();
    let (image, _) = codec::decode("result", &files[0].bytes).unwrap();
    assert_eq!([image.batch, image.height, image.width, image.channels], [1, 64, 64, 3]);
    let texts = metadata::texts(&files[0].bytes).unwrap();
    let text = |key: &str| {
        let found = texts.iter().find(|(keyword, _)| keyword == key).unwrap();
        serde_json::from_str::<Value>(&found.1).unwrap()
    };
    assert_eq!(text("prompt")["6"]["inputs"]["text"], "a red dragon — 龍");
    assert_eq!(text("workflow")["nodes"].as_array().unwrap().len(), 7);
    assert_eq!(text("workflow")["version"], 0.4);
    for kind in
        ["execution_start", "model_progress", "progress", "preview", "file", "execution_success"]
    {
        assert!(host.kinds().contains(&kind), "{kind}");
    }
}

#[test]
fn same_graph_gives_the_same_bytes_and_a_batch_begins_with_the_single_picture() {
    let decoded = |graph: &Value| {
        let host = TestHost::default();
        run(&open(), graph, &host).unwrap();
        host.files().into_iter().map(|file| file.bytes).collect::<Vec<_>>()
    };
    let single = decoded(&graph());
    assert_eq!(single, decoded(&graph()));
    let batch = decoded(&with(graph(), "5", "batch_size", json!(2)));
    assert_eq!(batch.len(), 2);
    let pixels = |bytes: &[u8]| codec::decode("picture", bytes).unwrap().0.data;
    // Matrix products of another size round differently in the last bits; pixels are 8-bit.
    assert_close("first of the batch", &pixels(&batch[0]), &pixels(&single[0]), 1.01 / 255.0);
    assert_ne!(pixels(&batch[0]), pixels(&batch[1]));
}

#[test]
fn a_second_run_reuses_what_did_not_change() {
    let engine = open();
    run(&engine, &graph(), &TestHost::default()).unwrap();
    let host = TestHost::default();
    run(&engine, &with(graph(), "3", "seed", json!(8)), &host).unwrap();
    let mut cached = host.cached();
    cached.sort();
    assert_eq!(cached, ["4", "5", "6", "7"]);
}

#[test]
fn cancelling_keeps_the_engine_usable_and_what_was_made() {
    let engine = open();
    let host = TestHost { cancel_after_steps: Some(1), ..TestHost::default() };
    let Err(RunError::Failed(error)) = run(&engine, &graph(), &host) else {
        panic!("not cancelled")
    };
    assert!(error.is_cancelled());
    assert_eq!(error.node().unwrap().class_type, "KSampler");
    assert!(host.kinds().contains(&"execution_interrupted"));
    let host = TestHost::default();
    run(&engine, &graph(), &host).unwrap();
    assert!(host.cached().contains(&"4".to_owned()), "the loaded model was kept");
}

#[test]
fn a_picture_goes_in_and_comes_out_changed() {
    let engine = open();
    let mut pixels = vec![0.1; 72 * 70 * 3];
    pixels[..72 * 35 * 3].fill(0.9);
    let image = Image::new([1, 70, 72, 3], pixels).unwrap();
    engine.environment().put_input("in.png", codec::encode_png(&image, 0, &[]).unwrap());
    let mut graph = graph();
    graph["10"] = json!({ "class_type": "LoadImage", "inputs": { "image": "in.png" } });
    graph["11"] =
        json!({ "class_type": "VAEEncode", "inputs": { "pixels": ["10", 0], "vae": ["4", 2] } });
    let graph =
        with(with(graph, "3", "latent_image", json!(["11", 0])), "3", "denoise", json!(0.5));
    let host = TestHost::default();
    run(&engine, &graph, &host).unwrap();
    let (out, _) = codec::decode("out", &host.files()[0].bytes).unwrap();
    // 70 rows are cut to 64.
    assert_eq!([out.height, out.width], [64, 72]);
    let row = |y: usize| out.data[y * 72 * 3..][..72 * 3].iter().sum::<f32>() / 216.0;
    assert!(row(4) > row(60) + 0.1, "light above, dark below: {} and {}", row(4), row(60));
}

#[test]
fn a_mask_protects_the_rest_of_the_picture() {
    let engine = open();
    let mut data = Vec::new();
    for i in 0..64 * 64 {
        let opacity = if i % 64 < 32 { 1.0 } else { 0.0 };
        data.extend([0.8, 0.2, 0.2, opacity]);
    }
    let image = Image::new([1, 64, 64, 4], data).unwrap();
    engine.environment().put_input("in.png", codec::encode_png(&image, 0, &[]).unwrap());
    let mut masked = graph();
    masked["10"] = json!({ "class_type": "LoadImage", "inputs": { "image": "in.png" } });
    masked["11"] =
        json!({ "class_type": "VAEEncode", "inputs": { "pixels": ["10", 0], "vae": ["4", 2] } });
    masked["12"] = json!({ "class_type": "SetLatentNoiseMask", "inputs": { "samples": ["11", 0], "mask": ["10", 1] } });
    masked["13"] = json!({ "class_type": "SaveLatent", "inputs": { "samples": ["11", 0], "filename_prefix": "before" } });
    masked["14"] = json!({ "class_type": "SaveLatent", "inputs": { "samples": ["3", 0], "filename_prefix": "after" } });
    let host = TestHost::default();
    run(&engine, &with(masked, "3", "latent_image", json!(["12", 0])), &host).unwrap();
    let latent = |name: &str| {
        let files = host.files();
        let file = files.iter().find(|file| file.filename.starts_with(name)).unwrap();
        let header = u64::from_le_bytes(file.bytes[..8].try_into().unwrap()) as usize;
        let words = file.bytes[8 + header..].as_chunks::<4>().0.iter();
        words.map(|word| f32::from_le_bytes(*word)).collect::<Vec<f32>>()
    };
    let (before, after) = (latent("before"), latent("after"));
    let kept = |i: &usize| i % 8 < 3;
    let side = |values: &[f32], keep: bool| -> Vec<f32> {
        (0..values.len()).filter(|i| kept(i) == keep).map(|i| values[i]).collect()
    };
    assert_close("protected half", &side(&after, true), &side(&before, true), 1e-5);
    assert_ne!(side(&after, false), side(&before, false));
}

#[test]
fn a_saved_latent_loads_again_as_it_was() {
    let engine = open();
    let mut graph = graph();
    graph["12"] = json!({ "class_type": "SaveLatent", "inputs": { "samples": ["3", 0], "filename_prefix": "l" } });
    let host = TestHost::default();
    run(&engine, &graph, &host).unwrap();
    let files = host.files();
    let saved = files.iter().find(|file| file.filename.ends_with(".latent")).unwrap();
    let png = files.iter().find(|file| file.filename.ends_with(".png")).unwrap();
    engine.environment().put_input("l.latent", saved.bytes.clone());
    let again = json!({
        "1": { "class_type": "LoadLatent", "inputs": { "latent": "l.latent" } },
        "4": graph["4"],
        "8": { "class_type": "VAEDecode", "inputs": { "samples": ["1", 0], "vae": ["4", 2] } },
        "9": { "class_type": "PreviewImage", "inputs": { "images": ["8", 0] } },
    });
    let host = TestHost::default();
    run(&engine, &again, &host).unwrap();
    let pixels = |bytes: &[u8]| codec::decode("picture", bytes).unwrap().0.data;
    assert_eq!(pixels(&host.files()[0].bytes), pixels(&png.bytes));
}

#[test]
fn a_second_pass_paints_a_larger_picture() {
    let (engine, host) = (open(), TestHost::default());
    let mut graph = graph();
    graph["10"] = json!({ "class_type": "LatentUpscale", "inputs": {
        "samples": ["3", 0], "upscale_method": "bislerp", "width": 96, "height": 64, "crop": "disabled",
    }});
    graph["11"] = with(graph.clone(), "3", "latent_image", json!(["10", 0]))["3"].clone();
    graph["11"]["inputs"]["denoise"] = json!(0.5);
    graph["8"] = json!({ "class_type": "VAEDecodeTiled", "inputs": {
        "samples": ["11", 0], "vae": ["4", 2], "tile_size": 64, "overlap": 16,
        "temporal_size": 64, "temporal_overlap": 8,
    }});
    run(&engine, &graph, &host).unwrap();
    let (picture, _) = codec::decode("result", &host.files()[0].bytes).unwrap();
    assert_eq!([picture.height, picture.width], [64, 96]);
}

#[test]
fn values_flow_through_sums_switches_and_texts() {
    let graph = json!({
        "1": { "class_type": "PrimitiveInt", "inputs": { "value": 6 } },
        "2": { "class_type": "PrimitiveFloat", "inputs": { "value": 2.0 } },
        "3": { "class_type": "ComfyMathExpression", "inputs": {
            "expression": "a / b > 2", "values.a": ["1", 0], "values.b": ["2", 0],
        }},
        "4": { "class_type": "StringConcatenate", "inputs": {
            "string_a": "a cat", "string_b": "a hat", "delimiter": " in ",
        }},
        // Would fail, if it were run: the switch leads past it.
        "5": { "class_type": "RegexReplace", "inputs": {
            "string": "", "regex_pattern": "(", "replace": "",
        }},
        "6": { "class_type": "ComfySwitchNode", "inputs": {
            "switch": ["3", 2], "on_true": ["4", 0], "on_false": ["5", 0],
        }},
        "7": { "class_type": "PreviewAny", "inputs": { "source": ["6", 0] } },
    });
    let report = run(&open(), &graph, &TestHost::default()).unwrap();
    assert_eq!(report.outputs.get("7").unwrap(), &json!({ "text": ["a cat in a hat"] }));
}

/// Refused before anything runs: `[node, input, value, error type, part of the details]`.
#[test]
fn bad_inputs_are_refused_with_what_and_how_to_fix_it() {
    let engine = open();
    let cases: [(&str, &str, Value, &str, &str); 14] = [
        ("5", "width", json!(130), "custom_validation_failed", "use 128 or 136"),
        ("5", "height", json!(0), "value_smaller_than_min", "16"),
        ("5", "width", json!(1_000_000), "value_bigger_than_max", "16384"),
        ("3", "steps", json!(0), "value_smaller_than_min", "steps"),
        ("3", "cfg", json!("many"), "invalid_input_type", "cfg"),
        ("3", "cfg", json!("nan"), "invalid_input_type", "cfg"),
        ("3", "sampler_name", json!("dpmp_2m"), "value_not_in_list", "dpmpp_2m"),
        ("3", "scheduler", json!("karas"), "value_not_in_list", "karras"),
        ("3", "model", json!(["40", 0]), "bad_linked_input", "40"),
        ("3", "model", json!(["4", 9]), "bad_linked_input", "9"),
        ("3", "model", json!(["6", 0]), "return_type_mismatch", "CONDITIONING"),
        ("3", "latent_image", json!(["3", 0]), "dependency_cycle", "3"),
        ("4", "ckpt_name", json!("sprit"), "value_not_in_list", "sprite"),
        ("3", "positive", Value::Null, "required_input_missing", "positive"),
    ];
    for (node, input, value, kind, part) in cases {
        let bad = with(graph(), node, input, value.clone());
        let host = TestHost::default();
        let Err(RunError::Refused(refusal)) = run(&engine, &bad, &host) else {
            panic!("{node}.{input} = {value} was not refused");
        };
        assert_eq!(refusal.code(), "prompt_outputs_failed_validation");
        let text = serde_json::to_string(&refusal.node_errors).unwrap();
        assert!(text.contains(kind), "{node}.{input} = {value}: {text}");
        assert!(text.contains(part), "{node}.{input} = {value}: {text}");
        assert!(host.kinds().is_empty(), "nothing ran");
    }
    let unknown = json!({ "1": { "class_type": "KSamplr", "inputs": {} } });
    let Err(RunError::Refused(refusal)) = run(&engine, &unknown, &TestHost::default()) else {
        panic!()
    };
    let text = serde_json::to_string(&refusal.node_errors).unwrap();
    assert!(text.contains("missing_node_type") && text.contains("KSampler"), "{text}");
    run(&engine, &graph(), &TestHost::default()).expect("the engine stays usable");
}

#[test]
fn absurd_sizes_are_refused_with_the_numbers_before_allocating() {
    let engine = open();
    let huge = with(with(graph(), "5", "width", json!(16384)), "5", "height", json!(16384));
    for graph in [huge.clone(), with(huge, "5", "batch_size", json!(4096))] {
        let Err(RunError::Failed(error)) = run(&engine, &graph, &TestHost::default()) else {
            panic!()
        };
        assert_eq!(error.kind().code(), "too_large");
        let text = error.to_string();
        assert!(text.contains("bytes, the limit is") && text.contains("smaller"), "{text}");
    }
    run(&engine, &graph(), &TestHost::default()).expect("the engine stays usable");
}

#[test]
fn several_outputs_run_even_if_one_is_bad() {
    let engine = open();
    let mut graph = graph();
    graph["20"] = json!({ "class_type": "SaveImage", "inputs": { "images": ["21", 0], "filename_prefix": "x" } });
    graph["21"] = json!({ "class_type": "NoSuchNode", "inputs": {} });
    let report = run(&engine, &graph, &TestHost::default()).unwrap();
    assert!(report.outputs.get("9").is_some());
    assert!(report.node_errors.get("21").is_some() || report.node_errors.get("20").is_some());
}

#[test]
fn a_damaged_picture_is_named() {
    let engine = open();
    engine.environment().put_input("broken.png", &b"\x89PNG\r\n\x1a\nno more"[..]);
    let graph = json!({
        "1": { "class_type": "LoadImage", "inputs": { "image": "broken.png" } },
        "2": { "class_type": "PreviewImage", "inputs": { "images": ["1", 0] } },
    });
    let Err(RunError::Failed(error)) = run(&engine, &graph, &TestHost::default()) else { panic!() };
    assert_eq!(error.kind().code(), "bad_image");
    assert!(
        error.to_string().contains("node 1 (LoadImage)")
            && error.to_string().contains("broken.png")
    );
}

/// Tiny models of the real classes, in the folders' own layouts: two encoders, linear projections,
/// v-prediction, a latent whose halves are odd.
#[test]
fn every_family_runs_from_its_folder() {
    let store = Rc::new(FolderStore::new(crate::support::fixture("networks")));
    let engine = block_on(Engine::open(DeviceKind::Cpu, store, |_| {})).unwrap();
    for family in ["sd15", "sd21", "sdxl"] {
        let graph = with(graph(), "4", "ckpt_name", json!(family));
        let graph = with(with(graph, "5", "width", json!(72)), "5", "height", json!(40));
        // Longer than a window: two are encoded for the positive prompt, one for the negative.
        let graph = with(graph, "6", "text", json!("a photo of a cat ".repeat(30)));
        let host = TestHost::default();
        run(&engine, &graph, &host).unwrap_or_else(|error| panic!("{family}: {error}"));
        let (image, _) = codec::decode(family, &host.files()[0].bytes).unwrap();
        assert_eq!([image.height, image.width], [40, 72], "{family}");
        let spread = image.data.iter().fold((1f32, 0f32), |(a, b), v| (a.min(*v), b.max(*v)));
        assert!(spread.1 - spread.0 > 0.05, "{family}: one flat colour, {spread:?}");
    }
}

#[test]
fn pictures_to_send_are_made_and_their_orders_given() {
    let (engine, host) = (open(), TestHost::default());
    let mut graph = graph();
    graph["9"] = json!({ "class_type": "SendImage", "inputs": {
        "images": ["8", 0], "target": "callback:chat", "caption": "look", "body": "image", "filename_prefix": "s",
    }});
    for number in 1..=2 {
        // In every run, although nothing changed.
        let report = run(&engine, &graph, &host).unwrap();
        let send = &report.outputs.get("9").unwrap()["send"];
        assert_eq!(
            send,
            &json!([{ "filename": format!("s_0000{number}_.png"), "subfolder": "", "type": "temp",
                "target": "callback:chat", "caption": "look", "body": "image" }])
        );
        assert_eq!(host.files().len(), number);
    }
    let bad = with(graph, "9", "target", json!("http://evil.example"));
    let Err(RunError::Refused(refusal)) = run(&engine, &bad, &host) else { panic!("it ran") };
    assert!(refusal.node_errors.get("9").is_some());
}
