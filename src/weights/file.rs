//! A safetensors file that is read tensor by tensor, in the order they lie in it.

use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::Device;

use super::checkpoint::{Checkpoint, Cut, Part, Target};
use super::safetensors::{Header, Scaling, TensorInfo};
use super::stored::Stored;
use super::{Dtype, Weights, keys};
use crate::device;
use crate::error::Result;
use crate::store::{ByteSource, Hash, Progress};

/// A file whose header was read, and whose numbers were not.
pub struct WeightsFile<'a> {
    source: &'a dyn ByteSource,
    header: Header,
    hash: Hash,
    /// What the hash must be, if it is known and the file can be read from its beginning to its end.
    sha256: Option<String>,
    later: Option<Later>,
    eight_bits: bool,
}

/// That matrices and kernels stay in the file.
struct Later {
    source: Rc<dyn ByteSource>,
    /// Those of encoders alone.
    encoders: bool,
}

/// Whether matrices of this format stay in half precision on the device: a GPU multiplies with them as they are, on the
/// CPU the widening would cost more time than the memory is worth.
pub fn keeps_half(device: &Device, dtype: Dtype) -> bool {
    use Dtype::{BF16, F8E4M3, F8E5M2, F16};
    !device::is_cpu(device) && matches!(dtype, F16 | BF16 | F8E4M3 | F8E5M2)
}

