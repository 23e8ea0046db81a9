//! Text → token windows that a text encoder can read. Knows nothing of graphs or networks.

pub mod tokenizer;

pub use tokenizer::Tokenizer;
