//! From an infotext to a graph of ComfyUI's.

use super::Infotext;
use super::names;
use super::prompt::{Network, to_comfy, without_networks};
use crate::graph::{Graph, Literal, NodeId, NodeSpec};

/// Settings that change nothing, or that the graph has no need of.
const HARMLESS: [&str; 15] = [
    "Model hash",
    "VAE hash",
    "Lora hashes",
    "TI hashes",
    "TI",
    "Hashes",
    "Init image hash",
    "Batch size",
    "Batch pos",
    "Version",
    "User",
    "Created Date",
    "Civitai resources",
    "Civitai metadata",
    "VAE Encoder",
];

/// Settings that [`to_graph`] reads.
const USED: [&str; 24] = [
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Seed",
    "Size",
    "Model",
    "VAE",
    "Denoising strength",
    "Clip skip",
    "RNG",
    "ENSD",
    "Hires upscale",
    "Hires resize",
    "Hires steps",
    "Hires upscaler",
    "Hires sampler",
    "Hires schedule type",
    "Hires CFG Scale",
    "Hires prompt",
    "Hires negative prompt",
    "VAE Decoder",
    "Emphasis",
    "Schedule",
];

/// An output of a node.
type Place = (&'static str, usize);

/// A graph that makes the picture the text was written for, and what will be different about it.
///
/// Names of models are taken as they stand: whether there is such a file, validation says. Steps of the
/// second pass are those of the text, all of which ComfyUI takes.
pub fn to_graph(text: &Infotext) -> (Graph, Vec<String>) {
    let mut import = Import { text, graph: Graph::new(), notices: Vec::new() };
    import.build();
    (import.graph, import.notices)
}

struct Import<'a> {
    text: &'a Infotext,
    graph: Graph,
    notices: Vec<String>,
}

