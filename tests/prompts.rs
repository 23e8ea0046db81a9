//! Prompts as the nodes encode them, against transformers and the arithmetic of each dialect.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tintype::device::DeviceKind;
use tintype::engine::{Engine, RunRequest};
use tintype::error::Result;
use tintype::graph::{Context, Event, Host, Input, Inputs, Kind, Node, Outputs, Schema};
use tintype::nodes::values::{Condition, Conditioning, SizeNumbers};
use tintype::prompt::chunk::{self, Word};
use tintype::prompt::{Tokenizer, a1111};
use tintype::store::native::FolderStore;

use crate::support::{Closeness, References, block_on, fixture, values};

/// Keeps the conditions it is given.
#[derive(Clone, Default)]
struct Keep(Rc<RefCell<Vec<Condition>>>);

const KEEP: Schema = Schema::new("Keep", "Keep", "test")
    .inputs(&[Input::link("conditioning", Kind::CONDITIONING)])
    .output_node();

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
            *self.0.borrow_mut() = inputs.object::<Conditioning>("conditioning")?.0.clone();
            Ok(Outputs::new(Vec::new()))
        })
    }

    fn is_deterministic(&self) -> bool {
        false
    }
}

/// Keeps what nodes tell.
#[derive(Default)]
struct Notices(RefCell<Vec<String>>);

impl Host for Notices {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn now_millis(&self) -> f64 {
        0.0
    }

