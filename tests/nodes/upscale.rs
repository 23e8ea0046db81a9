//! Upscalers in graphs: what they make of pictures, how far they are, and what they refuse.

use tintype::error::Result;
use tintype::image::layout;
use tintype::store::{ByteSource, MemorySource, ModelStore, Progress};
use tintype::weights::safetensors;

use super::*;
use crate::support::{Reference, fixture, references};

const BUNDLED: &str = "realesr-animevideov3-x4.safetensors";

fn upscaling(model: &str) -> Value {
    json!({
        "1": { "class_type": "LoadImage", "inputs": { "image": "in.png" } },
        "2": { "class_type": "UpscaleModelLoader", "inputs": { "model_name": model } },
        "3": { "class_type": "ImageUpscaleWithModel", "inputs": { "upscale_model": ["2", 0], "image": ["1", 0] } },
        "4": { "class_type": "SaveImage", "inputs": { "images": ["3", 0], "filename_prefix": "large" } },
    })
}

/// An engine with these models, and a picture of that size.
fn engine(models: impl ModelStore + 'static, [height, width, channels]: [usize; 3]) -> Engine {
    let engine = block_on(Engine::open(DeviceKind::Cpu, Rc::new(models), |_| {}));
    let data = (0..height * width * channels).map(|i| (i * 53 % 256) as f32 / 255.0 + 1e-3);
    let image = Image::new([1, height, width, channels], data.collect()).unwrap();
    let engine = engine.unwrap();
    engine.environment().put_input("in.png", codec::encode_png(&image, 0, &[]).unwrap());
    engine
}

/// The tests' upscalers.
fn tiny() -> FolderStore {
    FolderStore::new(fixture("upscalers"))
}

fn saved(host: &TestHost) -> Vec<Image> {
    let files = host.files();
    files.iter().map(|file| codec::decode(&file.filename, &file.bytes).unwrap().0).collect()
}

/// The picture's first corner is the one the reference was made of: 8-bit in, 8-bit out.
#[test]
fn the_bundled_upscaler_paints_its_reference() {
    let r = references("upscalers/animevideov3.safetensors");
    let (x, y) = (&r["x"], &r["y"]);
    let planes = |tensor: &Reference| -> Vec<f32> {
        let pixels = tensor.shape[2] * tensor.shape[3];
        (0..pixels).flat_map(|i| [0, 1, 2].map(|c| tensor.data[c * pixels + i])).collect()
    };
    let image = Image::new([1, x.shape[2], x.shape[3], 3], planes(x)).unwrap();
    let engine = open();
    engine.environment().put_input("in.png", codec::encode_png(&image, 0, &[]).unwrap());
    let host = TestHost::default();
    run(&engine, &upscaling(BUNDLED), &host).unwrap();
    let large = saved(&host).remove(0);
    assert_eq!(large.shape(), [1, 176, 176, 3]);
    let side = y.shape[3];
    let corner = layout::crop(&large, [0, 0], [side, side]);
    let expected: Vec<f32> = planes(y).iter().map(|v| v.clamp(0.0, 1.0)).collect();
    assert_close("corner", &corner.data, &expected, 1.5 / 255.0);
}

#[test]
fn every_picture_of_a_batch_is_enlarged_and_opacity_dropped() {
    let engine = engine(tiny(), [9, 7, 4]);
    for (model, scale) in [("esrgan_squares_x2.safetensors", 2), ("compact_x4.safetensors", 4)] {
        let mut graph = upscaling(model);
        // What LoadImage makes of the opacity goes back into the picture.
        graph["5"] = json!({ "class_type": "JoinImageWithAlpha", "inputs": { "image": ["1", 0], "alpha": ["1", 1] } });
        graph["6"] = json!({ "class_type": "ImageFlip", "inputs": { "image": ["5", 0], "flip_method": "y-axis: horizontally" } });
        graph["7"] = json!({ "class_type": "ImageBatch", "inputs": { "image1": ["5", 0], "image2": ["6", 0] } });
        let host = TestHost::default();
        run(&engine, &with(graph, "3", "image", json!(["7", 0])), &host).unwrap();
        let both = saved(&host);
        assert_eq!(both.len(), 2);
        for image in &both {
            assert_eq!(image.shape(), [1, 9 * scale, 7 * scale, 3], "{model}");
        }
        assert_ne!(both[0], both[1]);
        let alone = TestHost::default();
        run(&engine, &upscaling(model), &alone).unwrap();
        assert_eq!(saved(&alone)[0], both[0], "{model}");
    }
}

