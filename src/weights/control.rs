//! Names of control nets and T2I-Adapters in other programs' files, translated to diffusers'.
//!
//! The first control nets are the lower half of a UNet with ldm's names, mostly under `control_model.`; the authors'
//! adapters have one list of residual blocks. Source: the names in the published files; diffusers 0.42
//! `single_file_utils.py` agrees (`tests/reference/controlnets.py`).

use std::collections::BTreeMap;

use super::ldm::{self, Levels};
use super::lora::{Adapted, Lora};
use super::stored::Addition;
use super::{Place, Weights};
use crate::error::{Error, ErrorKind, Result};

/// What a control net's names begin with in most of the files with ldm's names; some of those hold the whole checkpoint
/// that it was trained with beside it.
pub const CONTROL_MODEL: &str = "control_model.";

/// What to do about differences to another network.
const MADE_FOR: &str = "load the model that the differences were made for";

impl Weights {
    /// The tensors of a control net or T2I-Adapter, whichever program saved them, under diffusers' names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadHeader`] if two are the same one.
    pub fn of_control(self) -> Result<Self> {
        let below = |name: &str| name.strip_prefix(CONTROL_MODEL).unwrap_or(name).to_owned();
        let weights = self.renamed(below)?;
        if weights.has("zero_convs.0.0.weight") {
            let levels = Levels::of(weights.tensors.keys().map(String::as_str));
            let ours = |name: &str| control(name).or_else(|| ldm::unet(name, &levels));
            return weights.renamed(|name| ours(name).unwrap_or_else(|| name.to_owned()));
        }
        let is_light = weights.has("body.0.in_conv.weight");
        if is_light || weights.has("body.0.block1.weight") {
            let blocks = weights.count(|i| format!("body.{i}.block1.weight"));
            let ours = |name: &str| adapter(name, (!is_light).then_some(blocks / LEVELS));
            return weights.renamed(|name| ours(name).unwrap_or_else(|| name.to_owned()));
        }
        Ok(weights)
    }

    /// Makes whole weights of differences to those `base` has of wanted names: adds them, and takes from there what is not
    /// here since nothing differs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TensorShape`] if they are differences to another network.
    pub fn add_base(&mut self, base: &Self, wanted: impl Fn(&str) -> bool) -> Result<()> {
        for (name, entry) in base.tensors.iter().filter(|(name, _)| wanted(name)) {
            let Some(own) = self.tensors.get_mut(name) else {
                self.tensors.insert(name.clone(), entry.clone());
                continue;
            };
            if own.shape != entry.shape {
                return Err(Error::new(ErrorKind::TensorShape {
                    file: self.file.clone(),
                    tensor: name.clone(),
                    expected: entry.shape.clone(),
                    got: own.shape.clone(),
                })
                .hint(MADE_FOR));
            }
            let base = match &entry.place {
                Place::Device(base) => Addition::Held(base.clone()),
                #[cfg(feature = "cpu")]
                Place::Kept(base) => Addition::Held(Box::new(base.tensor())),
                #[cfg(feature = "webgpu")]
                Place::Packed(base) => Addition::Held(Box::new(base.tensor())),
                Place::File(base) => Addition::Stored(base.clone()),
                Place::Host(_) => continue,
            };
            match &mut own.place {
                Place::Device(own) => {
                    **own = (**own).clone() + base.numbers()?;
                }
                #[cfg(feature = "cpu")]
                Place::Kept(kept) => *kept = kept.plus(base.numbers()?, &own.shape).into(),
                #[cfg(feature = "webgpu")]
                Place::Packed(own) => *own = own.plus(base.numbers()?).into(),
                Place::File(own) => own.additions.push(base),
                Place::Host(_) => {}
            }
        }
        Ok(())
    }

    /// Takes weights that are not here from those `base` has of wanted names, and adds to them the products of `up` and
    /// `down` that are here (Control-LoRA).
    ///
    /// # Errors
    ///
    /// As [`Weights::with_lora`], and [`ErrorKind::UnusedTensors`] for differences to what `base` does not have.
    pub fn take_base(self, base: &Self, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let Self { file, device, tensors } = self;
        let of = |tensors| Self { file: file.clone(), device: device.clone(), tensors };
        let is_low = |name: &str| name.ends_with(".up") || name.ends_with(".down");
        let (low, mut whole): (BTreeMap<_, _>, BTreeMap<_, _>) =
            tensors.into_iter().partition(|(name, _)| is_low(name));
        for (name, entry) in base.tensors.iter().filter(|(name, _)| wanted(name)) {
            whole.entry(name.clone()).or_insert_with(|| entry.clone());
        }
        let as_lora = |name: &str| {
            let (layer, part) = name.rsplit_once('.').unwrap_or((name, ""));
            format!("{layer}.lora_{part}.weight")
        };
        let lora = Lora::of(of(low).renamed(as_lora)?)?;
        let (weights, changed) =
            of(whole).with_lora(&lora, Adapted::Unet, 1.0).map_err(|error| error.hint(MADE_FOR))?;
        let lost = lora.layers().filter(|layer| !changed.layers.iter().any(|one| one == layer));
        let names: Vec<String> = lost.map(str::to_owned).collect();
        if names.is_empty() {
            return Ok(weights);
        }
        Err(Error::new(ErrorKind::UnusedTensors { file, names }).hint(MADE_FOR))
    }

