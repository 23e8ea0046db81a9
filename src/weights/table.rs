//! Rows that stay on the host.

use std::rc::Rc;

use super::Dtype;

/// A table of rows that stays on the host in the file's own number format: a vocabulary's embeddings, of
/// which a prompt needs 77.
#[derive(Debug, Clone)]
pub struct Table {
    dtype: Dtype,
    width: usize,
    bytes: Rc<Vec<u8>>,
}

impl Table {
    /// A table of floating-point numbers.
    pub(super) fn new(dtype: Dtype, width: usize, bytes: Vec<u8>) -> Self {
        Self { dtype, width, bytes: Rc::new(bytes) }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        (self.bytes.len() / self.dtype.bytes()).checked_div(self.width).unwrap_or(0)
    }

    /// Row `index` as f32.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(&self, index: usize) -> Vec<f32> {
        let len = self.width * self.dtype.bytes();
        self.widen(&self.bytes[index * len..][..len])
    }

    /// All numbers.
    pub(super) fn numbers(&self) -> Vec<f32> {
        self.widen(&self.bytes)
    }

    fn widen(&self, bytes: &[u8]) -> Vec<f32> {
        self.dtype.widen(bytes).expect("made of floating-point numbers")
    }
}
