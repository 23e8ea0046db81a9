//! safetensors ranges → tensors on the device.
//!
//! [`Weights::load`] reads a file tensor by tensor in the order they lie in it, checks each against the
//! format's rules and uploads it at once, so the host never holds a checkpoint: as f32, on a GPU as the file has it
//! (`packed`), or in eight bits if asked ([`WeightsFile::eight_bits`]); what there is no memory
//! for stays in the file ([`WeightsFile::later`], [`WeightsFile::encoders_later`]); bundled files are hashed on the way,
//! names of older programs become today's (`keys`). A network then takes its parameters by name ([`Weights::conv2d`], …)
//! and [`Weights::finish`] complains of
//! what is left. Nothing here knows which network it fills.

pub mod checkpoint;
mod control;
mod dtype;
mod file;
pub mod identify;
mod keys;
mod ldm;
pub mod lora;
mod open_clip;
#[cfg(feature = "webgpu")]
mod packed;
pub mod safetensors;
mod stored;
mod table;
mod torch;

use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::{Device, Tensor, TensorData};

use self::checkpoint::Cut;
pub use self::control::CONTROL_MODEL;
pub use self::dtype::Dtype;
pub use self::file::{WeightsFile, keeps_half};
use self::safetensors::TensorInfo;
use self::stored::Stored;
pub use self::table::Table;
use crate::device;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "cpu")]
use crate::ops::Kept;
#[cfg(feature = "webgpu")]
use crate::ops::Packed;
use crate::ops::{Conv2d, GroupNorm, LayerNorm, Linear, Padding, Weight};
use crate::store::{ByteSource, Progress};

/// The tensors of one file, on the device, waiting to be taken by name. A clone shares them.
#[derive(Debug, Clone)]
pub struct Weights {
    file: String,
    device: Device,
    tensors: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    shape: Vec<usize>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// Flattened, as f32.
    Device(Box<Tensor<1>>),
    #[cfg(feature = "cpu")]
    Kept(Rc<Kept>),
    #[cfg(feature = "webgpu")]
    Packed(Rc<Packed>),
    Host(Table),
    File(Box<Stored>),
}

impl Weights {
    /// Reads every tensor of a safetensors file onto `device`, except those whose name ends in one of
    /// `host_tables`, which stay on the host. `progress` is told the bytes read and the bytes in all.
    ///
    /// # Errors
    ///
    /// Every breach of the format (see [`safetensors`]), a read that fails, integers for weights, and for a
    /// bundled file a SHA-256 that differs from the manifest.
    pub async fn load(
        source: &dyn ByteSource,
        device: &Device,
        host_tables: &[&str],
        progress: Progress<'_>,
    ) -> Result<Self> {
        WeightsFile::open(source).await?.load(device, host_tables, progress).await
    }

    /// No tensors yet.
    fn none(file: &str, device: &Device) -> Self {
        Self { file: file.to_owned(), device: device.clone(), tensors: BTreeMap::new() }
    }

    /// Adds a part of a tensor that stays in its file.
    fn insert_stored(&mut self, name: String, stored: Stored, host_tables: &[&str]) -> Result<()> {
        if self.tensors.contains_key(&name) {
            return Err(twice(&self.file, &name));
        }
        let shape = stored.cut.shape(&stored.tensor.shape);
        let is_table = host_tables.iter().any(|suffix| name.ends_with(suffix));
        self.check_integers(&stored.tensor, &stored.cut, is_table)?;
        let place = match is_table && stored.cut == Cut::Whole {
            true => Place::Host(Table::stored(shape.last().copied().unwrap_or(1), stored)),
            false => Place::File(Box::new(stored)),
        };
        self.tensors.insert(name, Entry { shape, place });
        Ok(())
    }

    /// Refuses integers that are no weights, and those that are where they cannot be used: in parts, or as rows.
    fn check_integers(&self, tensor: &TensorInfo, cut: &Cut, is_table: bool) -> Result<()> {
        let is_weights = tensor.is_scaled() && *cut == Cut::Whole && !is_table;
        match tensor.dtype {
            Dtype::Integer { .. } if !is_weights => Err(tensor.refused(&self.file)),
            _ => Ok(()),
        }
    }

