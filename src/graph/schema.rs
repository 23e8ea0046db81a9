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

use std::ops::RangeInclusive;

use super::value::Kind;

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

/// One input of a class.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// Its name in graphs.
    pub name: &'static str,
    /// What it takes.
    pub ty: Type,
    /// False if it may be left out.
    pub required: bool,
    /// What it does to the picture.
    pub doc: &'static str,
}

impl Input {
    /// An input of this type, required.
    pub const fn new(name: &'static str, ty: Type) -> Self {
        Self { name, ty, required: true, doc: "" }
    }

    /// A value that only another node can give.
    pub const fn link(name: &'static str, kind: Kind) -> Self {
        Self::new(name, Type::Link(kind))
    }

    /// A whole number.
    pub const fn int(name: &'static str, default: i128, range: RangeInclusive<i128>) -> Self {
        let (min, max) = (*range.start(), *range.end());
        Self::new(name, Type::Int { default, min, max, step: 1, control_after_generate: false })
    }

    /// A number; `step` is how far an arrow key moves it.
    pub const fn float(
        name: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
        step: f64,
    ) -> Self {
        let (min, max) = (*range.start(), *range.end());
        Self::new(name, Type::Float { default, min, max, step })
    }

    /// One line of text; without a default it has to be given.
    pub const fn string(name: &'static str) -> Self {
        Self::new(name, Type::String { default: None, multiline: false, dynamic_prompts: false })
    }

    /// Text of several lines, in which `{a|b}` is a choice.
    pub const fn prompt(name: &'static str) -> Self {
        Self::new(name, Type::String { default: None, multiline: true, dynamic_prompts: true })
    }

    /// Yes or no.
    pub const fn boolean(name: &'static str, default: bool) -> Self {
        Self::new(name, Type::Boolean { default })
    }

    /// One of these names; the first is the default.
    pub const fn combo(name: &'static str, choices: &'static [&'static str]) -> Self {
        let choices = Choices::List(choices);
        Self::new(name, Type::Combo { choices, default: None, image_upload: false })
    }

    /// One of the files of a folder, listed when it is asked for; there is no default.
    pub const fn folder(name: &'static str, folder: &'static str) -> Self {
        let choices = Choices::Folder(folder);
        Self::new(name, Type::Combo { choices, default: None, image_upload: false })
    }

    /// The same input, which may be left out.
    pub const fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The same input with its description.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// The same whole number, which an arrow key moves by `by`.
    ///
    /// # Panics
    ///
    /// If the input is not a whole number.
    pub const fn step(mut self, by: i128) -> Self {
        match &mut self.ty {
            Type::Int { step, .. } => *step = by,
            _ => panic!("`step` is for whole numbers"),
        }
        self
    }

    /// The same whole number, with the control that draws the next seed.
    ///
    /// # Panics
    ///
    /// If the input is not a whole number.
    pub const fn control_after_generate(mut self) -> Self {
        match &mut self.ty {
            Type::Int { control_after_generate, .. } => *control_after_generate = true,
            _ => panic!("`control_after_generate` is for whole numbers"),
        }
        self
    }

    /// The same text with this default.
    ///
    /// # Panics
    ///
    /// If the input is neither text nor a list of names.
    pub const fn or(mut self, value: &'static str) -> Self {
        match &mut self.ty {
            Type::String { default, .. } | Type::Combo { default, .. } => *default = Some(value),
            _ => panic!("`or` is for text and lists of names"),
        }
        self
    }

    /// The same text, of several lines.
    ///
    /// # Panics
    ///
    /// If the input is not text.
    pub const fn multiline(mut self) -> Self {
        match &mut self.ty {
            Type::String { multiline, .. } => *multiline = true,
            _ => panic!("`multiline` is for text"),
        }
        self
    }

    /// The same list of files, with a control that adds a picture to it.
    ///
    /// # Panics
    ///
    /// If the input is not a list of names.
    pub const fn image_upload(mut self) -> Self {
        match &mut self.ty {
            Type::Combo { image_upload, .. } => *image_upload = true,
            _ => panic!("`image_upload` is for lists of files"),
        }
        self
    }
}

/// What an input takes.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// A whole number.
    Int {
        /// Value when nothing is given.
        default: i128,
        /// Smallest allowed.
        min: i128,
        /// Largest allowed.
        max: i128,
        /// How far an arrow key moves it; not a rule.
        step: i128,
        /// True if it is a seed, which a form may redraw after a run.
        control_after_generate: bool,
    },
    /// A number.
    Float {
        /// Value when nothing is given.
        default: f64,
        /// Smallest allowed.
        min: f64,
        /// Largest allowed.
        max: f64,
        /// How far an arrow key moves it; not a rule.
        step: f64,
    },
    /// Text.
    String {
        /// Value when nothing is given; without one, something must be.
        default: Option<&'static str>,
        /// True if it may have several lines.
        multiline: bool,
        /// True if `{a|b}` in it is a choice that a form draws.
        dynamic_prompts: bool,
    },
    /// Yes or no.
    Boolean {
        /// Value when nothing is given.
        default: bool,
    },
    /// One of a list of names.
    Combo {
        /// The names.
        choices: Choices,
        /// Value when nothing is given; else the first name of a fixed list.
        default: Option<&'static str>,
        /// True if a form should offer to add a picture.
        image_upload: bool,
    },
    /// Something that only another node can give.
    Link(Kind),
}

impl Type {
    /// The kind of output that may be linked here.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Int { .. } => Kind::INT,
            Self::Float { .. } => Kind::FLOAT,
            Self::String { .. } => Kind::STRING,
            Self::Boolean { .. } => Kind::BOOLEAN,
            Self::Combo { .. } => Kind::COMBO,
            Self::Link(kind) => *kind,
        }
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
}

impl Output {
    /// An output named as its kind.
    pub const fn new(kind: Kind) -> Self {
        Self { kind, name: kind.name(), doc: "" }
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
}
