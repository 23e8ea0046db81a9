//! Everything that is wrong with a graph, found before anything runs.
//!
//! Only nodes that the chosen outputs need are looked at. An output that cannot be run is left out and
//! the others run all the same; only when none is left is the graph refused. An input that nobody gave
//! and that has a default gets it, with a notice, so that a file made before a node gained an input
//! still runs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::json;

use super::coerce::shortened;
use super::inputs::Inputs;
use super::node::Node;
use super::problem::{NodeError, NodeErrors, Problem, ProblemType, Refusal};
use super::registry::Registry;
use super::schema::{ChoiceSource, Schema};
use super::value::Value;
use super::{Graph, InputValue, NodeId, NodeSpec};

mod one;

/// A graph that may be run: its nodes with their inputs, as far as the outputs need them.
pub struct Checked {
    /// The nodes, in the order of the graph.
    pub nodes: Vec<CheckedNode>,
    /// Places in `nodes` of the outputs to run for.
    pub outputs: Vec<usize>,
    /// What is wrong with outputs that were left out.
    pub node_errors: NodeErrors,
    /// What the person should know: the node, and the message.
    pub notices: Vec<(NodeId, String)>,
}

/// A node with its class and its inputs.
pub struct CheckedNode {
    /// Its id in the graph.
    pub id: NodeId,
    /// Its class.
    pub node: Rc<dyn Node>,
    /// How often a class of this name was replaced.
    pub generation: u32,
    /// Its inputs, in the order of the schema.
    pub inputs: Vec<(Cow<'static, str>, Source)>,
}

impl CheckedNode {
    /// What its class says about itself.
    pub fn schema(&self) -> &'static Schema {
        self.node.schema()
    }

    /// The inputs that are written in the graph.
    pub fn literals(&self) -> Inputs {
        let mut literals = Inputs::new();
        for (name, source) in &self.inputs {
            if let Source::Value(value) = source {
                literals.set(name.clone(), value.clone());
            }
        }
        literals
    }
}

/// Where an input comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// It is known.
    Value(Value),
    /// An output of a node.
    Link {
        /// Place of the node in [`Checked::nodes`].
        node: usize,
        /// Which of its outputs.
        output: usize,
        /// True if it is only computed when the node asks for it.
        lazy: bool,
    },
}

/// Checks a graph for a run of `outputs`, or of all its output nodes.
///
/// # Errors
///
/// If no output can be run; the [`Refusal`] holds everything that is wrong.
pub fn validate(
    graph: &Graph,
    registry: &Registry,
    outputs: Option<&[NodeId]>,
    choices: &dyn ChoiceSource,
) -> Result<Checked, Refusal> {
    if graph.len() > MAX_NODES {
        let details = format!("it has {} nodes, expected at most {MAX_NODES}", graph.len());
        return Err(Refusal::whole(ProblemType::InvalidPrompt, details));
    }
    let mut check = Check { graph, registry, choices, seen: BTreeMap::new(), cycles: 0, bad: 0 };
    let outputs = check
        .choose_outputs(outputs)
        .map_err(|details| Refusal::whole(ProblemType::PromptNoOutputs, details))?;
    for &output in &outputs {
        check.walk(output);
    }
    let followers = check.followers();
    let bad = || check.seen.iter().filter(|(_, seen)| !seen.problems.is_empty()).map(|(&at, _)| at);
    let node_errors: NodeErrors = bad()
        .map(|at| {
            let (id, spec) = graph.at(at);
            let spoiled = reached(&followers, [at]);
            let dependent = outputs.iter().filter(|&&output| spoiled[output]);
            let error = NodeError {
                errors: check.seen[&at].problems.clone(),
                dependent_outputs: dependent.map(|&output| graph.at(output).0.clone()).collect(),
                class_type: spec.class_type.clone(),
            };
            (id.clone(), error)
        })
        .collect();
    let spoiled = reached(&followers, bad());
    let good: Vec<usize> = outputs.iter().copied().filter(|&output| !spoiled[output]).collect();
    if good.is_empty() || check.bad > MAX_BAD {
        let mut details = lines(&node_errors);
        if check.bad > MAX_BAD {
            details += "\nand more: nothing behind these nodes was looked at";
        }
        let error = Problem::new(ProblemType::PromptOutputsFailedValidation, details);
        return Err(Refusal { error, node_errors });
    }
    Ok(check.into_checked(&good, node_errors))
}

