//! What a graph will take, before anything is fetched or computed: files, weights, the largest arrays, and whether
//! they fit.
//!
//! Files are known by their headers, of which a few kilobytes are read. Sizes of latents are followed from where a
//! graph begins; where they cannot be known before it runs, a run counts as one at the size the model was trained at.

mod files;
mod sizes;

use serde::Serialize;

use self::files::Files;
use self::sizes::{Size, latent_size};
use super::{Environment, limits};
use crate::device::DeviceInfo;
use crate::error::Result;
use crate::graph::{Graph, Registry};
use crate::models::unet::UnetConfig;
use crate::models::vae::VaeConfig;

/// What a graph will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The files it names, each once.
    pub files: Vec<FilePlan>,
    /// Its runs of a denoising network, and what turns latents into pictures or the reverse.
    pub steps: Vec<StepPlan>,
    /// Bytes that have to be fetched first.
    pub fetch_bytes: u64,
    /// Bytes that weights take on the device.
    pub weights_bytes: u64,
    /// Bytes of the largest array besides weights.
    pub largest_bytes: u64,
    /// Most that one array may take.
    pub max_buffer_bytes: u64,
    /// Most that the weights of one model may take; absent where nothing tells.
    pub max_weights_bytes: Option<u64>,
    /// Whether all of it fits.
    pub fits: bool,
    /// What was chosen, and what does not fit, in sentences.
    pub notes: Vec<String>,
}

/// A file of weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FilePlan {
    /// The node that names it first.
    pub node: String,
    /// Its path in the models folder.
    pub file: String,
    /// What it is, in words; absent if that cannot be known before it is fetched.
    pub kind: Option<&'static str>,
    /// Its size.
    pub bytes: u64,
    /// Of these, how many have to be fetched.
    pub fetch_bytes: u64,
    /// What its weights take on the device.
    pub weights_bytes: u64,
    /// Where they are: `device`, or `file` if they are read as they are used.
    pub place: &'static str,
    /// Where those of its text encoders are, if it has any: in the `file` also where the others are on the device, if they
    /// are large. Then they are read for each new prompt.
    pub encoder_place: Option<&'static str>,
    /// How they are kept there: `f32`, `f16`, or `i8` where its matrices are integers with a scale for each row.
    pub format: &'static str,
}

/// Something that is computed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepPlan {
    /// The node.
    pub node: String,
    /// What it does: `denoise` or `autoencode`.
    pub what: &'static str,
    /// Width of the picture.
    pub width: u64,
    /// Its height.
    pub height: u64,
    /// How many pictures at a time.
    pub batch: u64,
    /// Whether the size is a guess.
    pub guessed: bool,
    /// Bytes of the largest array.
    pub largest_bytes: u64,
    /// Whether it will be done in tiles.
    pub tiled: bool,
}

/// What the networks of a graph's model are like, as far as a plan needs it.
#[derive(Debug, Clone, Default)]
struct Networks {
    unet: Option<UnetConfig>,
    vae: Option<VaeConfig>,
}

/// Pixels of a side for each position of a latent.
const FACTOR: u64 = 8;

/// Plans a graph.
///
/// # Errors
///
/// A file whose header cannot be read.
pub async fn plan(graph: &Graph, registry: &Registry, env: &Environment) -> Result<Plan> {
    let files = Files::of(graph, registry, env).await?;
    let info = &env.device_info;
    let mut plan = Plan {
        steps: Vec::new(),
        fetch_bytes: files.plans.iter().map(|file| file.fetch_bytes).sum(),
        weights_bytes: files.plans.iter().map(|file| file.weights_bytes).sum(),
        largest_bytes: 0,
        max_buffer_bytes: info.max_buffer_bytes,
        max_weights_bytes: Some(info.max_weights_bytes).filter(|bytes| *bytes < u64::MAX),
        fits: true,
        notes: Vec::new(),
        files: files.plans.clone(),
    };
    for (id, spec) in graph.iter() {
        let class = registry.get(&spec.class_type).map(|node| node.schema());
        let Some(class) = class else { continue };
        let has = |name: &str| class.input(name).is_some();
        let step = if has("latent_image") {
            let network = files.networks(graph, id.as_str(), "model");
            network.unet.map(|unet| denoise(graph, id.as_str(), &unet))
        } else if has("vae") && (has("samples") || has("pixels")) {
            let network = files.networks(graph, id.as_str(), "vae");
            network.vae.map(|vae| autoencode(graph, id.as_str(), &vae, info))
        } else {
            None
        };
        plan.steps.extend(step);
    }
    plan.judge(info);
    Ok(plan)
}

