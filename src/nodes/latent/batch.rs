//! Latents of a batch: chosen, repeated, joined, and which noise each gets.

use std::rc::Rc;

use super::cut::{joined, narrowed};
use super::resize::fitted;
use crate::error::Result;
use crate::graph::{Function, Input, Kind, Output, Outputs, Schema};
use crate::image::Mask;
use crate::nodes::limits;
use crate::nodes::values::Latent;

/// Some latents of a batch.
pub(super) const LATENT_FROM_BATCH: Function = Function::new(
    &Schema::new("LatentFromBatch", "Latent From Batch", "latent/batch")
        .doc("Takes some latents of a batch; each keeps the noise of its place there.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The batch."),
            Input::int("batch_index", 0, -64..=63)
                .doc("The first one taken, counted from 0; below 0 from the end."),
            Input::int("length", 1, 1..=64).doc("How many are taken."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let latent = inputs.object::<Latent>("samples")?;
        let batch = latent.shape[0];
        let index: i64 = inputs.int("batch_index")?;
        let start = match usize::try_from(index) {
            Ok(index) => index.min(batch - 1),
            Err(_) => batch.saturating_sub(index.unsigned_abs() as usize),
        };
        let length = inputs.int::<usize>("length")?.min(batch - start);
        let mut out = narrowed(&latent, 0, start, length)?;
        out.noise_mask = latent.noise_mask.as_ref().map(|mask| match mask.batch {
            1 => Rc::clone(mask),
            _ => Rc::new(masks_of(mask, start..start + length)),
        });
        out.batch_index = Some(indices(&latent, 0).into_iter().skip(start).take(length).collect());
        Ok(Outputs::one(out))
    },
);

