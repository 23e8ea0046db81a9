//! What a node class says about itself: everything a menu, a form, a check and a page need.
//!
//! All of it is `&'static` data made by `const` functions, so that it can be listed and printed without
//! running anything:
//!
//! ```
//! use tintype::graph::{Input, Kind, Output, Schema};
//!
//! const SAMPLER: &Schema = &Schema::new("KSampler", "Sampler", "sampling")
//!     .doc("Turns noise into a picture, step by step.")
//!     .inputs(&[
//!         Input::link("model", Kind::MODEL),
//!         Input::int("seed", 0, 0..=u64::MAX as i128).control_after_generate(),
//!         Input::float("cfg", 8.0, 0.0..=100.0, 0.1).doc("How closely it follows the text."),
//!         Input::combo("scheduler", &["normal", "karras"]),
//!         Input::link("control", Kind::new("CONTROL_NET")).optional(),
//!     ])
//!     .outputs(&[Output::new(Kind::LATENT)]);
//!
//! assert_eq!(SAMPLER.inputs.len(), 5);
//! ```
//!
//! A class made at run time (from JavaScript) leaks its schema: it lives as long as the engine.

use super::value::Kind;

mod input;

pub use input::{Branch, Input, Names, Type};

/// What a node class says about itself.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The name in graphs, for example `KSampler`.
    pub class_type: &'static str,
    /// The name in menus.
    pub display_name: &'static str,
    /// Its place in menus, levels separated by `/`.
    pub category: &'static str,
    /// What it does, for the person with the picture in mind.
    pub doc: &'static str,
    /// Its inputs, in order.
    pub inputs: &'static [Input],
    /// Its outputs, in order.
    pub outputs: &'static [Output],
    /// True if a run is made for its sake: it saves or shows something.
    pub output_node: bool,
    /// True if it takes whole lists at once ([`Inputs::list`](super::Inputs::list)); else it runs once for
    /// each element of the longest list it is given.
    pub input_is_list: bool,
    /// True if there is a better class for new graphs.
    pub deprecated: bool,
    /// True if it may still change.
    pub experimental: bool,
}

impl Schema {
    /// A class without inputs and outputs.
    pub const fn new(
        class_type: &'static str,
        display_name: &'static str,
        category: &'static str,
    ) -> Self {
        Self {
            class_type,
            display_name,
            category,
            doc: "",
            inputs: &[],
            outputs: &[],
            output_node: false,
            input_is_list: false,
            deprecated: false,
            experimental: false,
        }
    }

    /// The same class with its description.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// The same class with its inputs.
    pub const fn inputs(mut self, inputs: &'static [Input]) -> Self {
        self.inputs = inputs;
        self
    }

    /// The same class with its outputs.
    pub const fn outputs(mut self, outputs: &'static [Output]) -> Self {
        self.outputs = outputs;
        self
    }

    /// The same class, for whose sake a run is made.
    pub const fn output_node(mut self) -> Self {
        self.output_node = true;
        self
    }

    /// The same class, which takes whole lists at once.
    pub const fn input_is_list(mut self) -> Self {
        self.input_is_list = true;
        self
    }

    /// The same class, no longer advised.
    pub const fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// The same class, still allowed to change.
    pub const fn experimental(mut self) -> Self {
        self.experimental = true;
        self
    }

    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&'static Input> {
        self.inputs.iter().find(|input| input.name == name)
    }
}

/// The names a combo allows.
#[derive(Debug, Clone, Copy)]
pub enum Choices {
    /// Always these.
    List(&'static [&'static str]),
    /// The files of this folder, for example `checkpoints`, at the moment of asking.
    Folder(&'static str),
}

impl Choices {
    /// The names as they are now.
    pub fn names(&self, source: &dyn ChoiceSource) -> Vec<String> {
        match self {
            Self::List(names) => names.iter().map(|&name| name.to_owned()).collect(),
            Self::Folder(folder) => source.choices(folder),
        }
    }
}

/// Who knows which files a folder holds.
pub trait ChoiceSource {
    /// Names of the files in `folder`, in the order to show them; none for an unknown folder.
    fn choices(&self, folder: &str) -> Vec<String>;

    /// What a person does to get a file that `folder` lacks.
    fn advice(&self, _folder: &str) -> Option<&'static str> {
        None
    }
}

/// A [`ChoiceSource`] without any folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFolders;

impl ChoiceSource for NoFolders {
    fn choices(&self, _folder: &str) -> Vec<String> {
        Vec::new()
    }
}

/// One output of a class.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// What it gives.
    pub kind: Kind,
    /// Its name on the node.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// True if it gives a list ([`Value::list`](super::Value::list)), for each element of which whatever
    /// takes it runs once.
    pub list: bool,
}

impl Output {
    /// An output named as its kind.
    pub const fn new(kind: Kind) -> Self {
        Self { kind, name: kind.name(), doc: "", list: false }
    }

    /// The same output under another name.
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// The same output with its description.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// The same output, which gives a list.
    pub const fn list(mut self) -> Self {
        self.list = true;
        self
    }
}
