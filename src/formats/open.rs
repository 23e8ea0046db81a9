//! One way in for every kind of file that holds a graph.

use serde_json::Value as Json;

use super::comfy_ui::{self, App};
use super::infotext::{self, Infotext};
use super::{bad, comfy_api, pipeline};
use crate::error::Result;
use crate::graph::{Graph, Registry};
use crate::image::metadata;

/// No graph is longer; a page would be busy for a minute before it could say so.
const MAX_TEXT: usize = 32 << 20;
/// A picture may be larger than the graph inside.
const MAX_PICTURE: usize = 256 << 20;

/// A file, read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opened {
    /// The graph that runs.
    pub graph: Graph,
    /// What did not come through, or was decided for the person; each names a node, a line or a setting.
    pub notices: Vec<String>,
    /// The UI workflow it came from, if it came from one.
    pub workflow: Option<Json>,
    /// What a simple view of it shows.
    pub app: Option<App>,
}

/// Reads a file: ComfyUI's API or UI format, a submission to its server, a picture that carries one of
/// them or an infotext, an infotext, or a pipeline in YAML.
///
/// Of what a picture carries, `workflow` is taken before `prompt` before `parameters`.
///
/// # Errors
///
/// If it is none of these, or one that cannot be read; the message says where and why.
pub fn read(bytes: &[u8], registry: &Registry) -> Result<Opened> {
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        return read(&bytes[3..], registry);
    }
    if is_picture(bytes) {
        return read_picture(bytes, registry);
    }
    if bytes.len() > MAX_TEXT {
        let size = bytes.len();
        return Err(bad(format!("it has {size} bytes, expected at most {MAX_TEXT} of text")));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => read_text(text, registry),
        Err(error) => {
            let at = error.valid_up_to();
            Err(bad(format!("it is neither a picture nor text: byte {at} is not UTF-8"))
                .hint("use JSON, YAML, or a PNG, JPEG or WebP with a workflow inside"))
        }
    }
}

fn read_text(text: &str, registry: &Registry) -> Result<Opened> {
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return Err(bad("it is empty"));
    }
    if trimmed.starts_with(['{', '[']) {
        return read_json(comfy_api::json(text)?, registry);
    }
    let parameters = Infotext::parse(text);
    if parameters.has_settings() {
        return Ok(from_infotext(&parameters));
    }
    if pipeline::looks_like(text) {
        let (graph, notices) = pipeline::parse(text)?;
        return Ok(Opened { graph, notices, ..Opened::default() });
    }
    Err(bad("it is neither JSON nor an infotext nor a pipeline in YAML"))
}

fn read_json(json: Json, registry: &Registry) -> Result<Opened> {
    if json.get("nodes").is_some_and(Json::is_array) {
        let comfy_ui::Read { graph, app, notices } = comfy_ui::read(&json, registry)?;
        return Ok(Opened { graph, notices, workflow: Some(json), app });
    }
    let graph = comfy_api::graph_from_json(&json)?;
    let submitted = json.pointer("/extra_data/extra_pnginfo/workflow");
    let workflow = submitted.filter(|workflow| workflow.is_object()).cloned();
    let app = workflow.as_ref().and_then(App::from_workflow);
    Ok(Opened { graph, workflow, app, ..Opened::default() })
}

fn from_infotext(text: &Infotext) -> Opened {
    let (graph, notices) = infotext::to_graph(text);
    Opened { graph, notices, ..Opened::default() }
}

fn read_picture(bytes: &[u8], registry: &Registry) -> Result<Opened> {
    if bytes.len() > MAX_PICTURE {
        let size = bytes.len();
        return Err(bad(format!(
            "it has {size} bytes, expected at most {MAX_PICTURE} of a picture"
        )));
    }
    let texts = metadata::texts(bytes)?;
    let text = |name: &str| texts.iter().find(|(key, _)| key == name).map(|(_, text)| &**text);
    let mut failed: Option<(&str, crate::error::Error)> = None;
    for name in ["workflow", "prompt", "parameters"] {
        let Some(text) = text(name) else { continue };
        let opened = match name {
            "parameters" => Ok(from_infotext(&Infotext::parse(text))),
            _ => comfy_api::json(text).and_then(|json| read_json(json, registry)),
        };
        match opened {
            Ok(mut opened) => {
                if let Some((name, error)) = failed {
                    opened
                        .notices
                        .insert(0, format!("the picture's `{name}` was not used: {error}"));
                }
                return Ok(opened);
            }
            Err(error) => failed = failed.or(Some((name, error))),
        }
    }
    match failed {
        Some((_, error)) => Err(error),
        None => Err(bad("the picture carries no workflow")
            .hint("use the file as it was saved: many sites and chats remove what is inside")),
    }
}

