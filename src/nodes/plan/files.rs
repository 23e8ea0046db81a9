//! The files of weights that a graph names, and what their headers say.

use std::collections::BTreeMap;

use super::{FilePlan, Networks};
use crate::error::Result;
use crate::graph::schema::{Choices, Type};
use crate::graph::{Graph, InputValue, Literal, Registry};
use crate::models::clip::TOKEN_TABLE;
use crate::models::unet::UnetConfig;
use crate::models::vae::VaeConfig;
use crate::nodes::folders::{TINY_VAES, half_of, is_weights, model_path};
use crate::nodes::loaders::placed;
use crate::nodes::{Environment, WeightFormat};
use crate::store::{self, Look};
use crate::weights::checkpoint::{Checkpoint, Part};
use crate::weights::identify::identify;
use crate::weights::safetensors::TensorInfo;
use crate::weights::{WeightsFile, keeps_half};

/// The files, and what is in them for each node that names one.
pub(super) struct Files {
    pub(super) plans: Vec<FilePlan>,
    networks: BTreeMap<String, Networks>,
}

/// Links from a node to the one that loaded what it uses.
const CARRIERS: [&str; 3] = ["model", "guider", "vae"];

impl Files {
    /// Reads the header of each.
    pub(super) async fn of(graph: &Graph, registry: &Registry, env: &Environment) -> Result<Self> {
        let mut files = Self { plans: Vec::new(), networks: BTreeMap::new() };
        for (id, spec) in graph.iter() {
            let Some(node) = registry.get(&spec.class_type) else { continue };
            for input in node.schema().inputs {
                let Type::Combo { choices: Choices::Folder(folder), .. } = input.ty else {
                    continue;
                };
                let Some(InputValue::Literal(Literal::String(name))) = spec.input(input.name)
                else {
                    continue;
                };
                let mut networks = configs(env, folder, name).await?;
                let format = match spec.input("weight_dtype") {
                    Some(InputValue::Literal(Literal::String(name))) if name != "default" => {
                        WeightFormat::EightBits
                    }
                    _ => env.weight_format(),
                };
                for path in paths(env, folder, name) {
                    files.read(env, (id.as_str(), format), &path, &mut networks).await?;
                }
                files.networks.insert(id.as_str().to_owned(), networks);
            }
        }
        Ok(files)
    }

    /// Adds a file to the plan, and what networks it has.
    async fn read(
        &mut self,
        env: &Environment,
        (node, format): (&str, WeightFormat),
        path: &str,
        networks: &mut Networks,
    ) -> Result<()> {
        let Look { source, fetch_bytes, reads_now } = env.store.look(path).await?;
        let eight_bits = format == WeightFormat::EightBits;
        let file = WeightsFile::open(&*source).await?.eight_bits(eight_bits);
        let file = placed(env, file, &source, reads_now);
        let mut parts = Checkpoint::of(file.tensors()).parts;
        let encoder = [Part::TextEncoder, Part::TextEncoder2]
            .into_iter()
            .find(|part| parts.contains_key(part));
        let is_eight = eight_bits && parts.contains_key(&Part::Unet)
            || file.tensors().iter().any(TensorInfo::is_scaled);
        let kind = identify(file.tensors()).ok();
        if let Some(shapes) = parts.remove(&Part::Unet) {
            // Of a folder its config said it already, and of other kinds of file nothing is needed.
            networks.unet = networks.unet.take().or(UnetConfig::from_shapes(path, &shapes).ok());
        }
        if let Some(shapes) = parts.remove(&Part::Vae) {
            networks.vae = networks.vae.take().or(VaeConfig::from_shapes(path, &shapes).ok());
        }
        if self.plans.iter().any(|plan| plan.file == path) {
            return Ok(());
        }
        let mut matrices = file.tensors().iter().filter(|tensor| tensor.shape.len() > 1);
        let half = matrices.all(|tensor| keeps_half(&env.device, tensor.dtype));
        let place = |part| if file.leaves(part) { "file" } else { "device" };
        self.plans.push(FilePlan {
            node: node.to_owned(),
            file: path.to_owned(),
            kind: kind.map(|kind| kind.name()),
            bytes: source.len(),
            fetch_bytes,
            weights_bytes: file.device_bytes(&env.device, &[TOKEN_TABLE]),
            place: place(Part::Unet),
            encoder_place: encoder.map(place),
            format: match () {
                () if is_eight => "i8",
                () if half => "f16",
                () => "f32",
            },
        });
        Ok(())
    }

    /// The networks that reach an input of a node, from the loader at the beginning of its links.
    pub(super) fn networks(&self, graph: &Graph, node: &str, input: &str) -> Networks {
        let link = |node: &str, name: &str| match graph.get(node)?.input(name)? {
            InputValue::Link { node, .. } => Some(node.as_str().to_owned()),
            _ => None,
        };
        let mut at = link(node, input).or_else(|| link(node, "guider"));
        // No longer than there are nodes: a graph may go in circles before it is checked.
        for _ in 0..graph.len() {
            let Some(node) = at else { break };
            if let Some(networks) = self.networks.get(&node)
                && (networks.unet.is_some() || networks.vae.is_some())
            {
                return networks.clone();
            }
            at = CARRIERS.iter().find_map(|name| link(&node, name));
        }
        Networks::default()
    }
}

/// The networks of a folder in diffusers' layout, by their configs: shapes alone do not tell those of every model.
async fn configs(env: &Environment, folder: &str, name: &str) -> Result<Networks> {
    let (files, mut networks) = (env.store.list(), Networks::default());
    let Ok(path) = model_path(env, folder, name) else { return Ok(networks) };
    let [unet, vae] = ["unet", "vae"].map(|network| format!("{path}/{network}/config.json"));
    if files.contains(&unet) {
        let config = store::read_text(&*env.store, &unet).await?;
        networks.unet = Some(UnetConfig::parse(&unet, &config)?);
    }
    if files.contains(&vae) {
        let config = store::read_text(&*env.store, &vae).await?;
        networks.vae = Some(VaeConfig::parse(&vae, &config)?);
    }
    Ok(networks)
}

/// The files of weights that a name in a graph stands for; none if there is no such file.
fn paths(env: &Environment, folder: &str, name: &str) -> Vec<String> {
    let files = env.store.list();
    if folder == "vae" && TINY_VAES.contains(&name) {
        let half = |half| half_of(&files, name, half).map(str::to_owned);
        return ["encoder", "decoder"].into_iter().filter_map(half).collect();
    }
    let Ok(path) = model_path(env, folder, name) else { return Vec::new() };
    if files.contains(&path) {
        return if is_weights(&path) { vec![path] } else { Vec::new() };
    }
    let inside = format!("{path}/");
    let is_inside = |file: &String| file.starts_with(&inside) && file.ends_with(".safetensors");
    files.iter().filter(|file| is_inside(file)).cloned().collect()
}
