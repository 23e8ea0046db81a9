//! One run, node by node.
//!
//! Errors of nodes get their node here, and nowhere else.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Shown;
use super::gather::{Gathered, executions};
use crate::error::{Error, Result};
use crate::graph::cache::{Cache, Outcome, Signature, Signer};
use crate::graph::event::{Event, NodeProgress, ProgressStates, State};
use crate::graph::plan::{Link, Schedule, Slot, order};
use crate::graph::validate::{Checked, CheckedNode, Source};
use crate::graph::{Context, Host, Inputs, NodeId, RunOptions, Value};

/// An error and the node it belongs to.
pub(super) struct NodeFailed {
    pub(super) error: Error,
    at: usize,
}

/// One run.
pub(super) struct Run<'a> {
    cache: &'a RefCell<Cache>,
    checked: &'a Checked,
    options: &'a RunOptions,
    host: &'a dyn Host,
    env: &'a dyn Any,
    /// Values that a later step takes; lists of one are that one.
    values: BTreeMap<Slot, Value>,
    /// What each node shows.
    shown: BTreeMap<usize, serde_json::Value>,
    /// The nodes that ran.
    executed: Vec<NodeId>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        cache: &'a RefCell<Cache>,
        checked: &'a Checked,
        options: &'a RunOptions,
        host: &'a dyn Host,
        env: &'a dyn Any,
    ) -> Self {
        let (values, shown, executed) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { cache, checked, options, host, env, values, shown, executed }
    }

    /// What the nodes show, in the order of the graph.
    pub(super) fn into_shown(self) -> Shown {
        let nodes = &self.checked.nodes;
        Shown(self.shown.into_iter().map(|(at, ui)| (nodes[at].id.clone(), ui)).collect())
    }

    /// The event that tells of a failed run.
    pub(super) fn failure(&self, failed: &NodeFailed) -> Event {
        let node = &self.checked.nodes[failed.at];
        let (prompt_id, node_id) = (self.options.prompt_id.clone(), node.id.clone());
        let node_type = node.schema().class_type.to_owned();
        let (error, executed) = (&failed.error, self.executed.clone());
        if error.is_cancelled() {
            return Event::ExecutionInterrupted { prompt_id, node_id, node_type, executed };
        }
        Event::ExecutionError {
            prompt_id,
            node_id,
            node_type,
            executed,
            exception_message: error.kind().to_string(),
            exception_type: "TintypeError",
            code: error.kind().code(),
            hint: error.fix().map(str::to_owned),
        }
    }

    pub(super) async fn all(&mut self) -> Result<(), NodeFailed> {
        let nodes = &self.checked.nodes;
        let links: Vec<Vec<Link>> = nodes.iter().map(links).collect();
        let signatures = self.signatures(&links).await;
        let cached: Vec<Option<Rc<Outcome>>> = {
            let mut cache = self.cache.borrow_mut();
            signatures.iter().map(|signature| cache.get(signature)).collect()
        };
        let mut schedule = Schedule::new(links, &self.checked.outputs, |at| cached[at].is_some());
        let hits = cached.iter().zip(nodes).filter(|(outcome, _)| outcome.is_some());
        self.host.emit(Event::ExecutionCached {
            nodes: hits.map(|(_, node)| node.id.clone()).collect(),
            prompt_id: self.options.prompt_id.clone(),
        });
        let pending = (0..nodes.len()).filter(|&at| schedule.needs(at));
        self.tell(pending.map(|at| NodeProgress::new(&nodes[at].id, State::Pending)).collect());
        for (at, outcome) in cached.into_iter().enumerate() {
            if let Some(outcome) = outcome {
                self.take(at, &outcome, &schedule, true);
            }
        }
        while let Some(at) = schedule.turn() {
            if let Err(error) = self.step(at, &mut schedule, &signatures).await {
                let node = &nodes[at];
                if !error.is_cancelled() {
                    self.tell(vec![NodeProgress::new(&node.id, State::Error)]);
                }
                let error = error.at(node.id.as_str(), node.schema().class_type);
                return Err(NodeFailed { error, at });
            }
        }
        Ok(())
    }

    /// One node's turn: it runs, is found in the cache, or asks for more.
    async fn step(
        &mut self,
        at: usize,
        schedule: &mut Schedule,
        signatures: &[Signature],
    ) -> Result<()> {
        let node = &self.checked.nodes[at];
        let context = Context::new(self.host, self.env, self.options, &node.id);
        context.checkpoint().await?;

        // Two equal nodes in one graph: the second finds what the first made.
        let known = self.cache.borrow_mut().get(&signatures[at]);
        if let Some(outcome) = known {
            self.let_go(schedule.begin(at));
            let (nodes, prompt_id) = (vec![node.id.clone()], self.options.prompt_id.clone());
            self.host.emit(Event::ExecutionCached { nodes, prompt_id });
            self.take(at, &outcome, schedule, true);
            self.tell(vec![NodeProgress::new(&node.id, State::Finished)]);
            schedule.finish(at);
            return Ok(());
        }
        let inputs = loop {
            let inputs = self.inputs(at, schedule.links(at));
            let asked = asked(node, &inputs, schedule.links(at));
            if asked.is_empty() {
                break inputs;
            }
            if !schedule.ask(at, &asked) {
                return Ok(());
            }
        };
        // From here on the node may hold the only reference, and free it when it is done.
        self.let_go(schedule.begin(at));
        self.host.emit(Event::Executing {
            node: Some(node.id.clone()),
            display_node: Some(node.id.clone()),
            prompt_id: self.options.prompt_id.clone(),
        });
        self.tell(vec![NodeProgress::new(&node.id, State::Running)]);
        let outcome = Rc::new(execute(node, inputs, context).await?);
        self.executed.push(node.id.clone());
        self.cache.borrow_mut().put(signatures[at], Rc::clone(&outcome));
        self.take(at, &outcome, schedule, false);
        self.tell(vec![NodeProgress::new(&node.id, State::Finished)]);
        schedule.finish(at);
        Ok(())
    }

    /// The signature of every node, by its place.
    async fn signatures(&self, links: &[Vec<Link>]) -> Vec<Signature> {
        let mut signatures: Vec<Option<Signature>> = vec![None; links.len()];
        for at in order(links) {
            let node = &self.checked.nodes[at];
            let mut signer = Signer::new(node.schema().class_type, node.generation);
            for (name, source) in &node.inputs {
                match source {
                    Source::Value(value) => signer.literal(name, value),
                    Source::Link { node, output, .. } => {
                        let source = signatures[*node].as_ref();
                        signer.link(name, source.expect("sources come first"), *output);
                    }
                }
            }
            let context = Context::new(self.host, self.env, self.options, &node.id);
            match node.node.fingerprint(&node.literals(), &context).await {
                Ok(Some(fingerprint)) => signer.fingerprint(&fingerprint),
                Ok(None) => {}
                // Its run meets the same trouble, and that error is the one to show.
                Err(_) => signer.set_volatile(),
            }
            if !node.node.is_deterministic() {
                signer.set_volatile();
            }
            signatures[at] = Some(signer.finish());
        }
        signatures.into_iter().flatten().collect()
    }

    /// All inputs but the lazy ones that were not asked for: whether those happen to be there must not
    /// make a difference.
    fn inputs(&self, at: usize, links: &[Link]) -> Inputs {
        let mut inputs = Inputs::new();
        let mut links = links.iter();
        for (name, source) in &self.checked.nodes[at].inputs {
            let value = match source {
                Source::Value(value) => value,
                Source::Link { .. } => match links.next() {
                    Some(link) if !link.lazy => self
                        .values
                        .get(&link.slot)
                        .expect("a value is kept until the last step that takes it"),
                    _ => continue,
                },
            };
            inputs.set(name.clone(), value.clone());
        }
        inputs
    }

    /// Takes over what a node gave: values for later steps, and what it shows.
    fn take(&mut self, at: usize, outcome: &Outcome, schedule: &Schedule, cached: bool) {
        let node = &self.checked.nodes[at].id;
        for (output, value) in outcome.values.iter().enumerate() {
            if schedule.wants((at, output)) {
                self.values.insert((at, output), value.clone());
            }
        }
        if cached {
            let context = Context::new(self.host, self.env, self.options, node);
            for file in &outcome.files {
                context.emit_file(file.clone());
            }
        }
        if let Some(ui) = &outcome.ui {
            self.host.emit(Event::Executed {
                node: node.clone(),
                display_node: node.clone(),
                output: ui.clone(),
                prompt_id: self.options.prompt_id.clone(),
            });
            self.shown.insert(at, ui.clone());
        }
    }

    fn let_go(&mut self, slots: Vec<Slot>) {
        for slot in slots {
            self.values.remove(&slot);
        }
    }

    fn tell(&self, nodes: Vec<NodeProgress>) {
        if !nodes.is_empty() {
            let prompt_id = self.options.prompt_id.clone();
            self.host.emit(Event::ProgressState { prompt_id, nodes: ProgressStates(nodes) });
        }
    }
}