    /// Adds a part of a tensor that was read; with `eight_bits`, a matrix or kernel is kept so.
    fn insert(
        &mut self,
        name: String,
        cut: &Cut,
        tensor: &TensorInfo,
        bytes: Vec<u8>,
        host_tables: &[&str],
        eight_bits: bool,
    ) -> Result<()> {
        if self.tensors.contains_key(&name) {
            return Err(twice(&self.file, &name));
        }
        let is_table = host_tables.iter().any(|suffix| name.ends_with(suffix));
        self.check_integers(tensor, cut, is_table)?;
        let bytes = cut.of(bytes, &tensor.shape, tensor.dtype.bytes());
        let shape = cut.shape(&tensor.shape);
        let is_whole = *cut == Cut::Whole;
        let keeps_eight = device::is_cpu(&self.device) && is_whole && shape.len() > 1;
        #[cfg(feature = "webgpu")]
        if !bytes.is_empty()
            && !is_table
            && let Some(packed) = self.packed(tensor, &shape, &bytes, is_whole && eight_bits)?
        {
            self.tensors.insert(name, Entry { shape, place: Place::Packed(Rc::new(packed)) });
            return Ok(());
        }
        // An array without numbers is no array on a device; whoever takes it will say what shape is wanted.
        let place = if bytes.is_empty() || is_table {
            let width = shape.last().copied().unwrap_or(1);
            Place::Host(Table::new(tensor.dtype, width, bytes))
        } else if keeps_eight && (tensor.is_scaled() || eight_bits) {
            let bytes = match tensor.is_scaled() {
                true => bytes,
                false => dtype::narrow_rows(&tensor.widen(&self.file, &bytes)?, shape[0]),
            };
            let stored = Stored::eight_bits(&self.file, tensor, bytes, &self.device);
            Place::File(Box::new(stored))
        } else {
            self.place(tensor.widen(&self.file, &bytes)?, &shape)
        };
        self.tensors.insert(name, Entry { shape, place });
        Ok(())
    }

