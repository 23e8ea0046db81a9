//! Pipelines in YAML: a list of steps from a prompt to a file, as papers on image-generation nodes
//! write them.
//!
//! ```yaml
//! - node: "Input"
//!   params: { prompt: "a red dragon", negative_prompt: "blurry" }
//! - node: "ImageGeneration"
//!   params: { model: sprite, steps: 20, cfg_scale: 7.5, resolution: 512x512, seed: 42 }
//! - node: "Upscale"
//!   params: { scale: 2 }
//! - node: "Output"
//!   params: { filename: dragon }
//! ```
//!
//! Steps are joined in the order in which they stand. A step or a setting that is not known is an error
//! that names its line; what is left out is ComfyUI's default.

use super::bad;
use super::yaml::{self, Node, Yaml, at_line};
use crate::error::{Result, nearest};
use crate::graph::{Graph, Literal, NodeSpec};

/// Where the list may stand in a file that has more to say.
const LISTS: [&str; 4] = ["pipeline", "nodes", "steps", "workflow"];
/// What may stand beside it, and changes nothing.
const BESIDE: [&str; 4] = ["name", "version", "description", "title"];
const STEPS: [&str; 4] = ["Input", "ImageGeneration", "Upscale", "Output"];

/// Reads a pipeline, and says what it decided for the person.
///
/// # Errors
///
/// If it is no such pipeline, or has steps or settings that are not known; the message names the line.
pub fn parse(text: &str) -> Result<(Graph, Vec<String>)> {
    let yaml = yaml::parse(text)?;
    let mut pipeline = Pipeline::default();
    for step in steps(&yaml)? {
        pipeline.step(step)?;
    }
    pipeline.finish()
}

/// True if a text that is no JSON is meant to be a pipeline.
pub(super) fn looks_like(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches("- ").trim_start();
        line.strip_prefix("node").is_some_and(|rest| rest.trim_start().starts_with(':'))
    })
}

fn steps(yaml: &Yaml) -> Result<&[Yaml]> {
    match &yaml.node {
        Node::List(steps) => Ok(steps),
        Node::Map(entries) => {
            let mut found = None;
            for (name, value) in entries {
                match &value.node {
                    Node::List(steps) if LISTS.contains(&name.as_str()) => found = Some(&steps[..]),
                    _ if BESIDE.contains(&name.as_str()) => {}
                    _ => return Err(unknown("setting", name, value.line, &LISTS)),
                }
            }
            found.ok_or_else(|| at_line(yaml.line, "expected `pipeline` with a list of steps"))
        }
        _ => Err(at_line(yaml.line, "expected a list of steps")),
    }
}

#[derive(Default)]
struct Pipeline {
    graph: Graph,
    notices: Vec<String>,
    prompt: Option<String>,
    negative: Option<String>,
    /// The node that the picture is at.
    image: Option<&'static str>,
    /// Counts steps that may be there more than once.
    upscales: usize,
    outputs: usize,
}

/// One step's settings, taken out one by one; what is left at the end is not known.
struct Settings<'a> {
    line: usize,
    left: Vec<(&'a str, &'a Yaml)>,
    known: Vec<&'static str>,
}

impl Pipeline {
    fn step(&mut self, step: &Yaml) -> Result<()> {
        let Node::Map(entries) = &step.node else {
            return Err(at_line(step.line, "expected a step with `node: NAME`"));
        };
        let mut settings = Settings { line: step.line, left: Vec::new(), known: Vec::new() };
        let mut name = None;
        for (key, value) in entries {
            match (key.as_str(), &value.node) {
                ("node", Node::Text(text)) => name = Some((text.as_str(), value.line)),
                ("id" | "name", _) => {}
                ("params" | "parameters" | "settings", Node::Map(inner)) => {
                    settings.left.extend(inner.iter().map(|(key, value)| (key.as_str(), value)));
                }
                ("params" | "parameters" | "settings", Node::Null) => {}
                _ => settings.left.push((key, value)),
            }
        }
        let Some((name, line)) = name else {
            return Err(at_line(step.line, "a step has no `node: NAME`"));
        };
        let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
        match plain.to_ascii_lowercase().as_str() {
            "input" => self.input(&mut settings)?,
            "imagegeneration" => self.generate(&mut settings)?,
            "upscale" => self.upscale(&mut settings)?,
            "output" => self.output(&mut settings)?,
            _ => return Err(unknown("node", name, line, &STEPS)),
        }
        settings.finish(name)
    }

