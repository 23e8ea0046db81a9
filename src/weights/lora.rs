//! Low-rank adaptations: what a small file adds to the weights of a network.
//!
//! Programs name the same thing in many ways; [`Lora::of`] sorts a file's tensors by the layer they change, whatever it
//! calls that, and [`Weights::with_lora`] adds to each weight what the file has for it. What the parts of a change are
//! multiplied to is `delta`, which names a layer has is `names`.
//!
//! # Source
//!
//! Hu et al. 2021, "LoRA"; Yeh et al. 2023, "Navigating text-to-image customization" (LyCORIS 3.2: LoCon, LoHa, LoKr).

mod delta;
mod names;

use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::Tensor;

use self::delta::Delta;
pub use self::names::Adapted;
use super::stored::Addition;
use super::{Place, Weights};
use crate::error::{Error, ErrorKind, Result};

/// True if a tensor of this name is a part of an adaptation, of a kind that is known here or not.
pub(super) fn is_part(name: &str) -> bool {
    names::split(name).is_some() || names::unsupported(name).is_some()
}

/// The changes that a file makes, by what it calls the layers.
#[derive(Debug)]
pub struct Lora {
    file: String,
    layers: BTreeMap<String, Rc<Delta>>,
}

/// Suffixes of the tensors that are read on the host: the numbers that say how strong a change is.
pub const LORA_HOST_TABLES: [&str; 1] = [".alpha"];

impl Lora {
    /// Sorts the tensors of a file, loaded with [`LORA_HOST_TABLES`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnsupportedModel`] for kinds of adaptation that are not known here, and for a file that is none.
    pub fn of(weights: Weights) -> Result<Self> {
        let file = weights.file;
        let mut layers: BTreeMap<String, Delta> = BTreeMap::new();
        let mut strange = None;
        for (name, entry) in weights.tensors {
            if let Some(what) = names::unsupported(&name) {
                let what = format!("a {what} (its tensor `{name}`)");
                return Err(Error::new(ErrorKind::UnsupportedModel { file, what })
                    .hint("use a LoRA, LoCon, LoHa or LoKr; programs that make the others can save them as one"));
            }
            match names::split(&name) {
                Some((layer, role)) => {
                    let tensor = match entry.place {
                        Place::Device(tensor) => delta::Part::Device(tensor),
                        #[cfg(feature = "cpu")]
                        Place::Kept(kept) => delta::Part::Device(Box::new(kept.tensor())),
                        #[cfg(feature = "webgpu")]
                        Place::Packed(packed) => delta::Part::Device(Box::new(packed.tensor())),
                        Place::Host(table) => delta::Part::Host(table.numbers()?),
                        Place::File(stored) => delta::Part::File(stored),
                    };
                    layers.entry(layer).or_default().put(role, entry.shape, tensor);
                }
                None => strange = Some(name),
            }
        }
        if layers.is_empty() {
            let what = match strange {
                Some(name) => format!("no LoRA: it has no change of a layer, but `{name}`"),
                None => "no LoRA: it has no tensors".to_owned(),
            };
            return Err(Error::new(ErrorKind::UnsupportedModel { file, what })
                .hint("choose a file that was saved as a LoRA"));
        }
        let layers = layers.into_iter().map(|(layer, delta)| (layer, Rc::new(delta))).collect();
        Ok(Self { file, layers })
    }

    /// Path of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many layers it changes.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// True if it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Names of the layers it changes, as the file has them.
    pub fn layers(&self) -> impl Iterator<Item = &str> {
        self.layers.keys().map(String::as_str)
    }
}

/// What became of an adaptation.
#[derive(Debug, Default)]
pub struct Changed {
    /// Names of the layers, in the file, that were found in the network.
    pub layers: Vec<String>,
    /// Memory of the changed weights.
    pub bytes: usize,
}

impl Weights {
    /// The same weights, each with what `lora` adds to it times `strength`; those it does not change are shared.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TensorShape`] for a change that is of another shape than its weight, as one for another family is.
    pub fn with_lora(
        &self,
        lora: &Lora,
        network: Adapted,
        strength: f32,
    ) -> Result<(Self, Changed)> {
        let names = network.names(self.shapes());
        let mut weights = self.clone();
        let mut changed = Changed::default();
        for (layer, delta) in &lora.layers {
            let Some(path) = names.get(layer) else { continue };
            for (kind, change) in delta.changes(&lora.file, layer)? {
                let name = format!("{path}.{kind}");
                let (file, layer) = (lora.file.clone(), layer.clone());
                let addition = LoraAddition { file, layer, kind, delta: delta.clone(), strength };
                changed.bytes += weights.add(&name, addition, change)?;
            }
            changed.layers.push(layer.clone());
        }
        Ok((weights, changed))
    }

    /// Adds to a weight; gives the memory that the sum takes.
    fn add(
        &mut self,
        name: &str,
        addition: LoraAddition,
        (shape, change): (Vec<usize>, Tensor<1>),
    ) -> Result<usize> {
        let LoraAddition { file, layer, .. } = &addition;
        let Some(entry) = self.tensors.get_mut(name) else {
            return Err(Error::new(ErrorKind::MissingTensor {
                file: self.file.clone(),
                tensor: name.to_owned(),
            })
            .hint(format!("`{file}` changes it; use a LoRA for this model's family")));
        };
        // A projection is a matrix here and a 1×1 convolution there: the numbers are the same.
        let numbers = |shape: &[usize]| shape.iter().product::<usize>();
        if numbers(&shape) != numbers(&entry.shape) || shape.first() != entry.shape.first() {
            return Err(Error::new(ErrorKind::TensorShape {
                file: file.clone(),
                tensor: layer.clone(),
                expected: entry.shape.clone(),
                got: shape,
            })
            .hint("use a LoRA for this model's family"));
        }
        match &mut entry.place {
            Place::Device(weight) => {
                **weight = (**weight).clone() + change * addition.strength;
                Ok(4 * weight.shape().num_elements())
            }
            #[cfg(feature = "cpu")]
            Place::Kept(weight) => {
                *weight = weight.plus(change * addition.strength, &entry.shape).into();
                Ok(weight.bytes())
            }
            #[cfg(feature = "webgpu")]
            Place::Packed(weight) => {
                *weight = weight.plus(change * addition.strength).into();
                Ok(weight.bytes())
            }
            // Added whenever it is read: the sum is what there is no memory for.
            Place::File(stored) => {
                stored.additions.push(Addition::Lora(addition));
                Ok(0)
            }
            Place::Host(_) => Err(Error::new(ErrorKind::UnsupportedModel {
                file: file.clone(),
                what: format!("a LoRA that changes the vocabulary (`{layer}`)"),
            })),
        }
    }
}

/// What an adaptation adds to one tensor.
#[derive(Debug, Clone)]
pub(super) struct LoraAddition {
    file: String,
    layer: String,
    kind: &'static str,
    delta: Rc<Delta>,
    strength: f32,
}

impl LoraAddition {
    /// The numbers, flattened.
    pub(super) fn numbers(&self) -> Result<Tensor<1>> {
        let changes = self.delta.changes(&self.file, &self.layer)?;
        let ours = changes.into_iter().filter(|(kind, _)| *kind == self.kind);
        let sum = ours.map(|(_, (_, numbers))| numbers).reduce(|sum, numbers| sum + numbers);
        Ok(sum.expect("it was made for a change of this kind") * self.strength)
    }
}
