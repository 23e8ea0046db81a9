//! The layers of ARCHITECTURE.md, read from the sources: each module may name only what is below it.

mod code;

use std::collections::BTreeSet;
use std::path::Path;

use self::code::{has_word, modules_named, tokens};

/// The modules of the crate from top to bottom, each with those it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("lib", &[]),
    (
        "wasm_api",
        &[
            "engine",
            "formats",
            "nodes",
            "graph",
            "models",
            "diffusion",
            "prompt",
            "image",
            "weights",
            "ops",
            "device",
            "store",
            "error",
        ],
    ),
    ("engine", &["formats", "nodes", "graph", "image", "device", "store", "error"]),
    ("formats", &["graph", "image", "error"]),
    (
        "nodes",
        &[
            "graph",
            "models",
            "diffusion",
            "prompt",
            "image",
            "weights",
            "ops",
            "device",
            "store",
            "error",
        ],
    ),
    // Knows nothing of diffusion or images: its tests run arithmetic.
    ("graph", &["error"]),
    // Could be used with burn alone: no graphs, no samplers, no files.
    ("models", &["weights", "ops", "device", "error"]),
    // Plain numbers, the same on every device.
    ("diffusion", &["error"]),
    ("prompt", &["store", "error"]),
    ("image", &["error"]),
    ("weights", &["ops", "device", "store", "error"]),
    ("ops", &["device", "error"]),
    ("device", &["error"]),
    ("store", &["error"]),
    ("error", &[]),
];

/// A word that may stand in some files only, and why.
struct Word {
    words: &'static [&'static str],
    files: &'static [&'static str],
    why: &'static str,
}

const WORDS: &[Word] = &[
    Word {
        words: &["burn"],
        files: &[
            "src/device",
            "src/ops",
            "src/models",
            "src/weights",
            "src/nodes/conditioning",
            "src/nodes/environment",
            "src/nodes/latent",
            "src/nodes/sampling",
            "src/nodes/style",
            "src/nodes/upscale",
            "src/nodes/values",
        ],
        why: "only networks, and what feeds them, run on burn's tensors",
    },
    Word {
        words: &["wasm_bindgen", "js_sys", "web_sys", "js_value"],
        files: &["src/wasm_api", "src/store/web", "src/device/unused/web"],
        why: "the engine runs without a browser",
    },
    Word {
        words: &["flex", "wgpu", "cubecl"],
        files: &["src/device", "src/ops"],
        why: "everything else takes a device as it comes",
    },
    Word {
        words: &["std_fs", "std_net", "std_process"],
        files: &["src/store/native"],
        why: "a page has no file system",
    },
];

/// What a set of sources `(path, text)` does that the layers forbid.
fn violations(sources: &[(String, String)]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (path, text) in sources {
        let tokens = tokens(text);
        let module = module_of(path);
        match LAYERS.iter().find(|(name, _)| *name == module) {
            None => {
                found.insert(format!(
                    "{path}: `{module}` has no layer; give it one in tests/layering.rs"
                ));
            }
            Some((_, below)) => {
                for named in modules_named(path, &tokens) {
                    let known = LAYERS.iter().any(|(name, _)| *name == named);
                    if known && named != module && !below.contains(&named.as_str()) {
                        found.insert(format!(
                            "{path}: `{module}` names `{named}`, which it may not"
                        ));
                    }
                }
            }
        }
        for rule in WORDS.iter().filter(|rule| !rule.files.iter().any(|file| is_in(path, file))) {
            for word in rule.words.iter().filter(|word| has_word(&tokens, word)) {
                found.insert(format!("{path}: names `{word}`, but {}", rule.why));
            }
        }
    }
    found.into_iter().collect()
}

/// `src/graph/run.rs` → `graph`.
fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// True for `src/ops.rs` and `src/ops/conv.rs` in `src/ops`.
fn is_in(path: &str, module: &str) -> bool {
    let rest = path.strip_prefix(module);
    rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, root: &Path, sources: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                sources.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    walk(&root.join("src"), root, &mut sources);
    sources
}

#[test]
fn modules_name_only_what_is_below() {
    let sources = sources();
    assert!(sources.len() > 50);
    let violations = violations(&sources);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn layers_run_downwards() {
    for (i, (module, below)) in LAYERS.iter().enumerate() {
        for named in *below {
            let place = LAYERS.iter().position(|(name, _)| name == named).unwrap();
            assert!(place > i, "`{module}` may name `{named}`, which is above it");
        }
    }
    let sources = sources();
    for (module, _) in LAYERS {
        let exists = sources.iter().any(|(path, _)| module_of(path) == *module);
        assert!(exists, "`{module}` is gone: take it out of the list");
    }
}

/// A rule that nothing can break is none: each of these breaks one.
#[test]
fn violations_are_found() {
    let found = |path: &str, text: &str| violations(&[(path.to_owned(), text.to_owned())]).len();
    for (path, text) in [
        ("src/graph/run.rs", "use crate::models::Unet;"),
        ("src/graph/run.rs", "use crate::{error::Result, image::{self, Image}};"),
        ("src/graph/run.rs", "use super::super::diffusion;"),
        ("src/graph.rs", "use super::nodes::NODES;"),
        ("src/store.rs", "fn f() { crate::weights::hash() }"),
        ("src/models/unet.rs", "use crate::nodes::values::Latent;"),
        ("src/models/unet.rs", "use crate::{\n    error::Result,\n    // why\n    store,\n};"),
        ("src/somewhere.rs", ""),
        ("src/diffusion/noise.rs", "use burn::tensor::Tensor;"),
        ("src/diffusion/noise.rs", "type T = burn_ndarray::Tensor;"),
        ("src/nodes/loaders.rs", "use burn::tensor::Tensor;"),
        ("src/graph/value.rs", "fn f(v: JsValue) {}"),
        ("src/store/native.rs", "use wasm_bindgen::prelude::*;"),
        ("src/weights.rs", "let device = Device::flex();"),
        ("src/models/vae.rs", "use wgpu::Buffer; // on the GPU"),
        ("src/models/vae.rs", "let c = '\"'; use cubecl::prelude::*; let s = \"\";"),
        ("src/image/codec.rs", "std::fs::write(path, bytes)"),
    ] {
        assert_eq!(found(path, text), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("src/graph/run.rs", "use crate::error::Result; use super::value::Value;"),
        ("src/graph/run.rs", "/// Unlike [`crate::models`].\nuse crate::graph::plan;"),
        ("src/graph/run.rs", "let s = \"crate::models\"; let r = r#\"\"crate::image\"#;"),
        ("src/graph/run.rs", "/* crate::nodes /* burn */ wgpu */ fn f<'a>(x: &'a str) {}"),
        ("src/graph/tests/running.rs", "use super::super::run::Run;"),
        ("src/graph/run.rs", "let flexible = webgpu(WebGpu); crate::run!();"),
        ("src/nodes/sampling.rs", "use super::image; use burn::tensor::Tensor;"),
        ("src/device/webgpu.rs", "use burn_wgpu::WgpuDevice;"),
        ("src/store/web/http.rs", "use web_sys::Response;"),
    ] {
        assert_eq!(found(path, text), 0, "{path}: {text}");
    }
}
