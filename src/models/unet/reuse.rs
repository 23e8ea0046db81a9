//! DeepCache: the inner levels' maps of a step before, in the place of new ones.

use std::cell::RefCell;

use burn::tensor::Tensor;

/// What passes the inner levels from step to step.
///
/// From one step to the next the inner levels' maps change little, and take most of the work. A call that finds a
/// map computes the outermost layers alone; one that finds none computes all, and leaves its own.
///
/// # Source
///
/// Ma et al. 2023, "DeepCache", <https://arxiv.org/abs/2312.00858>, section 3.3.
#[derive(Debug, Clone, Copy)]
pub struct Inner<'a> {
    /// How many of the last residual blocks are computed anew, 1 to those of the last level; more count as these.
    pub layers: usize,
    /// What went into the first of them, `[batch, channels, height, width]`.
    pub map: &'a RefCell<Option<Tensor<4>>>,
}
