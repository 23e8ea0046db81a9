//! A node's inputs, by name and as the type the node wants; errors name the input.

use std::rc::Rc;

use super::value::Value;
use crate::error::{Error, ErrorKind, Result};

/// A node's inputs: those its schema declares and the graph, or a default, gives.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    values: Vec<(&'static str, Value)>,
}

impl Inputs {
    /// No inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same inputs and one more; for the executor, and for tests of nodes.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.set(name, value.into());
        self
    }

    /// Gives the input `name` a value.
    pub fn set(&mut self, name: &'static str, value: Value) {
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.values.push((name, value)),
        }
    }

    /// The value of this input, if it has one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All inputs that have a value, in the schema's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }

    /// The value of this input, whatever it is.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub fn value(&self, name: &'static str) -> Result<&Value> {
        match self.get(name) {
            Some(value) => Ok(value),
            None => Err(wrong(name, "a value", "nothing")),
        }
    }

    /// A whole number, in whichever integer type is wanted.
    ///
    /// # Errors
    ///
    /// If it is missing, not a whole number, or does not fit the type.
    pub fn int<T: TryFrom<i128>>(&self, name: &'static str) -> Result<T> {
        let n = match self.value(name)? {
            Value::Int(n) => *n,
            other => return Err(wrong(name, "a whole number", other.kind().name())),
        };
        T::try_from(n).map_err(|_| wrong(name, "a whole number in range", &n.to_string()))
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// If it is missing, not a number, or not finite.
    pub fn float(&self, name: &'static str) -> Result<f64> {
        let x = match self.value(name)? {
            Value::Float(x) => *x,
            Value::Int(n) => *n as f64,
            other => return Err(wrong(name, "a number", other.kind().name())),
        };
        if x.is_finite() { Ok(x) } else { Err(ErrorKind::NotFinite { input: name }.into()) }
    }

    /// Text, or the name chosen of a list.
    ///
    /// # Errors
    ///
    /// If it is missing or not text.
    pub fn string(&self, name: &'static str) -> Result<&str> {
        match self.value(name)? {
            Value::String(text) => Ok(text),
            other => Err(wrong(name, "text", other.kind().name())),
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    ///
    /// If it is missing or neither.
    pub fn boolean(&self, name: &'static str) -> Result<bool> {
        match self.value(name)? {
            Value::Boolean(yes) => Ok(*yes),
            other => Err(wrong(name, "true or false", other.kind().name())),
        }
    }

    /// The payload of an object.
    ///
    /// # Errors
    ///
    /// If it is missing, not an object, or its payload is not a `T`.
    pub fn object<T: 'static>(&self, name: &'static str) -> Result<Rc<T>> {
        let value = self.value(name)?;
        let payload = match value {
            Value::Object(object) => object.downcast::<T>(),
            _ => None,
        };
        payload.ok_or_else(|| wrong(name, short_name::<T>(), value.kind().name()))
    }

    /// As [`Inputs::int`], and nothing if it was not given.
    ///
    /// # Errors
    ///
    /// As [`Inputs::int`], but for a missing one.
    pub fn optional_int<T: TryFrom<i128>>(&self, name: &'static str) -> Result<Option<T>> {
        self.get(name).map(|_| self.int(name)).transpose()
    }

    /// As [`Inputs::float`], and nothing if it was not given.
    ///
    /// # Errors
    ///
    /// As [`Inputs::float`], but for a missing one.
    pub fn optional_float(&self, name: &'static str) -> Result<Option<f64>> {
        self.get(name).map(|_| self.float(name)).transpose()
    }

    /// As [`Inputs::string`], and nothing if it was not given.
    ///
    /// # Errors
    ///
    /// As [`Inputs::string`], but for a missing one.
    pub fn optional_string(&self, name: &'static str) -> Result<Option<&str>> {
        self.get(name).map(|_| self.string(name)).transpose()
    }

    /// As [`Inputs::boolean`], and nothing if it was not given.
    ///
    /// # Errors
    ///
    /// As [`Inputs::boolean`], but for a missing one.
    pub fn optional_boolean(&self, name: &'static str) -> Result<Option<bool>> {
        self.get(name).map(|_| self.boolean(name)).transpose()
    }

    /// As [`Inputs::object`], and nothing if it was not given.
    ///
    /// # Errors
    ///
    /// As [`Inputs::object`], but for a missing one.
    pub fn optional_object<T: 'static>(&self, name: &'static str) -> Result<Option<Rc<T>>> {
        self.get(name).map(|_| self.object(name)).transpose()
    }
}

fn wrong(input: &'static str, expected: &str, got: &str) -> Error {
    ErrorKind::Mismatch { what: input, expected: expected.to_owned(), got: got.to_owned() }.into()
}

/// The last part of a type's path: nobody who reads the message knows the modules.
fn short_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_input_is_named() {
        let inputs = Inputs::new().with("steps", "many").with("seed", -1_i64).with("cfg", f64::NAN);
        let message = |error: Error| error.to_string();
        assert_eq!(
            message(inputs.int::<usize>("steps").unwrap_err()),
            "steps: expected a whole number, got STRING"
        );
        assert_eq!(
            message(inputs.int::<u64>("seed").unwrap_err()),
            "seed: expected a whole number in range, got -1"
        );
        assert_eq!(
            message(inputs.object::<Vec<f32>>("vae").unwrap_err()),
            "vae: expected a value, got nothing"
        );
        assert_eq!(message(inputs.float("cfg").unwrap_err()), "`cfg` is not a finite number");
        assert!(inputs.optional_object::<String>("vae").unwrap().is_none());
    }

    #[test]
    fn whole_number_passes_for_a_number() {
        assert_eq!(Inputs::new().with("cfg", 8_i64).float("cfg").unwrap(), 8.0);
    }
}
