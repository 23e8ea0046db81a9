//! Milliseconds of each picture node on pictures of 1024 × 1024, one thread: `make bench-images`.
//!
//! Prints a line for each case, its name and the best time of several runs. `tests/reference/bench_images.py` has
//! the same cases in torch and Pillow, and sets them beside these.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a native program for developers"
)]

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use tintype::device::{self, DeviceKind};
use tintype::graph::{Context, Event, Host, Inputs, Node, NodeId, RunOptions, Value};
use tintype::image::{Image, Mask};
use tintype::nodes::{Environment, NODES};
use tintype::store::native::FolderStore;

/// Sides of the pictures.
const SIDE: usize = 1024;

struct Quiet;

impl Host for Quiet {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn now_millis(&self) -> f64 {
        0.0
    }

    fn emit(&self, _event: Event) {}

    fn cancelled(&self) -> bool {
        false
    }
}

/// Slopes with grain, in 8-bit steps: as many colours as a photograph has.
fn picture(seed: u32) -> Image {
    let pixels = (0..(SIDE * SIDE) as u32).flat_map(|i| {
        let (y, x) = (i / SIDE as u32, i % SIDE as u32);
        let grain = (i + seed).wrapping_mul(2_654_435_761) >> 28;
        [x / 5, y / 5, (x + y) / 10].map(|v| ((v + grain) % 256) as f32 / 255.0)
    });
    Image::new([1, SIDE, SIDE, 3], pixels.collect()).unwrap()
}

fn main() {
    let (device, info) = pollster::block_on(device::open(DeviceKind::Cpu, |_| {})).unwrap();
    let env = Environment::new(Rc::new(FolderStore::new(".")), device, info);
    let (options, id) = (RunOptions::default(), NodeId::from("1"));
    let cx = Context::new(&Quiet, &env, &options, &id);
    let bench = |name: &str, class: &str, inputs: Inputs| {
        let node = NODES.iter().copied().flatten().find(|node| node.schema().class_type == class);
        let node: &dyn Node = *node.unwrap_or_else(|| panic!("there is no `{class}`"));
        let (mut best, start) = (Duration::MAX, Instant::now());
        for run in 0.. {
            let inputs = inputs.clone();
            let began = Instant::now();
            let outputs = pollster::block_on(node.run(inputs, &cx)).unwrap();
            best = best.min(began.elapsed());
            drop(outputs);
            if run >= 2 && start.elapsed() > Duration::from_millis(400) {
                break;
            }
        }
        println!("{class}{name}\t{:.1}", best.as_secs_f64() * 1e3);
    };

    let (first, second) = (Value::from(picture(0)), Value::from(picture(1)));
    let mask = Mask { batch: 1, height: SIDE, width: SIDE, data: vec![0.25; SIDE * SIDE] };
    let one = || Inputs::new().with("image", first.clone());
    let two = || Inputs::new().with("image1", first.clone()).with("image2", second.clone());
    for (method, side) in [
        ("nearest-exact", 1536_i64),
        ("bilinear", 1536),
        ("bicubic", 1536),
        ("lanczos", 1536),
        ("bilinear", 512),
        ("area", 512),
        ("lanczos", 512),
    ] {
        let inputs = one().with("upscale_method", method).with("crop", "disabled");
        let inputs = inputs.with("width", side).with("height", side);
        bench(&format!(" {method} to {side}"), "ImageScale", inputs);
    }
    let rectangle = one().with("width", 512_i64).with("height", 512_i64);
    bench("", "ImageCrop", rectangle.with("x", 100_i64).with("y", 100_i64));
    bench(" y-axis", "ImageFlip", one().with("flip_method", "y-axis: horizontally"));
    bench(" 90 degrees", "ImageRotate", one().with("rotation", "90 degrees"));
    let stitch = two().with("direction", "right").with("match_image_size", true);
    bench("", "ImageStitch", stitch.with("spacing_width", 16_i64).with("spacing_color", "white"));
    let padded = ["left", "top", "right", "bottom"]
        .into_iter()
        .fold(one().with("feathering", 40_i64), |inputs, side| inputs.with(side, 128_i64));
    bench("", "ImagePadForOutpaint", padded);
    bench("", "ImageInvert", one());
    bench("", "ImageBatch", two());
    for mode in ["normal", "overlay", "soft_light"] {
        bench(
            &format!(" {mode}"),
            "ImageBlend",
            two().with("blend_factor", 0.5).with("blend_mode", mode),
        );
    }
    let layers = Inputs::new().with("destination", first.clone()).with("source", second.clone());
    let layers = layers.with("x", 0_i64).with("y", 0_i64).with("resize_source", false);
    bench("", "ImageCompositeMasked", layers.with("mask", mask));
    bench("", "ImageAddNoise", one().with("seed", 1_i64).with("strength", 0.1));
    bench(" radius 5", "ImageBlur", one().with("blur_radius", 5_i64).with("sigma", 1.0));
    let sharpened = one().with("sharpen_radius", 2_i64).with("sigma", 1.0).with("alpha", 0.5);
    bench(" radius 2", "ImageSharpen", sharpened);
    for dither in ["none", "floyd-steinberg", "bayer-4"] {
        bench(
            &format!(" 64 {dither}"),
            "ImageQuantize",
            one().with("colors", 64_i64).with("dither", dither),
        );
    }
    bench("", "Canny", one().with("low_threshold", 0.4).with("high_threshold", 0.8));
    for (operation, size) in [("dilate", 3_i64), ("close", 15)] {
        let inputs = one().with("operation", operation).with("kernel_size", size);
        bench(&format!(" {operation} {size}"), "Morphology", inputs);
    }
    bench("", "ImageRGBToYUV", one());
    let parts = ["Y", "U", "V"].into_iter();
    bench(
        "",
        "ImageYUVToRGB",
        parts.fold(Inputs::new(), |inputs, part| inputs.with(part, first.clone())),
    );
}