#[test]
fn progress_is_told_and_a_run_can_be_cancelled_between_tiles() {
    let opened = || engine(tiny(), [9, 600, 3]);
    let graph = upscaling("compact_x1.safetensors");
    let host = TestHost::default();
    run(&opened(), &graph, &host).unwrap();
    let events = host.events.borrow();
    let steps: Vec<(u64, u64)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Progress { value, max, .. } => Some((*value, *max)),
            _ => None,
        })
        .collect();
    assert_eq!(steps, [(1, 2), (2, 2)], "two tiles of 512");
    let files = events.iter().any(|event| {
        matches!(event, Event::ModelProgress { file, .. } if file == "upscale_models/compact_x1.safetensors")
    });
    assert!(files, "loading is told");

    let host = TestHost { cancel_after_steps: Some(1), ..TestHost::default() };
    let Err(RunError::Failed(error)) = run(&opened(), &graph, &host) else {
        panic!("not cancelled")
    };
    assert!(error.is_cancelled());
    assert!(host.files().is_empty());
}

#[test]
fn an_unknown_upscaler_is_refused_before_anything_runs() {
    let engine = engine(tiny(), [4, 4, 3]);
    for (name, advice) in [
        ("esrgan_old_x9.safetensors", "did you mean `esrgan_old_x1.safetensors`?"),
        ("remacri.pth", "put its `.safetensors` file into `upscale_models`"),
    ] {
        let host = TestHost::default();
        let Err(RunError::Refused(refusal)) = run(&engine, &upscaling(name), &host) else {
            panic!("not refused")
        };
        let problem = &refusal.node_errors.get("2").unwrap().errors[0].details;
        assert!(problem.contains(name) && problem.contains(advice), "{problem}");
        assert!(host.files().is_empty());
    }
}

/// One file in memory.
struct OneFile(&'static str, Vec<u8>);

impl ModelStore for OneFile {
    fn list(&self) -> Vec<String> {
        vec![self.0.to_owned()]
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        _progress: Progress<'a>,
    ) -> LocalBoxFuture<'a, Result<Rc<dyn ByteSource>>> {
        let source: Rc<dyn ByteSource> = Rc::new(MemorySource::new(path, self.1.clone()));
        Box::pin(async { Ok(source) })
    }

    fn discard<'a>(&'a self, _path: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

/// Why a run with these weights fails.
fn failure(weights: Vec<u8>) -> String {
    let store = OneFile("upscale_models/some.safetensors", weights);
    let engine = engine(store, [4, 4, 3]);
    let result = run(&engine, &upscaling("some.safetensors"), &TestHost::default());
    let Err(RunError::Failed(error)) = result else { panic!("did not fail") };
    assert!(error.fix().is_some(), "no hint in: {error}");
    error.to_string()
}

#[test]
fn files_that_are_no_upscaler_or_a_damaged_one_are_told() {
    let vae = fixture("networks/sd15/vae/diffusion_pytorch_model.safetensors");
    let message = failure(std::fs::read(vae).unwrap());
    for words in ["node 2", "`upscale_models/some.safetensors`", "no upscaler", "ESRGAN", "Compact"]
    {
        assert!(message.contains(words), "{message}");
    }
    let mut tensors = references("upscalers/upscale_models/compact_x4.safetensors");
    tensors.get_mut("body.0.bias").unwrap().data[0] = f32::NAN;
    let list: Vec<_> =
        tensors.iter().map(|(name, t)| (name.as_str(), &t.shape[..], &t.data[..])).collect();
    let message = failure(safetensors::write(&list, &serde_json::Map::new()));
    assert!(message.contains("node 3") && message.contains("not a finite number"), "{message}");
}
