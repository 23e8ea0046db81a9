//! Rows that stay on the host.

use std::rc::Rc;

use super::Dtype;
use super::stored::Stored;
use crate::device;
use crate::error::Result;

/// A table of rows that stays on the host in the file's own number format, or in the file: a vocabulary's embeddings,
/// of which a prompt needs 77.
#[derive(Debug, Clone)]
pub struct Table {
    dtype: Dtype,
    width: usize,
    bytes: Bytes,
}

#[derive(Debug, Clone)]
enum Bytes {
    Here(Rc<Vec<u8>>),
    File(Box<Stored>),
}

impl Table {
    /// A table of floating-point numbers.
    pub(super) fn new(dtype: Dtype, width: usize, bytes: Vec<u8>) -> Self {
        Self { dtype, width, bytes: Bytes::Here(Rc::new(bytes)) }
    }

    /// A table in its file.
    pub(super) fn stored(width: usize, stored: Stored) -> Self {
        Self { dtype: stored.dtype(), width, bytes: Bytes::File(Box::new(stored)) }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        let bytes = match &self.bytes {
            Bytes::Here(bytes) => bytes.len(),
            Bytes::File(stored) => stored.len(),
        };
        (bytes / self.dtype.bytes()).checked_div(self.width).unwrap_or(0)
    }

    /// Row `index` as f32. What cannot be read is noted for the next [`device::read`], and is 0 here.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(&self, index: usize) -> Vec<f32> {
        let len = self.width * self.dtype.bytes();
        match &self.bytes {
            Bytes::Here(bytes) => self.widen(&bytes[index * len..][..len]),
            Bytes::File(stored) => match stored.part(index * len, len) {
                Ok(bytes) => self.widen(&bytes),
                Err(error) => {
                    device::note_unreadable(error);
                    vec![0.0; self.width]
                }
            },
        }
    }

    /// All numbers.
    ///
    /// # Errors
    ///
    /// A read that fails.
    pub(super) fn numbers(&self) -> Result<Vec<f32>> {
        Ok(match &self.bytes {
            Bytes::Here(bytes) => self.widen(bytes),
            Bytes::File(stored) => self.widen(&stored.bytes()?),
        })
    }

    fn widen(&self, bytes: &[u8]) -> Vec<f32> {
        self.dtype.widen(bytes).expect("made of floating-point numbers")
    }
}
