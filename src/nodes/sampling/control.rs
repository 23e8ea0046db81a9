//! Control nets at work: from pictures to what is added to a network's maps.

use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};

use crate::error::Result;
use crate::graph::Context;
use crate::image::Image;
use crate::image::resample::{Crop, Method};
use crate::models::unet::{Residuals, UnetCondition};
use crate::nodes::values::{Control, ControlNet, Model};
use crate::nodes::{Environment, limits};

/// Pixels of a side that become one position of a latent.
const FACTOR: usize = 8;

/// The control nets of a run. Each chain, of nets applied one after the other, has a number.
pub(super) struct Controls<'a> {
    model: &'a Model,
    cx: &'a Context<'a>,
    /// `[batch, channels, height, width]` of the run's latents.
    shape: [usize; 4],
    chains: Vec<Vec<Link>>,
}

/// A net of a chain.
struct Link {
    control: Rc<Control>,
    from_sigma: f32,
    to_sigma: f32,
    /// What it saw in the picture, at the size of the last call: the same in every step.
    seen: Option<([usize; 2], Seen)>,
}

enum Seen {
    Hint(Tensor<4>),
    Maps(Residuals),
}

/// A call of the denoising network, for one or more parts of one size.
pub(super) struct Call<'a> {
    pub(super) sigma: f32,
    /// Height and width of a part, in positions of the latent.
    pub(super) size: [usize; 2],
    /// How many there are, each with the whole batch.
    pub(super) parts: usize,
    /// What the network is given, without the further channels of an inpainting network.
    pub(super) sample: Tensor<4>,
    pub(super) timesteps: &'a [f32],
    pub(super) told: &'a UnetCondition,
}

impl<'a> Controls<'a> {
    pub(super) fn new(model: &'a Model, shape: [usize; 4], cx: &'a Context<'a>) -> Self {
        Self { model, cx, shape, chains: Vec::new() }
    }

    /// The number of the chain that ends with this control; what was added before keeps its number.
    ///
    /// # Errors
    ///
    /// If a net was made for another family, or its picture is too large at this size.
    pub(super) fn add(&mut self, control: &Rc<Control>) -> Result<usize> {
        let is_known =
            |chain: &Vec<Link>| chain.last().is_some_and(|link| Rc::ptr_eq(&link.control, control));
        if let Some(place) = self.chains.iter().position(is_known) {
            return Ok(place);
        }
        let schedule = &self.model.schedule;
        let mut chain = Vec::new();
        let mut next = Some(control);
        while let Some(control) = next {
            control.net.check_fits(self.model.unet.config())?;
            self.check_size(control)?;
            chain.push(Link {
                control: control.clone(),
                from_sigma: schedule.percent_to_sigma(control.start_percent),
                to_sigma: schedule.percent_to_sigma(control.end_percent),
                seen: None,
            });
            next = control.previous.as_ref();
        }
        chain.reverse();
        self.chains.push(chain);
        Ok(self.chains.len() - 1)
    }

    fn check_size(&self, control: &Control) -> Result<()> {
        let [batch, _, height, width] = self.shape;
        let widest = match &control.net {
            ControlNet::Net(net) => net.config().hint_widths[0].max(3),
            ControlNet::Adapter(_) => 3,
        };
        let pictures = control.hint.batch.min(batch);
        let info = &self.cx.env::<Environment>().device_info;
        limits::check_hint(info, widest, pictures, [height * FACTOR, width * FACTOR])
    }

    /// What the nets of a chain add to the network's maps in a call; nothing if none counts at the moment.
    pub(super) async fn residuals(
        &mut self,
        chain: usize,
        call: &Call<'_>,
    ) -> Result<Option<Residuals>> {
        let mut sum: Option<Residuals> = None;
        for link in &mut self.chains[chain] {
            if call.sigma > link.from_sigma || call.sigma < link.to_sigma {
                continue;
            }
            self.cx.checkpoint().await?;
            let residuals = link.residuals(self.model, self.shape[0], call);
            sum = Some(match sum {
                Some(sum) => sum.plus(residuals),
                None => residuals,
            });
        }
        Ok(sum)
    }
}