impl Import<'_> {
    fn build(&mut self) {
        let (prompt, networks) = without_networks(&self.text.prompt);
        let mut checkpoint = NodeSpec::new("CheckpointLoaderSimple");
        match self.text.get("Model") {
            Some(model) => checkpoint.set("ckpt_name", model),
            None => self.note("`Model` is not in the text: choose a checkpoint"),
        }
        self.graph.insert("4", checkpoint);
        let (model, mut clip) = self.load_networks(&networks);
        let skip = self.integer("Clip skip").unwrap_or(1);
        if skip > 1 {
            let node = linked(NodeSpec::new("CLIPSetLastLayer"), "clip", &clip);
            self.graph.insert("10", node.with("stop_at_clip_layer", -skip));
            clip = ("10".into(), 0);
        }
        let steps = self.integer("Steps").unwrap_or(20);
        self.encode("6", &prompt, &clip, steps);
        self.encode("7", &self.text.negative, &clip, steps);
        let (width, height) = self.text.size("Size").unwrap_or_else(|| {
            self.note("`Size` is not in the text: 512x512 is used");
            (512, 512)
        });
        let size = NodeSpec::new("EmptyLatentImage").with("width", i64::from(width));
        let size = size.with("height", i64::from(height)).with("batch_size", 1_i64);
        self.graph.insert("5", size);

        let sampler = self.sampler(&model, steps);
        let vae = self.vae();
        let mut samples: Place = ("3", 0);
        let hires = self.text.get("Hires upscaler").is_some()
            || self.text.get("Hires upscale").is_some()
            || self.text.get("Hires resize").is_some();
        let first = sampler.clone().linked("positive", "6", 0).linked("negative", "7", 0);
        let first = first.linked("latent_image", "5", 0).with("denoise", 1.0);
        self.graph.insert("3", first);
        if hires {
            let upscaled = self.upscale(samples, vae, (width, height));
            self.second_pass(sampler, &clip, upscaled, steps);
            samples = ("12", 0);
        } else if self.text.get("Denoising strength").is_some() {
            self.note(
                "`Denoising strength` says it was made from another picture, which the text does not \
                 carry: the graph begins with noise",
            );
        }
        let decode = NodeSpec::new("VAEDecode").linked("samples", samples.0, samples.1);
        self.graph.insert("8", decode.linked("vae", vae.0, vae.1));
        let save = NodeSpec::new("SaveImage").linked("images", "8", 0);
        self.graph.insert("9", save.with("filename_prefix", "ComfyUI"));
        self.note_differences();
    }

    fn load_networks(&mut self, networks: &[Network]) -> ((NodeId, usize), (NodeId, usize)) {
        let (mut model, mut clip) = (("4".into(), 0), ("4".into(), 1));
        let mut at = 20;
        for network in networks {
            if network.kind == "hypernet" {
                self.note(&format!("hypernetwork `{}` is left out", network.name));
                continue;
            }
            let node = linked(linked(NodeSpec::new("LoraLoader"), "model", &model), "clip", &clip);
            let node = node
                .with("lora_name", network.name.as_str())
                .with("strength_model", network.strengths.0)
                .with("strength_clip", network.strengths.1);
            let id = NodeId::from(at.to_string());
            self.graph.insert(id.clone(), node);
            (model, clip) = ((id.clone(), 0), (id, 1));
            at += 1;
        }
        (model, clip)
    }

    /// Text that only its own dialect can say goes to a node that speaks it.
    fn encode(&mut self, id: &str, text: &str, clip: &(NodeId, usize), steps: i64) {
        let node = match to_comfy(text) {
            Some(text) => NodeSpec::new("CLIPTextEncode").with("text", text),
            None => NodeSpec::new("CLIPTextEncodeA1111").with("text", text).with("steps", steps),
        };
        self.graph.insert(id, linked(node, "clip", clip));
    }

    /// The sampler without what it starts from.
    fn sampler(&mut self, model: &(NodeId, usize), steps: i64) -> NodeSpec {
        let label = self.text.get("Sampler").unwrap_or("Euler");
        let (sampler, schedule) = self.sampler_names(label, "Schedule type");
        let node = linked(NodeSpec::new("KSampler"), "model", model);
        let seed = self.seed();
        let cfg = self.number("CFG scale").unwrap_or(7.0);
        node.with("seed", seed)
            .with("steps", steps)
            .with("cfg", cfg)
            .with("sampler_name", sampler)
            .with("scheduler", schedule)
    }

    fn sampler_names(&mut self, label: &str, key: &str) -> (String, String) {
        let (sampler, in_label) = match names::sampler(label) {
            Some((sampler, schedule)) => (sampler.to_owned(), schedule),
            // Validation names it, with the nearest that there is.
            None => (label.to_owned(), None),
        };
        let schedule = match self.text.get(key).filter(|label| *label != "Automatic") {
            None => in_label.unwrap_or_else(|| names::automatic(&sampler)).to_owned(),
            Some(label) => names::schedule(label).unwrap_or(label).to_owned(),
        };
        (sampler, schedule)
    }

    fn seed(&mut self) -> Literal {
        let given = self.text.get("Seed").unwrap_or("0").trim();
        match given.parse::<u64>() {
            Ok(seed) => seed.into(),
            Err(_) => {
                self.note(&format!(
                    "`Seed` is `{given}`, expected a whole number from 0: 0 is used"
                ));
                0_u64.into()
            }
        }
    }

    fn vae(&mut self) -> Place {
        match self.text.get("VAE") {
            None | Some("" | "Automatic" | "None") => ("4", 2),
            Some(name) => {
                self.graph.insert("11", NodeSpec::new("VAELoader").with("vae_name", name));
                ("11", 0)
            }
        }
    }

    /// The latent of the first pass, enlarged.
    fn upscale(&mut self, samples: Place, vae: Place, (width, height): (u32, u32)) -> Place {
        let upscaler = self.text.get("Hires upscaler").unwrap_or("Latent");
        let by = self.number("Hires upscale").unwrap_or(2.0);
        let resize = self.text.size("Hires resize").filter(|size| size.0 > 0 && size.1 > 0);
        if let Some(method) = latent_method(upscaler) {
            let node = match resize {
                Some((width, height)) => NodeSpec::new("LatentUpscale")
                    .with("upscale_method", method)
                    .with("width", i64::from(width))
                    .with("height", i64::from(height))
                    .with("crop", "disabled"),
                None => NodeSpec::new("LatentUpscaleBy")
                    .with("upscale_method", method)
                    .with("scale_by", by),
            };
            self.graph.insert("13", node.linked("samples", samples.0, samples.1));
            return ("13", 0);
        }
        let decode = NodeSpec::new("VAEDecode").linked("samples", samples.0, samples.1);
        self.graph.insert("14", decode.linked("vae", vae.0, vae.1));
        let mut image: Place = ("14", 0);
        let method = match upscaler {
            "None" | "Lanczos" => "lanczos",
            "Nearest" => "nearest-exact",
            model => {
                let load = NodeSpec::new("UpscaleModelLoader").with("model_name", model);
                self.graph.insert("15", load);
                let node = NodeSpec::new("ImageUpscaleWithModel").linked("upscale_model", "15", 0);
                self.graph.insert("16", node.linked("image", image.0, image.1));
                self.note(&format!(
                    "`Hires upscaler` is the model `{model}`, which has to be there"
                ));
                image = ("16", 0);
                "lanczos"
            }
        };
        let (width, height) = resize.unwrap_or_else(|| (scaled(width, by), scaled(height, by)));
        let scale = NodeSpec::new("ImageScale")
            .linked("image", image.0, image.1)
            .with("upscale_method", method)
            .with("width", i64::from(width))
            .with("height", i64::from(height))
            .with("crop", "disabled");
        self.graph.insert("17", scale);
        let encode = NodeSpec::new("VAEEncode").linked("pixels", "17", 0);
        self.graph.insert("13", encode.linked("vae", vae.0, vae.1));
        ("13", 0)
    }

    fn second_pass(
        &mut self,
        mut sampler: NodeSpec,
        clip: &(NodeId, usize),
        latent: Place,
        steps: i64,
    ) {
        let steps = self.integer("Hires steps").filter(|&steps| steps > 0).unwrap_or(steps);
        let label = self.text.get("Hires sampler").filter(|label| *label != "Use same sampler");
        let schedule = self.text.get("Hires schedule type");
        if label.is_some() || schedule.is_some_and(|label| label != "Use same scheduler") {
            let first = self.text.get("Sampler").unwrap_or("Euler");
            let key = match schedule {
                Some(label) if label != "Use same scheduler" => "Hires schedule type",
                _ => "Schedule type",
            };
            let (name, schedule) = self.sampler_names(label.unwrap_or(first), key);
            sampler = sampler.with("sampler_name", name).with("scheduler", schedule);
        }
        if let Some(cfg) = self.number("Hires CFG Scale").filter(|&cfg| cfg > 0.0) {
            sampler.set("cfg", cfg);
        }
        sampler.set("steps", steps);
        for (input, setting, first, own) in [
            ("positive", "Hires prompt", "6", "18"),
            ("negative", "Hires negative prompt", "7", "19"),
        ] {
            match self.text.get(setting) {
                Some(text) if !text.is_empty() => {
                    let (text, _) = without_networks(text);
                    self.encode(own, &text, clip, steps);
                    sampler = sampler.linked(input, own, 0);
                }
                _ => sampler = sampler.linked(input, first, 0),
            }
        }
        let denoise = self.number("Denoising strength").unwrap_or(0.7);
        let node = sampler.linked("latent_image", latent.0, latent.1).with("denoise", denoise);
        self.graph.insert("12", node);
    }

    fn note_differences(&mut self) {
        if self.text.get("RNG") != Some("CPU") {
            self.note(
                "the noise was drawn on a GPU and is drawn as on a CPU here: the same seed gives \
                 another picture",
            );
        }
        if let Some(shift) = self.text.get("ENSD").filter(|shift| *shift != "0") {
            self.note(&format!(
                "`ENSD` is {shift}, which has no counterpart: noise between steps differs"
            ));
        }
        if let Some(emphasis) = self.text.get("Emphasis").filter(|kind| *kind != "Original") {
            self.note(&format!("`Emphasis` is `{emphasis}`: weights are applied in the usual way"));
        }
        let mut unknown: Vec<&str> = Vec::new();
        for (name, _) in &self.text.settings {
            let plain = |list: &[&str]| list.contains(&name.as_str());
            if !plain(&USED) && !plain(&HARMLESS) && !unknown.contains(&name.as_str()) {
                unknown.push(name);
            }
        }
        for name in unknown.into_iter().take(50) {
            self.note(&format!("`{name}` is passed over: the picture may differ by it"));
        }
    }

    fn integer(&self, name: &str) -> Option<i64> {
        self.text.get(name)?.trim().parse().ok()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text.get(name)?.trim().parse().ok().filter(|x: &f64| x.is_finite())
    }

    fn note(&mut self, notice: &str) {
        self.notices.push(notice.to_owned());
    }
}

fn linked(node: NodeSpec, input: &str, (id, output): &(NodeId, usize)) -> NodeSpec {
    node.linked(input, id.clone(), *output)
}

fn scaled(side: u32, by: f64) -> u32 {
    // Casting keeps within the type; a picture that large is refused where it would be made.
    ((f64::from(side) * by / 8.0).round() * 8.0) as u32
}

/// ComfyUI's way of enlarging a latent, if the label is one of those.
fn latent_method(label: &str) -> Option<&'static str> {
    Some(match label {
        "Latent" | "Latent (antialiased)" => "bilinear",
        "Latent (bicubic)" | "Latent (bicubic antialiased)" => "bicubic",
        "Latent (nearest)" | "Latent (nearest-exact)" => "nearest-exact",
        _ => return None,
    })
}
