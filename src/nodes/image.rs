//! Nodes of pictures: one file for each thing that is done to them. Thin: the arithmetic is in
//! [`crate::image`], on plain arrays.

pub(super) mod files;
