//! Blocks that two or more networks are built of.

pub(crate) mod attention;
mod feed_forward;
pub(crate) mod resnet;
pub(crate) mod savings;
pub(crate) mod transformer;