    fn emit(&self, event: Event) {
        if let Event::Notice { message, .. } = event {
            self.0.borrow_mut().push(message);
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

/// An engine on the tiny networks, for graphs of a checkpoint and one node that reads a prompt.
struct Reader {
    engine: Engine,
    kept: Keep,
}

impl Reader {
    fn new() -> Self {
        let store = Rc::new(FolderStore::new(fixture("networks")));
        let engine = block_on(Engine::open(DeviceKind::Cpu, store, |_| {})).unwrap();
        let kept = Keep::default();
        engine.register(Rc::new(kept.clone()));
        Self { engine, kept }
    }

    /// Runs a node of this class on the checkpoint's text encoder, cut to `layer`; what it was told along.
    fn run(
        &self,
        folder: &str,
        layer: i64,
        class: &str,
        mut inputs: Value,
    ) -> std::result::Result<(Vec<Condition>, Vec<String>), String> {
        inputs["clip"] = if layer == 0 { json!(["1", 1]) } else { json!(["2", 0]) };
        let graph = json!({
            "1": { "class_type": "CheckpointLoaderSimple", "inputs": { "ckpt_name": folder } },
            "2": { "class_type": "CLIPSetLastLayer", "inputs": { "clip": ["1", 1], "stop_at_clip_layer": layer.min(-1) } },
            "3": { "class_type": class, "inputs": inputs },
            "4": { "class_type": "Keep", "inputs": { "conditioning": ["3", 0] } },
        });
        let host = Notices::default();
        let request = RunRequest { prompt_id: "p".into(), ..RunRequest::default() };
        match block_on(self.engine.run(&graph.to_string(), request, &host)) {
            Ok(_) => Ok((self.kept.0.take(), host.0.into_inner())),
            Err(error) => Err(error.to_string()),
        }
    }

    fn one(&self, folder: &str, layer: i64, class: &str, inputs: Value) -> Condition {
        let (mut conditions, notices) = self.run(folder, layer, class, inputs).unwrap();
        assert_eq!(notices, [""; 0]);
        assert_eq!(conditions.len(), 1);
        conditions.remove(0)
    }
}

fn reference(name: &str) -> References {
    References::parse(&std::fs::read(fixture(&format!("prompts/{name}.safetensors"))).unwrap())
}

fn check(closeness: &mut Closeness, references: &References, case: &str, condition: Condition) {
    let tensor = |name: &str| &references.tensors[&format!("{case}.{name}")];
    assert_eq!(condition.context.dims().to_vec(), tensor("context").shape, "{case}");
    closeness.check(case, &values(condition.context), &tensor("context").data);
    closeness.check(case, &values(condition.pooled), &tensor("pooled").data);
}

#[test]
fn weighted_prompts_of_one_encoder() {
    let (reader, references) = (Reader::new(), reference("comfy"));
    let mut closeness = Closeness::within(1e-4);
    let cases = references.settings();
    assert_eq!(cases.as_array().unwrap().len(), 5);
    for case in cases.as_array().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let layer = case["layer"].as_i64().unwrap();
        let inputs = json!({ "text": text("text") });
        let layers = if layer == 1 { vec![0, -1] } else { vec![-layer] };
        for layer in layers {
            let condition = reader.one(text("folder"), layer, "CLIPTextEncode", inputs.clone());
            check(&mut closeness, &references, text("case"), condition);
        }
    }
}

#[test]
fn weighted_prompts_of_sdxl_s_two_encoders() {
    let (reader, references) = (Reader::new(), reference("sdxl"));
    let mut closeness = Closeness::within(1e-4);
    for case in references.settings().as_array().unwrap() {
        let name = case["case"].as_str().unwrap();
        let inputs = json!({
            "text_g": case["text_g"], "text_l": case["text_l"], "width": 1024, "height": 768,
            "crop_w": 8, "crop_h": 16, "target_width": 640, "target_height": 512,
        });
        let condition = reader.one("sdxl", 0, "CLIPTextEncodeSDXL", inputs);
        let size = SizeNumbers::Base {
            original: [768.0, 1024.0],
            crop: [16.0, 8.0],
            target: [512.0, 640.0],
        };
        assert_eq!(condition.size, Some(size));
        check(&mut closeness, &references, name, condition);
        if name == "weighted" {
            let inputs = json!({ "text": case["text_g"] });
            // SDXL's own layer, asked for by its number and not.
            for layer in [0, -2] {
                let condition = reader.one("sdxl", layer, "CLIPTextEncode", inputs.clone());
                check(&mut closeness, &references, name, condition);
            }
        }
    }
}

#[test]
fn refiner_s_numbers() {
    let inputs = json!({ "ascore": 2.5, "width": 1024, "height": 768, "text": "a red cat" });
    let condition = Reader::new().one("sdxl", 0, "CLIPTextEncodeSDXLRefiner", inputs);
    let size = SizeNumbers::Refiner { original: [768.0, 1024.0], crop: [0.0; 2], score: 2.5 };
    assert_eq!(condition.size, Some(size));
}

/// −1 of SDXL is the last layer without its normalisation; more layers than there are is the last with it.
#[test]
fn layer_of_the_text_encoder() {
    let reader = Reader::new();
    let context = |folder: &str, layer: i64| {
        let inputs = json!({ "text": "a red cat" });
        values(reader.run(folder, layer, "CLIPTextEncode", inputs).unwrap().0.remove(0).context)
    };
    let inputs = json!({ "text": "a red cat" });
    let (_, notices) = reader.run("sd15", -4, "CLIPTextEncode", inputs).unwrap();
    assert_eq!(notices, ["the text encoder has 3 layers: its last one is used for -4"]);
    let own = context("sd15", 0);
    assert_eq!(context("sd15", -1), own);
    assert_eq!(context("sd15", -4), own);
    assert_ne!(context("sd15", -2), own);
    assert_ne!(context("sd15", -3), context("sd15", -2));
    assert_eq!(context("sdxl", -2), context("sdxl", 0));
    assert_ne!(context("sdxl", -1), context("sdxl", 0));
}

#[test]
fn unknown_embedding_is_left_out_with_a_notice() {
    let reader = Reader::new();
    let read =
        |text: &str| reader.run("sd15", 0, "CLIPTextEncode", json!({ "text": text })).unwrap();
    let (with, notices) = read("a red embedding:ugly, (embedding:bad.pt:1.2) cat");
    let (without, _) = read("a red, cat");
    assert_eq!(values(with[0].context.clone()), values(without[0].context.clone()));
    let missing =
        |name: &str| format!("the embedding `{name}` is not there, and was left out of the prompt");
    assert_eq!(notices, [missing("bad.pt"), missing("ugly")]);
}

#[test]
fn bad_prompts_are_refused() {
    let reader = Reader::new();
    let error = |class: &str, folder: &str, inputs: Value| {
        reader.run(folder, 0, class, inputs).unwrap_err()
    };
    let deep = "(".repeat(1000) + "a" + &")".repeat(1000);
    let message = error("CLIPTextEncode", "sd15", json!({ "text": deep }));
    assert!(message.contains("brackets nest deeper than 100"), "{message}");
    let inputs = json!({
        "text_g": "", "text_l": "", "width": 1024, "height": 1024, "crop_w": 0, "crop_h": 0,
        "target_width": 1024, "target_height": 1024,
    });
    let message = error("CLIPTextEncodeSDXL", "sd15", inputs);
    assert!(message.contains("expected SDXL's two text encoders, got 1"), "{message}");
}

fn tokenizer() -> Tokenizer {
    block_on(Tokenizer::load(&FolderStore::new(fixture("networks")), "sd15/tokenizer")).unwrap()
}

/// How many tokens each window holds.
fn window_lengths(chunks: &[chunk::Chunk], end: u32) -> Vec<usize> {
    chunks.iter().map(|chunk| chunk.ids.iter().position(|id| *id == end).unwrap() - 1).collect()
}

fn a1111_inputs(text: &str) -> Value {
    json!({ "text": text, "steps": 4, "emphasis": "Original" })
}

#[test]
fn emphasis_of_automatic1111() {
    let (reader, references) = (Reader::new(), reference("a1111"));
    let mut closeness = Closeness::within(1e-4);
    let cases = references.settings();
    assert_eq!(cases.as_array().unwrap().len(), 3);
    for case in cases.as_array().unwrap() {
        let inputs = json!({ "text": case["text"], "emphasis": case["emphasis"], "steps": 20 });
        let condition = reader.one("sd15", 0, "CLIPTextEncodeA1111", inputs);
        assert_eq!((condition.strength, &condition.steps), (1.0, &None));
        check(&mut closeness, &references, case["case"].as_str().unwrap(), condition);
    }
    let context = |emphasis: &str, text: &str| {
        let inputs = json!({ "text": text, "emphasis": emphasis, "steps": 20 });
        values(reader.one("sd15", 0, "CLIPTextEncodeA1111", inputs).context)
    };
    assert_eq!(context("None", "a (red:1.3)"), context("Ignore", r"a \(red:1.3\)"));
}

/// Each text of a schedule is encoded once, and is the condition that it would be alone.
#[test]
fn conditions_of_prompts_that_change() {
    let reader = Reader::new();
    let read = |text: &str, more: Value| {
        let mut inputs = a1111_inputs(text);
        inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (conditions, _) = reader.run("sd15", 0, "CLIPTextEncodeA1111", inputs).unwrap();
        let told = |condition: &Condition| {
            let steps = condition.steps.as_deref().map(|steps| steps.iter().copied().collect());
            (values(condition.context.clone()), condition.strength, steps)
        };
        conditions.iter().map(told).collect::<Vec<(Vec<f32>, f32, Option<Vec<usize>>)>>()
    };
    let alone = |text: &str| read(text, json!({})).remove(0).0;
    let (cat, hat) = (alone("red cat"), alone("red hat"));
    assert_ne!(cat, hat);
    let first = json!({});
    assert_eq!(
        read("red [cat:hat:0.5]", first.clone()),
        [(cat.clone(), 1.0, Some(vec![0, 1])), (hat.clone(), 1.0, Some(vec![2, 3])),]
    );
    assert_eq!(
        read("red [cat|hat]", first.clone()),
        [(cat.clone(), 1.0, Some(vec![0, 2])), (hat.clone(), 1.0, Some(vec![1, 3])),]
    );
    assert_eq!(
        read("red cat AND red hat :0.5", first.clone()),
        [(cat.clone(), 1.0, None), (hat.clone(), 0.5, None),]
    );
    let both = read("red [cat|hat] AND red cat :2", first);
    assert_eq!(both.iter().map(|one| one.1).collect::<Vec<_>>(), [1.0, 1.0, 2.0]);
    // The second pass: step 22 is its second, after 20 of the first.
    assert_eq!(
        read("red [cat:hat:22]", json!({ "first_pass_steps": 20 })),
        [(cat, 1.0, Some(vec![0, 1])), (hat, 1.0, Some(vec![2, 3])),]
    );
}

#[test]
fn what_automatic1111_s_node_tells() {
    let reader = Reader::new();
    let run = |text: &str| reader.run("sd15", 0, "CLIPTextEncodeA1111", a1111_inputs(text));
    let (with, notices) = run("# mine\na red <lora:pixel:0.8> cat").unwrap();
    assert_eq!(
        notices,
        ["`<lora:pixel:0.8>` is not loaded from a prompt: load it with a node of its own"]
    );
    let (without, _) = run("a red cat").unwrap();
    assert_eq!(values(with[0].context.clone()), values(without[0].context.clone()));
    let (_, notices) = run("a AND b").unwrap();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].ends_with("add up to 2: for AUTOMATIC1111's picture multiply `cfg` by 2"));
    let error = run("a (cat:1.2.3)").unwrap_err();
    assert!(error.contains("at character 8: expected a weight, got `1.2.3`"), "{error}");
    let error = run("a AND b :-1").unwrap_err();
    assert!(error.contains("add up to 0, expected more than 0"), "{error}");
}