    /// How many tensors of consecutive numbers there are: `name(0)`, `name(1)` and so on.
    fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..).take_while(|i| self.has(&name(*i))).count()
    }
}

/// Maps that an adapter makes.
const LEVELS: usize = 4;

/// Our name of what a control net has besides a UNet's lower half; nothing for other names.
fn control(name: &str) -> Option<String> {
    if let Some(rest) = name.strip_prefix("middle_block_out.0.") {
        return Some(format!("controlnet_mid_block.{rest}"));
    }
    let (list, rest) = name.split_once('.')?;
    let (i, rest) = ldm::number(rest)?;
    match (list, i) {
        ("zero_convs", _) => {
            let rest = rest.strip_prefix("0.")?;
            Some(format!("controlnet_down_blocks.{i}.{rest}"))
        }
        // Every other one of the list is an activation; the first and the last have names of their own.
        ("input_hint_block", 0) => Some(format!("controlnet_cond_embedding.conv_in.{rest}")),
        ("input_hint_block", 14) => Some(format!("controlnet_cond_embedding.conv_out.{rest}")),
        ("input_hint_block", _) if i % 2 == 0 => {
            Some(format!("controlnet_cond_embedding.blocks.{}.{rest}", i / 2 - 1))
        }
        _ => None,
    }
}

/// Our name of an adapter's tensor. The full one has a list of residual blocks, of which `layers` are a level's; the
/// light one, without `layers`, a list of levels.
fn adapter(name: &str, layers: Option<usize>) -> Option<String> {
    let Some(rest) = name.strip_prefix("body.") else {
        return name.starts_with("conv_in.").then(|| format!("adapter.{name}"));
    };
    let (i, rest) = ldm::number(rest)?;
    let Some(layers) = layers.filter(|layers| *layers > 0) else {
        let rest = rest.replacen("body.", "resnets.", 1);
        return Some(format!("adapter.body.{i}.{rest}"));
    };
    let (level, layer) = (i / layers, i % layers);
    Some(match rest.strip_prefix("in_conv.") {
        Some(rest) if layer == 0 => format!("adapter.body.{level}.in_conv.{rest}"),
        _ => format!("adapter.body.{level}.resnets.{layer}.{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_control_nets_have_gets_our_names() {
        for (theirs, ours) in [
            ("zero_convs.11.0.bias", Some("controlnet_down_blocks.11.bias")),
            ("middle_block_out.0.weight", Some("controlnet_mid_block.weight")),
            ("input_hint_block.0.weight", Some("controlnet_cond_embedding.conv_in.weight")),
            ("input_hint_block.2.weight", Some("controlnet_cond_embedding.blocks.0.weight")),
            ("input_hint_block.12.bias", Some("controlnet_cond_embedding.blocks.5.bias")),
            ("input_hint_block.14.bias", Some("controlnet_cond_embedding.conv_out.bias")),
            ("input_hint_block.3.bias", None),
            ("zero_convs.1.1.bias", None),
            ("zero_convs.1", None),
            ("input_blocks.1.0.in_layers.0.weight", None),
            ("", None),
        ] {
            assert_eq!(control(theirs).as_deref(), ours, "{theirs}");
        }
    }

    #[test]
    fn blocks_of_adapters_are_counted_by_levels() {
        for (theirs, layers, ours) in [
            ("conv_in.weight", Some(2), Some("adapter.conv_in.weight")),
            ("body.0.block1.weight", Some(2), Some("adapter.body.0.resnets.0.block1.weight")),
            ("body.5.block2.bias", Some(2), Some("adapter.body.2.resnets.1.block2.bias")),
            ("body.2.in_conv.weight", Some(2), Some("adapter.body.1.in_conv.weight")),
            ("body.3.body.1.block1.bias", None, Some("adapter.body.3.resnets.1.block1.bias")),
            ("body.3.out_conv.bias", None, Some("adapter.body.3.out_conv.bias")),
            ("body.x.out_conv.bias", None, None),
            ("tail.weight", None, None),
        ] {
            assert_eq!(adapter(theirs, layers).as_deref(), ours, "{theirs}");
        }
    }
}
