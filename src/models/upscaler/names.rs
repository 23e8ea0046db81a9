//! What an upscaler's file holds, found out from the names and shapes of its tensors.

use std::collections::BTreeMap;

use super::compact::CompactConfig;
use super::rrdb::RrdbConfig;
use crate::error::{Error, ErrorKind, Result};

/// Name and shape of every tensor of a file.
pub(super) type Shapes = BTreeMap<String, Vec<usize>>;

/// Which network a file is of, and its numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    Compact(CompactConfig),
    Rrdb(RrdbConfig),
}

/// What the names begin with where a training program saved averages of the tensors, which are the better ones.
pub(super) const AVERAGED: &str = "params_ema.";
/// What the names begin with where it saved the tensors as training left them.
pub(super) const TRAINED: &str = "params.";
/// What names may begin with.
const PREFIXES: [&str; 4] = [AVERAGED, TRAINED, "module.", "netG."];

/// The names of the tensors of an ESRGAN, of which there are three sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    prefix: String,
    style: Style,
    blocks: usize,
    doublings: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The first ESRGAN's: places in torch's `Sequential`.
    Places,
    /// The later ESRGAN's, and BSRGAN's.
    Trunk,
    /// BasicSR's, and Real-ESRGAN's.
    Body,
}

impl Names {
    pub(super) fn first(&self) -> String {
        self.of("model.0", "conv_first", "conv_first")
    }

    pub(super) fn block(&self, block: usize) -> String {
        let path = self.of("model.1.sub", "RRDB_trunk", "body");
        format!("{path}.{block}")
    }

    /// `dense` from 1.
    pub(super) fn dense(&self, block: usize, dense: usize) -> String {
        let kind = if self.style == Style::Body { "rdb" } else { "RDB" };
        format!("{}.{kind}{dense}", self.block(block))
    }

    /// `conv` from 1.
    pub(super) fn conv(&self, block: usize, dense: usize, conv: usize) -> String {
        let place = if self.style == Style::Places { ".0" } else { "" };
        format!("{}.conv{conv}{place}", self.dense(block, dense))
    }

    pub(super) fn shortcut(&self, block: usize, dense: usize) -> String {
        format!("{}.conv1x1", self.dense(block, dense))
    }

    pub(super) fn body(&self) -> String {
        self.of(&format!("model.1.sub.{}", self.blocks), "trunk_conv", "conv_body")
    }

    /// `doubling` from 1.
    pub(super) fn up(&self, doubling: usize) -> String {
        // An enlargement, a convolution and an activation are three places.
        let place = format!("model.{}", 3 * doubling);
        self.of(&place, &format!("upconv{doubling}"), &format!("conv_up{doubling}"))
    }

    pub(super) fn high(&self) -> String {
        self.of(&format!("model.{}", 3 * self.doublings + 2), "HRconv", "conv_hr")
    }

    pub(super) fn last(&self) -> String {
        self.of(&format!("model.{}", 3 * self.doublings + 4), "conv_last", "conv_last")
    }

    fn of(&self, places: &str, trunk: &str, body: &str) -> String {
        let name = match self.style {
            Style::Places => places,
            Style::Trunk => trunk,
            Style::Body => body,
        };
        format!("{}{name}", self.prefix)
    }
}

/// Tells what a file holds.
///
/// # Errors
///
/// [`ErrorKind::BadFile`] if it is neither network, or one that does not make colour pictures of colour pictures.
pub(super) fn recognise(file: &str, prefix: &str, shapes: &Shapes) -> Result<Architecture> {
    let file = File { file, prefix, shapes };
    for style in [Style::Body, Style::Trunk, Style::Places] {
        let names = Names { prefix: prefix.to_owned(), style, blocks: 0, doublings: 0 };
        if file.has(&names.first()) && file.has(&names.conv(0, 1, 1)) {
            return file.rrdb(names).map(Architecture::Rrdb);
        }
    }
    if file.has(&format!("{prefix}body.0")) && file.has(&format!("{prefix}body.1")) {
        return file.compact().map(Architecture::Compact);
    }
    let why = match shapes.keys().next() {
        None => "it holds no tensors".to_owned(),
        Some(name) => format!(
            "it holds no upscaler, expected an ESRGAN (`conv_first.weight` or `model.0.weight`) or Compact \
             (`body.0.weight`) network, got `{name}` and {} more tensors",
            shapes.len() - 1
        ),
    };
    Err(file.refused(why))
}

