//! Batches cut anew.

use std::rc::Rc;

use super::FACTOR;
use super::batch::{indices, masks_of};
use crate::error::Result;
use crate::graph::{Context, Function, Input, Kind, Output, Outputs, Schema, Value};
use crate::image::Mask;
use crate::image::resample::{Crop, Method};
use crate::nodes::limits;
use crate::nodes::values::Latent;

/// A list of latents as one of other batches.
pub(super) const REBATCH_LATENTS: Function = Function::new(
    &Schema::new("RebatchLatents", "Rebatch Latents", "latent/batch")
        .doc("Joins and cuts a list of latents so that each batch has as many as wanted; what follows runs once for each.")
        .inputs(&[
            Input::link("latents", Kind::LATENT).doc("The latents."),
            Input::int("batch_size", 1, 1..=4096)
                .doc("How many a batch has; the last of each size may have fewer."),
        ])
        .outputs(&[Output::new(Kind::LATENT).list()])
        .input_is_list(),
    |inputs, cx| {
        let size = inputs.int("batch_size")?;
        let mut batches: Vec<Vec<Single>> = Vec::new();
        let mut before = 0;
        for latent in inputs.objects::<Latent>("latents")? {
            for (picture, index) in indices(&latent, before).into_iter().enumerate() {
                let single = Single { latent: Rc::clone(&latent), picture, index };
                match batches.last_mut() {
                    Some(batch) if batch.len() < size && batch[0].alike(&single) => batch.push(single),
                    _ => batches.push(vec![single]),
                }
            }
            before += latent.shape[0];
        }
        let joined = batches.iter().map(|batch| Ok(join(batch, cx)?.into()));
        Ok(Outputs::one(Value::list(joined.collect::<Result<_>>()?)))
    },
);

/// One latent of a batch.
struct Single {
    latent: Rc<Latent>,
    picture: usize,
    /// Which noise it gets.
    index: usize,
}

impl Single {
    fn alike(&self, other: &Self) -> bool {
        self.latent.shape[1..] == other.latent.shape[1..]
    }
}

/// Latents of one size, one at least, as a batch.
fn join(batch: &[Single], cx: &Context<'_>) -> Result<Latent> {
    let [_, channels, height, width] = batch[0].latent.shape;
    let one = channels * height * width;
    let samples = batch.iter().flat_map(|s| &s.latent.samples[s.picture * one..][..one]);
    let samples = samples.copied().collect();
    let mut out = Latent::new([batch.len(), channels, height, width], samples)?;
    out.batch_index = Some(batch.iter().map(|single| single.index).collect());
    if batch.iter().any(|single| single.latent.noise_mask.is_some()) {
        let [height, width] = [height * FACTOR, width * FACTOR];
        limits::check_latent(cx.env(), "masks of this size", [batch.len(), 1, height, width])?;
        let mut data = Vec::new();
        for single in batch {
            match &single.latent.noise_mask {
                Some(mask) => {
                    let mask = masks_of(mask, single.picture..single.picture + 1);
                    let size = [height, width];
                    data.extend(mask.resized(size, Method::Bilinear, Crop::Disabled).data);
                }
                // Without a mask everything may change.
                None => data.resize(data.len() + height * width, 1.0),
            }
        }
        let everywhere = data.iter().all(|v| *v == 1.0);
        let mask = Mask { batch: batch.len(), height, width, data };
        out.noise_mask = (!everywhere).then(|| mask.into());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Inputs;
    use crate::nodes::testing::run;

    /// Latents of one number each, `first`, `first + 1` …
    fn batch(latents: usize, width: usize, first: f32) -> Latent {
        let samples = (0..latents * width).map(|i| first + (i / width) as f32).collect();
        Latent::new([latents, 1, 1, width], samples).unwrap()
    }

    fn rebatched(latents: Vec<Latent>, size: i64) -> Vec<Rc<Latent>> {
        let latents = latents.into_iter().map(Value::from).collect();
        let inputs = Inputs::new().with("latents", Value::list(latents)).with("batch_size", size);
        let out = run(&REBATCH_LATENTS, inputs).unwrap();
        out.values[0].elements().iter().map(|value| value.downcast().unwrap()).collect()
    }

    #[test]
    fn batches_are_joined_and_cut_and_keep_their_places() {
        let known = Latent { batch_index: Some([9].into()), ..batch(1, 1, 5.0) };
        let out = rebatched(vec![batch(3, 1, 0.0), known, batch(1, 1, 6.0)], 2);
        let samples: Vec<_> = out.iter().map(|latent| latent.samples.clone()).collect();
        assert_eq!(samples, [vec![0.0, 1.0], vec![2.0, 5.0], vec![6.0]]);
        let places: Vec<_> = out.iter().map(|latent| latent.batch_index.clone().unwrap()).collect();
        assert_eq!(places, [Rc::from([0, 1]), Rc::from([2, 9]), Rc::from([4])]);
        assert!(out.iter().all(|latent| latent.noise_mask.is_none()));
    }

    #[test]
    fn another_size_begins_another_batch() {
        let out = rebatched(vec![batch(1, 1, 0.0), batch(1, 2, 1.0), batch(1, 1, 2.0)], 8);
        assert_eq!(out.iter().map(|latent| latent.shape[3]).collect::<Vec<_>>(), [1, 2, 1]);
    }

    #[test]
    fn masks_are_brought_to_the_size_of_the_picture() {
        let mask = Mask { batch: 1, height: 1, width: 1, data: vec![0.5] };
        let masked = Latent { noise_mask: Some(mask.into()), ..batch(1, 1, 0.0) };
        let out = rebatched(vec![masked, batch(1, 1, 1.0)], 2);
        let mask = out[0].noise_mask.as_ref().unwrap();
        assert_eq!([mask.batch, mask.height, mask.width], [2, 8, 8]);
        assert!(
            mask.data[..64].iter().all(|v| *v == 0.5) && mask.data[64..].iter().all(|v| *v == 1.0)
        );
    }
}
