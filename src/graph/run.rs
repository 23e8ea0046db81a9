//! The executor: a graph goes in, events come out, and at the end a report.
//!
//! A run is one future. It gives the host a turn before every node (and nodes do so between steps), so
//! that the run can be cancelled; finished nodes stay cached however it ends. The future may also just
//! be dropped. Errors of nodes get their node here, and nowhere else.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::cache::{Cache, Outcome, Signature, Signer};
use super::event::Event;
use super::inputs::Inputs;
use super::node::{Context, Host, Node, Outputs, RunOptions};
use super::plan::{Slot, plan};
use super::problem::{NodeErrors, Refusal};
use super::registry::Registry;
use super::schema::ChoiceSource;
use super::validate::{Checked, CheckedNode, Source, validate};
use super::value::Value;
use super::{Graph, NodeId};
use crate::error::{Error, ErrorKind, Result};

/// The known classes and the results so far; runs graphs.
///
/// All methods take `&self`: a class may be registered and a graph checked while another one runs, which
/// goes on with the classes it began with.
pub struct Executor {
    registry: RefCell<Registry>,
    cache: RefCell<Cache>,
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// Name of the run.
    pub prompt_id: String,
    /// What the nodes show, by node, in the order of the graph.
    pub outputs: Shown,
    /// What is wrong with outputs that were left out.
    pub node_errors: NodeErrors,
}

/// What nodes show, by node; serialises as a map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown(pub Vec<(NodeId, serde_json::Value)>);

impl Shown {
    /// What the node of this id shows.
    pub fn get(&self, id: &str) -> Option<&serde_json::Value> {
        self.0.iter().find(|(node, _)| node.as_str() == id).map(|(_, ui)| ui)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (id, ui) in &self.0 {
            map.serialize_entry(id, ui)?;
        }
        map.end()
    }
}

