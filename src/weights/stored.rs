//! Tensors that stay in their file and are read each time they are used, where a model is larger than memory.

use std::fmt;
use std::rc::Rc;

use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::Dtype;
use super::checkpoint::Cut;
use super::lora::LoraAddition;
use super::safetensors::TensorInfo;
use crate::device;
use crate::error::Result;
use crate::ops;
use crate::store::ByteSource;

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
            Self::Held(tensor) => Ok((**tensor).clone().cast(FloatDType::F32)),
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

    /// All numbers of this part, as the file has them.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        let offset = self.data_start + self.tensor.start;
        let bytes = self.source.read_now(offset, self.tensor.bytes())?;
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