/// Far beyond any graph that a person made: what is larger is refused before it takes the page's memory.
pub const MAX_NODES: usize = 100_000;

/// With more bad nodes than this a graph is refused, and the rest of it not looked at: nobody reads that
/// many messages, and each costs time.
const MAX_BAD: usize = 200;

/// All nodes that come behind `start` in any way, and those themselves.
fn reached(next: &[Vec<usize>], start: impl IntoIterator<Item = usize>) -> Vec<bool> {
    let mut found = vec![false; next.len()];
    let mut todo: Vec<usize> = start.into_iter().collect();
    while let Some(at) = todo.pop() {
        if !std::mem::replace(&mut found[at], true) {
            todo.extend_from_slice(&next[at]);
        }
    }
    found
}

/// Of more cycles than this one a node is told.
const CYCLES_SHOWN: usize = 10;

/// Of a longer cycle only its beginning is told.
const CYCLE_SHOWN: usize = 20;

/// What the check knows of a node that it reached.
#[derive(Default)]
struct Seen {
    problems: Vec<Problem>,
    notices: Vec<String>,
    inputs: Vec<(Cow<'static, str>, Source)>,
    /// Places in the graph of the nodes it is linked to.
    sources: Vec<usize>,
}

struct Check<'a> {
    graph: &'a Graph,
    registry: &'a Registry,
    choices: &'a dyn ChoiceSource,
    seen: BTreeMap<usize, Seen>,
    cycles: usize,
    /// How many nodes have a problem.
    bad: usize,
}

