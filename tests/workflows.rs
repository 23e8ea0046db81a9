//! Workflow files of the shapes people share, each run whole on the bundled model, or refused node by node.
//!
//! The files name models and pictures that are nobody's; what the native runner puts in their place stands in.

#[path = "../examples/run_workflow/stand_in.rs"]
mod stand_in;

use tintype::engine::Engine;
use tintype::formats::comfy_api;
use tintype::graph::{RunError, RunReport};
use tintype::image::{Image, codec, metadata};

use crate::nodes::{TestHost, open, run_text};
use crate::support::fixture;
use stand_in::StandIns;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(fixture("workflows").join(name)).unwrap()
}

/// An engine with a picture of 64 × 64 in it, its right half to be painted anew.
fn engine() -> Engine {
    let engine = open();
    let pixel = |at: usize| [0.8, 0.3, 0.2, if at % 64 < 32 { 1.0 } else { 0.0 }];
    let image = Image::new([1, 64, 64, 4], (0..64 * 64).flat_map(pixel).collect()).unwrap();
    engine.environment().put_input("picture.png", codec::encode_png(&image, 0, &[]).unwrap());
    engine
}

fn stand_ins() -> StandIns {
    StandIns {
        checkpoint: Some("sprite".to_owned()),
        image: Some("picture.png".to_owned()),
        max_side: Some(96),
    }
}

fn run(name: &str, stand_ins: &StandIns, host: &TestHost) -> Result<RunReport, RunError> {
    let engine = engine();
    let mut graph = engine.read(&file(name)).unwrap().graph;
    stand_ins.put_into(&mut graph);
    run_text(&engine, &comfy_api::write(&graph), host)
}

/// The names and sides of the pictures that a file makes.
fn pictures(name: &str) -> Vec<(String, [usize; 2])> {
    let host = TestHost::default();
    let report = run(name, &stand_ins(), &host).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(report.node_errors.is_empty(), "{name}: {:?}", report.node_errors);
    let made = host.files().into_iter().map(|file| {
        let (image, _) = codec::decode(&file.filename, &file.bytes).unwrap();
        let range = image.data.iter().fold([1.0_f32, 0.0], |[a, b], x| [a.min(*x), b.max(*x)]);
        assert!(range[1] - range[0] > 0.1, "{name}: the picture is of one colour");
        (file.filename, [image.width, image.height])
    });
    made.collect()
}

/// Each problem in a line: node, input if any, and what to do, in the order of the file.
fn refusal(result: Result<RunReport, RunError>) -> Vec<String> {
    let errors = match result {
        Ok(report) => report.node_errors,
        Err(RunError::Refused(refusal)) => refusal.node_errors,
        Err(error) => panic!("failed instead: {error}"),
    };
    let lines = errors.iter().flat_map(|(id, node)| {
        node.errors.iter().map(move |problem| format!("{id} {}", problem.details))
    });
    lines.collect()
}

#[test]
fn files_that_need_no_more_than_a_checkpoint_run() {
    let cases: [(&str, &[(&str, usize)]); 10] = [
        ("ui_text_to_image.json", &[("ui_00001_.png", 64)]),
        ("text_to_image.json", &[("dragon_00001_.png", 96)]),
        ("hires_fix.json", &[("small_00001_.png", 64), ("large_00001_.png", 96)]),
        ("two_outputs.json", &[("first_00001_.png", 64), ("second_00001_.png", 64)]),
        ("two_samplers.json", &[("hero_00001_.png", 64), ("hero_00002_.png", 64)]),
        ("image_to_image.json", &[("picture_00001_.png", 64)]),
        ("inpaint.json", &[("ComfyUI_temp_00001_.png", 64)]),
        ("turbo.json", &[("ComfyUI_temp_00001_.png", 64)]),
        ("refiner.json", &[("picture_00001_.png", 64)]),
        // An empty latent takes the channels of the model that samples it.
        ("other_family.json", &[("Flux_00001_.png", 64)]),
    ];
    for (name, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(name, side)| ((*name).to_owned(), [*side; 2])).collect();
        assert_eq!(pictures(name), expected, "{name}");
    }
}

#[test]
fn pipeline_makes_the_picture_it_describes() {
    assert_eq!(pictures("pipeline.yaml"), [("dragon_00001_.png".to_owned(), [128, 128])]);
}

