//! Tensors that stay in their file and are read each time they are used, where a model is larger than memory.

use std::fmt;
use std::rc::Rc;

use burn::tensor::{Device, Tensor, TensorData};

use super::Dtype;
use super::checkpoint::Cut;
use super::lora::LoraAddition;
use super::safetensors::{Scaling, TensorInfo};
use crate::device;
use crate::error::Result;
use crate::ops;
use crate::store::{ByteSource, MemorySource};

/// A tensor, or a part of one, in its file.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) source: Rc<dyn ByteSource>,
    /// Where the file's tensors begin.
    pub(super) data_start: u64,
    pub(super) tensor: TensorInfo,
    pub(super) cut: Cut,
    pub(super) device: Device,
    /// What is added to it whenever it is read.
    pub(super) additions: Vec<Addition>,
    /// Memory it takes: none in a file.
    pub(super) held: usize,
}

/// Numbers that are added to stored ones.
#[derive(Debug, Clone)]
pub(super) enum Addition {
    Lora(LoraAddition),
    Held(Box<Tensor<1>>),
    Stored(Box<Stored>),
}

impl Addition {
    pub(super) fn numbers(&self) -> Result<Tensor<1>> {
        match self {
            Self::Lora(addition) => addition.numbers(),
            Self::Held(tensor) => Ok((**tensor).clone()),
            Self::Stored(stored) => stored.tensor(),
        }
    }
}

impl Stored {
    pub(super) fn dtype(&self) -> Dtype {
        self.tensor.dtype
    }

    /// Bytes of the whole tensor.
    pub(super) fn len(&self) -> usize {
        self.tensor.bytes()
    }

    /// Some bytes of a tensor that is stored whole.
    pub(super) fn part(&self, at: usize, len: usize) -> Result<Vec<u8>> {
        self.source.read_now(self.data_start + self.tensor.start + at as u64, len)
    }

    /// In memory, in eight bits: integers and their scales, one a row, as `narrow_rows` gives them.
    pub(super) fn eight_bits(
        file: &str,
        tensor: &TensorInfo,
        bytes: Vec<u8>,
        device: &Device,
    ) -> Self {
        let (held, rows) = (bytes.len(), tensor.shape[0]);
        let (end, all) = ((held - 4 * rows) as u64, held as u64);
        let tensor = TensorInfo {
            name: tensor.name.clone(),
            dtype: Dtype::EIGHT_BITS,
            shape: tensor.shape.clone(),
            start: 0,
            end,
            scaling: Scaling::Rows { start: end, end: all },
        };
        Self {
            source: Rc::new(MemorySource::new(file, bytes)),
            data_start: 0,
            tensor,
            cut: Cut::Whole,
            device: device.clone(),
            additions: Vec::new(),
            held,
        }
    }

    /// All numbers of this part, as the file has them; those in eight bits with their scales after them.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        let read = |start: u64, end: u64| {
            let len = usize::try_from(end - start).unwrap_or(usize::MAX);
            self.source.read_now(self.data_start + start, len)
        };
        let mut bytes = read(self.tensor.start, self.tensor.end)?;
        if let Scaling::Rows { start, end } = self.tensor.scaling {
            bytes.extend(read(start, end)?);
            return Ok(bytes);
        }
        Ok(self.cut.of(bytes, &self.tensor.shape, self.tensor.dtype.bytes()))
    }

    /// All numbers of this part with what is added, on the device.
    pub(super) fn tensor(&self) -> Result<Tensor<1>> {
        let numbers = self.tensor.widen(self.source.name(), &self.bytes()?)?;
        let count = numbers.len();
        let data = TensorData::new(numbers, [count]);
        let tensor = Tensor::from_data(data, &self.device);
        self.additions.iter().try_fold(tensor, |sum, addition| Ok(sum + addition.numbers()?))
    }
}

impl ops::Read for Stored {
    fn read(&self) -> Tensor<1> {
        self.tensor().unwrap_or_else(|error| {
            device::note_unreadable(error);
            let count = self.cut.shape(&self.tensor.shape).iter().product::<usize>();
            Tensor::zeros([count], &self.device)
        })
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("tensor", &self.tensor).finish_non_exhaustive()
    }
}