#[test]
fn windows_of_comfyui_keep_short_words_whole() {
    let tokenizer = tokenizer();
    let end = *tokenizer.window(&[]).last().unwrap();
    let red = tokenizer.ids("red")[0];
    let lengths = |words: &[(usize, f32)]| {
        let words: Vec<Word> =
            words.iter().map(|(n, weight)| Word { ids: vec![red; *n], weight: *weight }).collect();
        let chunks = chunk::whole_words(&tokenizer, &words);
        assert!(chunks.iter().all(|chunk| chunk.ids.len() == 77 && chunk.weights.len() == 77));
        window_lengths(&chunks, end)
    };
    assert_eq!(lengths(&[]), [0]);
    assert_eq!(lengths(&[(75, 1.0)]), [75]);
    assert_eq!(lengths(&[(70, 1.0), (5, 1.2)]), [75]);
    assert_eq!(lengths(&[(70, 1.0), (6, 1.2)]), [70, 6]);
    assert_eq!(lengths(&[(70, 1.0), (7, 1.2), (70, 1.0)]), [70, 75, 2]);
    assert_eq!(lengths(&[(70, 1.0), (8, 1.2)]), [75, 3]);
    assert_eq!(lengths(&[(150, 1.0), (1, 2.0)]), [75, 75, 1]);
    let words = [Word { ids: vec![red; 2], weight: 0.5 }];
    let chunk = &chunk::whole_words(&tokenizer, &words)[0];
    assert_eq!(chunk.weights[..4], [1.0, 0.5, 0.5, 1.0]);
}

