//! ComfyUI's API format.
#![no_main]
#![allow(dead_code, reason = "each target calls some of the functions")]

#[path = "../../tests/hostile/texts.rs"]
mod texts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    texts::file(data);
});
