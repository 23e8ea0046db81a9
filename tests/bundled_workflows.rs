//! The workflows that ship with the page, each run whole at small sizes, and that they are what ComfyUI accepts.
//!
//! The models most of them name are gigabytes of other people's: tiny ones of the same families have their names.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value, json};
use tintype::engine::Engine;
use tintype::error::Result;
use tintype::graph::{Context, Event, Input, Inputs, Kind, Node, Outputs, Schema};
use tintype::image::{Image, codec};

use crate::checkpoints::engine;
use crate::nodes::{TestHost, open, run};
use crate::parity::loras;
use crate::support::bundled_models;
use crate::support::tiny::{Models, single_file};

/// A workflow, how the names of its pictures begin, and their number and sides at a test's sizes.
type Case = (&'static str, &'static str, usize, [usize; 2]);

/// On the models that ship with the page.
const BUNDLED: [Case; 3] = [
    ("style_transfer.json", "painted_castle", 1, [256, 256]),
    ("text_to_image.json", "dragon", 1, [64, 64]),
    ("upscale.json", "cat", 1, [256, 256]),
];

/// On models that a person has.
const OTHERS: [Case; 15] = [
    ("area_composition.json", "valley", 1, [64, 64]),
    ("batch.json", "robot", 4, [64, 64]),
    ("hires_fix.json", "lighthouse", 1, [96, 96]),
    ("hires_fix_esrgan.json", "castle", 1, [64, 64]),
    ("image_to_image.json", "watercolour", 1, [64, 64]),
    ("inpaint.json", "sleepy_cat", 1, [32, 32]),
    ("inpaint_model.json", "bench", 1, [32, 32]),
    ("instruct_pix2pix.json", "sunset", 1, [32, 32]),
    ("lcm.json", "strawberries", 1, [64, 64]),
    ("lora.json", "sailor", 1, [64, 64]),
    ("outpaint.json", "village", 1, [64, 32]),
    ("sdxl_refiner.json", "balloon", 1, [64, 64]),
    ("sdxl_turbo.json", "hedgehog", 1, [64, 64]),
    ("text_to_image_sd15.json", "fox", 1, [64, 64]),
    ("two_loras.json", "street", 1, [64, 64]),
];

/// Run by `tests/controlnets.rs`, which has a ControlNet for it.
const ELSEWHERE: [&str; 1] = ["controlnet_canny.json"];

fn all() -> impl Iterator<Item = &'static str> {
    BUNDLED.iter().chain(&OTHERS).map(|(name, ..)| *name).chain(ELSEWHERE)
}

/// Tiny models under the names that the workflows have for large ones.
fn models() -> Models {
    let checkpoints = [
        ("v1-5-pruned-emaonly", "tiny_sd1"),
        ("sd-v1-5-inpainting", "tiny_sd1_inpainting"),
        ("instruct-pix2pix-00-22000", "tiny_pix2pix"),
        ("sd_xl_base_1.0", "tiny_sdxl"),
        ("sd_xl_refiner_1.0", "tiny_sdxl_refiner"),
        ("sd_xl_turbo_1.0_fp16", "tiny_sdxl"),
    ];
    let loras =
        [("add_detail", "kohya"), ("epiNoiseoffset_v2", "loha"), ("lcm-lora-sdv1-5", "kohya")];
    let models = checkpoints.iter().fold(Models::new(), |models, (name, family)| {
        models.with(&format!("checkpoints/{name}.safetensors"), &single_file(family))
    });
    let models = loras.iter().fold(models, |models, (name, case)| {
        models.with(&format!("loras/{name}.safetensors"), &loras::file(case))
    });
    let upscaler = "upscale_models/realesr-animevideov3-x4.safetensors";
    models.with(upscaler, &std::fs::read(bundled_models().join(upscaler)).unwrap())
}

/// Puts in the pictures that the workflows name, 32 × 32; the hole is the right half of its picture.
fn put_pictures(engine: &Engine) {
    for (name, hole) in [("example.png", 1.0), ("example_with_hole.png", 0.0)] {
        let pixel = |at: usize| {
            let (x, y) = (at % 32, at / 32);
            [x as f32 / 31.0, y as f32 / 31.0, 0.3, if x < 16 { 1.0 } else { hole }]
        };
        let image = Image::new([1, 32, 32, 4], (0..32 * 32).flat_map(pixel).collect()).unwrap();
        engine.environment().put_input(name, codec::encode_png(&image, 0, &[]).unwrap());
    }
}

/// Keeps the pictures it is given, before they are rounded for a file.
#[derive(Clone, Default)]
struct Keep(Rc<RefCell<Vec<Image>>>);

const KEEP: Schema =
    Schema::new("Keep", "Keep", "test").inputs(&[Input::link("images", Kind::IMAGE)]).output_node();

