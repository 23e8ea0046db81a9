//! What flows along a link, and which kinds of it fit which input.
//!
//! The engine treats values as opaque: it asks for [`Value::kind`] and [`Value::bytes`], clones,
//! drops, and nothing else. Small values (numbers, text) are held as they are; everything large is an
//! [`Object`], a counted reference whose inside only the nodes know.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use serde_json::Number;

use super::Literal;

/// The name of what an input takes or an output gives, in ComfyUI's words.
///
/// A kind may be a union, written with commas (`"IMAGE,MASK"`), and `*` is anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// A denoising network.
    pub const MODEL: Self = Self("MODEL");
    /// A text encoder with its tokenizer.
    pub const CLIP: Self = Self("CLIP");
    /// An image autoencoder.
    pub const VAE: Self = Self("VAE");
    /// Encoded text, with what goes along with it.
    pub const CONDITIONING: Self = Self("CONDITIONING");
    /// Latent pictures.
    pub const LATENT: Self = Self("LATENT");
    /// Pictures.
    pub const IMAGE: Self = Self("IMAGE");
    /// Masks, one number a pixel.
    pub const MASK: Self = Self("MASK");
    /// A whole number.
    pub const INT: Self = Self("INT");
    /// A number.
    pub const FLOAT: Self = Self("FLOAT");
    /// Text.
    pub const STRING: Self = Self("STRING");
    /// Yes or no.
    pub const BOOLEAN: Self = Self("BOOLEAN");
    /// One name of a list of names.
    pub const COMBO: Self = Self("COMBO");
    /// Anything.
    pub const ANY: Self = Self("*");

    /// The kind of this name.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// True if an output of kind `given` may be linked to an input of this kind.
    pub fn accepts(self, given: Self) -> bool {
        self.names().any(|name| name == "*" || given.names().any(|g| g == "*" || g == name))
    }

    /// True if everything is of this kind.
    pub fn is_any(self) -> bool {
        self.names().any(|name| name == Self::ANY.0)
    }

    /// True if values of this kind can be written down in the graph rather than linked.
    pub fn takes_literals(self) -> bool {
        let written = [Self::INT, Self::FLOAT, Self::STRING, Self::BOOLEAN, Self::COMBO, Self::ANY];
        written.iter().any(|kind| self.names().any(|name| name == kind.0))
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        self.0.split(',').map(str::trim)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A value that travels along a link, or was written in the graph.
#[derive(Debug, Clone)]
pub enum Value {
    /// A whole number; wide enough for seeds up to 2^64 − 1.
    Int(i128),
    /// A number.
    Float(f64),
    /// Text, or one name of a list.
    String(String),
    /// Yes or no.
    Boolean(bool),
    /// A list or an object written in the graph.
    Json(serde_json::Value),
    /// Anything else.
    Object(Object),
    /// Several values, for each of which what follows runs once; never empty, and no list in a list.
    List(Rc<[Self]>),
}

impl Value {
    /// Several values, for an [`Output::list`](super::Output::list).
    pub fn list(values: Vec<Self>) -> Self {
        Self::List(values.into())
    }

    /// The values of a list; any other value is a list of itself.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::List(values) => values,
            one => std::slice::from_ref(one),
        }
    }

    /// The payload, if it is an object with a `T` in it.
    pub fn downcast<T: 'static>(&self) -> Option<Rc<T>> {
        match self {
            Self::Object(object) => object.downcast(),
            _ => None,
        }
    }

    /// An [`Object`] around `payload`, as a value.
    pub fn object<T: 'static>(kind: Kind, bytes: usize, payload: T) -> Self {
        Self::Object(Object::new(kind, bytes, payload))
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Int(_) => Kind::INT,
            Self::Float(_) => Kind::FLOAT,
            Self::String(_) => Kind::STRING,
            Self::Boolean(_) => Kind::BOOLEAN,
            Self::Json(_) => Kind::ANY,
            Self::Object(object) => object.kind,
            Self::List(values) => values.first().map_or(Kind::ANY, Self::kind),
        }
    }

    /// The memory it holds on to, in bytes, roughly.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Int(_) | Self::Float(_) | Self::Boolean(_) => 16,
            Self::String(text) => text.len(),
            // Counted as its text: exact would need a walk, and these are small.
            Self::Json(json) => json.to_string().len(),
            Self::Object(object) => object.bytes,
            Self::List(values) => values.iter().map(Self::bytes).sum(),
        }
    }

    /// The value as JSON; `None` for an [`Object`] and for a number that JSON cannot write.
    pub fn to_json(&self) -> Option<serde_json::Value> {
        match self {
            Self::Int(n) => number_from_int(*n).map(serde_json::Value::Number),
            Self::Float(x) => Number::from_f64(*x).map(serde_json::Value::Number),
            Self::String(text) => Some(serde_json::Value::String(text.clone())),
            Self::Boolean(yes) => Some(serde_json::Value::Bool(*yes)),
            Self::Json(json) => Some(json.clone()),
            Self::Object(_) => None,
            Self::List(values) => values.iter().map(Self::to_json).collect(),
        }
    }

    /// True if an output declared as `declared` may hold this value.
    pub(crate) fn fits(&self, declared: Kind) -> bool {
        declared.accepts(self.kind())
            // A list's name is text once it is chosen.
            || (matches!(self, Self::String(_)) && declared.accepts(Kind::COMBO))
    }
}

