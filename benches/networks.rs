//! The GPU engine's networks on this machine's own GPU, one after the other as they are asked for: the native half of
//! `benches/native.py`.
//!
//! `cargo bench --features webgpu --bench networks -- MODELS CHECKPOINT SIDE STEPS [full]`, then a line on standard input for each
//! round: `text`, `unet1`, `unet2`, `vae`, `taesd` (that of `vae/taesd.safetensors`), or `conv INPUTS OUTPUTS SIDE TIMES`, one
//! convolution of 3 × 3 so many times. Each is answered by a line with the milliseconds of one evaluation, its dispatches, and the
//! bytes that are held on the device then. The first answer is the device's name. `full` keeps maps in f32 on a device that knows
//! halves.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a native program for developers"
)]

use std::cell::RefCell;
use std::io::{Write, stdin, stdout};
use std::ops::{Div, Sub};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use cubecl::logging::{LaunchObservation, LaunchObserver};
use futures_util::future::LocalBoxFuture;
use half::f16;
use serde_json::{Value, json};
use tintype::device::{self, DeviceKind};
use tintype::engine::{Engine, RunRequest};
use tintype::graph::{Event, Host};
use tintype::ops::{Conv2d, Packed, Padding, Weight};
use tintype::store::native::FolderStore;

/// Kernels that were launched.
#[derive(Default)]
struct Launches(AtomicUsize);

impl LaunchObserver for Launches {
    fn launched(&self, _kernel: &'static str) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What something took, or what was taken until some moment.
#[derive(Clone, Copy)]
struct Took {
    milliseconds: f64,
    dispatches: f64,
}

impl Sub for Took {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            milliseconds: self.milliseconds - other.milliseconds,
            dispatches: self.dispatches - other.dispatches,
        }
    }
}

impl Div<usize> for Took {
    type Output = Self;

    fn div(self, count: usize) -> Self {
        Self {
            milliseconds: self.milliseconds / count as f64,
            dispatches: self.dispatches / count as f64,
        }
    }
}

/// Tells what was taken since it began.
#[derive(Clone)]
struct Meter {
    began: Instant,
    launches: Arc<Launches>,
}

impl Meter {
    fn read(&self) -> Took {
        Took {
            milliseconds: self.began.elapsed().as_secs_f64() * 1000.0,
            dispatches: self.launches.0.load(Ordering::Relaxed) as f64,
        }
    }
}

/// What was taken until each node began, by its id; the run's end has none.
struct Clock {
    meter: Meter,
    begun: RefCell<Vec<(Option<String>, Took)>>,
}

impl Host for Clock {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn now_millis(&self) -> f64 {
        0.0
    }

