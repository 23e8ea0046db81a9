//! What nodes may reach besides their inputs: the models, the device, the person's files.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use burn::tensor::Device;

use super::folders;
use crate::device::{self, DeviceInfo};
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::graph::ChoiceSource;
use crate::prompt::Tokenizer;
use crate::store::ModelStore;

/// The program on a desktop whose random numbers runs draw, so that a seed gives its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Desktop {
    /// ComfyUI on a CPU.
    #[default]
    ComfyUi,
    /// ComfyUI on an NVIDIA card: it begins with the same noise, which it draws on the CPU, but what samplers add on
    /// their way is drawn on the card, with `seed` instead of `seed + 1`.
    ComfyUiCuda,
    /// AUTOMATIC1111 on an NVIDIA card, with its default settings: each picture has a generator of its own on the
    /// card, seeded `seed + place in the batch`, which the steps that add noise draw from as well.
    A1111,
}

impl Desktop {
    /// The names, as `open({ noise })` takes them.
    pub const NAMES: [&str; 3] = ["comfyui", "comfyui-cuda", "a1111"];

    /// The one of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownName`].
    pub fn from_name(name: &str) -> Result<Self> {
        let all = [Self::ComfyUi, Self::ComfyUiCuda, Self::A1111];
        one_of("noise", name, Self::NAMES).map(|place| all[place])
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// How a run is shown while it goes on, by ComfyUI's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Previews {
    /// Not at all.
    None,
    /// Through a tiny autoencoder where one for the model is there, else by its colours.
    #[default]
    Auto,
    /// By a guess of the latent's colours.
    Latent2Rgb,
    /// As `Auto`.
    Taesd,
}

impl Previews {
    /// The names, as `open({ previews })` takes them.
    pub const NAMES: [&str; 4] = ["none", "auto", "latent2rgb", "taesd"];

    /// The one of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownName`].
    pub fn from_name(name: &str) -> Result<Self> {
        let all = [Self::None, Self::Auto, Self::Latent2Rgb, Self::Taesd];
        one_of("kind of previews", name, Self::NAMES).map(|place| all[place])
    }
}

/// How weights of denoising networks are kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightFormat {
    /// As is best for the device.
    #[default]
    Default,
    /// On the CPU in eight bits, with a scale for each output channel: a quarter of the memory.
    EightBits,
}

impl WeightFormat {
    /// The names, as `open({ weights })` takes them.
    pub const NAMES: [&str; 2] = ["default", "8bit"];

    /// The one of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownName`].
    pub fn from_name(name: &str) -> Result<Self> {
        one_of("format of weights", name, Self::NAMES)
            .map(|place| [Self::Default, Self::EightBits][place])
    }
}

/// In what numbers denoisers and decoders compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// In f32, with maps in halves where the GPU knows them.
    #[default]
    Auto,
    /// In f32.
    Full,
}

impl Precision {
    /// The names, as `open({ precision })` takes them.
    pub const NAMES: [&str; 2] = ["auto", "full"];

    /// The one of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownName`].
    pub fn from_name(name: &str) -> Result<Self> {
        one_of("precision", name, Self::NAMES).map(|place| [Self::Auto, Self::Full][place])
    }
}

/// The place of a name in a list.
fn one_of<const N: usize>(what: &'static str, name: &str, names: [&str; N]) -> Result<usize> {
    names.iter().position(|known| *known == name).ok_or_else(|| {
        Error::new(ErrorKind::UnknownName { what, got: name.to_owned() })
            .hint(format!("use one of {}", names.map(|name| format!("`{name}`")).join(", ")))
    })
}

/// Encoders of one file that are held, as f32. Stable Diffusion 1's, of texts and pictures, are twice as large and take a
/// sixth of what the whole model does, SDXL's a third, for a prompt now and then.
const HELD_ENCODER_BYTES: u64 = 1 << 28;

/// The world of a run, the same for all its nodes.
pub struct Environment {
    /// Where models are.
    pub store: Rc<dyn ModelStore>,
    /// Where networks run.
    pub device: Device,
    /// What is known of it.
    pub device_info: DeviceInfo,
    noise: Cell<Desktop>,
    previews: Cell<Previews>,
    weight_format: Cell<WeightFormat>,
    held_weights_bytes: Cell<u64>,
    held_encoder_bytes: Cell<u64>,
    inputs: RefCell<BTreeMap<String, Rc<[u8]>>>,
    counters: RefCell<HashMap<String, u32>>,
    /// The tokenizer that a prompt was measured with last, and where it is.
    pub(super) counted_with: RefCell<Option<(String, Rc<Tokenizer>)>>,
}