impl Check<'_> {
    /// Places of the nodes to run for, or why there are none.
    fn choose_outputs(&self, asked: Option<&[NodeId]>) -> Result<Vec<usize>, String> {
        let is_output = |spec: &NodeSpec| {
            self.registry.get(&spec.class_type).map(|node| node.schema().output_node)
        };
        let Some(asked) = asked else {
            let linked: BTreeSet<&str> = self
                .graph
                .iter()
                .flat_map(|(_, spec)| &spec.inputs)
                .filter_map(|(_, value)| match value {
                    InputValue::Link { node, .. } => Some(node.as_str()),
                    _ => None,
                })
                .collect();
            let outputs: Vec<usize> = self
                .graph
                .iter()
                .enumerate()
                // An unknown class that nothing follows was an output where it came from; left
                // alone, its picture would be missing without a word.
                .filter(|(_, (id, spec))| {
                    is_output(spec).unwrap_or_else(|| !linked.contains(id.as_str()))
                })
                .map(|(at, _)| at)
                .collect();
            return if outputs.is_empty() {
                Err("add a node that saves or shows something".to_owned())
            } else {
                Ok(outputs)
            };
        };
        let (mut outputs, mut chosen) = (Vec::new(), BTreeSet::new());
        for id in asked {
            let at = self
                .graph
                .position(id.as_str())
                .ok_or_else(|| format!("node `{id}` was asked for, and is not in the graph"))?;
            let spec = self.graph.at(at).1;
            if is_output(spec) == Some(false) {
                let class = &spec.class_type;
                return Err(format!("node `{id}` ({class}) was asked for, and is no output node"));
            }
            if chosen.insert(at) {
                outputs.push(at);
            }
        }
        if outputs.is_empty() { Err("no output was asked for".to_owned()) } else { Ok(outputs) }
    }

    /// Checks everything that the node at `start` needs, and finds its cycles.
    fn walk(&mut self, start: usize) {
        if self.seen.contains_key(&start) || self.bad > MAX_BAD {
            return;
        }
        self.check_node(start);
        // By hand rather than by recursion: a graph may be deeper than the stack.
        let mut path = vec![(start, 0)];
        let mut place_on_path = BTreeMap::from([(start, 0)]);
        while let Some((at, next)) = path.last_mut()
            && self.bad <= MAX_BAD
        {
            let Some(&source) = self.seen[at].sources.get(*next) else {
                place_on_path.remove(at);
                path.pop();
                continue;
            };
            *next += 1;
            if let Some(&place) = place_on_path.get(&source) {
                self.add_cycle(&path[place..]);
            } else if !self.seen.contains_key(&source) {
                self.check_node(source);
                place_on_path.insert(source, path.len());
                path.push((source, 0));
            }
        }
    }

    /// A cycle is a problem of its first node. A graph may be made to have very many long ones: only some are
    /// told, and of each only its beginning.
    fn add_cycle(&mut self, cycle: &[(usize, usize)]) {
        let Some(&(first, _)) = cycle.first() else { return };
        self.cycles += 1;
        if self.cycles > CYCLES_SHOWN && !self.seen[&first].problems.is_empty() {
            return;
        }
        let shown: Vec<usize> = cycle.iter().take(CYCLE_SHOWN).map(|&(at, _)| at).collect();
        let ids: Vec<&str> = shown.iter().map(|&at| self.graph.at(at).0.as_str()).collect();
        let mut names: Vec<String> = shown.iter().map(|&at| self.name(at)).collect();
        if cycle.len() > CYCLE_SHOWN {
            names.push("…".to_owned());
        }
        names.push(self.name(first));
        let details = format!("{}: remove one of these links", names.join(" ← "));
        let problem =
            Problem::new(ProblemType::DependencyCycle, details).info("cycle_nodes", json!(ids));
        if let Some(seen) = self.seen.get_mut(&first) {
            self.bad += usize::from(seen.problems.is_empty());
            seen.problems.push(problem);
        }
    }

    fn name(&self, at: usize) -> String {
        let (id, spec) = self.graph.at(at);
        match &spec.title {
            Some(title) if *title != spec.class_type => {
                format!("{id} ({}, `{}`)", spec.class_type, shortened(title))
            }
            _ => format!("{id} ({})", spec.class_type),
        }
    }

    /// For each node, the nodes linked to it.
    fn followers(&self) -> Vec<Vec<usize>> {
        let mut followers = vec![Vec::new(); self.graph.len()];
        for (&at, seen) in &self.seen {
            for &source in &seen.sources {
                followers[source].push(at);
            }
        }
        followers
    }

    fn into_checked(mut self, good: &[usize], node_errors: NodeErrors) -> Checked {
        let mut sources = vec![Vec::new(); self.graph.len()];
        for (&at, seen) in &mut self.seen {
            sources[at] = std::mem::take(&mut seen.sources);
        }
        let needed = reached(&sources, good.iter().copied());
        let needed: Vec<usize> = (0..needed.len()).filter(|&at| needed[at]).collect();
        let place: BTreeMap<usize, usize> =
            needed.iter().enumerate().map(|(place, &at)| (at, place)).collect();
        let mut notices = Vec::new();
        let mut nodes = Vec::with_capacity(needed.len());
        for &at in &needed {
            let (id, spec) = self.graph.at(at);
            let seen = self.seen.remove(&at).unwrap_or_default();
            let entry = self
                .registry
                .entry(&spec.class_type)
                .expect("a node of unknown class has a problem, and no good output needs it");
            notices.extend(seen.notices.into_iter().map(|notice| (id.clone(), notice)));
            let inputs = seen
                .inputs
                .into_iter()
                .map(|(name, source)| match source {
                    Source::Link { node, output, lazy } => {
                        (name, Source::Link { node: place[&node], output, lazy })
                    }
                    value => (name, value),
                })
                .collect();
            let (node, generation) = (Rc::clone(&entry.node), entry.generation);
            nodes.push(CheckedNode { id: id.clone(), node, generation, inputs });
        }
        let outputs = good.iter().map(|at| place[at]).collect();
        Checked { nodes, outputs, node_errors, notices }
    }
}

/// All problems, a line each.
fn lines(errors: &NodeErrors) -> String {
    let lines: Vec<String> = errors
        .iter()
        .flat_map(|(id, node)| node.errors.iter().map(move |error| (id, node, error)))
        .map(|(id, node, error)| {
            format!("node {id} ({}): {}", shortened(&node.class_type), error.details)
        })
        .collect();
    lines.join("\n")
}
