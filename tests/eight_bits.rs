//! Weights in eight bits: near what they were in a quarter of the memory, made here or read from a file that has them.

use std::rc::Rc;

use half::f16;
use serde_json::{Map, Value, json};
use tintype::device::DeviceKind;
use tintype::engine::Engine;
use tintype::nodes::WeightFormat;
use tintype::store::MemorySource;
use tintype::store::native::FolderStore;
use tintype::weights::WeightsFile;

use crate::checkpoints::{graph, made_by, node};
use crate::parity::loras;
use crate::support::tiny::{Models, names, networks, single_file, theirs, write};
use crate::support::{Closeness, block_on, load, tested_device};

/// A format, a shape and bytes, by name.
type Entry = (String, &'static str, Vec<usize>, Vec<u8>);

fn file(entries: Vec<Entry>) -> Vec<u8> {
    let (mut header, mut body) = (Map::new(), Vec::new());
    for (name, dtype, shape, bytes) in entries {
        let start = body.len();
        body.extend(bytes);
        let place = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, body.len()] });
        assert!(header.insert(name, place).is_none());
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &body].concat()
}

/// A tensor whose rows are integers from -127 to 127, and the scales of the rows.
fn in_eight_bits(name: &str, shape: &[usize], numbers: &[f16]) -> [Entry; 2] {
    let (mut integers, mut scales) = (Vec::new(), Vec::new());
    for row in numbers.chunks(numbers.len() / shape[0]) {
        let largest = row.iter().map(|number| number.to_f32().abs()).fold(0.0, f32::max);
        let integer = |number: &f16| (number.to_f32() * (127.0 / largest)).round() as i8;
        integers.extend(row.iter().map(|number| integer(number) as u8));
        scales.extend((largest / 127.0).to_le_bytes());
    }
    let scale = (format!("{name}.scale"), "F32", vec![shape[0]], scales);
    [scale, (name.to_owned(), "I8", shape.to_vec(), integers)]
}

/// The checkpoint as one file, its denoising network in eight bits.
fn eight_bit_file(checkpoint: &str) -> Vec<u8> {
    let mut entries = Vec::new();
    for named in names(checkpoint) {
        let (name, numbers) = (&named.theirs, theirs(&named));
        if name.starts_with("model.diffusion_model.") && named.shape.len() > 1 {
            entries.extend(in_eight_bits(name, &named.shape, &numbers));
        } else {
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            entries.push((name.clone(), "F16", named.shape, bytes));
        }
    }
    file(entries)
}

fn engine(models: &Models, format: WeightFormat, held: u64) -> Engine {
    let store = Rc::new(FolderStore::new(models.path()));
    let engine = block_on(Engine::open(DeviceKind::Cpu, store, |_| {})).unwrap();
    engine.environment().set_weight_format(format);
    engine.environment().set_held_weights_bytes(held);
    engine
}

fn checkpoint(name: &str) -> Value {
    let loader = json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": name })) });
    graph(loader, [("4", 0), ("4", 1), ("4", 2)])
}