impl Environment {
    /// A world without uploaded files.
    pub fn new(store: Rc<dyn ModelStore>, device: Device, device_info: DeviceInfo) -> Self {
        let held_weights_bytes = Cell::new(device_info.held_weights_bytes);
        Self {
            store,
            device,
            device_info,
            noise: Cell::default(),
            previews: Cell::default(),
            weight_format: Cell::default(),
            held_weights_bytes,
            held_encoder_bytes: Cell::new(HELD_ENCODER_BYTES),
            inputs: RefCell::default(),
            counters: RefCell::default(),
            counted_with: RefCell::default(),
        }
    }

    /// The program whose random numbers runs draw; ComfyUI on a CPU unless [set](Self::set_noise).
    pub fn noise(&self) -> Desktop {
        self.noise.get()
    }

    /// Draws the random numbers of that program from now on.
    pub fn set_noise(&self, desktop: Desktop) {
        self.noise.set(desktop);
    }

    /// How runs are shown while they go on; [`Previews::Auto`] unless [set](Self::set_previews).
    pub fn previews(&self) -> Previews {
        self.previews.get()
    }

    /// Shows runs in that way from now on.
    pub fn set_previews(&self, previews: Previews) {
        self.previews.set(previews);
    }

    /// How weights of denoising networks are kept.
    pub fn weight_format(&self) -> WeightFormat {
        self.weight_format.get()
    }

    /// Keeps weights of networks that are loaded from now on in that way.
    pub fn set_weight_format(&self, format: WeightFormat) {
        self.weight_format.set(format);
    }

    /// Weights of one file that are held in memory, as f32; those of a larger one are read as they are used.
    pub fn held_weights_bytes(&self) -> u64 {
        self.held_weights_bytes.get()
    }

    /// Holds at most this much of one file's weights from now on, where files can be read as they are used.
    pub fn set_held_weights_bytes(&self, bytes: u64) {
        self.held_weights_bytes.set(bytes);
    }

    /// Encoders of one file that are held in memory, as f32; larger ones are read for each new prompt and picture.
    pub fn held_encoder_bytes(&self) -> u64 {
        self.held_encoder_bytes.get()
    }

    /// Holds at most this much of one file's encoders from now on, where files can be read as they are used.
    pub fn set_held_encoder_bytes(&self, bytes: u64) {
        self.held_encoder_bytes.set(bytes);
    }

    /// Makes room on the device for a network that is about to work: see [`device::release_unused`].
    pub(super) async fn make_room(&self) -> Result<()> {
        device::release_unused(&self.device).await
    }

    /// Makes a file known to the nodes that load one; a later file of the same name replaces it.
    pub fn put_input(&self, name: &str, bytes: impl Into<Rc<[u8]>>) {
        self.inputs.borrow_mut().insert(name.to_owned(), bytes.into());
    }

    /// The bytes of an uploaded file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::FileNotFound`].
    pub fn input(&self, name: &str) -> Result<Rc<[u8]>> {
        let inputs = self.inputs.borrow();
        inputs.get(name).cloned().ok_or_else(|| {
            let error = Error::new(ErrorKind::FileNotFound { file: name.to_owned() });
            match nearest(name, inputs.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("add the file to the inputs first"),
            }
        })
    }

    /// Makes the numbers of saved files go on after this one, found in the output folder.
    pub fn note_output(&self, path: &str) {
        let name = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let Some((prefix, number)) = name.strip_suffix('_').and_then(|name| name.rsplit_once('_'))
        else {
            return;
        };
        if let Ok(number) = number.parse::<u32>() {
            let mut counters = self.counters.borrow_mut();
            let last = counters.entry(prefix.to_owned()).or_default();
            *last = number.max(*last);
        }
    }

    /// The next number for files of this prefix, from 1.
    pub(super) fn next_number(&self, prefix: &str) -> u32 {
        let mut counters = self.counters.borrow_mut();
        let last = counters.entry(prefix.to_owned()).or_default();
        *last += 1;
        *last
    }
}

impl ChoiceSource for Environment {
    fn choices(&self, folder: &str) -> Vec<String> {
        match folder {
            "input" => self.inputs.borrow().keys().cloned().collect(),
            _ => folders::names(&self.store.list(), folder),
        }
    }

    fn advice(&self, folder: &str) -> Option<&'static str> {
        match folder {
            "input" => Some("add the file to the inputs"),
            _ => folders::advice(folder),
        }
    }
}