/// Whether it is one of these tables, by our name of it if it has one.
fn is_table(tensor: &TensorInfo, targets: &[Target], host_tables: &[&str]) -> bool {
    let name = targets.first().map_or(&tensor.name, |target| &target.name);
    host_tables.iter().any(|suffix| name.ends_with(suffix))
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
        Ok(Self { source, header, hash, sha256, later: None, eight_bits: false })
    }

    /// Leaves matrices and kernels in the file, which is `source`: they are read whenever they are used.
    pub fn later(mut self, source: Rc<dyn ByteSource>) -> Self {
        self.later = Some(Later { source, encoders: false });
        self
    }

    /// As [`WeightsFile::later`], those of encoders of texts and pictures alone: nothing needs them while pictures are drawn.
    pub fn encoders_later(mut self, source: Rc<dyn ByteSource>) -> Self {
        self.later = Some(Later { source, encoders: true });
        self
    }

    /// Keeps matrices and kernels of denoising networks in eight bits: a quarter of the memory that f32 takes, and numbers
    /// that differ by less than a hundredth of the largest of their row.
    pub fn eight_bits(mut self, yes: bool) -> Self {
        self.eight_bits = yes;
        self
    }

    /// Memory that its weights take where all of them are held.
    pub fn held_bytes(&self, device: &Device) -> u64 {
        self.bytes(|tensor, targets| self.bytes_of_one(device, tensor, targets))
    }

    /// Memory that its weights take but for those that are left in the file, and `host_tables`, which stay on the host.
    pub fn device_bytes(&self, device: &Device, host_tables: &[&str]) -> u64 {
        self.bytes(|tensor, targets| {
            // Vectors are few numbers, wherever they are.
            match self.is_left(targets) || is_table(tensor, targets, host_tables) {
                true => 0,
                false => self.bytes_of_one(device, tensor, targets),
            }
        })
    }

    /// Memory that its encoders of texts and pictures take as f32, but for `host_tables`, which stay on the host.
    pub fn encoder_bytes(&self, host_tables: &[&str]) -> u64 {
        self.bytes(|tensor, targets| {
            let counts = is_encoder(targets) && !is_table(tensor, targets, host_tables);
            if counts { 4 } else { 0 }
        })
    }

    /// All numbers, each taking what `each` says.
    fn bytes(&self, each: impl Fn(&TensorInfo, &[Target]) -> u64) -> u64 {
        let targets = Checkpoint::of(self.tensors()).targets;
        let of = |(tensor, targets): (&TensorInfo, Vec<Target>)| {
            let numbers = tensor.shape.iter().map(|side| *side as u64).product::<u64>();
            numbers.saturating_mul(each(tensor, &targets))
        };
        self.tensors().iter().zip(targets).map(of).fold(0, u64::saturating_add)
    }

    /// Bytes that a number of this tensor takes where it is held.
    fn bytes_of_one(&self, device: &Device, tensor: &TensorInfo, targets: &[Target]) -> u64 {
        let is_unet = targets.iter().any(|target| target.part == Part::Unet);
        let is_matrix = tensor.shape.len() > 1;
        match () {
            () if tensor.is_scaled() || self.eight_bits && is_unet && is_matrix => 1,
            () if is_matrix && keeps_half(device, tensor.dtype) => 2,
            () => 4,
        }
    }

    /// True if the matrices and kernels of a network are left in the file, all of them.
    pub fn leaves(&self, part: Part) -> bool {
        let is_encoder = matches!(part, Part::TextEncoder | Part::TextEncoder2);
        self.later.as_ref().is_some_and(|later| is_encoder || !later.encoders)
    }

    /// True if a tensor that is for these is left in the file, provided that it is a matrix or kernel.
    fn is_left(&self, targets: &[Target]) -> bool {
        self.later.as_ref().is_some_and(|later| !later.encoders || is_encoder(targets))
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
        let mut bytes = self.read(tensor.start, tensor.end).await?;
        self.add_scales(tensor, &mut bytes).await?;
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
        let (stored, eight_bits) = (self.storer(device), self.eight_bits);
        let wanted = |tensor: &TensorInfo| {
            let name = &tensor.name;
            wanted(name) && !keys::is_buffer(name) && tensor.scaling != Scaling::Scales
        };
        let wanted: Vec<bool> = self.tensors().iter().map(wanted).collect();
        self.stream(&wanted, progress, &mut |_, tensor, bytes| {
            let name = keys::ours(&tensor.name);
            match bytes {
                Some(bytes) => {
                    all.insert(name, &Cut::Whole, tensor, bytes, host_tables, eight_bits)
                }
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
        let (stored, eight_bits) = (self.storer(device), self.eight_bits);
        self.stream(&wanted, progress, &mut |i, tensor, bytes| {
            for Target { part, name, cut } in &checkpoint.targets[i] {
                let network = parts.get_mut(part).expect("one was made for every part");
                let (name, eight_bits) = (name.clone(), eight_bits && *part == Part::Unet);
                match &bytes {
                    Some(bytes) => {
                        let bytes = bytes.clone();
                        network.insert(name, cut, tensor, bytes, host_tables, eight_bits)
                    }
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
        let source = self.later.as_ref().map(|later| later.source.clone());
        let device = device.clone();
        let data_start = self.header.data_start;
        move |tensor, cut| Stored {
            source: source.clone().expect("only such a file leaves tensors where they are"),
            data_start,
            tensor: tensor.clone(),
            cut: cut.clone(),
            device: device.clone(),
            additions: Vec::new(),
            held: 0,
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
        let targets = Checkpoint::of(self.tensors()).targets;
        let left: Vec<bool> = targets.iter().map(|targets| self.is_left(targets)).collect();
        for (i, (tensor, wanted)) in self.header.tensors.iter().zip(wanted).enumerate() {
            // Vectors are few numbers.
            let stays = !reads_all
                && left[i]
                && tensor.shape.len() > 1
                && tensor.end > tensor.start
                && (tensor.is_scaled() || !matches!(tensor.dtype, Dtype::Integer { .. }));
            if *wanted && stays {
                take(i, tensor, None)?;
            } else if reads_all || *wanted {
                let mut bytes = self.read(tensor.start, tensor.end).await?;
                self.hash.update(&bytes);
                if *wanted {
                    self.add_scales(tensor, &mut bytes).await?;
                    take(i, tensor, Some(bytes))?;
                }
            }
            progress(self.header.data_start + tensor.end, self.source.len())?;
        }
        self.sha256.map_or(Ok(()), |expected| self.hash.check(self.source.name(), expected))
    }

    /// Puts the scales of weights in eight bits after them.
    async fn add_scales(&self, tensor: &TensorInfo, bytes: &mut Vec<u8>) -> Result<()> {
        if let Scaling::Rows { start, end } = tensor.scaling {
            bytes.extend(self.read(start, end).await?);
        }
        Ok(())
    }

    /// Bytes from the end of the header.
    async fn read(&self, start: u64, end: u64) -> Result<Vec<u8>> {
        // Beyond what a 32-bit heap can address, the read is what fails.
        let len = usize::try_from(end - start).unwrap_or(usize::MAX);
        self.source.read(self.header.data_start + start, len).await
    }
}

/// True for a tensor that encoders alone have a part of: of texts, and the autoencoder's of pictures.
fn is_encoder(targets: &[Target]) -> bool {
    let is_encoder = |target: &Target| match target.part {
        Part::TextEncoder | Part::TextEncoder2 => true,
        Part::Vae => target.name.starts_with("encoder."),
        Part::Unet => false,
    };
    !targets.is_empty() && targets.iter().all(is_encoder)
}
