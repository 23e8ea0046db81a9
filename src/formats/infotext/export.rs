//! From a graph of the usual shape to an infotext.

use super::prompt::from_comfy;
use super::{Infotext, names};
use crate::error::Result;
use crate::formats::bad;
use crate::graph::{Graph, InputValue, Literal, NodeSpec};

/// More nodes than this between a sampler and its checkpoint are no chain of networks but a circle.
const MAX_CHAIN: usize = 100;

/// The infotext of a graph, and what it cannot say.
///
/// The graph has to be of the shape that [`to_graph`](super::to_graph) makes: a checkpoint, networks,
/// two prompts, one `KSampler` or two with an upscaled latent between them, and a picture of the result.
///
/// # Errors
///
/// If it is of another shape; the message names the node.
pub fn from_graph(graph: &Graph) -> Result<(Infotext, Vec<String>)> {
    let (decode_id, decode) = graph
        .iter()
        .filter(|(_, node)| matches!(&*node.class_type, "SaveImage" | "PreviewImage"))
        .find_map(|(_, node)| follow(graph, node, "images"))
        .ok_or_else(|| bad("no picture is saved or shown by the graph"))?;
    let last = expect(graph, decode, "samples", decode_id, &["KSampler"])?;
    let (latent_id, latent) = follow(graph, last, "latent_image")
        .ok_or_else(|| bad("the `KSampler` has no `latent_image`"))?;
    let (first, upscale) = match &*latent.class_type {
        "LatentUpscale" | "LatentUpscaleBy" => {
            (expect(graph, latent, "samples", latent_id, &["KSampler"])?, Some(latent))
        }
        _ => (last, None),
    };
    let latent =
        expect(graph, first, "latent_image", "KSampler", &["EmptyLatentImage", "VAEEncode"])?;
    let mut export = Export { graph, text: Infotext::default(), notices: Vec::new() };
    export.write(first, latent, upscale.map(|upscale| (last, upscale)), decode)?;
    Ok((export.text, export.notices))
}

struct Export<'a> {
    graph: &'a Graph,
    text: Infotext,
    notices: Vec<String>,
}

impl<'g> Export<'g> {
    fn write(
        &mut self,
        first: &NodeSpec,
        latent: &NodeSpec,
        second: Option<(&NodeSpec, &NodeSpec)>,
        decode: &NodeSpec,
    ) -> Result<()> {
        let (checkpoint, networks) = self.model(first)?;
        let positive = self.encoder(first, "positive")?;
        let skip = follow(self.graph, positive, "clip")
            .filter(|(_, node)| node.class_type == "CLIPSetLastLayer")
            .and_then(|(_, node)| number(node, "stop_at_clip_layer"));
        self.text.prompt = prompt_of(positive);
        self.text.prompt += &networks;
        self.text.prompt = self.text.prompt.trim().to_owned();
        self.text.negative = prompt_of(self.encoder(first, "negative")?).trim().to_owned();

        self.copy("Steps", first, "steps");
        self.names("Sampler", "Schedule type", first);
        self.copy("CFG scale", first, "cfg");
        self.copy("Seed", first, "seed");
        if latent.class_type == "EmptyLatentImage" {
            let side = |name: &str| written(latent, name).unwrap_or_else(|| "512".to_owned());
            self.text.set("Size", format!("{}x{}", side("width"), side("height")));
        }
        if let Some(model) = written(checkpoint, "ckpt_name") {
            self.text.set("Model", model);
        }
        if let Some((_, node)) =
            follow(self.graph, decode, "vae").filter(|(_, node)| node.class_type == "VAELoader")
        {
            self.copy("VAE", node, "vae_name");
        }
        match second {
            Some((second, _)) => self.copy("Denoising strength", second, "denoise"),
            None if latent.class_type == "VAEEncode" => {
                self.copy("Denoising strength", first, "denoise");
                self.notices.push("the picture it begins with is not in the text".to_owned());
            }
            None => {}
        }
        if let Some(skip) = skip.filter(|&skip| skip < -1.0) {
            self.text.set("Clip skip", -skip);
        }
        self.text.set("RNG", "CPU");
        if let Some((second, upscale)) = second {
            self.second_pass(first, second, upscale)?;
        }
        Ok(())
    }

