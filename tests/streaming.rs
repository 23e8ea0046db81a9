//! Models larger than memory: their weights stay in the file, and the picture is the same.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tintype::device::DeviceKind;
use tintype::engine::Engine;
use tintype::error::{Error, ErrorKind, Result};
use tintype::store::native::FolderStore;
use tintype::store::{ByteSource, ModelStore, Progress};

use crate::checkpoints::{graph, made_by, node};
use crate::nodes::{TestHost, run};
use crate::parity::loras::file;
use crate::support::block_on;
use crate::support::tiny::{Models, single_file};

/// A models folder whose files count what is read of them, and can be taken away.
struct Watched {
    folder: FolderStore,
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    largest: Cell<usize>,
    reads: Cell<usize>,
    gone: Cell<bool>,
}

struct WatchedSource(Rc<dyn ByteSource>, Rc<State>);

impl ByteSource for WatchedSource {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        if self.1.gone.get() {
            let cause = "it was moved".to_owned();
            return Err(Error::new(ErrorKind::Io { file: self.name().to_owned(), cause }));
        }
        self.1.largest.set(self.1.largest.get().max(len));
        self.1.reads.set(self.1.reads.get() + 1);
        self.0.read_now(offset, len)
    }
}

impl ModelStore for Watched {
    fn list(&self) -> Vec<String> {
        self.folder.list()
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        progress: Progress<'a>,
    ) -> LocalBoxFuture<'a, Result<Rc<dyn ByteSource>>> {
        Box::pin(async move {
            let source = self.folder.open(path, progress).await?;
            Ok(Rc::new(WatchedSource(source, self.state.clone())) as Rc<dyn ByteSource>)
        })
    }

    fn discard<'a>(&'a self, path: &'a str) -> LocalBoxFuture<'a, ()> {
        self.folder.discard(path)
    }
}

/// An engine that holds at most so much of a file's weights.
fn engine(models: &Models, held: u64) -> (Engine, Rc<State>) {
    let state = Rc::new(State::default());
    let store = Watched { folder: FolderStore::new(models.path()), state: state.clone() };
    let engine = block_on(Engine::open(DeviceKind::Cpu, Rc::new(store), |_| {})).unwrap();
    engine.environment().set_held_weights_bytes(held);
    (engine, state)
}

fn with_lora() -> Value {
    let loaders = json!({
        "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "tiny.safetensors" })),
        "20": node("LoraLoader", json!({
            "model": ["4", 0], "clip": ["4", 1], "lora_name": "a.safetensors", "strength_model": 0.8, "strength_clip": 0.6,
        })),
    });
    graph(loaders, [("20", 0), ("20", 1), ("4", 2)])
}

fn plain() -> Value {
    let loaders =
        json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "tiny.safetensors" })) });
    graph(loaders, [("4", 0), ("4", 1), ("4", 2)])
}

#[test]
fn one_picture_wherever_the_weights_are() {
    for family in ["tiny_sd1", "tiny_sd2", "tiny_sdxl"] {
        let models = Models::new().with("checkpoints/tiny.safetensors", &single_file(family));
        let [held, stored] = [u64::MAX, 0].map(|held| made_by(&engine(&models, held).0, &plain()));
        assert!(held == stored, "{family}");
    }
}

#[test]
fn loras_are_added_as_weights_are_read() {
    let models = Models::new()
        .with("checkpoints/tiny.safetensors", &single_file("tiny_sd1"))
        .with("loras/a.safetensors", &file("kohya"));
    let all = [u64::MAX, 0].map(|held| made_by(&engine(&models, held).0, &with_lora()));
    assert!(all[0] == all[1]);
    assert!(all[0] != made_by(&engine(&models, 0).0, &plain()));
}

/// The picture begins as one of this colour.
fn from_picture(colour: u32) -> Value {
    let mut graph = plain();
    let size = json!({ "width": 64, "height": 64, "batch_size": 1, "color": colour });
    graph["11"] = node("EmptyImage", size);
    graph["5"] = node("VAEEncode", json!({ "pixels": ["11", 0], "vae": ["4", 2] }));
    graph["3"]["inputs"]["denoise"] = json!(0.5);
    graph
}

#[test]
fn large_encoders_are_read_for_each_new_prompt_and_picture_and_for_nothing_else() {
    for family in ["tiny_sd1", "tiny_sd2", "tiny_sdxl"] {
        let models = Models::new()
            .with("checkpoints/tiny.safetensors", &single_file(family))
            .with("checkpoints/again.safetensors", &single_file(family));
        let (engine, state) = engine(&models, u64::MAX);
        let held = made_by(&engine, &from_picture(0));
        engine.environment().set_held_encoder_bytes(0);
        let reads = |graph: &Value| {
            let before = state.reads.get();
            (made_by(&engine, graph), state.reads.get() - before)
        };
        // Another name: of the first the engine holds what it loaded.
        let again = |colour: u32, change: &dyn Fn(&mut Value)| {
            let mut graph = from_picture(colour);
            graph["4"]["inputs"]["ckpt_name"] = json!("again.safetensors");
            change(&mut graph);
            graph
        };
        assert!(held == reads(&again(0, &|_| ())).0, "{family}");
        let (_, of_seed) = reads(&again(0, &|graph| graph["3"]["inputs"]["seed"] = json!(8)));
        assert_eq!(of_seed, 0, "{family}: the rest is held");
        let text = |graph: &mut Value| graph["6"]["inputs"]["text"] = json!("a dog");
        let (_, of_prompt) = reads(&again(0, &text));
        assert!(of_prompt > 10, "{family}: {of_prompt}");
        let (_, of_picture) = reads(&again(0xFF_80_40, &|_| ()));
        assert!(of_picture > 10, "{family}: {of_picture}");
    }
}

#[test]
fn loras_are_added_to_a_text_encoder_in_its_file() {
    let models = Models::new()
        .with("checkpoints/tiny.safetensors", &single_file("tiny_sd1"))
        .with("loras/a.safetensors", &file("kohya"));
    let made = [u64::MAX, 0].map(|held| {
        let (engine, _) = engine(&models, u64::MAX);
        engine.environment().set_held_encoder_bytes(held);
        made_by(&engine, &with_lora())
    });
    assert!(made[0] == made[1]);
}

#[test]
fn little_is_read_to_load_and_no_more_than_a_layer_at_a_time() {
    let models = Models::new().with("checkpoints/tiny.safetensors", &single_file("tiny_sd1"));
    let bytes = single_file("tiny_sd1").len();
    let (engine, state) = engine(&models, 0);
    made_by(&engine, &plain());
    // The header is the largest part of so small a file.
    assert!(state.largest.get() < bytes / 3, "{} of {bytes}", state.largest.get());
    let before = state.reads.get();
    let mut again = plain();
    again["3"]["inputs"]["seed"] = json!(8);
    made_by(&engine, &again);
    assert!(state.reads.get() > before + 100, "nothing of it is kept");
}

#[test]
fn a_file_that_is_taken_away_is_named() {
    let models = Models::new().with("checkpoints/tiny.safetensors", &single_file("tiny_sd1"));
    let (engine, state) = engine(&models, 0);
    made_by(&engine, &plain());
    state.gone.set(true);
    let mut again = plain();
    again["3"]["inputs"]["seed"] = json!(8);
    let error = run(&engine, &again, &TestHost::default()).unwrap_err().to_string();
    assert!(error.contains("checkpoints/tiny.safetensors") && error.contains("moved"), "{error}");
    // Back again, the same engine makes the picture.
    state.gone.set(false);
    made_by(&engine, &again);
}