fn is_picture(bytes: &[u8]) -> bool {
    let at = |place: usize, magic: &[u8]| bytes.get(place..).is_some_and(|b| b.starts_with(magic));
    at(0, b"\x89PNG")
        || at(0, b"\xff\xd8\xff")
        || at(0, b"GIF8")
        || (at(0, b"RIFF") && at(8, b"WEBP"))
        || at(4, b"ftypavi")
}

#[cfg(test)]
mod tests {
    use super::super::testing::registry;
    use super::*;
    use crate::image::{Image, codec};

    const API: &str = include_str!("../../tests/fixtures/workflows/text_to_image.json");
    const ENVELOPE: &str = include_str!("../../tests/fixtures/workflows/envelope.json");
    const UI: &str = include_str!("../../tests/fixtures/workflows/ui.json");
    const PIPELINE: &str = include_str!("../../tests/fixtures/workflows/pipeline.yaml");
    const INFOTEXT: &str =
        "a cat\nSteps: 2, Sampler: Euler a, Seed: 5, Size: 64x64, Model: m, RNG: CPU";

    fn opened(bytes: impl AsRef<[u8]>) -> Opened {
        read(bytes.as_ref(), &registry()).unwrap()
    }

    fn message(bytes: impl AsRef<[u8]>) -> String {
        read(bytes.as_ref(), &registry()).unwrap_err().to_string()
    }

    fn picture(texts: &[(&str, &str)]) -> Vec<u8> {
        let image = Image::new([1, 1, 1, 3], vec![0.5; 3]).unwrap();
        let owned = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
        let texts: Vec<(String, String)> = texts.iter().map(owned).collect();
        codec::encode_png(&image, 0, &texts).unwrap()
    }

    #[test]
    fn every_kind_of_file_is_told_apart() {
        let api = opened(API);
        assert_eq!((api.graph.len(), &api.workflow), (7, &None));
        assert_eq!(opened(format!("\u{feff}\n{API}")), api);
        assert_eq!(opened(ENVELOPE).graph, api.graph);
        let ui = opened(UI);
        assert_eq!((ui.graph.len(), ui.workflow), (2, serde_json::from_str(UI).ok()));
        assert_eq!(opened(INFOTEXT).graph.get("3").unwrap().class_type, "KSampler");
        assert_eq!(opened(PIPELINE).graph.len(), 8);
    }

    #[test]
    fn envelope_carries_its_workflow_there_and_back() {
        let graph = opened(API).graph;
        let workflow = comfy_ui::workflow_from_graph(&graph, &registry());
        let envelope = comfy_api::envelope(&graph, Some(&workflow));
        assert_eq!(envelope["prompt"], comfy_api::json_from_graph(&graph));
        let again = opened(envelope.to_string());
        assert_eq!((again.graph, again.workflow), (graph.clone(), Some(workflow)));
        assert_eq!(opened(comfy_api::envelope(&graph, None).to_string()).workflow, None);
    }

    #[test]
    fn picture_gives_its_workflow_then_its_prompt_then_its_parameters() {
        let all = [("parameters", INFOTEXT), ("prompt", API), ("workflow", UI)];
        assert_eq!(opened(picture(&all)).graph, opened(UI).graph);
        assert_eq!(opened(picture(&all[..2])).graph, opened(API).graph);
        assert_eq!(opened(picture(&all[..1])).graph, opened(INFOTEXT).graph);
        let broken = opened(picture(&[("prompt", API), ("workflow", "{\"nodes\": [7]}")]));
        assert_eq!(broken.graph, opened(API).graph);
        assert!(broken.notices[0].starts_with("the picture's `workflow` was not used"));
        assert!(message(picture(&[])).contains("carries no workflow"));
        assert!(message(picture(&[("workflow", "{")])).contains("line 1"));
    }

    #[test]
    fn anything_else_is_refused_in_words() {
        assert!(message(" \n").contains("it is empty"));
        assert!(message("a cat, please").contains("neither JSON nor an infotext nor a pipeline"));
        assert!(message("<html>").contains("neither JSON"));
        assert!(message(b"abc\xff").contains("byte 3 is not UTF-8"));
        assert!(message(b"\x89PNG\r\n\x1a\n").contains("PNG") || !message(b"\x89PNG").is_empty());
        assert!(message("[1, 2]").contains("expected an object of nodes"));
        assert!(message(vec![b' '; MAX_TEXT + 1]).contains("expected at most 33554432"));
    }
}
