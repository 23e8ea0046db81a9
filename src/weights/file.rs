//! A safetensors file that is read tensor by tensor, in the order they lie in it.

use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::Device;

use super::checkpoint::{Checkpoint, Cut, Part, Target};
use super::safetensors::{Header, TensorInfo};
use super::stored::Stored;
use super::{Dtype, Weights, keys};
use crate::error::Result;
use crate::store::{ByteSource, Hash, Progress};

/// A file whose header was read, and whose numbers were not.
pub struct WeightsFile<'a> {
    source: &'a dyn ByteSource,
    header: Header,
    hash: Hash,
    /// What the hash must be, if it is known and the file can be read from its beginning to its end.
    sha256: Option<String>,
    later: Option<Rc<dyn ByteSource>>,
}

/// Is handed the number of a tensor in the file, the tensor, and its bytes unless they stay there.
type Take<'t> = &'t mut dyn FnMut(usize, &TensorInfo, Option<Vec<u8>>) -> Result<()>;

impl<'a> WeightsFile<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// As [`Header::read`].
    pub async fn open(source: &'a dyn ByteSource) -> Result<Self> {
        let (header, bytes) = Header::read(source).await?;
        let mut hash = Hash::default();
        hash.update(&bytes);
        // torch's files begin with anything, and their tensors lie as they like.
        let sha256 = if bytes.is_empty() { None } else { source.sha256() };
        Ok(Self { source, header, hash, sha256, later: None })
    }

    /// Leaves matrices and kernels in the file, which is `source`: they are read whenever they are used.
    pub fn later(mut self, source: Rc<dyn ByteSource>) -> Self {
        self.later = Some(source);
        self
    }

    /// True if matrices and kernels are left in the file.
    pub fn is_later(&self) -> bool {
        self.later.is_some()
    }

    /// The tensors, in the order they lie in the file.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.header.tensors
    }

    /// Free text that the file carries.
    pub fn metadata(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.header.metadata
    }

    /// The numbers of one tensor; nothing if there is none of that name.
    ///
    /// # Errors
    ///
    /// A read that fails, and integers.
    pub async fn numbers(&self, name: &str) -> Result<Option<Vec<f32>>> {
        let Some(tensor) = self.tensors().iter().find(|tensor| tensor.name == name) else {
            return Ok(None);
        };
        let bytes = self.read(tensor).await?;
        tensor.widen(self.source.name(), &bytes).map(Some)
    }

    /// Reads all tensors as those of one network; the rest as [`Weights::load`].
    ///
    /// # Errors
    ///
    /// As [`Weights::load`].
    pub async fn load(
        self,
        device: &Device,
        host_tables: &[&str],
        progress: Progress<'_>,
    ) -> Result<Weights> {
        self.load_only(|_| true, device, host_tables, progress).await
    }

    /// As [`WeightsFile::load`], of the tensors with names that are wanted.
    ///
    /// # Errors
    ///
    /// As [`Weights::load`].
    pub async fn load_only(
        self,
        wanted: impl Fn(&str) -> bool,
        device: &Device,
        host_tables: &[&str],
        progress: Progress<'_>,
    ) -> Result<Weights> {
        let mut all = Weights::none(self.source.name(), device);
        let stored = self.storer(device);
        let wanted = |name: &str| wanted(name) && !keys::is_buffer(name);
        let wanted: Vec<bool> = self.tensors().iter().map(|tensor| wanted(&tensor.name)).collect();
        self.stream(&wanted, progress, &mut |_, tensor, bytes| {
            let name = keys::ours(&tensor.name);
            match bytes {
                Some(bytes) => all.insert(name, &Cut::Whole, tensor, bytes, host_tables),
                None => all.insert_stored(name, stored(tensor, &Cut::Whole), host_tables),
            }
        })
        .await?;
        Ok(all)
    }

    /// Reads the networks of a checkpoint onto `device`, each by itself; the rest as [`Weights::load`].
    ///
    /// # Errors
    ///
    /// As [`Weights::load`].
    pub async fn load_parts(
        self,
        checkpoint: &Checkpoint,
        device: &Device,
        host_tables: &[&str],
        progress: Progress<'_>,
    ) -> Result<BTreeMap<Part, Weights>> {
        let mut parts: BTreeMap<Part, Weights> = checkpoint
            .parts
            .keys()
            .map(|part| (*part, Weights::none(self.source.name(), device)))
            .collect();
        let wanted: Vec<bool> =
            checkpoint.targets.iter().map(|targets| !targets.is_empty()).collect();
        let stored = self.storer(device);
        self.stream(&wanted, progress, &mut |i, tensor, bytes| {
            for Target { part, name, cut } in &checkpoint.targets[i] {
                let network = parts.get_mut(part).expect("one was made for every part");
                let name = name.clone();
                match &bytes {
                    Some(bytes) => network.insert(name, cut, tensor, bytes.clone(), host_tables),
                    None => network.insert_stored(name, stored(tensor, cut), host_tables),
                }?;
            }
            Ok(())
        })
        .await?;
        Ok(parts)
    }

    /// What makes of a tensor one that stays in the file.
    fn storer(&self, device: &Device) -> impl Fn(&TensorInfo, &Cut) -> Stored + use<> {
        let (source, device) = (self.later.clone(), device.clone());
        let data_start = self.header.data_start;
        move |tensor, cut| Stored {
            source: source.clone().expect("only such a file leaves tensors where they are"),
            data_start,
            tensor: tensor.clone(),
            cut: cut.clone(),
            device: device.clone(),
            additions: Vec::new(),
        }
    }

    /// Reads tensor after tensor and hands over those that are wanted.
    async fn stream(
        mut self,
        wanted: &[bool],
        progress: Progress<'_>,
        take: Take<'_>,
    ) -> Result<()> {
        // Where the hash is known every byte has to be read.
        let reads_all = self.sha256.is_some();
        for (i, (tensor, wanted)) in self.header.tensors.iter().zip(wanted).enumerate() {
            // Vectors are few numbers.
            let stays = !reads_all
                && self.later.is_some()
                && tensor.shape.len() > 1
                && tensor.end > tensor.start
                && !matches!(tensor.dtype, Dtype::Integer { .. });
            if *wanted && stays {
                take(i, tensor, None)?;
            } else if reads_all || *wanted {
                let bytes = self.read(tensor).await?;
                self.hash.update(&bytes);
                if *wanted {
                    take(i, tensor, Some(bytes))?;
                }
            }
            progress(self.header.data_start + tensor.end, self.source.len())?;
        }
        self.sha256.map_or(Ok(()), |expected| self.hash.check(self.source.name(), expected))
    }

    async fn read(&self, tensor: &TensorInfo) -> Result<Vec<u8>> {
        self.source.read(self.header.data_start + tensor.start, tensor.bytes()).await
    }
}
