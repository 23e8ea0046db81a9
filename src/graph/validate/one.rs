//! The check of one node: its class, each of its inputs, and what the class itself says of them.

use std::rc::Rc;

use serde_json::json;

use super::{Check, CheckedNode, Seen, Source};
use crate::error::nearest;
use crate::graph::coerce::{coerce, default, shortened};
use crate::graph::dynamic::{Slot, expand};
use crate::graph::object_info::input_config;
use crate::graph::problem::{Problem, ProblemType};
use crate::graph::{Choices, Input, InputValue, NodeId, NodeSpec, Type};

impl Check<'_> {
    pub(super) fn check_node(&mut self, at: usize) {
        let (id, spec) = self.graph.at(at);
        let mut seen = Seen::default();
        match self.registry.entry(&spec.class_type) {
            Some(entry) => {
                let schema = entry.node.schema();
                let (slots, problems) = expand(schema.inputs, spec);
                for slot in slots {
                    self.check_input(spec, slot, &mut seen);
                }
                seen.problems.extend(problems);
                if seen.problems.is_empty() {
                    let checked = CheckedNode {
                        id: id.clone(),
                        node: Rc::clone(&entry.node),
                        generation: entry.generation,
                        inputs: std::mem::take(&mut seen.inputs),
                    };
                    let complaints = checked.node.validate(&checked.literals());
                    seen.inputs = checked.inputs;
                    seen.problems.extend(complaints.into_iter().map(|complaint| {
                        let details = format!("`{}`: {}", complaint.input, complaint.message);
                        Problem::new(ProblemType::CustomValidationFailed, details)
                            .info("input_name", complaint.input)
                    }));
                }
            }
            None => {
                seen.problems.push(self.unknown_class(id, spec));
                // What it is linked to is looked at as well: all problems at once.
                seen.sources = spec
                    .inputs
                    .iter()
                    .filter_map(|(_, value)| match value {
                        InputValue::Link { node, .. } => self.graph.position(node.as_str()),
                        _ => None,
                    })
                    .collect();
            }
        }
        self.bad += usize::from(!seen.problems.is_empty());
        self.seen.insert(at, seen);
    }

    fn unknown_class(&self, id: &NodeId, spec: &NodeSpec) -> Problem {
        let class = &spec.class_type;
        let mut details = format!("`{}` is no class of this engine", shortened(class));
        if let Some(near) = nearest(class, self.registry.schemas().map(|schema| schema.class_type))
        {
            details += &format!("; did you mean `{near}`?");
        } else if spec.source.is_none() {
            details += "; ComfyUI has it, or a pack of nodes at registry.comfy.org";
        }
        if let Some(source) = &spec.source {
            details += &format!("; {source}");
        }
        Problem::new(ProblemType::MissingNodeType, details)
            .info("node_id", id.as_str())
            .info("class_type", class.as_str())
            .info("node_title", spec.title.as_deref().unwrap_or(class))
    }

    fn check_input(&self, spec: &NodeSpec, slot: Slot, seen: &mut Seen) {
        let Slot { name, input, required } = slot;
        let given = spec
            .input(&name)
            .filter(|value| !matches!(value, InputValue::Literal(literal) if literal.is_null()));
        let problem = match given {
            None => match default(&input.ty).filter(|_| !input.force_input) {
                Some(value) => {
                    if required {
                        let shown = value.to_json().unwrap_or_default();
                        seen.notices.push(format!("`{name}` was not given: {shown} is used"));
                    }
                    seen.inputs.push((name, Source::Value(value)));
                    return;
                }
                None if required => {
                    let what = match input.ty {
                        ty if input.is_widget() => format!("a {}", ty.kind()),
                        ty => format!("a link to a {} output", ty.kind()),
                    };
                    let details = format!("`{name}` needs {what}");
                    Problem::new(ProblemType::RequiredInputMissing, details)
                }
                None => return,
            },
            Some(InputValue::Literal(literal)) => {
                match coerce(&name, &input.ty, literal, self.choices) {
                    Ok((value, notice)) => {
                        seen.notices.extend(notice);
                        seen.inputs.push((name, Source::Value(value)));
                        return;
                    }
                    Err(mut problem) => {
                        if let Type::Combo { choices: Choices::Folder(folder), .. } = input.ty {
                            // The file that a loader cannot find is one of those its graph tells about.
                            let advice = match &spec.source {
                                Some(source) => Some(&**source),
                                // A name that is nearly right needs no other file.
                                None if problem.details.ends_with('?') => None,
                                None => self.choices.advice(folder),
                            };
                            if let Some(advice) = advice {
                                problem.details += &format!("; {advice}");
                            }
                        }
                        problem
                    }
                }
            }
            Some(InputValue::Link { node, output }) => {
                match self.check_link(&name, input, node, *output) {
                    Ok(at) => {
                        seen.sources.push(at);
                        let (output, lazy) = (*output, input.lazy);
                        seen.inputs.push((name, Source::Link { node: at, output, lazy }));
                        return;
                    }
                    Err((problem, source)) => {
                        seen.sources.extend(source);
                        problem.info("linked_node", json!([node, output]))
                    }
                }
            }
            Some(InputValue::BadLink(list)) => {
                let shown = shortened(&list.to_string()).into_owned();
                let details = format!(
                    "`{name}` is {shown}, expected [node id, output number]; \
                     a list of values is written {{\"__value__\": [...]}}"
                );
                Problem::new(ProblemType::BadLinkedInput, details)
                    .info("received_value", list.clone())
            }
        };
        seen.problems.push(self.about_input(problem, &name, input));
    }

    /// Place of the linked node, or what is wrong, with that place if the node is there.
    fn check_link(
        &self,
        name: &str,
        input: &Input,
        id: &NodeId,
        output: usize,
    ) -> Result<usize, (Problem, Option<usize>)> {
        let bad = |details: String| Problem::new(ProblemType::BadLinkedInput, details);
        let Some(at) = self.graph.position(id.as_str()) else {
            return Err((bad(format!("`{name}` is linked to node `{id}`, which is absent")), None));
        };
        // What an unknown class gives is unknown; that class is a problem of its own.
        let Some(source) = self.registry.get(&self.graph.at(at).1.class_type) else {
            return Ok(at);
        };
        let outputs = source.schema().outputs;
        let Some(given) = outputs.get(output) else {
            let details = format!(
                "`{name}` is linked to output {output} of node {}, which has {}",
                self.name(at),
                outputs.len()
            );
            return Err((bad(details), Some(at)));
        };
        let wanted = input.ty.kind();
        if wanted.accepts(given.kind) {
            return Ok(at);
        }
        let details = format!(
            "`{name}` takes {wanted}, but output {output} of node {} is {}",
            self.name(at),
            given.kind
        );
        let problem = Problem::new(ProblemType::ReturnTypeMismatch, details)
            .info("received_type", given.kind.name());
        Err((problem, Some(at)))
    }

    fn about_input(&self, problem: Problem, name: &str, input: &Input) -> Problem {
        let mut config = input_config(input, self.choices);
        // ComfyUI leaves long lists out; nobody reads hundreds of file names in an error.
        if config[0].as_array().is_some_and(|names| names.len() > 20) {
            config[0] = json!("COMBO");
        }
        problem.info("input_name", name).info("input_config", config)
    }
}
