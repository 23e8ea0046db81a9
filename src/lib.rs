#![doc = include_str!("../README.md")]

pub mod device;
pub mod error;
pub mod image;
pub mod models;
pub mod ops;
pub mod prompt;
pub mod store;
pub mod weights;
