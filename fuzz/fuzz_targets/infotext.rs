//! AUTOMATIC1111's infotext.
#![no_main]
#![allow(dead_code, reason = "each target calls some of the functions")]

#[path = "../../tests/hostile/texts.rs"]
mod texts;

libfuzzer_sys::fuzz_target!(|data: &str| {
    texts::parameters(data);
});
