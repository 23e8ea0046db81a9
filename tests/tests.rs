//! The one test binary: burn is linked once for all of it.

mod support;

mod diffusion;
mod golden;