/// The latent that a run ends with.
fn latent(engine: &Engine, graph: &Value) -> Vec<f32> {
    let [latent, _] = made_by(engine, graph);
    latent.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

#[test]
fn a_run_ends_near_that_of_whole_weights() {
    for family in ["tiny_sd1", "tiny_sd2", "tiny_sdxl"] {
        let models = Models::new()
            .with("checkpoints/whole.safetensors", &single_file(family))
            .with("checkpoints/eight.safetensors", &eight_bit_file(family));
        let run = |format, held, name: &str| {
            latent(&engine(&models, format, held), &checkpoint(&format!("{name}.safetensors")))
        };
        let whole = run(WeightFormat::Default, u64::MAX, "whole");
        let ours = run(WeightFormat::EightBits, u64::MAX, "whole");
        assert!(ours != whole, "{family}");
        Closeness::within(3e-2).check(family, &ours, &whole);
        // A file that has its weights so gives the same, held or read as they are used.
        assert!(ours == run(WeightFormat::Default, u64::MAX, "eight"), "{family}: from a file");
        assert!(ours == run(WeightFormat::EightBits, u64::MAX, "eight"), "{family}: twice");
        assert!(ours == run(WeightFormat::Default, 0, "eight"), "{family}: as they are used");
    }
}

#[test]
fn a_lora_is_added_to_them() {
    let models = Models::new()
        .with("checkpoints/whole.safetensors", &single_file("tiny_sd1"))
        .with("loras/a.safetensors", &loras::file("kohya"));
    let mut graph = checkpoint("whole.safetensors");
    graph["20"] = node(
        "LoraLoaderModelOnly",
        json!({ "model": ["4", 0], "lora_name": "a.safetensors", "strength_model": 0.8 }),
    );
    let [without, with] = ["4", "20"].map(|model| {
        graph["3"]["inputs"]["model"] = json!([model, 0]);
        [WeightFormat::Default, WeightFormat::EightBits]
            .map(|format| latent(&engine(&models, format, u64::MAX), &graph))
    });
    Closeness::within(3e-2).check("with a LoRA", &with[1], &with[0]);
    let moved: f32 = with[1].iter().zip(&without[1]).map(|(a, b)| (a - b).abs()).sum();
    assert!(moved > 1.0, "{moved}");
}

#[test]
fn they_take_a_quarter_of_the_memory() {
    let source = MemorySource::new("unet", write(networks("tiny_sd1").remove("unet").unwrap()));
    let bytes = |eight_bits| {
        let file = block_on(WeightsFile::open(&source)).unwrap().eight_bits(eight_bits);
        let device = tested_device();
        let told = file.held_bytes(&device);
        let weights = block_on(file.load(&device, &[], &mut |_, _| Ok(()))).unwrap();
        (told as f64, weights.device_bytes() as f64)
    };
    let (whole, eight) = (bytes(false), bytes(true));
    assert_eq!(whole.0, whole.1);
    assert!(eight.1 < 0.27 * whole.1, "{eight:?} of {whole:?}");
    // All but the scales, which the header of a file without them does not tell.
    assert!(eight.0 <= eight.1 && eight.0 > 0.97 * eight.1, "{eight:?}");
}

#[test]
fn a_graph_asks_for_them_by_comfyui_s_names_and_a_plan_counts_with_them() {
    let models =
        Models::new().with("checkpoints/whole.safetensors", &single_file("tiny_sd1")).with(
            "diffusion_models/unet.safetensors",
            &write(networks("tiny_sd1").remove("unet").unwrap()),
        );
    let by = |dtype: &str| {
        let mut graph = checkpoint("whole.safetensors");
        let unet = json!({ "unet_name": "unet.safetensors", "weight_dtype": dtype });
        graph["20"] = node("UNETLoader", unet);
        graph["3"]["inputs"]["model"] = json!(["20", 0]);
        let engine = engine(&models, WeightFormat::Default, u64::MAX);
        let plan = block_on(engine.plan(&graph.to_string())).unwrap();
        let file = plan.files.iter().find(|file| file.file.ends_with("unet.safetensors")).unwrap();
        (latent(&engine, &graph), file.format, file.weights_bytes)
    };
    let (whole, eight) = (by("default"), by("fp8_e4m3fn"));
    assert_eq!([whole.1, eight.1], ["f32", "i8"]);
    assert!((eight.2 as f64) < 0.27 * whole.2 as f64, "{} {}", eight.2, whole.2);
    let option = engine(&models, WeightFormat::EightBits, u64::MAX);
    assert!(eight.0 != whole.0 && eight.0 == latent(&option, &checkpoint("whole.safetensors")));
}

#[test]
fn integers_without_fitting_scales_are_no_weights() {
    let bytes = |count: usize| vec![1; count];
    let weight = || ("a.weight".to_owned(), "I8", vec![4, 2], bytes(8));
    let scale = |dtype, rows: usize, size| {
        ("a.weight.scale".to_owned(), dtype, vec![rows], bytes(rows * size))
    };
    let vector = ("a.weight".to_owned(), "I8", vec![4], bytes(4));
    let empty = ("a.weight".to_owned(), "I8", vec![4, 0], Vec::new());
    for entries in [
        vec![weight()],
        vec![weight(), scale("F32", 3, 4)],
        vec![weight(), scale("F16", 4, 2)],
        vec![vector, scale("F32", 4, 4)],
        vec![empty, scale("F32", 4, 4)],
    ] {
        let error = load(&MemorySource::new("mine", file(entries))).unwrap_err();
        assert_eq!(error.kind().code(), "unknown_dtype", "{error}");
        assert!(error.to_string().contains("a.weight"), "{error}");
    }
    // Parts of a matrix, and rows of a table, are not read so.
    let model = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight";
    for name in [model, "text_model.embeddings.token_embedding.weight"] {
        let table = MemorySource::new(
            "mine",
            file(Vec::from(in_eight_bits(name, &[6, 2], &[f16::ONE; 12]))),
        );
        let opened = block_on(WeightsFile::open(&table)).unwrap();
        let parts = tintype::weights::checkpoint::Checkpoint::of(opened.tensors());
        let tables = [tintype::models::clip::TOKEN_TABLE];
        let loaded =
            block_on(opened.load_parts(&parts, &tested_device(), &tables, &mut |_, _| Ok(())));
        assert_eq!(loaded.unwrap_err().kind().code(), "unknown_dtype", "{name}");
    }
}
