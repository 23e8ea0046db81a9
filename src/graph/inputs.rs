//! A node's inputs, by name and as the type the node wants; errors name the input.

use std::borrow::Cow;
use std::rc::Rc;

use super::value::Value;
use crate::error::{Error, ErrorKind, Result};

/// A node's inputs: those its schema declares and the graph, or a default, gives.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    values: Vec<(Cow<'static, str>, Value)>,
}

impl Inputs {
    /// No inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same inputs and one more; for the executor, and for tests of nodes.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.set(name, value.into());
        self
    }

    /// Gives the input `name` a value.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        let name = name.into();
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.values.push((name, value)),
        }
    }

    /// The value of this input, if it has one; the first of a list.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.list(name).first()
    }

    /// All values of this input, for a class that takes whole lists; none if it has none.
    pub fn list(&self, name: &str) -> &[Value] {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.map_or(&[], |(_, value)| value.elements())
    }

    /// The inputs given to a group ([`Input::grow`](super::Input::grow)), in order: what each is called
    /// within the group, and its value.
    pub fn group(&self, name: &str) -> Vec<(&str, &Value)> {
        let members = self.values.iter().filter_map(|(known, value)| {
            Some((known.strip_prefix(name)?.strip_prefix('.')?, value.elements().first()?))
        });
        members.collect()
    }

    /// All inputs that have a value, in the schema's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (&**name, value))
    }

    /// The length of the longest list among them; 1 where there is none.
    pub(crate) fn longest(&self) -> usize {
        self.values.iter().map(|(_, value)| value.elements().len()).max().unwrap_or(1)
    }

    /// The inputs of one execution: each list's element at this place, or its last one.
    pub(crate) fn element(&self, at: usize) -> Self {
        let values = self.values.iter().filter_map(|(name, value)| {
            let elements = value.elements();
            Some((name.clone(), elements.get(at).or(elements.last())?.clone()))
        });
        Self { values: values.collect() }
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
        payload(name, self.value(name)?)
    }

    /// The payloads of all values of this input, for a class that takes whole lists.
    ///
    /// # Errors
    ///
    /// If one is not an object, or its payload is not a `T`.
    pub fn objects<T: 'static>(&self, name: &'static str) -> Result<Vec<Rc<T>>> {
        self.list(name).iter().map(|value| payload(name, value)).collect()
    }

    /// The payloads of a group of inputs.
    ///
    /// # Errors
    ///
    /// If one is not an object, or its payload is not a `T`.
    pub fn group_objects<T: 'static>(&self, name: &'static str) -> Result<Vec<Rc<T>>> {
        self.group(name).into_iter().map(|(_, value)| payload(name, value)).collect()
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

fn payload<T: 'static>(input: &'static str, value: &Value) -> Result<Rc<T>> {
    value.downcast().ok_or_else(|| wrong(input, short_name::<T>(), value.kind().name()))
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

    #[test]
    fn group_is_what_stands_behind_its_name() {
        let inputs = Inputs::new()
            .with("values.a", 1_i64)
            .with("values", 2_i64)
            .with("valuesx.b", 3_i64)
            .with("values.b.c", 4_i64);
        let group: Vec<String> = inputs
            .group("values")
            .iter()
            .map(|(name, value)| format!("{name} {value:?}"))
            .collect();
        assert_eq!(group, ["a Int(1)", "b.c Int(4)"]);
        assert!(inputs.group("other").is_empty());
        assert!(inputs.group_objects::<String>("values").is_err());
    }

    #[test]
    fn list_is_read_whole_or_by_its_first() {
        let inputs = Inputs::new().with("n", Value::list(vec![5_i64.into(), 6_i64.into()]));
        assert_eq!(inputs.int::<u8>("n").unwrap(), 5);
        assert_eq!(inputs.list("n").len(), 2);
        assert_eq!(inputs.with("m", 7_i64).list("m").len(), 1);
        assert!(Inputs::new().list("m").is_empty());
    }
}