/// Why a run gave nothing.
#[derive(Debug, Clone)]
pub enum RunError {
    /// The graph did not pass its checks; nothing ran.
    Refused(Refusal),
    /// A node failed, or the run was cancelled: see [`Error::is_cancelled`].
    Failed(Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {}

impl Executor {
    /// An executor of these classes that keeps results of up to `cache_bytes` bytes.
    pub fn new(registry: Registry, cache_bytes: usize) -> Self {
        let cache = RefCell::new(Cache::new(cache_bytes));
        Self { registry: RefCell::new(registry), cache }
    }

    /// Adds a class, in place of one of the same name.
    pub fn register(&self, node: Rc<dyn Node>) {
        self.registry.borrow_mut().register(node);
    }

    /// The classes as they are now.
    pub fn registry(&self) -> Registry {
        self.registry.borrow().clone()
    }

    /// Drops all results.
    pub fn clear_cache(&self) {
        self.cache.borrow_mut().clear();
    }

    /// Changes how many bytes of results are kept.
    pub fn set_cache_bytes(&self, bytes: usize) {
        self.cache.borrow_mut().set_budget(bytes);
    }

    /// Bytes of the kept results.
    pub fn cached_bytes(&self) -> usize {
        self.cache.borrow().bytes()
    }

    /// Everything that is wrong with a graph; empty when nothing is.
    ///
    /// # Errors
    ///
    /// If nothing of it could be run.
    pub fn validate(
        &self,
        graph: &Graph,
        outputs: Option<&[NodeId]>,
        choices: &dyn ChoiceSource,
    ) -> Result<NodeErrors, Refusal> {
        validate(graph, &self.registry(), outputs, choices).map(|checked| checked.node_errors)
    }

    /// Runs a graph. `env` is what [`Context::env`] gives the nodes.
    ///
    /// # Errors
    ///
    /// If no output passes the checks, if a node fails, or if the run is cancelled. Results made until
    /// then are kept for the next run.
    pub async fn run(
        &self,
        graph: &Graph,
        options: &RunOptions,
        host: &dyn Host,
        env: &dyn Any,
        choices: &dyn ChoiceSource,
    ) -> Result<RunReport, RunError> {
        let checked = validate(graph, &self.registry(), options.outputs.as_deref(), choices)
            .map_err(RunError::Refused)?;
        let prompt_id = options.prompt_id.clone();
        let mut run = Run::new(self, &checked, options, host, env);
        host.emit(Event::ExecutionStart { prompt_id: prompt_id.clone(), timestamp: millis(host) });
        for (id, message) in &checked.notices {
            host.emit(Event::Notice { node: Some(id.clone()), message: message.clone() });
        }
        let result = run.all().await;
        match &result {
            Ok(()) => {
                let (prompt_id, timestamp) = (prompt_id.clone(), millis(host));
                host.emit(Event::ExecutionSuccess { prompt_id, timestamp });
            }
            Err(failed) => host.emit(failed.event(&prompt_id)),
        }
        let over = prompt_id.clone();
        host.emit(Event::Executing { node: None, display_node: None, prompt_id: over });
        let shown = run.shown;
        result.map_err(|failed| RunError::Failed(failed.error))?;
        let outputs =
            Shown(shown.into_iter().map(|(at, ui)| (checked.nodes[at].id.clone(), ui)).collect());
        Ok(RunReport { prompt_id, outputs, node_errors: checked.node_errors })
    }
}

/// An error and the node it belongs to.
struct NodeFailed {
    error: Error,
    id: NodeId,
    class_type: String,
}

impl NodeFailed {
    fn new(error: Error, node: &CheckedNode) -> Self {
        let class_type = node.schema().class_type.to_owned();
        let error = error.at(node.id.as_str(), &class_type);
        Self { error, id: node.id.clone(), class_type }
    }

    fn event(&self, prompt_id: &str) -> Event {
        let (prompt_id, node_id) = (prompt_id.to_owned(), self.id.clone());
        let node_type = self.class_type.clone();
        if self.error.is_cancelled() {
            return Event::ExecutionInterrupted { prompt_id, node_id, node_type };
        }
        Event::ExecutionError {
            prompt_id,
            node_id,
            node_type,
            exception_message: self.error.kind().to_string(),
            exception_type: "TintypeError",
            code: self.error.kind().code(),
            hint: self.error.fix().map(str::to_owned),
        }
    }
}

/// One run.
struct Run<'a> {
    executor: &'a Executor,
    checked: &'a Checked,
    options: &'a RunOptions,
    host: &'a dyn Host,
    env: &'a dyn Any,
    /// For each node, the values it takes.
    sources: Vec<Vec<Slot>>,
    /// Values that a later step takes.
    values: BTreeMap<Slot, Value>,
    /// What each node shows.
    shown: BTreeMap<usize, serde_json::Value>,
}

impl<'a> Run<'a> {
    fn new(
        executor: &'a Executor,
        checked: &'a Checked,
        options: &'a RunOptions,
        host: &'a dyn Host,
        env: &'a dyn Any,
    ) -> Self {
        let slots = |node: &CheckedNode| {
            let links = node.inputs.iter().filter_map(|(_, source)| match source {
                Source::Link { node, output, .. } => Some((*node, *output)),
                Source::Value(_) => None,
            });
            links.collect()
        };
        let sources = checked.nodes.iter().map(slots).collect();
        let (values, shown) = (BTreeMap::new(), BTreeMap::new());
        Self { executor, checked, options, host, env, sources, values, shown }
    }