    fn second_pass(
        &mut self,
        first: &NodeSpec,
        second: &NodeSpec,
        upscale: &NodeSpec,
    ) -> Result<()> {
        if upscale.class_type == "LatentUpscale" {
            let side = |name: &str| written(upscale, name).unwrap_or_default();
            self.text.set("Hires resize", format!("{}x{}", side("width"), side("height")));
        } else {
            self.copy("Hires upscale", upscale, "scale_by");
        }
        if second.input("steps") != first.input("steps") {
            self.copy("Hires steps", second, "steps");
        }
        let upscaler = match written(upscale, "upscale_method").as_deref() {
            Some("bilinear") => "Latent",
            Some("bicubic") => "Latent (bicubic)",
            Some("nearest-exact") | None => "Latent (nearest-exact)",
            Some(other) => {
                self.notices.push(format!("`upscale_method` `{other}` has no counterpart"));
                "Latent"
            }
        };
        self.text.set("Hires upscaler", upscaler);
        if ["sampler_name", "scheduler"].iter().any(|name| second.input(name) != first.input(name))
        {
            self.names("Hires sampler", "Hires schedule type", second);
        }
        if second.input("cfg") != first.input("cfg") {
            self.copy("Hires CFG Scale", second, "cfg");
        }
        for (input, name) in [("positive", "Hires prompt"), ("negative", "Hires negative prompt")] {
            if second.input(input) != first.input(input) {
                let text = prompt_of(self.encoder(second, input)?);
                self.text.set(name, text);
            }
        }
        if second.input("seed") != first.input("seed") {
            self.notices
                .push("the second pass has a seed of its own, which is not written".to_owned());
        }
        Ok(())
    }

    /// The checkpoint behind a sampler, and the networks on the way as they stand in a prompt.
    fn model(&self, sampler: &NodeSpec) -> Result<(&'g NodeSpec, String)> {
        let mut networks = String::new();
        let allowed = ["LoraLoader", "CheckpointLoaderSimple"];
        let mut node = expect(self.graph, sampler, "model", "KSampler", &allowed)?;
        for _ in 0..MAX_CHAIN {
            if node.class_type != "LoraLoader" {
                return Ok((node, networks));
            }
            let name = written(node, "lora_name").unwrap_or_default();
            let strength = |input: &str| number(node, input).unwrap_or(1.0);
            let (model, clip) = (strength("strength_model"), strength("strength_clip"));
            let own = if model == clip { String::new() } else { format!(":{model}") };
            // The chain is walked from its end.
            networks = format!(" <lora:{name}:{clip}{own}>{networks}");
            node = expect(self.graph, node, "model", "LoraLoader", &allowed)?;
        }
        Err(bad("the chain of `LoraLoader` nodes has no end"))
    }

    fn encoder(&self, sampler: &NodeSpec, input: &str) -> Result<&'g NodeSpec> {
        let classes = ["CLIPTextEncode", "CLIPTextEncodeA1111"];
        expect(self.graph, sampler, input, "KSampler", &classes)
    }

    fn names(&mut self, sampler: &str, schedule: &str, node: &NodeSpec) {
        type Label = fn(&str) -> Option<&'static str>;
        for (key, input, label) in [
            (sampler, "sampler_name", names::sampler_label as Label),
            (schedule, "scheduler", names::schedule_label as Label),
        ] {
            let Some(name) = written(node, input) else { continue };
            match label(&name) {
                Some(label) => self.text.set(key, label),
                None => {
                    self.notices.push(format!("`{input}` `{name}` has no counterpart"));
                    self.text.set(key, name);
                }
            }
        }
    }

    fn copy(&mut self, key: &str, node: &NodeSpec, input: &str) {
        if let Some(value) = written(node, input) {
            self.text.set(key, value);
        }
    }
}

/// The node that an input is linked to.
fn follow<'g>(graph: &'g Graph, node: &NodeSpec, input: &str) -> Option<(&'g str, &'g NodeSpec)> {
    match node.input(input)? {
        InputValue::Link { node, .. } => {
            let at = graph.position(node.as_str())?;
            let (id, node) = graph.at(at);
            Some((id.as_str(), node))
        }
        _ => None,
    }
}

/// The same, of one of these classes.
fn expect<'g>(
    graph: &'g Graph,
    node: &NodeSpec,
    input: &str,
    name: &str,
    classes: &[&str],
) -> Result<&'g NodeSpec> {
    match follow(graph, node, input) {
        Some((_, found)) if classes.contains(&&*found.class_type) => Ok(found),
        found => {
            let got = found.map_or("nothing".to_owned(), |(id, node)| {
                format!("node {id} ({})", node.class_type)
            });
            let expected = classes.join(" or ");
            Err(bad(format!("`{input}` of `{name}` comes from {got}, expected {expected}")))
        }
    }
}

fn prompt_of(node: &NodeSpec) -> String {
    let text = written(node, "text").unwrap_or_default();
    if node.class_type == "CLIPTextEncode" { from_comfy(&text) } else { text }
}

/// A literal as text.
fn written(node: &NodeSpec, input: &str) -> Option<String> {
    match node.input(input)? {
        InputValue::Literal(Literal::String(text)) => Some(text.clone()),
        InputValue::Literal(Literal::Int(n)) => Some(n.to_string()),
        InputValue::Literal(Literal::Float(x)) => Some(x.to_string()),
        _ => None,
    }
}

fn number(node: &NodeSpec, input: &str) -> Option<f64> {
    match node.input(input)? {
        InputValue::Literal(Literal::Int(n)) => Some(*n as f64),
        InputValue::Literal(Literal::Float(x)) => Some(*x),
        _ => None,
    }
}