impl Node for Keep {
    fn schema(&self) -> &'static Schema {
        &KEEP
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        _: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        Box::pin(async move {
            self.0.borrow_mut().push((*inputs.object::<Image>("images")?).clone());
            Ok(Outputs::new(Vec::new()))
        })
    }

    fn is_deterministic(&self) -> bool {
        false
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("www/public/workflows")
}

fn workflow(name: &str) -> Map<String, Value> {
    serde_json::from_slice(&std::fs::read(folder().join(name)).unwrap()).unwrap()
}

/// The workflow with no side above 64 and no border above 16, and a [`Keep`] beside every output.
fn small(workflow: &Map<String, Value>) -> Value {
    let mut graph = workflow.clone();
    for (id, node) in workflow {
        for (name, value) in graph[id]["inputs"].as_object_mut().unwrap() {
            let most = match name.as_str() {
                "width" | "height" => 64,
                "left" | "top" | "right" | "bottom" => 16,
                _ => continue,
            };
            if value.as_u64().is_some_and(|pixels| pixels > most) {
                *value = most.into();
            }
        }
        if node["class_type"] == "SaveImage" {
            let keep =
                json!({ "class_type": "Keep", "inputs": { "images": node["inputs"]["images"] } });
            graph.insert(format!("keep {id}"), keep);
        }
    }
    graph.into()
}

/// Runs a workflow and looks at everything it makes and tells.
fn check(engine: &Engine, (name, prefix, count, sides): Case) {
    let kept = Keep::default();
    engine.register(Rc::new(kept.clone()));
    let (workflow, host) = (workflow(name), TestHost::default());
    let report = run(engine, &small(&workflow), &host).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(report.node_errors.is_empty(), "{name}: {:?}", report.node_errors);
    host.any(|event| match event {
        Event::Notice { message, .. } => panic!("{name}: {message}"),
        _ => false,
    });
    for id in workflow.keys() {
        let of_use = host.any(|event| match event {
            Event::Executing { node: Some(node), .. } => node.to_string() == *id,
            Event::ExecutionCached { nodes, .. } => {
                nodes.iter().any(|node| node.to_string() == *id)
            }
            _ => false,
        });
        assert!(of_use, "{name}: nothing comes of node {id}");
    }

    let files = host.files();
    let names: Vec<&str> = files.iter().map(|file| file.filename.as_str()).collect();
    let expected: Vec<String> = (1..=count).map(|i| format!("{prefix}_{i:05}_.png")).collect();
    assert_eq!(names, expected, "{name}");
    let kept = kept.0.take();
    assert_eq!(kept.iter().map(|image| image.batch).sum::<usize>(), count, "{name}");
    assert!(kept.iter().all(|image| image.data.iter().all(|x| x.is_finite())), "{name}");
    let mut pictures = BTreeSet::new();
    for file in &files {
        let (image, _) = codec::decode(&file.filename, &file.bytes).unwrap();
        assert_eq!([image.width, image.height], sides, "{name}");
        let bits: Vec<u32> = image.data.iter().map(|x| x.to_bits()).collect();
        let colours: BTreeSet<&[u32]> = bits.chunks(3).collect();
        assert!(colours.len() > 16, "{name}: {} colours", colours.len());
        pictures.insert(bits);
    }
    assert_eq!(pictures.len(), count, "{name}: two pictures are the same");
}

#[test]
fn workflows_on_bundled_models_make_their_pictures() {
    let engine = open();
    BUNDLED.into_iter().for_each(|case| check(&engine, case));
}

#[test]
fn workflows_on_models_of_one_s_own_make_their_pictures() {
    let models = models();
    let engine = engine(&models);
    put_pictures(&engine);
    OTHERS.into_iter().for_each(|case| check(&engine, case));
}

#[test]
fn every_workflow_of_the_folder_is_run() {
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().into_string().unwrap()
    };
    let there: BTreeSet<String> = std::fs::read_dir(folder()).unwrap().map(name).collect();
    assert_eq!(there, all().map(str::to_owned).collect());
}

/// ComfyUI takes no file that leaves out an input of a node; names that a node has not are mistakes, too.
#[test]
fn every_node_has_the_inputs_of_its_class_and_a_title() {
    let info = open().object_info();
    for file in all() {
        for (id, node) in workflow(file) {
            let names = |value: &Value| -> BTreeSet<String> {
                value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
            };
            let class = &info[node["class_type"].as_str().unwrap()]["input"];
            assert!(class.is_object(), "{file}: {id}");
            let (given, required) = (names(&node["inputs"]), names(&class["required"]));
            assert!(given.is_superset(&required), "{file}: {id} lacks an input");
            let known = required.union(&names(&class["optional"])).cloned().collect();
            assert!(given.is_subset(&known), "{file}: {id} has an unknown input");
            let title = node["_meta"]["title"].as_str();
            assert!(title.is_some_and(|title| !title.is_empty()), "{file}: {id} has no title");
        }
    }
}
