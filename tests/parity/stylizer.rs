//! The style network against onnxruntime.

use tintype::models::Stylizer;

use crate::support::{Closeness, bundled_models, load, references, values};
use tintype::store::MemorySource;

const FILE: &str = "style_transfer/multistyle26.safetensors";

#[test]
fn pictures_are_repainted_as_onnxruntime_does() {
    let bytes = std::fs::read(bundled_models().join(FILE)).unwrap();
    let stylizer = Stylizer::load(load(&MemorySource::new(FILE, bytes)).unwrap()).unwrap();
    assert_eq!((stylizer.styles(), stylizer.multiple()), (26, 4));
    let reference = references("stylizer.safetensors");
    let mut close = Closeness::within(1e-4);
    for case in ["one", "two"] {
        let named = |name: &str| &reference[&format!("{case}.{name}")];
        let out = stylizer.forward(named("x").tensor(), named("mixture").data.clone());
        close.check(case, &values(out), &named("y").data);
    }
}