    /// Where numbers go that are held as f32.
    #[cfg_attr(
        not(feature = "cpu"),
        expect(unused_variables, reason = "a GPU keeps them in a row")
    )]
    fn place(&self, numbers: Vec<f32>, shape: &[usize]) -> Place {
        #[cfg(feature = "cpu")]
        if device::is_cpu(&self.device) && shape.len() > 1 {
            return Place::Kept(Rc::new(Kept::new(&numbers, shape)));
        }
        Place::Device(Box::new(upload(numbers, &self.device)))
    }

    /// The device the tensors are on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Path of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Memory the tensors not yet taken occupy on the device, or in eight bits for it.
    pub fn device_bytes(&self) -> usize {
        let bytes = |entry: &Entry| match &entry.place {
            Place::Device(tensor) => 4 * tensor.shape().num_elements(),
            #[cfg(feature = "cpu")]
            Place::Kept(kept) => kept.bytes(),
            #[cfg(feature = "webgpu")]
            Place::Packed(packed) => packed.bytes(),
            Place::File(stored) => stored.held,
            Place::Host(_) => 0,
        };
        self.tensors.values().map(bytes).sum()
    }

    /// Names and shapes of the tensors not yet taken.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> + Clone {
        self.tensors.iter().map(|(name, entry)| (name.as_str(), entry.shape.as_slice()))
    }

    /// The same tensors under other names: what `name` makes of each.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadHeader`] if two get the same name.
    pub fn renamed(self, name: impl Fn(&str) -> String) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for (old, entry) in self.tensors {
            let new = name(&old);
            if tensors.contains_key(&new) {
                return Err(twice(&self.file, &new));
            }
            tensors.insert(new, entry);
        }
        Ok(Self { tensors, ..self })
    }

    /// Forgets the tensors of these names.
    pub fn forget(&mut self, unwanted: impl Fn(&str) -> bool) {
        self.tensors.retain(|name, _| !unwanted(name));
    }

    /// True if the file has a tensor of that name that nobody has taken.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Sides of a tensor that nobody has taken: what a network without a config is made of.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::MissingTensor`], and [`ErrorKind::BadFile`] if it has another number of axes.
    pub fn sides<const D: usize>(&self, name: &str) -> Result<[usize; D]> {
        let shape = &self.tensors.get(name).ok_or_else(|| self.missing(name))?.shape[..];
        shape.try_into().map_err(|_| {
            let why = format!("`{name}` has {} axes, expected {D}", shape.len());
            ErrorKind::BadFile { file: self.file.clone(), why }.into()
        })
    }

    /// Takes a tensor as f32, checking its shape. A trailing `[…, 1, 1]` on either side makes no difference:
    /// the same projection is stored as a linear layer in one checkpoint and as a 1×1 convolution in another.
    pub fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Tensor<D>> {
        Ok(match self.take(name, &shape)?.place {
            Place::Device(flat) => *flat,
            #[cfg(feature = "cpu")]
            Place::Kept(kept) => kept.tensor(),
            #[cfg(feature = "webgpu")]
            Place::Packed(packed) => packed.tensor(),
            Place::Host(table) => upload(table.numbers()?, &self.device),
            Place::File(stored) => stored.tensor()?,
        }
        .reshape(shape))
    }

    /// As [`Weights::tensor`], where and in the number format it is kept.
    fn weight<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Weight<D>> {
        Ok(match self.take(name, &shape)?.place {
            Place::Device(flat) => flat.reshape(shape).into(),
            #[cfg(feature = "cpu")]
            Place::Kept(kept) => Weight::Kept(kept, shape),
            #[cfg(feature = "webgpu")]
            Place::Packed(packed) => Weight::Packed(packed),
            Place::Host(table) => upload(table.numbers()?, &self.device).reshape(shape).into(),
            Place::File(stored) => Weight::Read(Rc::new(*stored), shape),
        })
    }

    /// Takes a table that was kept on the host.
    pub fn table(&mut self, name: &str, rows: usize, width: usize) -> Result<Table> {
        match self.take(name, &[rows, width])?.place {
            Place::Host(table) => Ok(table),
            _ => Err(ErrorKind::MissingTensor {
                file: self.file.clone(),
                tensor: format!("{name} (as a host table)"),
            }
            .into()),
        }
    }

    /// Takes `path.weight` and, if `bias`, `path.bias`.
    pub fn linear(
        &mut self,
        path: &str,
        inputs: usize,
        outputs: usize,
        bias: bool,
    ) -> Result<Linear> {
        let weight = self.weight(&format!("{path}.weight"), [outputs, inputs])?;
        let bias = bias.then(|| self.tensor(&format!("{path}.bias"), [outputs])).transpose()?;
        Ok(Linear::new(weight, bias))
    }

    /// Takes a convolution with bias.
    pub fn conv2d(
        &mut self,
        path: &str,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Result<Conv2d> {
        let weight = self.weight(&format!("{path}.weight"), [outputs, inputs, kernel, kernel])?;
        let bias = self.tensor(&format!("{path}.bias"), [outputs])?;
        Ok(Conv2d::new(weight, Some(bias), stride, padding))
    }

    /// Takes a convolution that has no bias.
    pub fn conv2d_without_bias(
        &mut self,
        path: &str,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Result<Conv2d> {
        let weight = self.weight(&format!("{path}.weight"), [outputs, inputs, kernel, kernel])?;
        Ok(Conv2d::new(weight, None, stride, padding))
    }

    /// Takes a group normalisation.
    pub fn group_norm(
        &mut self,
        path: &str,
        channels: usize,
        groups: usize,
        eps: f64,
    ) -> Result<GroupNorm> {
        let (weight, bias) = self.scale_and_shift(path, channels)?;
        Ok(GroupNorm::new(weight, bias, groups, eps))
    }

    /// Takes a layer normalisation.
    pub fn layer_norm(&mut self, path: &str, width: usize, eps: f64) -> Result<LayerNorm> {
        let (weight, bias) = self.scale_and_shift(path, width)?;
        Ok(LayerNorm::new(weight, bias, eps))
    }

    /// Ends the taking.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnusedTensors`] if any tensor was not taken.
    pub fn finish(self) -> Result<()> {
        let names: Vec<String> = self.tensors.into_keys().collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::UnusedTensors { file: self.file, names })
            .hint("the config beside the file describes a smaller network: use the config it was saved with"))
    }

    fn scale_and_shift(&mut self, path: &str, width: usize) -> Result<(Tensor<1>, Tensor<1>)> {
        let weight = self.tensor(&format!("{path}.weight"), [width])?;
        let bias = self.tensor(&format!("{path}.bias"), [width])?;
        Ok((weight, bias))
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Entry> {
        let Some(entry) = self.tensors.remove(name) else { return Err(self.missing(name)) };
        if without_unit_kernel(&entry.shape) == without_unit_kernel(shape) {
            return Ok(entry);
        }
        Err(Error::new(ErrorKind::TensorShape {
            file: self.file.clone(),
            tensor: name.to_owned(),
            expected: shape.to_vec(),
            got: entry.shape,
        })
        .hint("the config beside the file does not describe it: use the config it was saved with"))
    }

    fn missing(&self, name: &str) -> Error {
        let near = crate::error::nearest(name, self.tensors.keys().map(String::as_str));
        let (file, tensor) = (self.file.clone(), name.to_owned());
        let error = Error::new(ErrorKind::MissingTensor { file, tensor });
        match near {
            Some(near) => error
                .hint(format!("the file has `{near}`; is the config the one it was saved with?")),
            None => error.hint("the file is of another network, or incomplete"),
        }
    }
}

fn twice(file: &str, name: &str) -> Error {
    let why = format!("it has `{name}` under another name, too");
    ErrorKind::BadHeader { file: file.to_owned(), why }.into()
}

/// Host numbers onto the device, in memory that is not recycled for activations.
fn upload(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let shape = [values.len()];
    let data = TensorData::new(values, shape);
    device.memory_persistent_allocations(data, |data| Tensor::from_data(data, device))
}

fn without_unit_kernel(shape: &[usize]) -> &[usize] {
    match shape {
        [inner @ .., 1, 1] if inner.len() == 2 => inner,
        _ => shape,
    }
}