impl Link {
    fn residuals(&mut self, model: &Model, batch: usize, call: &Call<'_>) -> Residuals {
        if self.seen.as_ref().is_none_or(|(size, _)| *size != call.size) {
            self.seen = Some((call.size, look(&self.control, model, batch, call.size)));
        }
        match (&self.control.net, &self.seen) {
            (ControlNet::Net(net), Some((_, Seen::Hint(hint)))) => {
                let hint = for_parts(hint.clone(), call.parts);
                net.forward(call.sample.clone(), &hint, call.timesteps, call.told)
                    .scaled(self.control.strength)
            }
            (_, Some((_, Seen::Maps(maps)))) => maps.clone().each(|map| for_parts(map, call.parts)),
            _ => Residuals::default(),
        }
    }
}

/// What a net sees in its picture, which is made as large as the part: the prompt of an area has the whole picture in
/// its area, as in ComfyUI.
fn look(control: &Control, model: &Model, batch: usize, [height, width]: [usize; 2]) -> Seen {
    let size = [height * FACTOR, width * FACTOR];
    let device = model.unet.device();
    let tensor = |(shape, data): ([usize; 4], Vec<f32>)| {
        Tensor::from_data(TensorData::new(data, shape), device)
    };
    match &control.net {
        ControlNet::Net(net) => {
            Seen::Hint(net.embed(tensor(planes(&control.hint, batch, size, 3))))
        }
        ControlNet::Adapter(adapter) => {
            let size = size.map(|side| side.next_multiple_of(adapter.factor()));
            let hint = tensor(planes(&control.hint, batch, size, adapter.channels()));
            let maps = adapter.forward(hint, model.unet.config());
            Seen::Maps(maps.scaled(control.strength))
        }
    }
}

/// A map of each element of the batch, repeated for every part; one for all of them stays one.
fn for_parts(map: Tensor<4>, parts: usize) -> Tensor<4> {
    match map.dims() {
        [1, ..] => map,
        _ => map.repeat(&[parts, 1, 1, 1]),
    }
}

/// Planes of pictures of `[height, width]`, with their shape: of one picture if there is one, else of one for each
/// element of the batch, in turn. What does not fit the shape is cut off around the middle; opacity is left out;
/// where there is one channel it is the mean of the colours.
fn planes(
    hint: &Image,
    batch: usize,
    [height, width]: [usize; 2],
    channels: usize,
) -> ([usize; 4], Vec<f32>) {
    let used = hint.batch.min(batch);
    let len = hint.data.len() / hint.batch;
    let hint = Image { batch: used, data: hint.data[..used * len].to_vec(), ..*hint };
    let hint = hint.resized([height, width], Method::NearestExact, Crop::Center);
    let pictures: Vec<&[f32]> = hint.data.chunks_exact(height * width * hint.channels).collect();
    let rows = if used == 1 { 1 } else { batch };
    let mut out = Vec::with_capacity(rows * channels * height * width);
    for row in 0..rows {
        let pixels = pictures[row % used].chunks_exact(hint.channels);
        if channels == 1 {
            out.extend(pixels.map(|pixel| (pixel[0] + pixel[1] + pixel[2]) / 3.0));
        } else {
            (0..channels).for_each(|c| out.extend(pixels.clone().map(|pixel| pixel[c])));
        }
    }
    ([rows, channels, height, width], out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_cut_in_the_middle_and_taken_in_turn() {
        // Two pictures of 1 × 4 with opacity; red is the column, green ten times that, blue 100 in the second.
        let pixel = |i: usize| [(i % 4) as f32, (i % 4 * 10) as f32, (i / 4 * 100) as f32, 0.5];
        let hint = Image::new([2, 1, 4, 4], (0..8).flat_map(pixel).collect()).unwrap();
        let (shape, data) = planes(&hint, 3, [2, 4], 3);
        assert_eq!(shape, [3, 3, 2, 4]);
        let red = [1.0, 1.0, 2.0, 2.0].repeat(2);
        let green: Vec<f32> = red.iter().map(|v| v * 10.0).collect();
        let first = [&red[..], &green, &[0.0; 8]].concat();
        let second = [&red[..], &green, &[100.0; 8]].concat();
        assert_eq!(data, [&first[..], &second, &first].concat());
        // One picture stays one, and so does the first of two for a batch of one.
        let (shape, data) = planes(&hint, 1, [1, 4], 3);
        assert_eq!((shape, &data[..4]), ([1, 3, 1, 4], &[0.0, 1.0, 2.0, 3.0][..]));
        let (shape, data) = planes(&hint, 1, [1, 4], 1);
        assert_eq!((shape, data), ([1, 1, 1, 4], vec![0.0, 11.0 / 3.0, 22.0 / 3.0, 11.0]));
    }
}