/// The links of a node, in the order of its inputs.
fn links(node: &CheckedNode) -> Vec<Link> {
    let links = node.inputs.iter().filter_map(|(_, source)| match source {
        Source::Link { node, output, lazy } => Some(Link { slot: (*node, *output), lazy: *lazy }),
        Source::Value(_) => None,
    });
    links.collect()
}

/// Which of its links a node asks for besides those it has.
fn asked(node: &CheckedNode, inputs: &Inputs, links: &[Link]) -> Vec<usize> {
    if !links.iter().any(|link| link.lazy) {
        return Vec::new();
    }
    let mut names = Vec::new();
    if node.schema().input_is_list {
        names = node.node.needs(inputs);
    } else {
        for at in 0..inputs.longest() {
            names.extend(node.node.needs(&inputs.element(at)));
        }
    }
    let linked = node.inputs.iter().filter(|(_, source)| matches!(source, Source::Link { .. }));
    let linked = linked.zip(links).enumerate();
    linked
        .filter(|(_, ((name, _), link))| link.lazy && names.iter().any(|asked| asked == name))
        .map(|(at, _)| at)
        .collect()
}

/// Runs a node on each element of its lists.
async fn execute(node: &CheckedNode, inputs: Inputs, context: Context<'_>) -> Result<Outcome> {
    let mut gathered = Gathered::new(node.schema());
    let executions = executions(node.schema(), &inputs);
    if executions == 1 {
        gathered.add(node.node.run(inputs, &context).await?)?;
    } else {
        for at in 0..executions {
            if at > 0 {
                context.checkpoint().await?;
            }
            context.set_execution(at as u64, executions as u64);
            gathered.add(node.node.run(inputs.element(at), &context).await?)?;
        }
    }
    let (values, ui) = gathered.finish();
    Ok(Outcome { values, ui, files: context.into_files() })
}
