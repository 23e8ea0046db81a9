//! The GPU's memory in a page: a buffer that is only let go of keeps it until the browser collects garbage, which does not
//! see how much that is. wgpu's and cubecl's are let go of and never destroyed (wgpu 30, cubecl 0.11).

use js_sys::{Reflect, Set, WebAssembly::Table};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = GPUBuffer)]
    type GpuBuffer;

    #[wasm_bindgen(method)]
    fn destroy(this: &GpuBuffer);
}

/// Destroys the buffers that `let_go` lets go of. No command that uses them may still be to be submitted.
pub(super) fn destroying(let_go: impl FnOnce()) {
    let before = held();
    let_go();
    let after = held();
    before.for_each(&mut |buffer, _, _| {
        if !after.has(&buffer) {
            buffer.unchecked_ref::<GpuBuffer>().destroy();
        }
    });
}

/// All buffers that Rust holds: wasm-bindgen keeps what it holds of JavaScript in a table.
fn held() -> Set {
    let held = Set::new(&JsValue::UNDEFINED);
    let table = Reflect::get(&wasm_bindgen::exports(), &"__wbindgen_externrefs".into());
    // Without it, garbage collection is left.
    let Some(table) = table.ok().and_then(|table| table.dyn_into::<Table>().ok()) else {
        return held;
    };
    let values = (0..table.length()).filter_map(|place| table.get_raw(place).ok());
    values.filter(|value| value.has_type::<GpuBuffer>()).for_each(|buffer| {
        held.add(&buffer);
    });
    held
}