/// A batch of copies.
pub(super) const REPEAT_LATENT_BATCH: Function = Function::new(
    &Schema::new("RepeatLatentBatch", "Repeat Latent Batch", "latent/batch")
        .doc("Makes a batch of copies, each of which gets noise of its own.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The latents."),
            Input::int("amount", 1, 1..=64).doc("How many times."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| {
        let latent = inputs.object::<Latent>("samples")?;
        let amount: usize = inputs.int("amount")?;
        let [batch, channels, height, width] = latent.shape;
        let shape = [batch * amount, channels, height, width];
        limits::check_latent(cx.env(), "a batch of this many latents", shape)?;
        let mut out = latent.with(shape, latent.samples.repeat(amount))?;
        out.noise_mask = latent.noise_mask.as_ref().map(|mask| match mask.batch {
            1 => Rc::clone(mask),
            _ => {
                let once = masks_of(mask, 0..batch);
                Rc::new(Mask { batch: batch * amount, data: once.data.repeat(amount), ..once })
            }
        });
        out.batch_index = latent.batch_index.as_ref().map(|indices| {
            let (first, last) = (indices.iter().min(), indices.iter().max());
            // The copies' places begin behind those there are.
            let offset = last.unwrap_or(&0) - first.unwrap_or(&0) + 1;
            (0..amount)
                .flat_map(|i| {
                    indices.iter().map(move |x| x.saturating_add(i.saturating_mul(offset)))
                })
                .collect()
        });
        Ok(Outputs::one(out))
    },
);

/// Two batches as one.
pub(super) const LATENT_BATCH: Function = Function::new(
    &Schema::new("LatentBatch", "Latent Batch", "latent/batch")
        .doc("Joins two batches of latents; a noise mask is the first one's.")
        .inputs(&[
            Input::link("samples1", Kind::LATENT).doc("The first batch; its size is kept."),
            Input::link("samples2", Kind::LATENT)
                .doc("The second; another size is stretched to the first one's."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, cx| {
        let (first, second) = (inputs.object::<Latent>("samples1")?, inputs.object("samples2")?);
        let second = fitted(cx, second, &first, "bilinear")?;
        let mut shape = first.shape;
        shape[0] += second.shape[0];
        limits::check_latent(cx.env(), "a batch of this many latents", shape)?;
        let mut out = first.with(shape, joined(&first, &second, 0)?)?;
        out.batch_index = Some(indices(&first, 0).into_iter().chain(indices(&second, 0)).collect());
        Ok(Outputs::one(out))
    },
);

/// Whether the latents of a batch get the same noise.
pub(super) const LATENT_BATCH_SEED_BEHAVIOR: Function = Function::new(
    &Schema::new("LatentBatchSeedBehavior", "Latent Batch Seed Behavior", "latent/advanced")
        .doc("Says whether each latent of a batch gets noise of its own, or all get the same.")
        .inputs(&[
            Input::link("samples", Kind::LATENT).doc("The batch."),
            Input::combo("seed_behavior", &["random", "fixed"])
                .or("fixed")
                .doc("Noise of its own, or that of the first."),
        ])
        .outputs(&[Output::new(Kind::LATENT)]),
    |inputs, _| {
        let mut latent = (*inputs.object::<Latent>("samples")?).clone();
        let first = latent.batch_index.as_ref().and_then(|indices| indices.first());
        let same = vec![first.copied().unwrap_or(0); latent.shape[0]];
        let fixed = inputs.string("seed_behavior")? == "fixed";
        latent.batch_index = fixed.then(|| same.into());
        Ok(Outputs::one(latent))
    },
);

/// Which noise each latent gets, counted from `offset` where nothing was said.
pub(super) fn indices(latent: &Latent, offset: usize) -> Vec<usize> {
    match &latent.batch_index {
        Some(indices) => indices.to_vec(),
        None => (offset..offset + latent.shape[0]).collect(),
    }
}

/// The latent repeated from its start, or cut, to this many.
pub(super) fn repeated(latent: &Latent, batch: usize) -> Result<Latent> {
    let [old, channels, height, width] = latent.shape;
    let one = channels * height * width;
    let samples = (0..batch).flat_map(|b| &latent.samples[b % old * one..][..one]);
    latent.with([batch, channels, height, width], samples.copied().collect())
}

/// The masks of these latents of a batch; they are repeated from the start where there are fewer.
pub(super) fn masks_of(mask: &Mask, latents: std::ops::Range<usize>) -> Mask {
    let (batch, one) = (latents.len(), mask.height * mask.width);
    let data = latents.flat_map(|b| &mask.data[b % mask.batch * one..][..one]);
    Mask { batch, data: data.copied().collect(), ..*mask }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Inputs;
    use crate::nodes::testing::output;

    /// Latents of one number each, 0, 1, 2 …, with masks of one number, 0.0, 0.1, …
    fn batch(latents: usize, masks: usize) -> Latent {
        let samples = (0..latents).map(|i| i as f32).collect();
        let mut latent = Latent::new([latents, 1, 1, 1], samples).unwrap();
        let data: Vec<f32> = (0..masks).map(|i| i as f32 / 10.0).collect();
        let mask = Mask { batch: masks, height: 1, width: 1, data };
        latent.noise_mask = (masks > 0).then(|| Rc::new(mask));
        latent
    }

    fn masks(latent: &Latent) -> Vec<f32> {
        latent.noise_mask.as_ref().map_or(Vec::new(), |mask| {
            assert_eq!(mask.data.len(), mask.batch);
            mask.data.clone()
        })
    }

    fn from_batch(latent: Latent, index: i64, length: i64) -> Rc<Latent> {
        let inputs = Inputs::new().with("samples", latent).with("batch_index", index);
        output(&LATENT_FROM_BATCH, inputs.with("length", length))
    }

    #[test]
    fn what_is_taken_of_a_batch_keeps_its_place() {
        let taken = from_batch(batch(5, 2), 2, 2);
        assert_eq!((taken.shape, &taken.samples[..]), ([2, 1, 1, 1], &[2.0, 3.0][..]));
        assert_eq!(taken.batch_index.as_deref(), Some(&[2, 3][..]));
        assert_eq!(masks(&taken), [0.0, 0.1], "masks of places 2 and 3 of 0.0 0.1 0.0 0.1 0.0");
        let again = from_batch((*taken).clone(), 1, 1);
        assert_eq!(again.batch_index.as_deref(), Some(&[3][..]));
        assert_eq!(from_batch(batch(5, 1), 99, 9).samples, [4.0]);
        assert_eq!(from_batch(batch(5, 0), -2, 9).samples, [3.0, 4.0]);
        assert_eq!(from_batch(batch(5, 0), -9, 1).samples, [0.0]);
    }

    #[test]
    fn copies_get_places_behind_the_others() {
        let repeat = |latent: Latent| {
            let inputs = Inputs::new().with("samples", latent).with("amount", 2_i64);
            output::<Latent>(&REPEAT_LATENT_BATCH, inputs)
        };
        let copies = repeat(batch(3, 2));
        assert_eq!(copies.samples, [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
        assert_eq!(masks(&copies), [0.0, 0.1, 0.0, 0.0, 0.1, 0.0]);
        assert_eq!(copies.batch_index, None);
        let copies = repeat(Latent { batch_index: Some([4, 6].into()), ..batch(2, 1) });
        assert_eq!(copies.batch_index.as_deref(), Some(&[4, 6, 7, 9][..]));
        assert_eq!(masks(&copies), [0.0]);
    }

    #[test]
    fn joined_batches_keep_their_places_and_the_first_mask() {
        let second = Latent { batch_index: Some([8].into()), ..batch(1, 0) };
        let inputs = Inputs::new().with("samples1", batch(2, 1)).with("samples2", second);
        let both = output::<Latent>(&LATENT_BATCH, inputs);
        assert_eq!((both.shape, &both.samples[..]), ([3, 1, 1, 1], &[0.0, 1.0, 0.0][..]));
        assert_eq!(both.batch_index.as_deref(), Some(&[0, 1, 8][..]));
        assert_eq!(masks(&both), [0.0]);
    }

    #[test]
    fn a_batch_may_share_the_noise_of_its_first() {
        let behave = |behavior: &str| {
            let latent = Latent { batch_index: Some([5, 6, 7].into()), ..batch(3, 0) };
            let inputs = Inputs::new().with("samples", latent).with("seed_behavior", behavior);
            output::<Latent>(&LATENT_BATCH_SEED_BEHAVIOR, inputs).batch_index.clone()
        };
        assert_eq!(behave("fixed").as_deref(), Some(&[5, 5, 5][..]));
        assert_eq!(behave("random"), None);
    }
}