#[test]
fn ui_workflow_runs_as_it_is_and_travels_in_its_picture() {
    let (engine, host) = (engine(), TestHost::default());
    let text = String::from_utf8(file("ui_text_to_image.json")).unwrap();
    let text = text.replace("castle_v3.safetensors", "sprite");
    run_text(&engine, &text, &host).unwrap();
    let png = host.files().remove(0).bytes;
    let texts = metadata::texts(&png).unwrap();
    let workflow = texts.iter().find(|(name, _)| name == "workflow").unwrap();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(&workflow.1), json(&text));
    // And the picture is a file to run again.
    let again = engine.read(&png).unwrap();
    assert_eq!(again.graph, engine.read(text.as_bytes()).unwrap().graph);
}

#[test]
fn what_is_missing_is_named_node_by_node_with_where_to_get_it() {
    let class =
        "is no class of this engine; ComfyUI has it, or a pack of nodes at registry.comfy.org";
    let model = "expected one of sprite; find the model by this name, at huggingface.co or civitai.com for example, \
                 and put its `.safetensors` file into `checkpoints` of the models folder";
    let lora = "expected one of sprite-lcm.safetensors; find the LoRA by this name, at huggingface.co or civitai.com for example, \
                and put its `.safetensors` file into `loras` of the models folder";
    let vae = "and there is none to choose from; find the model by this name, at huggingface.co for example, \
               and put its `.safetensors` file into `vae` of the models folder";
    let net = vae.replace("`vae`", "`controlnet`");
    let cases = [
        (
            "lora.json",
            vec![
                format!("4 `ckpt_name` is `castle_v3.safetensors`, {model}"),
                format!("10 `lora_name` is `ink/inkstyle.safetensors`, {lora}"),
            ],
        ),
        (
            "controlnet.json",
            vec![
                "11 `image` is `scribble.png`, expected one of picture.png; \
                 add the file to the inputs"
                    .to_owned(),
                format!("12 `control_net_name` is `scribble.pth`, {net}"),
                format!("13 `vae_name` is `mse.safetensors`, {vae}"),
                format!("14 `ckpt_name` is `v1-5.ckpt`, {model}"),
            ],
        ),
        ("all_in_one.json", vec![format!("12 `Fast Loader (pack)` {class}")]),
        (
            "custom_nodes.json",
            vec![
                format!("4 `ckpt_name` is `castle_v3.safetensors`, {model}"),
                format!("23 `Glow Filter` {class}"),
            ],
        ),
        (
            "other_family.json",
            vec![format!("30 `ckpt_name` is `flux1-fp8.safetensors`, {model}")],
        ),
        (
            "ui_text_to_image.json",
            vec![
                "4 `ckpt_name` is `castle_v3.safetensors`, expected one of sprite; \
                 `castle_v3.safetensors` for `checkpoints` is at https://models.example/castle_v3.safetensors"
                    .to_owned(),
            ],
        ),
    ];
    for (name, expected) in cases {
        let host = TestHost::default();
        assert_eq!(refusal(run(name, &StandIns::default(), &host)), expected, "{name}");
        assert!(host.files().is_empty(), "{name}");
    }
}

#[test]
fn output_behind_an_unknown_class_is_left_out_and_the_other_made() {
    let host = TestHost::default();
    let report = run("custom_nodes.json", &stand_ins(), &host).unwrap();
    let names: Vec<String> = host.files().into_iter().map(|file| file.filename).collect();
    assert_eq!(names, ["ComfyUI_temp_00001_.png"]);
    assert_eq!(report.node_errors.get("23").unwrap().dependent_outputs, ["9".into()]);
    assert_eq!(refusal(Ok(report)).len(), 1);
}

#[test]
fn stand_ins_take_the_places_of_files_and_large_sizes_only() {
    let engine = engine();
    let read = |name| engine.read(&file(name)).unwrap().graph;
    let mut none = read("inpaint.json");
    StandIns::default().put_into(&mut none);
    assert_eq!(none, read("inpaint.json"));
    let mut graph = read("inpaint.json");
    stand_ins().put_into(&mut graph);
    let text = |id: &str, input: &str| format!("{:?}", graph.get(id).unwrap().input(input));
    assert!(text("1", "ckpt_name").contains("\"sprite\""));
    assert!(text("2", "image").contains("\"picture.png\""));
    assert!(text("2", "upload").contains("\"image\""), "not the name of a file");
    assert!(text("3", "pixels").contains("Link"));
}
