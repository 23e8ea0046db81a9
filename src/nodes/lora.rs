//! Nodes that add a LoRA to a loaded model.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::folders::model_path;
use super::loaders::load_file;
use super::values::{Clip, Model, TextEncoder};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Function, Input, Inputs, Kind, Node, Output, Outputs, Schema, Value};
use crate::models::Family;
use crate::weights::lora::{Adapted, LORA_HOST_TABLES, Lora};

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[&LORA_LOADER, &LORA_LOADER_MODEL_ONLY];

const MODEL: Input = Input::link("model", Kind::MODEL).doc("The network that paints.");
const NAME: Input =
    Input::folder("lora_name", "loras").doc("The LoRA's name in the models folder.");
const STRENGTH_MODEL: Input = Input::float("strength_model", 1.0, -100.0..=100.0, 0.01)
    .doc("How much of it the network that paints gets; negative turns it round.");

/// A model and its text encoder with a LoRA.
const LORA_LOADER: Function = Function::waiting(
    &Schema::new("LoraLoader", "Load LoRA", "loaders")
        .doc("Adds a LoRA, a small file that teaches a model a style, a subject or a trick. Several in a row add up.")
        .inputs(&[
            MODEL,
            Input::link("clip", Kind::CLIP).doc("The network that reads the prompt."),
            NAME,
            STRENGTH_MODEL,
            Input::float("strength_clip", 1.0, -100.0..=100.0, 0.01)
                .doc("How much of it the network that reads the prompt gets."),
        ])
        .outputs(&[Output::new(Kind::MODEL), Output::new(Kind::CLIP)]),
    |inputs, cx| Box::pin(lora_loader(inputs, cx)),
);

async fn lora_loader(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let (model, clip) = (inputs.object::<Model>("model")?, inputs.object::<Clip>("clip")?);
    let strengths = [strength(&inputs, "strength_model")?, strength(&inputs, "strength_clip")?];
    if strengths == [0.0, 0.0] {
        return Ok(Outputs::new(vec![(*model).clone().into(), clip_value((*clip).clone(), 0)]));
    }
    let mut adding = Adding::load(&inputs, cx).await?;
    let model = adding.add_to_model(&model, strengths[0])?;
    cx.checkpoint().await?;
    let clip = adding.add_to_clip(&clip, strengths[1])?;
    adding.tell(cx, false)?;
    Ok(Outputs::new(vec![model, clip]))
}

/// A model with a LoRA, whose prompts are read without it.
const LORA_LOADER_MODEL_ONLY: Function = Function::waiting(
    &Schema::new("LoraLoaderModelOnly", "Load LoRA", "loaders")
        .doc("Adds a LoRA to the network that paints only.")
        .inputs(&[MODEL, NAME, STRENGTH_MODEL])
        .outputs(&[Output::new(Kind::MODEL)]),
    |inputs, cx| Box::pin(lora_loader_model_only(inputs, cx)),
);

async fn lora_loader_model_only(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
    let model = inputs.object::<Model>("model")?;
    let strength = strength(&inputs, "strength_model")?;
    if strength == 0.0 {
        return Ok(Outputs::one((*model).clone()));
    }
    let mut adding = Adding::load(&inputs, cx).await?;
    let model = adding.add_to_model(&model, strength)?;
    adding.tell(cx, true)?;
    Ok(Outputs::new(vec![model]))
}

fn strength(inputs: &Inputs, name: &'static str) -> Result<f32> {
    let strength = inputs.float(name)? as f32;
    if strength.is_finite() {
        Ok(strength)
    } else {
        Err(ErrorKind::NotFinite { input: name }.into())
    }
}

/// A LoRA on its way into the networks.
struct Adding {
    lora: Lora,
    /// Layers of the file that were found in a network.
    found: BTreeSet<String>,
    family: &'static str,
}

impl Adding {
    async fn load(inputs: &Inputs, cx: &Context<'_>) -> Result<Self> {
        let path = model_path(cx.env(), "loras", inputs.string("lora_name")?)?;
        let lora = Lora::of(load_file(cx, &path, &LORA_HOST_TABLES).await?)?;
        Ok(Self { lora, found: BTreeSet::new(), family: "" })
    }

    fn add_to_model(&mut self, model: &Model, strength: f32) -> Result<Value> {
        self.family = Family::of(model.unet.config()).name();
        let (unet, changed) = model.unet.with_lora(&self.lora, strength)?;
        self.found.extend(changed.layers);
        let model = Model { unet: Rc::new(unet), ..model.clone() };
        Ok(Value::object(Kind::MODEL, changed.bytes, model))
    }

    fn add_to_clip(&mut self, clip: &Clip, strength: f32) -> Result<Value> {
        let mut bytes = 0;
        let mut encoders = Vec::new();
        for (i, encoder) in clip.encoders.iter().enumerate() {
            let network = match clip.encoders.len() {
                1 => Adapted::TextEncoder,
                _ => Adapted::TextEncoderOf(i),
            };
            let (model, changed) = encoder.model.with_lora(&self.lora, network, strength)?;
            self.found.extend(changed.layers);
            bytes += changed.bytes;
            encoders.push(encoder.with(model));
        }
        let encoders: Rc<[TextEncoder]> = encoders.into();
        Ok(clip_value(Clip { encoders, layer: clip.layer }, bytes))
    }

    /// Tells of layers that were found nowhere; a LoRA of which nothing was found is for another family.
    fn tell(&self, cx: &Context<'_>, model_only: bool) -> Result<()> {
        let file = self.lora.file();
        if self.found.is_empty() {
            return Err(Error::new(ErrorKind::Mismatch {
                what: "LoRA",
                expected: format!("one for {}", self.family),
                got: format!("`{file}`, none of whose {} layers this model has", self.lora.len()),
            })
            .hint("choose a LoRA that was made for this model's family"));
        }
        let of_text =
            |layer: &str| layer.starts_with("lora_te") || layer.starts_with("text_encoder");
        let lost = self.lora.layers().filter(|layer| !self.found.contains(*layer));
        let lost: Vec<&str> = lost.filter(|layer| !(model_only && of_text(layer))).collect();
        if let Some(first) = lost.first() {
            let (count, all) = (lost.len(), self.lora.len());
            cx.notice(format!("{count} of the {all} layers of `{file}` are not in this model, among them `{first}`"));
        }
        Ok(())
    }
}

fn clip_value(clip: Clip, bytes: usize) -> Value {
    Value::object(Kind::CLIP, bytes, clip)
}
