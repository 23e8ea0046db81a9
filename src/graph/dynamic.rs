//! Inputs that depend on the node they belong to: groups that grow, and those that come with a choice.
//!
//! A schema says what there may be; [`expand`] says what one node of a graph has: every input under the
//! name it has in the graph (`values.a`, `resize_type.width`), none of them a group.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::coerce::shortened;
use super::problem::{Problem, ProblemType};
use super::schema::{Input, Names, Type};
use super::{InputValue, Literal, NodeSpec};

/// Nobody reads more problems of one node.
const TOLD: usize = 20;

/// One input of one node.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Its name in the graph.
    pub name: Cow<'static, str>,
    /// What the schema says of it; its own name is the last part of `name`, or a label for a whole group.
    pub input: &'static Input,
    /// False if it may be left out.
    pub required: bool,
}

/// The inputs of a node that is given `spec`, and what is wrong with what it gives to groups.
pub fn expand(inputs: &'static [Input], spec: &NodeSpec) -> (Vec<Slot>, Vec<Problem>) {
    let mut expansion = Expansion { spec, slots: Vec::new(), problems: Vec::new() };
    for input in inputs {
        expansion.add(Slot { name: input.name.into(), input, required: input.required });
    }
    (expansion.slots, expansion.problems)
}

struct Expansion<'a> {
    spec: &'a NodeSpec,
    slots: Vec<Slot>,
    problems: Vec<Problem>,
}

impl Expansion<'_> {
    fn add(&mut self, slot: Slot) {
        match slot.input.ty {
            Type::Grow { each, names, min } => {
                let least = if slot.required { min } else { 0 };
                for at in self.members(&slot.name, &names, least) {
                    let name = names.name(&slot.name, at).into();
                    self.add(Slot { name, input: each, required: at < least });
                }
            }
            Type::Branches(branches) => {
                let chosen = match self.spec.input(&slot.name) {
                    Some(InputValue::Literal(Literal::String(key))) => {
                        branches.iter().find(|branch| branch.key == key)
                    }
                    Some(InputValue::Literal(literal)) if !literal.is_null() => None,
                    Some(InputValue::Link { .. }) => {
                        let why =
                            "has to be written, since it decides which other inputs there are";
                        return self.refuse(format!("`{}` {why}", slot.name), &slot.name);
                    }
                    _ => branches.first(),
                };
                let group = slot.name.clone();
                self.slots.push(slot);
                for input in chosen.map_or(&[][..], |branch| branch.inputs) {
                    let name = format!("{group}.{}", input.name).into();
                    self.add(Slot { name, input, required: input.required });
                }
            }
            _ => self.slots.push(slot),
        }
    }

    /// Places of the members that are given, and of those that have to be.
    fn members(&mut self, group: &str, names: &Names, least: usize) -> BTreeSet<usize> {
        let mut places: BTreeSet<usize> = (0..least).collect();
        for (name, value) in &self.spec.inputs {
            if matches!(value, InputValue::Literal(literal) if literal.is_null()) {
                continue;
            }
            let Some(rest) = name.strip_prefix(group) else { continue };
            let place = match rest.strip_prefix('.') {
                Some(member) => names.place(member.split('.').next().unwrap_or(member)),
                None if rest.is_empty() => None,
                None => continue,
            };
            match place {
                Some(place) => _ = places.insert(place),
                None => {
                    let (first, max) = (names.name(group, 0), names.max());
                    let given = shortened(name);
                    let details = format!(
                        "`{given}` is none of the {max} inputs of `{group}`, expected `{first}` and so on"
                    );
                    self.refuse(details, name);
                }
            }
        }
        places
    }

    fn refuse(&mut self, details: String, name: &str) {
        if self.problems.len() == TOLD {
            return;
        }
        let problem = Problem::new(ProblemType::InvalidDynamicInput, details);
        self.problems.push(problem.info("input_name", name));
    }
}
