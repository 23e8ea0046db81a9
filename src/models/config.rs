//! Reading diffusers' and transformers' `config.json`: every option is understood, defaulted or refused.

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

/// A `config.json`, read option by option.
pub(crate) struct Config<'a> {
    file: &'a str,
    options: Map<String, Value>,
}

impl<'a> Config<'a> {
    pub(crate) fn parse(file: &'a str, text: &str) -> Result<Self> {
        let options =
            serde_json::from_str(text).map_err(|error| bad_file(file, error.to_string()))?;
        Ok(Self { file, options })
    }

    /// The option's value unless it is absent or null.
    fn get(&self, name: &str) -> Option<&Value> {
        self.options.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.options.get(name).is_some_and(Value::is_null)
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn size(&self, name: &str, default: usize) -> Result<usize> {
        self.optional_size(name).map(|size| size.unwrap_or(default))
    }

    pub(crate) fn optional_size(&self, name: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        as_size(value).map(Some).ok_or_else(|| self.unsupported(name))
    }

    pub(crate) fn float(&self, name: &str, default: f64) -> Result<f64> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_f64().ok_or_else(|| self.unsupported(name))
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.unsupported(name))
    }

    pub(crate) fn text(&self, name: &str, default: &str) -> Result<String> {
        let Some(value) = self.get(name) else { return Ok(default.to_owned()) };
        value.as_str().map(str::to_owned).ok_or_else(|| self.unsupported(name))
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let texts = self.get(name).and_then(Value::as_array).map(|list| {
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        texts.flatten().filter(|list| !list.is_empty()).ok_or_else(|| self.unsupported(name))
    }

    /// Without residual blocks a level has no width of its own.
    pub(crate) fn layers_per_block(&self, default: usize) -> Result<usize> {
        match self.size("layers_per_block", default)? {
            0 => Err(self.unsupported("layers_per_block")),
            layers => Ok(layers),
        }
    }

    /// One number for every level, or a list of one each.
    pub(crate) fn sizes(&self, name: &str, levels: usize, default: usize) -> Result<Vec<usize>> {
        let Some(Value::Array(list)) = self.get(name) else {
            return Ok(vec![self.size(name, default)?; levels]);
        };
        let sizes: Option<Vec<usize>> = list.iter().map(as_size).collect();
        sizes.filter(|sizes| sizes.len() == levels).ok_or_else(|| self.unsupported(name))
    }

    /// One number for every level, or a list with a number or a list of numbers for each, of these lengths; 1 if absent.
    pub(crate) fn nested_sizes(&self, name: &str, lengths: &[usize]) -> Result<Vec<Vec<usize>>> {
        let Some(Value::Array(list)) = self.get(name) else {
            let size = self.size(name, 1)?;
            return Ok(lengths.iter().map(|length| vec![size; *length]).collect());
        };
        let level = |(value, length): (&Value, &usize)| -> Option<Vec<usize>> {
            match value {
                Value::Array(sizes) if sizes.len() == *length => {
                    sizes.iter().map(as_size).collect()
                }
                _ => Some(vec![as_size(value)?; *length]),
            }
        };
        let sizes: Option<Vec<_>> = list.iter().zip(lengths).map(level).collect();
        sizes.filter(|_| list.len() == lengths.len()).ok_or_else(|| self.unsupported(name))
    }

    /// A list of numbers, as many as there are.
    pub(crate) fn size_list(&self, name: &str, default: &[usize]) -> Result<Vec<usize>> {
        let Some(value) = self.get(name) else { return Ok(default.to_vec()) };
        let sizes = value.as_array().and_then(|list| list.iter().map(as_size).collect());
        sizes.filter(|sizes: &Vec<usize>| !sizes.is_empty()).ok_or_else(|| self.unsupported(name))
    }

    /// Refuses the config unless the option is absent, null or the one value that is implemented.
    pub(crate) fn must_be(&self, name: &str, supported: &Value) -> Result<()> {
        // 1 and 1.0 are the same number, but not the same JSON.
        let same = |value: &Value| {
            value == supported || value.as_f64().is_some() && value.as_f64() == supported.as_f64()
        };
        match self.get(name) {
            Some(value) if !same(value) => Err(self.unsupported(name)),
            _ => Ok(()),
        }
    }

    /// Refuses the config if the option is set at all.
    pub(crate) fn must_be_absent(&self, names: &[&str]) -> Result<()> {
        match names
            .iter()
            .find(|name| self.get(name).is_some_and(|value| *value != Value::Bool(false)))
        {
            Some(name) => Err(self.unsupported(name)),
            None => Ok(()),
        }
    }

    pub(crate) fn unsupported(&self, name: &str) -> Error {
        let value = self.options.get(name).map_or_else(|| "missing".to_owned(), Value::to_string);
        Error::new(ErrorKind::UnsupportedConfig {
            file: self.file.to_owned(),
            option: name.to_owned(),
            value,
        })
        .hint("use a Stable Diffusion 1.x, 2.x or SDXL model")
    }
}

/// A size beyond the limit is no network but a damaged file, and would overflow a product.
fn as_size(value: &Value) -> Option<usize> {
    value.as_u64().filter(|size| *size <= 1 << 20).map(|size| size as usize)
}

pub(crate) fn bad_file(file: &str, why: String) -> Error {
    ErrorKind::BadFile { file: file.to_owned(), why }.into()
}
