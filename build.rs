//! Two jobs: the `native` and `web` cfg aliases, and the manifest of the bundled models (file, bytes,
//! SHA-256) that the engine verifies while it loads them. No code is generated.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(web)");
    println!("cargo::rustc-check-cfg=cfg(native)");
    let family = std::env::var("CARGO_CFG_TARGET_FAMILY").unwrap_or_default();
    println!("cargo::rustc-cfg={}", if family == "wasm" { "web" } else { "native" });

    let models = Path::new("www/public/models");
    println!("cargo::rerun-if-changed={}", models.display());
    let mut files = Vec::new();
    collect(models, &mut files);
    files.sort();
    let mut manifest = Map::new();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let bytes = fs::read(&file).expect("a listed file can be read");
        let name = file
            .strip_prefix(models)
            .expect("collected below it")
            .to_string_lossy()
            .replace('\\', "/");
        let sha256: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        manifest.insert(name, json!({ "bytes": bytes.len(), "sha256": sha256 }));
    }
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("manifest.json"), Value::Object(manifest).to_string())
        .expect("OUT_DIR is writable");
}

/// Weights, configs and tokenizers below `folder`; cards and sample pictures are not loaded by anybody.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "json" || e == "safetensors" || e == "txt")
        {
            files.push(path);
        }
    }
}
