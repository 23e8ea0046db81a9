//! A network's config, read off the names and shapes of its tensors where no `config.json` lies beside them.

use crate::error::{Error, ErrorKind, Result};
use crate::weights::checkpoint::Shapes;

/// Groups of every normalisation in Stable Diffusion, which no shape tells.
pub(crate) const GROUPS: usize = 32;

/// Channels of an attention head in Stable Diffusion 2.x, SDXL and CLIP, which no shape tells either.
pub(crate) const HEAD_WIDTH: usize = 64;

/// The tensors of one network in a file.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) file: &'a str,
    pub(crate) shapes: &'a Shapes,
}

impl Found<'_> {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.shapes.contains_key(name)
    }

    /// Length of an axis of a tensor that has to be there.
    pub(crate) fn side(&self, name: &str, axis: usize) -> Result<usize> {
        let missing = || {
            Error::new(ErrorKind::MissingTensor {
                file: self.file.to_owned(),
                tensor: name.to_owned(),
            })
            .hint("the file is of another network, or incomplete")
        };
        let shape = self.shapes.get(name).ok_or_else(missing)?;
        let side = shape.get(axis).copied().filter(|side| *side > 0);
        side.ok_or_else(|| self.misshapen(name))
    }

    /// How many tensors of consecutive numbers there are: `name(0)`, `name(1)` and so on.
    pub(crate) fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..).find(|i| !self.has(&name(*i))).unwrap_or(0)
    }

    /// For each residual block of each block of a list the layers of the attention after it.
    pub(crate) fn depths(&self, list: &str) -> Vec<Vec<usize>> {
        let resnet = |i, j| format!("{list}.{i}.resnets.{j}.conv1.weight");
        let depth = |i, j| self.depth(&format!("{list}.{i}.attentions.{j}"));
        (0..self.count(|i| resnet(i, 0)))
            .map(|i| (0..self.count(|j| resnet(i, j))).map(|j| depth(i, j)).collect())
            .collect()
    }

    /// Layers of an attention; 0 if it is not there.
    pub(crate) fn depth(&self, attention: &str) -> usize {
        self.count(|i| format!("{attention}.transformer_blocks.{i}.norm1.weight"))
    }

    /// Whether any tensor's name begins so.
    pub(crate) fn any(&self, prefix: &str) -> bool {
        let mut from = self.shapes.range(prefix.to_owned()..);
        from.next().is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// The first tensor whose name ends so.
    pub(crate) fn ending(&self, suffix: &str) -> Option<&str> {
        self.shapes.keys().find(|name| name.ends_with(suffix)).map(String::as_str)
    }

    /// Widths that groups of normalisation divide, or the error for the first that they do not.
    pub(crate) fn check_groups(&self, name: &str, widths: &[usize]) -> Result<()> {
        match widths.iter().all(|width| width.is_multiple_of(GROUPS)) {
            true => Ok(()),
            false => Err(self.misshapen(name)),
        }
    }

    pub(crate) fn misshapen(&self, name: &str) -> Error {
        let shape =
            self.shapes.get(name).map_or_else(|| "missing".to_owned(), |s| format!("{s:?}"));
        Error::new(ErrorKind::UnsupportedConfig {
            file: self.file.to_owned(),
            option: name.to_owned(),
            value: format!("of shape {shape}"),
        })
        .hint("use a Stable Diffusion 1.x, 2.x or SDXL model")
    }
}