/// What all names that count begin with: any of [`PREFIXES`], also one in another.
pub(super) fn prefix(shapes: &Shapes) -> String {
    let mut prefix = String::new();
    while let Some(next) = PREFIXES.iter().find(|next| {
        let longer = format!("{prefix}{next}");
        shapes.keys().any(|name| name.starts_with(&longer))
    }) {
        prefix.push_str(next);
    }
    prefix
}

struct File<'a> {
    file: &'a str,
    prefix: &'a str,
    shapes: &'a Shapes,
}

impl File<'_> {
    fn refused(&self, why: String) -> Error {
        Error::new(ErrorKind::BadFile { file: self.file.to_owned(), why }).hint(
            "use an ESRGAN, Real-ESRGAN or Compact upscaler of colour pictures, saved as safetensors",
        )
    }

    fn has(&self, path: &str) -> bool {
        self.shapes.contains_key(&format!("{path}.weight"))
    }

    /// Channels out and in of a convolution.
    fn channels(&self, path: &str) -> Result<[usize; 2]> {
        let name = format!("{path}.weight");
        let shape = self.shapes.get(&name).ok_or_else(|| {
            let (file, tensor) = (self.file.to_owned(), name.clone());
            Error::new(ErrorKind::MissingTensor { file, tensor }).hint("the file is incomplete")
        })?;
        match shape[..] {
            [outputs, inputs, 3, 3] if outputs > 0 && inputs > 0 => Ok([outputs, inputs]),
            _ => Err(self.refused(format!(
                "`{name}` has shape {shape:?}, expected a convolution's, [channels, channels, 3, 3]"
            ))),
        }
    }

    fn compact(&self) -> Result<CompactConfig> {
        let path = |i: usize| format!("{}body.{i}", self.prefix);
        let [width, inputs] = self.channels(&path(0))?;
        // Convolutions have even places, activations odd ones, and the last is a convolution.
        let layers = (1..).step_by(2).take_while(|place| self.has(&path(*place))).count();
        let [outputs, _] = self.channels(&path(2 * layers))?;
        let scale = (outputs / 3).isqrt();
        if inputs != 3 || outputs != 3 * scale * scale {
            return Err(self.refused(format!(
                "a Compact network of {inputs} channels in and {outputs} out, expected 3 in and 3 for each of the new \
                 pixels out"
            )));
        }
        Ok(CompactConfig { prefix: self.prefix.to_owned(), width, layers, scale })
    }

    fn rrdb(&self, mut names: Names) -> Result<RrdbConfig> {
        names.blocks = (0..).take_while(|block| self.has(&names.conv(*block, 1, 1))).count();
        names.doublings = (1..).take_while(|doubling| self.has(&names.up(*doubling))).count();
        let [width, inputs] = self.channels(&names.first())?;
        let [growth, _] = self.channels(&names.conv(0, 1, 1))?;
        let [outputs, _] = self.channels(&names.last())?;
        let square = match inputs {
            12 => 2,
            48 => 4,
            _ => 1,
        };
        if inputs != 3 * square * square || outputs != 3 {
            return Err(self.refused(format!(
                "an ESRGAN of {inputs} channels in and {outputs} out, expected 3 (12 or 48 as squares of pixels) in and \
                 3 out"
            )));
        }
        let factors = [1, 2, 4, 8].map(|scale| scale * square);
        if !factors.iter().any(|factor| factor.checked_ilog2() == Some(names.doublings as u32)) {
            return Err(self.refused(format!(
                "an ESRGAN that doubles {} times what is a {square}th of the picture, expected a scale of 1, 2, 4 or 8",
                names.doublings
            )));
        }
        Ok(RrdbConfig {
            width,
            growth,
            blocks: names.blocks,
            doublings: names.doublings,
            square,
            shortcut: self.has(&names.shortcut(0, 1)),
            names,
        })
    }
}