    async fn all(&mut self) -> Result<(), NodeFailed> {
        let signatures = self.signatures().await;
        let cached: BTreeMap<usize, Rc<Outcome>> = {
            let mut cache = self.executor.cache.borrow_mut();
            let hits = signatures.iter().enumerate();
            hits.filter_map(|(at, signature)| Some((at, cache.get(signature)?))).collect()
        };
        let steps = plan(&self.sources, &self.checked.outputs, |at| cached.contains_key(&at));
        let wanted: BTreeSet<Slot> =
            steps.iter().flat_map(|step| &self.sources[step.node]).copied().collect();

        let nodes = cached.keys().map(|&at| self.checked.nodes[at].id.clone()).collect();
        self.host.emit(Event::ExecutionCached { nodes, prompt_id: self.options.prompt_id.clone() });
        for (at, outcome) in cached {
            self.take(at, &outcome, &wanted, true);
        }
        for step in steps {
            let node = &self.checked.nodes[step.node];
            let fail = |error| NodeFailed::new(error, node);
            let context = Context::new(self.host, self.env, self.options, &node.id);
            context.checkpoint().await.map_err(fail)?;

            let inputs = self.inputs(node);
            for slot in step.last_uses {
                // From here on the node may hold the only reference, and free it when it is done.
                self.values.remove(&slot);
            }
            // Two equal nodes in one graph: the second finds what the first made.
            let known = self.executor.cache.borrow_mut().get(&signatures[step.node]);
            if let Some(outcome) = known {
                let (nodes, prompt_id) = (vec![node.id.clone()], self.options.prompt_id.clone());
                self.host.emit(Event::ExecutionCached { nodes, prompt_id });
                self.take(step.node, &outcome, &wanted, true);
                continue;
            }
            self.host.emit(Event::Executing {
                node: Some(node.id.clone()),
                display_node: Some(node.id.clone()),
                prompt_id: self.options.prompt_id.clone(),
            });
            let outputs = node.node.run(inputs, &context).await.map_err(fail)?;
            check_outputs(node, &outputs).map_err(fail)?;
            let Outputs { values, ui } = outputs;
            let outcome = Rc::new(Outcome { values, ui, files: context.into_files() });
            self.executor.cache.borrow_mut().put(signatures[step.node], Rc::clone(&outcome));
            self.take(step.node, &outcome, &wanted, false);
        }
        Ok(())
    }

    /// The signature of every node, by its place.
    async fn signatures(&self) -> Vec<Signature> {
        let order = plan(&self.sources, &self.checked.outputs, |_| false);
        let mut signatures: BTreeMap<usize, Signature> = BTreeMap::new();
        for step in order {
            let node = &self.checked.nodes[step.node];
            let mut signer = Signer::new(node.schema().class_type, node.generation);
            for (name, source) in &node.inputs {
                match source {
                    Source::Value(value) => signer.literal(name, value),
                    Source::Link { node, output, .. } => {
                        signer.link(name, &signatures[node], *output)
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
            signatures.insert(step.node, signer.finish());
        }
        signatures.into_values().collect()
    }

    fn inputs(&self, node: &CheckedNode) -> Inputs {
        let mut inputs = Inputs::new();
        for (name, source) in &node.inputs {
            let value = match source {
                Source::Value(value) => value.clone(),
                Source::Link { node, output, .. } => self
                    .values
                    .get(&(*node, *output))
                    .expect("a value is kept until the last step that takes it")
                    .clone(),
            };
            inputs.set(name.clone(), value);
        }
        inputs
    }

    /// Takes over what a node gave: values for later steps, and what it shows.
    fn take(&mut self, at: usize, outcome: &Outcome, wanted: &BTreeSet<Slot>, cached: bool) {
        let node = &self.checked.nodes[at].id;
        for (output, value) in outcome.values.iter().enumerate() {
            if wanted.contains(&(at, output)) {
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
}

/// Holds a node to its schema: what follows relies on it.
fn check_outputs(node: &CheckedNode, outputs: &Outputs) -> Result<()> {
    let declared = node.schema().outputs;
    let mismatch = |expected: String, got: String| {
        Err(ErrorKind::Mismatch { what: "outputs of the node", expected, got }.into())
    };
    if outputs.values.len() != declared.len() {
        return mismatch(format!("{} values", declared.len()), outputs.values.len().to_string());
    }
    for (value, output) in outputs.values.iter().zip(declared) {
        if !value.fits(output.kind) {
            let expected = format!("{} for `{}`", output.kind, output.name);
            return mismatch(expected, value.kind().to_string());
        }
    }
    Ok(())
}

fn millis(host: &dyn Host) -> u64 {
    host.now_millis() as u64
}
