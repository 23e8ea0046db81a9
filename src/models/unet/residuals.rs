//! What other networks add to a UNet's maps.

use burn::tensor::Tensor;

use crate::ops::like;

/// What control nets and adapters add to the maps of a UNet while it works.
///
/// A batch of 1 is for every element of the UNet's batch; so is a map of one pixel for every place.
///
/// # Source
///
/// diffusers 0.42 `UNet2DConditionModel`: `down_block_additional_residuals`, `mid_block_additional_residual`,
/// `down_intrablock_additional_residuals`.
#[derive(Debug, Clone, Default)]
pub struct Residuals {
    /// To each map that skips over, in the order they are made; none at all, or one for each.
    pub skips: Vec<Tensor<4>>,
    /// To what leaves the middle.
    pub middle: Option<Tensor<4>>,
    /// To what each down block hands on; none at all, or one for each.
    pub down: Vec<Tensor<4>>,
}

/// A map with what is added to it.
pub(super) fn added(map: Tensor<4>, residual: &Tensor<4>) -> Tensor<4> {
    let residual = like(residual.clone(), &map);
    map + residual
}

impl Residuals {
    /// Adds to each map that skips over what is for it.
    pub(super) fn add_to(&self, skips: &mut [Tensor<4>]) {
        for (skip, residual) in skips.iter_mut().zip(&self.skips) {
            *skip = added(skip.clone(), residual);
        }
    }

    /// All of them times `strength`.
    #[must_use]
    pub fn scaled(self, strength: f32) -> Self {
        self.each(|map| map * strength)
    }

    /// The sum of both, which are for the same UNet.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let both = |one: Vec<Tensor<4>>, other: Vec<Tensor<4>>| match (&one[..], &other[..]) {
            (_, []) => one,
            ([], _) => other,
            _ => one.into_iter().zip(other).map(|(a, b)| a + b).collect(),
        };
        let middle = match (self.middle, other.middle) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self { skips: both(self.skips, other.skips), middle, down: both(self.down, other.down) }
    }

    /// All of them, changed.
    #[must_use]
    pub fn each(self, change: impl Fn(Tensor<4>) -> Tensor<4>) -> Self {
        Self {
            skips: self.skips.into_iter().map(&change).collect(),
            middle: self.middle.map(&change),
            down: self.down.into_iter().map(&change).collect(),
        }
    }
}
