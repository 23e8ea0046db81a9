//! Upscalers: networks that make pictures larger, and paint the detail that is missing then.
//!
//! Two families, which are told apart by the names and shapes of a file's tensors alone (`names`), since these
//! files come without a config: ESRGAN's network of dense blocks ([`Rrdb`]) and the small one of Real-ESRGAN
//! ([`Compact`]). Both are convolutions only, so a picture can be worked on in tiles: [`Upscaler::context`] says
//! how much a tile has to see around what it is for.

mod compact;
mod names;
mod rrdb;

use burn::tensor::{Device, Tensor};

pub use self::compact::Compact;
use self::names::Architecture;
pub use self::rrdb::Rrdb;
use crate::error::Result;
use crate::weights::Weights;

/// An upscaler of either family.
#[derive(Debug)]
pub struct Upscaler {
    device: Device,
    network: Network,
}

#[derive(Debug)]
enum Network {
    Compact(Box<Compact>),
    Rrdb(Box<Rrdb>),
}

impl Upscaler {
    /// Finds out what the file holds, and takes the parameters.
    ///
    /// # Errors
    ///
    /// [`BadFile`](crate::error::ErrorKind::BadFile) if it is no upscaler of these families, or not one of colour
    /// pictures; a tensor that is missing, misshapen or left over.
    pub fn load(mut weights: Weights) -> Result<Self> {
        let device = weights.device().clone();
        let shapes = weights.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec()));
        let shapes = shapes.collect();
        let prefix = names::prefix(&shapes);
        let architecture = names::recognise(weights.file(), &prefix, &shapes)?;
        if prefix.starts_with(names::AVERAGED) {
            // Beside these may be the ones that training went on with.
            weights.forget(|name| name.starts_with(names::TRAINED));
        }
        let w = &mut weights;
        let network = match architecture {
            Architecture::Compact(config) => {
                Compact::load(config, w).map(Box::new).map(Network::Compact)
            }
            Architecture::Rrdb(config) => Rrdb::load(config, w).map(Box::new).map(Network::Rrdb),
        };
        let network = network.and_then(|network| weights.finish().map(|()| network));
        // Hints of `Weights` speak of the config beside a file, which these have not.
        let network = network.map_err(|error| {
            error.hint("the file is incomplete, or of a variant that is not supported: use another upscaler")
        })?;
        Ok(Self { device, network })
    }

    /// How many times as wide and high a picture becomes.
    pub fn scale(&self) -> usize {
        match &self.network {
            Network::Compact(network) => network.scale(),
            Network::Rrdb(network) => network.scale(),
        }
    }

    /// What the sides of a picture must be multiples of, and the places where its tiles begin.
    pub fn multiple(&self) -> usize {
        match &self.network {
            Network::Compact(_) => 1,
            Network::Rrdb(network) => network.multiple(),
        }
    }

    /// Sides of the picture that the network has to be given for one of `[height, width]`: where they are larger,
    /// the picture is mirrored beyond its edges.
    pub fn whole(&self, size: [usize; 2]) -> [usize; 2] {
        let smallest = match &self.network {
            Network::Compact(_) => 1,
            Network::Rrdb(_) => rrdb::SMALLEST,
        };
        size.map(|side| side.max(smallest).next_multiple_of(self.multiple()))
    }

    /// How far away, in pixels of the small picture, a pixel can be that has a part in another.
    pub fn context(&self) -> usize {
        match &self.network {
            Network::Compact(network) => network.context(),
            Network::Rrdb(network) => network.context(),
        }
    }

    /// Numbers of the largest array that enlarging a picture of `[height, width]` takes.
    pub fn largest_map(&self, [height, width]: [usize; 2]) -> u64 {
        let pixels = (height as u64).saturating_mul(width as u64);
        pixels.saturating_mul(match &self.network {
            Network::Compact(network) => network.numbers_per_pixel(),
            Network::Rrdb(network) => network.numbers_per_pixel(),
        })
    }

    /// The device it is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Enlarges. `pause` is awaited between the network's blocks, of which a large one has some that take long; an
    /// error from it ends the work.
    ///
    /// # Shapes
    ///
    /// - `x`: `[batch, 3, height, width]`, red, green, blue in 0..1, of a size that [`Upscaler::whole`] gives
    /// - output: `[batch, 3, height · scale, width · scale]` in about 0..1
    ///
    /// # Errors
    ///
    /// Those of `pause`.
    pub async fn forward(
        &self,
        x: Tensor<4>,
        pause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Tensor<4>> {
        match &self.network {
            Network::Compact(network) => network.forward(x, pause).await,
            Network::Rrdb(network) => network.forward(x, pause).await,
        }
    }
}