    fn emit(&self, event: Event) {
        if let Event::Executing { node, .. } = event {
            let id = node.map(|id| id.as_str().to_owned());
            self.begun.borrow_mut().push((id, self.meter.read()));
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

fn node(class: &str, inputs: Value) -> Value {
    json!({ "class_type": class, "inputs": inputs })
}

struct Bench {
    engine: Engine,
    meter: Meter,
    checkpoint: String,
    side: usize,
    steps: usize,
    /// Another one for each run, so that nothing comes from the cache.
    seed: usize,
    /// The convolution asked for last, with its inputs, outputs and side.
    conv: Option<([usize; 3], Convolution)>,
}

/// A layer and what it convolves.
struct Convolution {
    layer: Conv2d,
    map: Tensor<4>,
}

impl Convolution {
    fn new([inputs, outputs, side]: [usize; 3], device: &Device) -> Self {
        let shape = [outputs, inputs, 3, 3];
        let bits: Vec<_> = (0..shape.iter().product())
            .map(|i| f16::from_f32((i * 37 % 101) as f32 / 5000.0 - 0.01).to_bits())
            .collect();
        let weight = Weight::Packed(Rc::new(Packed::halves(&bits, false, &shape, device)));
        let bias = Tensor::zeros([outputs], device);
        let layer = Conv2d::new(weight, Some(bias), 1, Padding::Same(1));
        Self { layer, map: Tensor::random([1, inputs, side, side], Distribution::Default, device) }
    }

    fn first_numbers(&self, scale: f64) -> Tensor<4> {
        self.layer.forward(self.map.clone() * scale).narrow(2, 0, 1).narrow(3, 0, 1)
    }
}

impl Bench {
    /// One evaluation.
    fn part(&mut self, part: &str) -> Took {
        let words: Vec<_> = part.split(' ').collect();
        match words[..] {
            ["text"] => self.text(),
            ["unet1"] => self.step(1.0),
            ["unet2"] => self.step(5.0),
            ["vae"] => self.decoder(json!(["1", 2])),
            ["taesd"] => self.decoder(json!(["8", 0])),
            ["conv", ref sizes @ ..] => self.convolution(sizes),
            _ => panic!("`{part}` is none of text, unet1, unet2, vae, taesd, conv …"),
        }
    }

    /// What a run takes longer for having more steps: its latents are read from the GPU at its end only.
    fn step(&mut self, cfg: f64) -> Took {
        let few = self.sampler(1, cfg);
        (self.sampler(1 + self.steps, cfg) - few) / self.steps
    }

    fn sampler(&mut self, steps: usize, cfg: f64) -> Took {
        let graph = self.sampling(steps, cfg, "a robot on a teal background, 3d");
        self.time(&graph, "6")
    }

    /// What a run takes longer for a new text, tokenizer and all: nothing waits for the GPU before the sampler's end.
    fn text(&mut self) -> Took {
        // Encodes the other texts.
        self.sampler(1, 1.0);
        let known = self.sampler(1, 1.0);
        let text = format!("a robot on a teal background, 3d {}", self.seed);
        let graph = self.sampling(1, 1.0, &text);
        self.time(&graph, "2") - known
    }

    fn sampling(&mut self, steps: usize, cfg: f64, text: &str) -> Value {
        let mut graph = self.graph();
        let prompt = |text: &str| node("CLIPTextEncode", json!({ "clip": ["1", 1], "text": text }));
        graph["2"] = prompt(text);
        graph["3"] = prompt("");
        graph["6"] = node(
            "KSampler",
            json!({
                "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0],
                "seed": self.seed, "steps": steps, "cfg": cfg, "sampler_name": "euler",
                "scheduler": "sgm_uniform", "denoise": 1.0,
            }),
        );
        graph["7"] = node("SaveLatent", json!({ "samples": ["6", 0], "filename_prefix": "bench" }));
        graph
    }

    fn decoder(&mut self, vae: Value) -> Took {
        let mut graph = self.graph();
        let factor = 1.0 + self.seed as f64 / 1000.0;
        graph["5"] = node("LatentMultiply", json!({ "samples": ["4", 0], "multiplier": factor }));
        if vae[0] == "8" {
            graph["8"] = node("VAELoader", json!({ "vae_name": "taesd.safetensors" }));
        }
        graph["6"] = node("VAEDecode", json!({ "samples": ["5", 0], "vae": vae }));
        graph["7"] = node("PreviewImage", json!({ "images": ["6", 0] }));
        self.time(&graph, "6")
    }

    /// As `Convolutions` of `tests/reference/export_onnx.py`, the weights in f16 as a checkpoint's.
    fn convolution(&mut self, sizes: &[&str]) -> Took {
        let sizes: Vec<usize> = sizes.iter().map(|size| size.parse().unwrap()).collect();
        let [inputs, outputs, side, times] = sizes[..] else {
            panic!("usage: conv INPUTS OUTPUTS SIDE TIMES")
        };
        let device = &self.engine.environment().device;
        let sizes = [inputs, outputs, side];
        let kept = self.conv.take().filter(|(of, _)| *of == sizes);
        let (_, made) = kept.unwrap_or_else(|| (sizes, Convolution::new(sizes, device)));
        let begun = self.meter.read();
        let first = (0..times).map(|i| made.first_numbers(0.5 + i as f64 / times as f64));
        let sum = first.reduce(|sum, more| sum + more).unwrap();
        pollster::block_on(device::read(sum)).unwrap();
        let took = (self.meter.read() - begun) / times;
        self.conv = Some((sizes, made));
        took
    }

    /// Bytes of all buffers, those among them that wait to be used again.
    fn memory(&self) -> u64 {
        let usage = self.engine.environment().device.memory_pool_usage();
        usage.expect("a GPU has pools of memory").bytes_reserved
    }

    /// What every graph begins with.
    fn graph(&mut self) -> Value {
        self.seed += 1;
        let empty = json!({ "width": self.side, "height": self.side, "batch_size": 1 });
        json!({
            "1": node("CheckpointLoaderSimple", json!({ "ckpt_name": self.checkpoint })),
            "4": node("EmptyLatentImage", empty),
        })
    }

    /// From a node's beginning to that of the last one, which has the result.
    fn time(&mut self, graph: &Value, from: &str) -> Took {
        let clock = Clock { meter: self.meter.clone(), begun: RefCell::default() };
        let graph = graph.to_string();
        let run = self.engine.run(&graph, RunRequest::default(), &clock);
        pollster::block_on(run).unwrap_or_else(|error| panic!("{error}"));
        let times = clock.begun.take();
        let begun = |node| times.iter().find(|(id, _)| id.as_deref() == Some(node)).unwrap().1;
        begun("7") - begun(from)
    }
}

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [models, checkpoint, side, steps, more @ ..] = &arguments[..] else {
        panic!("usage: networks MODELS CHECKPOINT SIDE STEPS [full]");
    };
    let store = Rc::new(FolderStore::new(models));
    let engine = pollster::block_on(Engine::open(DeviceKind::WebGpu, store, |why| panic!("{why}")));
    let engine = engine.unwrap_or_else(|error| panic!("{error}"));
    if more.iter().any(|word| word == "full") {
        device::keep_halves(false);
    }
    let maps = if device::keeps_halves() { "halves" } else { "f32" };
    println!("{}, maps in {maps}", engine.device_info().name);
    let meter = Meter { began: Instant::now(), launches: Arc::default() };
    let _watching = LaunchObservation::new(meter.launches.clone());
    let mut bench = Bench {
        engine,
        meter,
        checkpoint: checkpoint.clone(),
        side: side.parse().unwrap(),
        steps: steps.parse().unwrap(),
        seed: 0,
        conv: None,
    };
    for line in stdin().lines() {
        let Took { milliseconds, dispatches } = bench.part(line.unwrap().trim());
        println!("{milliseconds} {dispatches} {}", bench.memory());
        stdout().flush().unwrap();
    }
}
