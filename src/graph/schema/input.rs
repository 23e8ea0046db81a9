//! What a class says about one of its inputs.

use std::ops::RangeInclusive;

use super::Choices;
use crate::graph::value::Kind;

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
    /// True if it is only computed when the node asks for it: see [`Node::needs`](super::Node::needs).
    pub lazy: bool,
    /// True if it has no control of its own and has to be linked.
    pub force_input: bool,
    /// True if a form shows it only to those who look for it.
    pub advanced: bool,
}

impl Input {
    /// An input of this type, required.
    pub const fn new(name: &'static str, ty: Type) -> Self {
        Self { name, ty, required: true, doc: "", lazy: false, force_input: false, advanced: false }
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

    /// As many inputs like `each` as `count` allows, in graphs `NAME.PREFIX0`, `NAME.PREFIX1` and so on.
    ///
    /// The node reads them with [`Inputs::group`](super::Inputs::group). The first `count.start()` have to
    /// be given.
    pub const fn grow(
        name: &'static str,
        each: &'static Self,
        prefix: &'static str,
        count: RangeInclusive<usize>,
    ) -> Self {
        let (min, max) = (*count.start(), *count.end());
        Self::new(name, Type::Grow { each, names: Names::Numbered { prefix, max }, min })
    }

    /// As [`Input::grow`], with these names: `NAME.a`, `NAME.b` and so on, of which the first `min` have to
    /// be given.
    pub const fn grow_named(
        name: &'static str,
        each: &'static Self,
        names: &'static [&'static str],
        min: usize,
    ) -> Self {
        Self::new(name, Type::Grow { each, names: Names::Listed(names), min })
    }

    /// One of these names, each with inputs of its own, in graphs `NAME.INPUT`. The first is the default.
    pub const fn branches(name: &'static str, branches: &'static [Branch]) -> Self {
        Self::new(name, Type::Branches(branches))
    }

    /// The same input, only computed when the node asks for it.
    pub const fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// The same input, without a control of its own.
    pub const fn force_input(mut self) -> Self {
        self.force_input = true;
        self
    }

    /// The same input, for those who look for it.
    pub const fn advanced(mut self) -> Self {
        self.advanced = true;
        self
    }

    /// True if a form has a control for it, and the editor's file a value.
    pub const fn is_widget(&self) -> bool {
        !self.force_input && !matches!(self.ty, Type::Link(_) | Type::Grow { .. })
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
    /// As many inputs as are wanted.
    Grow {
        /// What each of them is like; its name is only a label.
        each: &'static Input,
        /// How they are called.
        names: Names,
        /// How many have to be given.
        min: usize,
    },
    /// One of a list of names, each with inputs of its own.
    Branches(&'static [Branch]),
}

impl Type {
    /// The kind of output that may be linked here.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Int { .. } => Kind::INT,
            Self::Float { .. } => Kind::FLOAT,
            Self::String { .. } => Kind::STRING,
            Self::Boolean { .. } => Kind::BOOLEAN,
            Self::Combo { .. } | Self::Branches(_) => Kind::COMBO,
            Self::Link(kind) => *kind,
            Self::Grow { each, .. } => each.ty.kind(),
        }
    }
}

/// How the inputs of a group that grows are called, behind the group's own name and a point.
#[derive(Debug, Clone, Copy)]
pub enum Names {
    /// `prefix0`, `prefix1` and so on.
    Numbered {
        /// What stands before the number.
        prefix: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// These, in order.
    Listed(&'static [&'static str]),
}

impl Names {
    /// How many there may be.
    pub const fn max(&self) -> usize {
        match self {
            Self::Numbered { max, .. } => *max,
            Self::Listed(names) => names.len(),
        }
    }

    /// The name at this place, with its group's in front.
    pub fn name(&self, group: &str, at: usize) -> String {
        match self {
            Self::Numbered { prefix, .. } => format!("{group}.{prefix}{at}"),
            Self::Listed(names) => format!("{group}.{}", names[at]),
        }
    }

    /// The place of what is called `member` behind the group's name.
    pub fn place(&self, member: &str) -> Option<usize> {
        match self {
            Self::Numbered { prefix, max } => {
                let digits = member.strip_prefix(prefix)?;
                let at = digits.parse().ok().filter(|at| at < max)?;
                // One name for each place: neither `+1` nor `01`.
                (digits.len() == 1 || !digits.starts_with(['0', '+'])).then_some(at)
            }
            Self::Listed(names) => names.iter().position(|name| *name == member),
        }
    }
}

/// One choice of [`Type::Branches`], and the inputs that come with it.
#[derive(Debug, Clone, Copy)]
pub struct Branch {
    /// Its name.
    pub key: &'static str,
    /// The inputs, in order.
    pub inputs: &'static [Input],
}

impl Branch {
    /// This choice with these inputs.
    pub const fn new(key: &'static str, inputs: &'static [Input]) -> Self {
        Self { key, inputs }
    }
}