fn denoise(graph: &Graph, node: &str, unet: &UnetConfig) -> StepPlan {
    let side = crate::models::Family::of(unet).side() as u64;
    let (size, guessed) = sized(graph, node, side);
    // Both halves of guidance are computed at once.
    let rows = 2 * size.batch as usize;
    let latent = [size.height, size.width].map(|side| (side / FACTOR).max(1) as usize);
    let largest_bytes = limits::unet_bytes(unet, rows, latent);
    step(node, "denoise", size, guessed, largest_bytes, false)
}

fn autoencode(graph: &Graph, node: &str, vae: &VaeConfig, info: &DeviceInfo) -> StepPlan {
    let (size, guessed) = sized(graph, node, 512);
    let latent = [size.height, size.width].map(|side| (side / FACTOR).max(1) as usize);
    let whole = 4 * vae.largest_map(latent);
    let tiled = whole > info.max_buffer_bytes;
    step(
        node,
        "autoencode",
        size,
        guessed,
        if tiled { info.max_buffer_bytes } else { whole },
        tiled,
    )
}

fn sized(graph: &Graph, node: &str, side: u64) -> (Size, bool) {
    let known = latent_size(graph, node);
    (known.unwrap_or(Size { width: side, height: side, batch: 1 }), known.is_none())
}

fn step(
    node: &str,
    what: &'static str,
    Size { width, height, batch }: Size,
    guessed: bool,
    largest_bytes: u64,
    tiled: bool,
) -> StepPlan {
    StepPlan { node: node.to_owned(), what, width, height, batch, guessed, largest_bytes, tiled }
}

impl Plan {
    /// Says what fits, and what was chosen so that it does.
    fn judge(&mut self, info: &DeviceInfo) {
        self.largest_bytes = self.steps.iter().map(|step| step.largest_bytes).max().unwrap_or(0);
        for file in &self.files {
            if file.place == "file" {
                self.notes.push(format!(
                    "The weights of `{}` are read from it as they are used.",
                    file.file
                ));
            } else if file.weights_bytes > info.max_weights_bytes {
                self.fits = false;
                self.notes.push(format!(
                    "The weights of `{}` take {}, and the device has {} for them: download the file and add it from the disk.",
                    file.file,
                    words(file.weights_bytes),
                    words(info.max_weights_bytes),
                ));
            } else if file.format == "f16" {
                self.notes.push(format!("The weights of `{}` stay in half precision.", file.file));
            }
            if file.place != "file" && file.encoder_place == Some("file") {
                self.notes.push(format!(
                    "What reads prompts and pictures is read from `{}` for each new one, and takes no memory while pictures are drawn.",
                    file.file
                ));
            }
        }
        for step in &self.steps {
            let size = format!("{} × {}", step.width, step.height);
            if step.tiled {
                self.notes.push(format!("Pictures of {size} go through the autoencoder in tiles."));
            } else if step.largest_bytes > info.max_buffer_bytes {
                self.fits = false;
                self.notes.push(format!(
                    "Node {} needs an array of {} for {} picture(s) of {size}, and the device allows {}: use a smaller width, height or batch size.",
                    step.node,
                    words(step.largest_bytes),
                    step.batch,
                    words(info.max_buffer_bytes),
                ));
            }
        }
    }
}

/// A number of bytes, for a person.
fn words(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