    fn input(&mut self, settings: &mut Settings<'_>) -> Result<()> {
        if let Some(prompt) = settings.text(&["prompt", "text"])? {
            self.prompt = Some(prompt);
        }
        if let Some(negative) = settings.text(&["negative_prompt"])? {
            self.negative = Some(negative);
        }
        if let Some(image) = settings.text(&["image"])? {
            self.graph.insert("10", NodeSpec::new("LoadImage").with("image", image));
            self.image = Some("10");
        }
        Ok(())
    }

    fn generate(&mut self, settings: &mut Settings<'_>) -> Result<()> {
        if self.graph.get("3").is_some() {
            return Err(at_line(settings.line, "is a second `ImageGeneration`, expected one"));
        }
        let mut checkpoint = NodeSpec::new("CheckpointLoaderSimple");
        if let Some(model) = settings.text(&["model", "checkpoint"])? {
            checkpoint.set("ckpt_name", model);
        }
        self.graph.insert("4", checkpoint);
        let prompt = settings.text(&["prompt"])?.or_else(|| self.prompt.take());
        let negative = settings.text(&["negative_prompt"])?.or_else(|| self.negative.take());
        if prompt.is_none() {
            self.notices.push("no step has a `prompt`: the empty one is used".to_owned());
        }
        for (id, text) in [("6", prompt), ("7", negative)] {
            let node = NodeSpec::new("CLIPTextEncode").with("text", text.unwrap_or_default());
            self.graph.insert(id, node.linked("clip", "4", 1));
        }
        let mut sampler = NodeSpec::new("KSampler").linked("model", "4", 0);
        match settings.text(&["seed"])?.as_deref() {
            None => {}
            Some("random" | "-1") => {
                self.notices.push("`seed` is left to chance: 0 is used".to_owned());
                sampler.set("seed", 0_u64);
            }
            Some(seed) => sampler.set("seed", settings.whole("seed", seed)?),
        }
        for (input, names) in
            [("steps", ["steps", "num_inference_steps"]), ("cfg", ["cfg_scale", "cfg"])]
        {
            if let Some(value) = settings.number(&names)? {
                sampler.set(input, value);
            }
        }
        for (input, names) in [
            ("sampler_name", ["sampler", "sampler_name"]),
            ("scheduler", ["scheduler", "schedule"]),
        ] {
            if let Some(value) = settings.text(&names)? {
                sampler.set(input, value);
            }
        }
        sampler = sampler.linked("positive", "6", 0).linked("negative", "7", 0);
        let denoise = settings.number(&["denoise", "strength"])?;
        match self.image {
            Some(image) => {
                let encode = NodeSpec::new("VAEEncode").linked("pixels", image, 0);
                self.graph.insert("5", encode.linked("vae", "4", 2));
                sampler.set("denoise", denoise.unwrap_or(Literal::Float(0.75)));
            }
            None => {
                let mut latent = NodeSpec::new("EmptyLatentImage");
                settings.size(&mut latent)?;
                if let Some(count) = settings.number(&["batch_size", "num_images"])? {
                    latent.set("batch_size", count);
                }
                self.graph.insert("5", latent);
                if let Some(denoise) = denoise {
                    sampler.set("denoise", denoise);
                }
            }
        }
        self.graph.insert("3", sampler.linked("latent_image", "5", 0));
        let decode = NodeSpec::new("VAEDecode").linked("samples", "3", 0);
        self.graph.insert("8", decode.linked("vae", "4", 2));
        self.image = Some("8");
        Ok(())
    }

    fn upscale(&mut self, settings: &mut Settings<'_>) -> Result<()> {
        let image = self.image.ok_or_else(|| at_line(settings.line, "there is no picture yet"))?;
        const IDS: [[&str; 3]; 4] =
            [["20", "21", "22"], ["23", "24", "25"], ["26", "27", "28"], ["29", "30", "31"]];
        let Some([scale_id, load_id, model_id]) = IDS.get(self.upscales) else {
            return Err(at_line(settings.line, "is one `Upscale` too many, expected at most 4"));
        };
        self.upscales += 1;
        let mut from = image;
        if let Some(model) = settings.text(&["model", "upscaler"])? {
            let load = NodeSpec::new("UpscaleModelLoader").with("model_name", model);
            self.graph.insert(*load_id, load);
            let node = NodeSpec::new("ImageUpscaleWithModel").linked("upscale_model", *load_id, 0);
            self.graph.insert(*model_id, node.linked("image", from, 0));
            self.image = Some(model_id);
            from = model_id;
        }
        let method = settings.text(&["method", "upscale_method"])?;
        let by = settings.number(&["scale", "factor", "scale_factor"])?;
        let mut sized = NodeSpec::new("ImageScale");
        if settings.size(&mut sized)? {
            sized.set("upscale_method", method.unwrap_or_else(|| "lanczos".to_owned()));
            sized.set("crop", "disabled");
        } else if by.is_some() || from == image {
            sized = NodeSpec::new("ImageScaleBy");
            sized.set("upscale_method", method.unwrap_or_else(|| "lanczos".to_owned()));
            sized.set("scale_by", by.unwrap_or(Literal::Float(2.0)));
        } else {
            return Ok(());
        }
        self.graph.insert(*scale_id, sized.linked("image", from, 0));
        self.image = Some(scale_id);
        Ok(())
    }

