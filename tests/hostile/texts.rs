//! What a file or a prompt from anywhere goes through: shared by the damage in `tests/hostile` and by `fuzz/`.
//!
//! Nothing here may panic, whatever it is given.

use tintype::formats::{self, comfy_api, comfy_ui, infotext, infotext::Infotext, pipeline};
use tintype::graph::Registry;
use tintype::image::metadata;
use tintype::nodes::NODES;
use tintype::prompt::a1111::{self, Pass};
use tintype::prompt::{comfy, dynamic, midjourney};

thread_local! {
    static REGISTRY: Registry = Registry::from_static(NODES);
}

/// Any file at all. What was read is written in each format; true if it was read.
///
/// # Panics
///
/// If what was written is not read again.
pub(crate) fn file(bytes: &[u8]) -> bool {
    REGISTRY.with(|registry| {
        let Ok(opened) = formats::read(bytes, registry) else { return false };
        let text = comfy_api::write(&opened.graph);
        let again = comfy_api::parse(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
        assert_eq!(again.len(), opened.graph.len(), "{text}");
        let workflow = comfy_ui::workflow_from_graph(&again, registry);
        comfy_ui::read(&workflow, registry).unwrap_or_else(|error| panic!("{error} in {workflow}"));
        let _ = infotext::from_graph(&again);
        true
    })
}

/// An infotext, also where nothing says that it is one.
pub(crate) fn parameters(text: &str) {
    infotext::to_graph(&Infotext::parse(text));
}

/// A pipeline, also where nothing says that it is one.
pub(crate) fn yaml(text: &str) {
    let _ = pipeline::parse(text);
}

/// The texts in a picture, and the file as [`file`] takes it.
pub(crate) fn picture(bytes: &[u8]) -> bool {
    let _ = metadata::texts(bytes);
    file(bytes)
}

/// A prompt in every dialect.
pub(crate) fn prompt(text: &str) {
    let wildcards = [("a", "b __c__"), ("c", "{d|__a__}")];
    let wildcards = wildcards.map(|(name, line)| (name.to_owned(), vec![line.to_owned()])).into();
    let _ = comfy::parse(text).map(|spans| comfy::print(&spans));
    let _ = a1111::emphasis::parse(text).map(|pieces| a1111::emphasis::print(&pieces));
    let _ = a1111::scheduled(text, Pass::First { steps: 20 });
    for span in a1111::conjunction(text) {
        a1111::networks(&span.text);
    }
    let _ = midjourney::parse(text).map(|all| all.iter().map(midjourney::print).count());
    let _ = dynamic::expand(text, 7, &wildcards);
    let _ = dynamic::combinations(text, &wildcards, 100);
}
