//! `tintype-bindgen WASM OUT_DIR`: the JavaScript and TypeScript through which a page calls an engine, and the wasm that
//! belongs to them, named `tintype`.

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, wasm, out] = arguments.as_slice() else {
        bail!("usage: tintype-bindgen WASM OUT_DIR");
    };
    Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(true)
        .remove_producers_section(true)
        .omit_default_module_path(false)
        .out_name("tintype")
        .generate(out)
}
