//! Nodes of pictures: one file for each thing that is done to them. Thin: the arithmetic is in
//! [`crate::image`], on plain arrays.

mod advanced;
pub(super) mod batch;
pub(super) mod blend;
pub(super) mod compare;
pub(super) mod files;
pub(super) mod filter;
pub(super) mod layout;
pub(super) mod scale;

use super::{Environment, limits};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Context, Inputs};
use crate::image::Image;
use crate::image::resample::{Crop, Method};

/// Longest side of a picture, as in ComfyUI.
const MAX_SIDE: i128 = 16384;

/// What a chosen name stands for.
fn chosen<T>(inputs: &Inputs, name: &'static str, from_name: fn(&str) -> Option<T>) -> Result<T> {
    let got = inputs.string(name)?;
    from_name(got).ok_or_else(|| ErrorKind::UnknownName { what: name, got: got.to_owned() }.into())
}

/// Refuses pictures of this shape before they are made, if there is not enough memory for them.
fn check(cx: &Context<'_>, [batch, height, width, channels]: [usize; 4]) -> Result<()> {
    for (input, side) in [("height", height), ("width", width)] {
        if side == 0 {
            let (min, max) = (1.0, MAX_SIDE as f64);
            return Err(ErrorKind::ValueOutOfRange { input, got: 0.0, min, max }.into());
        }
    }
    let sides = [batch, height, width, channels];
    let numbers = sides.iter().fold(1_u64, |all, side| all.saturating_mul(*side as u64));
    let device = &cx.env::<Environment>().device_info;
    limits::check_host(device, "a picture of this size", numbers)
}

/// The pictures in another size, `[height, width]`, if it fits into memory.
fn resized(
    cx: &Context<'_>,
    image: &Image,
    size: [usize; 2],
    method: Method,
    crop: Crop,
) -> Result<Image> {
    check(cx, [image.batch, size[0], size[1], image.channels])?;
    Ok(image.resized(size, method, crop))
}

/// Two pictures of one size are needed, and these are not.
fn sizes_differ(what: &'static str, expected: &Image, got: &Image) -> Error {
    let size = |image: &Image| format!("{} × {} pixels", image.width, image.height);
    Error::new(ErrorKind::Mismatch { what, expected: size(expected), got: size(got) })
        .hint("bring them to one size with `ImageScale`")
}