    fn output(&mut self, settings: &mut Settings<'_>) -> Result<()> {
        let image = self.image.ok_or_else(|| at_line(settings.line, "there is no picture yet"))?;
        match settings.text(&["format"])?.map(|format| format.to_ascii_lowercase()).as_deref() {
            None | Some("png") => {}
            Some(format) => {
                let line = settings.line;
                let notice = format!("line {line}: `format` is `{format}`, a PNG is written");
                self.notices.push(notice);
            }
        }
        let name = settings.text(&["filename", "filename_prefix", "path", "name"])?;
        let prefix = name.as_deref().map_or("ComfyUI", |name| {
            let ends = [".png", ".jpg", ".jpeg", ".webp"];
            ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
        });
        let save = NodeSpec::new("SaveImage").linked("images", image, 0);
        let id = if self.outputs == 0 { "9".to_owned() } else { format!("9:{}", self.outputs) };
        self.graph.insert(id, save.with("filename_prefix", prefix));
        self.outputs += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<(Graph, Vec<String>)> {
        let Some(image) = self.image else {
            return Err(bad("the pipeline has no `ImageGeneration`"));
        };
        if self.outputs == 0 {
            let notice = "the pipeline has no `Output`: the picture is saved all the same";
            self.notices.push(notice.to_owned());
            let save = NodeSpec::new("SaveImage").linked("images", image, 0);
            self.graph.insert("9", save.with("filename_prefix", "ComfyUI"));
        }
        Ok((self.graph, self.notices))
    }
}

impl<'a> Settings<'a> {
    /// Takes the setting of one of these names, which mean the same.
    fn take(&mut self, names: &[&'static str]) -> Option<(&'a str, &'a Yaml)> {
        self.known.extend(names);
        let at = self.left.iter().position(|(name, _)| names.contains(name))?;
        let (name, value) = self.left.remove(at);
        self.line = value.line;
        (value.node != Node::Null).then_some((name, value))
    }

    fn text(&mut self, names: &[&'static str]) -> Result<Option<String>> {
        match self.take(names) {
            None => Ok(None),
            Some((_, Yaml { node: Node::Text(text), .. })) => Ok(Some(text.clone())),
            Some((name, value)) => Err(at_line(value.line, &format!("`{name}` needs a text"))),
        }
    }

    fn number(&mut self, names: &[&'static str]) -> Result<Option<Literal>> {
        let Some(text) = self.text(names)? else { return Ok(None) };
        if let Ok(n) = text.parse::<i64>() {
            return Ok(Some(n.into()));
        }
        match text.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(Some(x.into())),
            _ => Err(self.wrong(names[0], &text, "a number")),
        }
    }

    fn whole(&self, name: &str, text: &str) -> Result<u64> {
        text.parse().map_err(|_| self.wrong(name, text, "a whole number from 0"))
    }

    /// `512x768`, `[512, 768]`, `512`, or `width` and `height`; false if nothing is said.
    fn size(&mut self, node: &mut NodeSpec) -> Result<bool> {
        let sides = match self.take(&["resolution", "size"]) {
            None => [self.text(&["width"])?, self.text(&["height"])?],
            Some((name, value)) => {
                let sides = match &value.node {
                    Node::Text(text) => {
                        let (width, height) =
                            text.split_once(['x', 'X', '×', '*']).unwrap_or((text, text));
                        Some([width, height])
                    }
                    Node::List(list) => match &list[..] {
                        [
                            Yaml { node: Node::Text(width), .. },
                            Yaml { node: Node::Text(height), .. },
                        ] => Some([&**width, &**height]),
                        _ => None,
                    },
                    _ => None,
                };
                let Some(sides) = sides else {
                    let why = format!("`{name}` needs a size such as 512x512");
                    return Err(at_line(value.line, &why));
                };
                sides.map(|side| Some(side.trim().to_owned()))
            }
        };
        let given = sides.iter().any(Option::is_some);
        for (side, name) in sides.iter().zip(["width", "height"]) {
            if let Some(side) = side {
                node.set(name, self.whole(name, side)?);
            }
        }
        Ok(given)
    }

    fn wrong(&self, name: &str, got: &str, expected: &str) -> crate::error::Error {
        at_line(self.line, &format!("`{name}` is `{got}`, expected {expected}"))
    }

    fn finish(self, step: &str) -> Result<()> {
        match self.left.first() {
            Some((name, value)) => {
                Err(unknown(&format!("setting of `{step}`"), name, value.line, &self.known))
            }
            None => Ok(()),
        }
    }
}

fn unknown(what: &str, name: &str, line: usize, known: &[&str]) -> crate::error::Error {
    let error = at_line(line, &format!("unknown {what} `{name}`"));
    match nearest(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("use {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::comfy_api;
    use super::*;

    const PIPELINE: &str = include_str!("../../tests/fixtures/workflows/pipeline.yaml");

    #[test]
    fn steps_become_nodes() {
        let (graph, notices) = parse(PIPELINE).unwrap();
        assert_eq!(notices, Vec::<String>::new());
        assert_eq!(
            comfy_api::json_from_graph(&graph),
            json!({
                "4": { "class_type": "CheckpointLoaderSimple", "inputs": { "ckpt_name": "sprite" } },
                "6": { "class_type": "CLIPTextEncode",
                       "inputs": { "text": "a red dragon,\n3d render", "clip": ["4", 1] } },
                "7": { "class_type": "CLIPTextEncode", "inputs": { "text": "blurry", "clip": ["4", 1] } },
                "5": { "class_type": "EmptyLatentImage", "inputs": { "width": 64, "height": 64 } },
                "3": { "class_type": "KSampler", "inputs": {
                    "model": ["4", 0], "seed": 18446744073709551615_u64, "steps": 2, "cfg": 7.5,
                    "sampler_name": "euler", "positive": ["6", 0], "negative": ["7", 0],
                    "latent_image": ["5", 0] } },
                "8": { "class_type": "VAEDecode", "inputs": { "samples": ["3", 0], "vae": ["4", 2] } },
                "20": { "class_type": "ImageScaleBy", "inputs": {
                    "upscale_method": "lanczos", "scale_by": 2, "image": ["8", 0] } },
                "9": { "class_type": "SaveImage",
                       "inputs": { "images": ["20", 0], "filename_prefix": "dragon" } },
            })
        );
    }

    #[test]
    fn a_picture_may_be_where_it_begins() {
        let text = "pipeline:\n- {node: Input, image: cat.png, prompt: a cat}\n- {node: image_generation, strength: 0.4}\n\
                    - node: Upscale\n  model: big.pth\n  resolution: [128, 64]\n- node: Output\n  format: jpg\n";
        let (graph, notices) = parse(text).unwrap();
        assert_eq!(notices, ["line 8: `format` is `jpg`, a PNG is written"]);
        let json = comfy_api::json_from_graph(&graph);
        assert_eq!(json["5"]["class_type"], "VAEEncode");
        assert_eq!(json["3"]["inputs"]["denoise"], json!(0.4));
        assert_eq!(json["20"]["inputs"]["width"], json!(128));
        assert_eq!(json["20"]["inputs"]["image"], json!(["22", 0]));
        assert_eq!(json["9"]["inputs"]["images"], json!(["20", 0]));
    }

    #[test]
    fn what_is_not_known_is_named_with_its_line() {
        for (text, part) in [
            (
                "- node: Input\n- node: Imput\n",
                "line 2: unknown node `Imput`; did you mean `Input`?",
            ),
            (
                "- node: Input\n  promt: x\n",
                "line 2: unknown setting of `Input` `promt`; did you mean `prompt`?",
            ),
            (
                "- node: ImageGeneration\n  steps: many\n",
                "line 2: `steps` is `many`, expected a number",
            ),
            (
                "- node: ImageGeneration\n  seed: -2\n",
                "line 2: `seed` is `-2`, expected a whole number",
            ),
            ("- node: ImageGeneration\n  resolution: big\n", "`width` is `big`"),
            (
                "- node: ImageGeneration\n  resolution: {a: 1}\n",
                "line 2: `resolution` needs a size",
            ),
            (
                "- node: ImageGeneration\n- node: ImageGeneration\n",
                "line 2: is a second `ImageGeneration`",
            ),
            ("- node: Output\n", "line 1: there is no picture yet"),
            ("- steps: 5\n", "line 1: a step has no `node: NAME`"),
            ("- 5\n", "line 1: expected a step"),
            ("a: 5\n", "line 1: unknown setting `a`"),
            ("name: x\n", "line 1: expected `pipeline`"),
            ("- node: Input\n", "the pipeline has no `ImageGeneration`"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text:?}: {message}");
        }
    }
}
