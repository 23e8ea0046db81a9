//! Nodes that load what steers a denoising network by a picture.

use std::rc::Rc;

use super::read::{open, read};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema, Value};
use crate::models::controlnet::ControlNetConfig;
use crate::models::{ControlNetModel, T2iAdapter, Unet};
use crate::nodes::Environment;
use crate::nodes::folders::{model_path, stem};
use crate::nodes::values::{CONTROL_NET, ControlNet, Model};
use crate::store;
use crate::weights::checkpoint::Shapes;
use crate::weights::identify::{FileKind, identify};
use crate::weights::safetensors::TensorInfo;
use crate::weights::{CONTROL_MODEL, Weights};

const NAME: Input = Input::folder("control_net_name", "controlnet")
    .doc("The file's name in the models folder: a ControlNet or a T2I-Adapter.");
const OUTPUTS: &[Output] = &[Output::new(CONTROL_NET)];

/// A file → a control net.
pub(super) const CONTROL_NET_LOADER: Function = Function::waiting(
    &Schema::new("ControlNetLoader", "Load ControlNet Model", "loaders")
        .doc("Loads a network that steers another one by a picture: by its outlines, depths or poses.")
        .inputs(&[NAME])
        .outputs(OUTPUTS),
    |inputs, cx| Box::pin(async move { load(&inputs, None, cx).await }),
);

/// A model and a file of differences to its weights → a control net.
pub(super) const DIFF_CONTROL_NET_LOADER: Function = Function::waiting(
    &Schema::new("DiffControlNetLoader", "Load ControlNet Model (diff)", "loaders")
        .doc("As ControlNetLoader, also for files that hold the difference to a model's weights, and for Control-LoRAs.")
        .inputs(&[
            Input::link("model", Kind::MODEL).doc("The model that the control net will steer."),
            NAME,
        ])
        .outputs(OUTPUTS),
    |inputs, cx| Box::pin(diff_control_net_loader(inputs, cx)),
);

async fn diff_control_net_loader(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let model = inputs.object::<Model>("model")?;
    load(&inputs, Some(&model.unet), cx).await
}

/// `base` is the network whose weights differences are added to.
async fn load(inputs: &Inputs, base: Option<&Unet>, cx: &Context<'_>) -> Result<Outputs> {
    let path = model_path(cx.env(), "controlnet", inputs.string("control_net_name")?)?;
    let device = &cx.env::<Environment>().device;
    let (mut is_difference, mut is_low_rank) = (false, false);
    let weights = read(cx, &path, async |source, progress| {
        let file = open(cx.env(), source).await?;
        let is_below = check(&path, file.tensors())?;
        let has = |mark| file.tensors().iter().any(|tensor| tensor.name == mark);
        (is_difference, is_low_rank) = (has(DIFFERENCE), has(LOW_RANK));
        if (is_difference || is_low_rank) && base.is_none() {
            return Err(difference(&path));
        }
        let is_mark = |name: &str| name == DIFFERENCE || name == LOW_RANK;
        let wanted = |name: &str| !is_mark(name) && (!is_below || name.starts_with(CONTROL_MODEL));
        file.load_only(wanted, device, &[], progress).await
    })
    .await?;
    let mut weights = weights.of_control()?;
    if let Some(base) = base.filter(|_| is_difference) {
        base.complete(&mut weights)?;
    }
    if let Some(base) = base.filter(|_| is_low_rank) {
        weights = base.lend(weights)?;
    }
    let bytes = weights.device_bytes();
    let is_net = weights.shapes().any(|(name, _)| name.starts_with("controlnet_"));
    let net = if is_net {
        let mut config = match beside(cx.env(), &path).await? {
            Some((file, text)) => ControlNetConfig::parse(&file, &text)?,
            None => ControlNetConfig::from_shapes(&path, &shapes(&weights))?,
        };
        // No tensor tells; those who made it told it by the name.
        let stem = stem(&path).unwrap_or(&path);
        config.pooled |= ["_shuffle", "_shuffle_fp16"].iter().any(|end| stem.ends_with(end));
        ControlNet::Net(Rc::new(ControlNetModel::load(config, weights)?))
    } else {
        ControlNet::Adapter(Rc::new(T2iAdapter::load(weights)?))
    };
    Ok(Outputs::new(vec![Value::object(CONTROL_NET, bytes, net)]))
}

fn shapes(weights: &Weights) -> Shapes {
    weights.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect()
}

/// What a file with differences to a model's weights has a tensor called.
const DIFFERENCE: &str = "difference";

/// The same of a file with low-rank differences (Control-LoRA).
const LOW_RANK: &str = "lora_controlnet";

fn difference(path: &str) -> Error {
    Error::new(ErrorKind::Mismatch {
        what: "weights of the control net",
        expected: "whole ones".to_owned(),
        got: format!("differences to a model's in `{path}`"),
    })
    .hint("load it with `DiffControlNetLoader`, with the model that it will steer")
}

/// The `config.json` in a net's own folder, as diffusers saves it.
async fn beside(env: &Environment, path: &str) -> Result<Option<(String, String)>> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let config = format!("{folder}/config.json");
    // The folder of all nets is nobody's own.
    if !folder.contains('/') || !env.store.list().contains(&config) {
        return Ok(None);
    }
    let text = store::read_text(&*env.store, &config).await?;
    Ok(Some((config, text)))
}

/// Beginnings of names that tell nets that cannot be used here, what those are, and what to do.
const OTHERS: [(&str, &str, &str); 4] = [
    ("task_embedding", "a control net for several kinds of pictures", SINGLE),
    ("control_add_embedding.", "a control net for several kinds of pictures", SINGLE),
    ("controlnet_blocks.", "a control net of SD3 or FLUX", WHOLE),
    ("backbone.", "a control net of Stable Cascade", WHOLE),
];
const WHOLE: &str = "use a whole control net of Stable Diffusion 1.x, 2.x or SDXL";
const SINGLE: &str = "use a control net for one kind of picture";

/// Refuses what is neither a control net nor an adapter, before it is read. Gives whether the net lies below a name of its
/// own, maybe in a whole checkpoint.
fn check(path: &str, tensors: &[TensorInfo]) -> Result<bool> {
    let has = |start: &str| tensors.iter().any(|tensor| tensor.name.starts_with(start));
    if has(CONTROL_MODEL) {
        return Ok(true);
    }
    let file = path.to_owned();
    let unsupported =
        |what, hint| Error::new(ErrorKind::UnsupportedModel { file, what }).hint(hint);
    if let Some((_, what, hint)) = OTHERS.iter().find(|(start, ..)| has(start)) {
        return Err(unsupported((*what).to_owned(), *hint));
    }
    match identify(tensors) {
        Ok(FileKind::ControlNet) => Ok(false),
        Ok(kind) => {
            let (file, what) = (path.to_owned(), kind.name().to_owned());
            let expected = "a ControlNet or a T2I-Adapter";
            let (folder, loader) = (kind.folder(), kind.loader());
            Err(Error::new(ErrorKind::WrongModel { file, what, expected })
                .hint(format!("put it into `{folder}` and load it with `{loader}`")))
        }
        Err(what) => Err(unsupported(what, WHOLE)),
    }
}