/// The JSON number for `n`, exact wherever serde_json can hold it.
pub(crate) fn number_from_int(n: i128) -> Option<Number> {
    if let Ok(n) = u64::try_from(n) {
        Some(Number::from(n))
    } else if let Ok(n) = i64::try_from(n) {
        Some(Number::from(n))
    } else {
        Number::from_f64(n as f64)
    }
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Int(n) => Self::Int(n),
            Literal::Float(x) => Self::Float(x),
            Literal::String(text) => Self::String(text),
            Literal::Boolean(yes) => Self::Boolean(yes),
            Literal::Json(json) => Self::Json(json),
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Float(x)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Boolean(yes)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n.into())
    }
}

/// A counted reference to something large, with its kind and its size.
///
/// Cloning copies the reference. The payload is dropped with the last one.
#[derive(Clone)]
pub struct Object {
    kind: Kind,
    bytes: usize,
    payload: Rc<dyn Any>,
}

impl Object {
    /// Wraps `payload`, which holds on to about `bytes` bytes of memory.
    pub fn new<T: 'static>(kind: Kind, bytes: usize, payload: T) -> Self {
        Self { kind, bytes, payload: Rc::new(payload) }
    }

    /// Wraps a payload that is shared already.
    pub fn shared<T: 'static>(kind: Kind, bytes: usize, payload: Rc<T>) -> Self {
        Self { kind, bytes, payload }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The memory it holds on to, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The payload, if it is a `T`.
    pub fn downcast<T: 'static>(&self) -> Option<Rc<T>> {
        Rc::clone(&self.payload).downcast::<T>().ok()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.kind, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unions_fit_when_they_overlap() {
        let union = Kind::new("IMAGE, MASK");
        assert!(union.accepts(Kind::MASK) && Kind::MASK.accepts(union));
        assert!(union.accepts(Kind::new("LATENT,IMAGE")));
        assert!(!union.accepts(Kind::LATENT));
        assert!(Kind::ANY.accepts(Kind::MODEL) && Kind::MODEL.accepts(Kind::ANY));
        assert!(!Kind::FLOAT.accepts(Kind::INT));
    }

    #[test]
    fn object_gives_its_payload_back_only_as_what_it_is() {
        let object = Object::new(Kind::LATENT, 12, vec![1.0_f32, 2.0, 3.0]);
        assert_eq!(*object.downcast::<Vec<f32>>().unwrap(), [1.0, 2.0, 3.0]);
        assert!(object.downcast::<String>().is_none());
        assert_eq!(Value::from(object).bytes(), 12);
    }

    #[test]
    fn seeds_stay_exact_in_json() {
        let seed = Value::Int(u64::MAX.into());
        assert_eq!(seed.to_json().unwrap().to_string(), "18446744073709551615");
        assert_eq!(Value::Int(-3).to_json().unwrap().to_string(), "-3");
        assert!(Value::Float(f64::NAN).to_json().is_none());
    }
}
