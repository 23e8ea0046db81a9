//! The engine's numbers against the references of `tests/fixtures`, for a test page.
//!
//! Not part of a shipped engine: the feature `parity` adds it to a build of its own, which
//! `www/test/browser/parity.spec.ts` drives. The comparisons are those of `cargo test`.
#![expect(unreachable_pub, reason = "JavaScript reaches it")]

use wasm_bindgen::prelude::*;

use self::shared::golden::{self, Golden};
use self::shared::reference::References;
use super::DEVICE;
use super::convert::to_js;
use super::error::js_error;
use crate::device;
use crate::store::web::WebStore;

#[path = "../../tests/shared.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "test code, of which this build uses a part")]
mod shared;

/// Compares every case of a family of `ops`; `references` is its file's bytes. Gives
/// `{name, error, allowed, detail}[]`.
#[wasm_bindgen]
pub async fn parity_ops(
    family: String,
    references: Vec<u8>,
    allowed: f32,
) -> Result<JsValue, JsValue> {
    console_error_panic_hook::set_once();
    let device = device::open(DEVICE, |_| {}).await.map_err(|error| js_error(&error))?.0;
    let references = References::parse(&references);
    to_js(&shared::ops::compare(&family, &references, &device, allowed).await)
}

/// Compares layers of one kind at the sizes of real networks, with sums in f64: by the kernels for GPUs, or by those for
/// processors that stand in for one; of maps in f32 or in halves.
#[wasm_bindgen]
pub async fn parity_kernels(
    kind: String,
    software: bool,
    halves: bool,
    allowed: f32,
) -> Result<JsValue, JsValue> {
    console_error_panic_hook::set_once();
    let device = device::open(DEVICE, |_| {}).await.map_err(|error| js_error(&error))?.0;
    device::take_for_software(software);
    to_js(&shared::kernels::compare(&kind, &device, halves, allowed).await)
}

/// Compares a whole run of the bundled model, from prompt to picture. `settings` and `references` are the
/// contents of its two files; `software` and `halves` are as above, the latter of denoiser and decoder.
#[wasm_bindgen]
pub async fn parity_golden(
    models_url: String,
    settings: String,
    references: Vec<u8>,
    software: bool,
    halves: bool,
) -> Result<JsValue, JsValue> {
    console_error_panic_hook::set_once();
    let device = device::open(DEVICE, |_| {}).await.map_err(|error| js_error(&error))?.0;
    device::take_for_software(software);
    device::keep_halves(halves);
    let store = WebStore::open(&models_url, false).await;
    let golden = Golden::parse(&settings, &references);
    let comparisons = golden::compare(&golden, &store, &device).await;
    to_js(&comparisons.map_err(|error| js_error(&error))?)
}
