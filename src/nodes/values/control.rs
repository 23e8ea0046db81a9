//! What steers a denoising network by a picture.

use std::rc::Rc;

use crate::error::Result;
use crate::graph::Kind;
use crate::image::Image;
use crate::models::unet::UnetConfig;
use crate::models::{ControlNetModel, T2iAdapter};

/// CONTROL_NET: a network that steers another one by a picture.
pub const CONTROL_NET: Kind = Kind::new("CONTROL_NET");

/// CONTROL_NET: a network that steers another one by a picture.
#[derive(Debug, Clone)]
pub enum ControlNet {
    /// A ControlNet, which looks at the latent at every step, too.
    Net(Rc<ControlNetModel>),
    /// A T2I-Adapter, which looks at the picture once.
    Adapter(Rc<T2iAdapter>),
}

impl ControlNet {
    /// Whether it was made for such a network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`](crate::error::ErrorKind::Mismatch) with its file and both sizes.
    pub fn check_fits(&self, unet: &UnetConfig) -> Result<()> {
        match self {
            Self::Net(net) => net.check_fits(unet),
            Self::Adapter(adapter) => adapter.check_fits(unet),
        }
    }
}

/// A control net at work on a prompt: with what picture, how much, and when.
#[derive(Debug)]
pub struct Control {
    /// The network.
    pub net: ControlNet,
    /// The picture, or one for each of a batch.
    pub hint: Rc<Image>,
    /// Multiplies what it adds to the denoising network's maps.
    pub strength: f32,
    /// From which part of the run on it counts, 0..=1 of the noise schedule.
    pub start_percent: f64,
    /// Up to which part of the run it counts.
    pub end_percent: f64,
    /// What was applied before it, and adds up with it.
    pub previous: Option<Rc<Self>>,
}
