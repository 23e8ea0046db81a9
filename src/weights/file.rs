//! A safetensors file that is read tensor by tensor, in the order they lie in it.

use std::collections::BTreeMap;

use burn::tensor::Device;

use super::checkpoint::{Checkpoint, Cut, Part, Target};
use super::safetensors::{Header, TensorInfo};
use super::{Weights, keys};
use crate::error::Result;
use crate::store::{ByteSource, Hash, Progress, bundled};

/// A file whose header was read, and whose numbers were not.
pub struct WeightsFile<'a> {
    source: &'a dyn ByteSource,
    header: Header,
    hash: Hash,
}

/// Is handed the number of a tensor in the file, the tensor and its bytes.
type Take<'t> = &'t mut dyn FnMut(usize, &TensorInfo, Vec<u8>) -> Result<()>;

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
        Ok(Self { source, header, hash })
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
        let wanted = |name: &str| wanted(name) && !keys::is_buffer(name);
        let wanted: Vec<bool> = self.tensors().iter().map(|tensor| wanted(&tensor.name)).collect();
        self.stream(&wanted, progress, &mut |_, tensor, bytes| {
            all.insert(keys::ours(&tensor.name), &Cut::Whole, tensor, bytes, host_tables)
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
        self.stream(&wanted, progress, &mut |i, tensor, bytes| {
            for Target { part, name, cut } in &checkpoint.targets[i] {
                let network = parts.get_mut(part).expect("one was made for every part");
                network.insert(name.clone(), cut, tensor, bytes.clone(), host_tables)?;
            }
            Ok(())
        })
        .await?;
        Ok(parts)
    }

    /// Reads tensor after tensor and hands over those that are wanted.
    async fn stream(
        mut self,
        wanted: &[bool],
        progress: Progress<'_>,
        take: Take<'_>,
    ) -> Result<()> {
        // Only of a bundled file the hash is known, and with it every byte has to be read.
        let reads_all = bundled(self.source.name()).is_some();
        for (i, (tensor, wanted)) in self.header.tensors.iter().zip(wanted).enumerate() {
            if reads_all || *wanted {
                let bytes = self.read(tensor).await?;
                self.hash.update(&bytes);
                if *wanted {
                    take(i, tensor, bytes)?;
                }
            }
            progress(self.header.data_start + tensor.end, self.source.len())?;
        }
        self.hash.check(self.source.name())
    }

    async fn read(&self, tensor: &TensorInfo) -> Result<Vec<u8>> {
        self.source.read(self.header.data_start + tensor.start, tensor.bytes()).await
    }
}
