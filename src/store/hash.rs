//! SHA-256 of a file that passes by in pieces.

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};

/// A running SHA-256.
#[derive(Debug, Clone, Default)]
pub struct Hash(Sha256);

impl Hash {
    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash in hexadecimal.
    pub fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Compares with what is known of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::HashMismatch`].
    pub fn check(self, path: &str, expected: String) -> Result<()> {
        let got = self.hex();
        if got == expected {
            return Ok(());
        }
        Err(Error::new(ErrorKind::HashMismatch { file: path.to_owned(), expected, got }).hint(
            "reload the page to download it again; if it comes back, the server has a wrong file",
        ))
    }
}