#[test]
fn windows_of_automatic1111_end_at_a_comma() {
    let tokenizer = tokenizer();
    let end = *tokenizer.window(&[]).last().unwrap();
    let lengths = |text: &str| {
        let items = a1111::items(&tokenizer, &a1111::emphasis::parse(text).unwrap());
        window_lengths(&chunk::at_commas(&tokenizer, &items), end)
    };
    let red = |n: usize| "red ".repeat(n);
    assert_eq!(lengths(""), [0]);
    assert_eq!(lengths(&red(75)), [75]);
    assert_eq!(lengths(&red(76)), [75, 1]);
    // The comma is the 56th token: 19 follow it in the window, and go into the next with the rest.
    assert_eq!(lengths(&format!("{},{}", red(55), red(25))), [56, 25]);
    assert_eq!(lengths(&format!("{},{}", red(54), red(25))), [75, 5]);
    assert_eq!(lengths(&format!("{},{}", red(74), red(2))), [75, 2]);
    assert_eq!(lengths(&format!("{},{}", red(75), red(2))), [75, 3]);
    assert_eq!(lengths(&format!("{},{}", red(60), red(14))), [75]);
    assert_eq!(lengths(&format!("({}:1.2), {}", red(60), red(30))), [61, 30]);
    assert_eq!(lengths("red BREAK red red BREAK"), [1, 2]);
    assert_eq!(lengths("BREAK red"), [0, 1]);
    assert_eq!(lengths("(red BREAK red:1.2)")[..], [2 + tokenizer.ids("BREAK").len()]);
}
