//! The contract between the engine and a node: what a node is given, and what it gives back.
//!
//! A node holds no state. [`Inputs`] are its checked inputs, [`Context`] is everything else it may
//! reach: the host (progress, previews, cancelling) and the environment, which is whatever the host put
//! there (models, files) and the engine does not look into.

use std::any::Any;
use std::cell::{Cell, RefCell};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::NodeId;
use super::event::{Event, File, NodeProgress, ProgressStates, State};
use super::inputs::Inputs;
use super::schema::Schema;
use super::value::Value;
use crate::error::{ErrorKind, Result};

/// A class of nodes; nearly all are a [`Function`](super::Function).
pub trait Node {
    /// Everything a menu, a form, a check and a page need. Constant.
    fn schema(&self) -> &'static Schema;

    /// Computes the outputs. Errors need not name the node: the executor adds it.
    ///
    /// # Errors
    ///
    /// Whatever the node meets; [`Context::checkpoint`] gives the one for a cancelled run.
    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>>;

    /// False when equal inputs may give different outputs; such a node is never cached.
    fn is_deterministic(&self) -> bool {
        true
    }

    /// What the result depends on besides the inputs: the hash of a file that an input names, say.
    ///
    /// Only inputs written in the graph are there. It is part of the key under which the result is
    /// kept. If it fails the node is run, so that the error is the run's own.
    ///
    /// # Errors
    ///
    /// If it cannot be found out.
    fn fingerprint<'a>(
        &'a self,
        inputs: &'a Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        let _ = (inputs, cx);
        async { Ok(None) }.boxed_local()
    }

    /// What is wrong with the inputs beyond what the schema says; empty when nothing is.
    ///
    /// Only inputs written in the graph are there, converted and within their ranges.
    fn validate(&self, inputs: &Inputs) -> Vec<Complaint> {
        let _ = inputs;
        Vec::new()
    }

    /// Names of the lazy inputs without which the node cannot run.
    ///
    /// Asked before the node runs, and again with what it asked for, until it asks for nothing more.
    /// `inputs` are all that are known so far; names of others, and of those nobody linked, do no harm.
    fn needs(&self, inputs: &Inputs) -> Vec<String> {
        let _ = inputs;
        Vec::new()
    }
}

/// A node of a constant list is a node as well.
impl<T: Node + ?Sized> Node for &T {
    fn schema(&self) -> &'static Schema {
        (**self).schema()
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        (**self).run(inputs, cx)
    }

    fn is_deterministic(&self) -> bool {
        (**self).is_deterministic()
    }

    fn fingerprint<'a>(
        &'a self,
        inputs: &'a Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        (**self).fingerprint(inputs, cx)
    }

    fn validate(&self, inputs: &Inputs) -> Vec<Complaint> {
        (**self).validate(inputs)
    }

    fn needs(&self, inputs: &Inputs) -> Vec<String> {
        (**self).needs(inputs)
    }
}

/// What a node finds wrong with one of its inputs before anything runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Name of the input.
    pub input: &'static str,
    /// What is wrong, and what to do: one phrase, lower case, without a full stop.
    pub message: String,
}

/// What a node gives back.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// One value for each output of its schema; a [`Value::list`] for an output that gives a list.
    pub values: Vec<Value>,
    /// What it shows, for example `{"images": [{"filename", "subfolder", "type"}]}`.
    pub ui: Option<serde_json::Value>,
}

impl Outputs {
    /// These values, and nothing to show.
    pub fn new(values: Vec<Value>) -> Self {
        Self { values, ui: None }
    }

    /// This one value, and nothing to show.
    pub fn one(value: impl Into<Value>) -> Self {
        Self::new(vec![value.into()])
    }

    /// Nothing but something to show.
    pub fn ui(ui: serde_json::Value) -> Self {
        Self { values: Vec::new(), ui: Some(ui) }
    }

    /// The same outputs, and something to show.
    #[must_use]
    pub fn with_ui(mut self, ui: serde_json::Value) -> Self {
        self.ui = Some(ui);
        self
    }
}

/// Who runs the engine: a page's worker, or a native program.
pub trait Host {
    /// Lets everything else that waits have a turn, messages that cancel the run among it.
    fn yield_now(&self) -> LocalBoxFuture<'static, ()>;

    /// Milliseconds since 1970.
    fn now_millis(&self) -> f64;

    /// Takes an event.
    fn emit(&self, event: Event);

    /// True once the run is to stop.
    fn cancelled(&self) -> bool;
}

/// What a run is told besides the graph.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Name of the run, which its events carry.
    pub prompt_id: String,
    /// Output nodes to run for; all of them if absent.
    pub outputs: Option<Vec<NodeId>>,
    /// The graph as it was given, for nodes that write it into files.
    pub prompt: serde_json::Value,
    /// More for such nodes, by name: `{"workflow": …}`.
    pub extra_pnginfo: Option<serde_json::Value>,
}

/// Everything a node may reach besides its inputs.
pub struct Context<'a> {
    host: &'a dyn Host,
    env: &'a dyn Any,
    options: &'a RunOptions,
    node_id: &'a NodeId,
    files: RefCell<Vec<File>>,
    /// Which execution of the node this is, and of how many.
    execution: Cell<(u64, u64)>,
}

impl<'a> Context<'a> {
    /// A context for the node of this id; for the executor, and for tests of nodes.
    pub fn new(
        host: &'a dyn Host,
        env: &'a dyn Any,
        options: &'a RunOptions,
        node_id: &'a NodeId,
    ) -> Self {
        let (files, execution) = (RefCell::default(), Cell::new((0, 1)));
        Self { host, env, options, node_id, files, execution }
    }

    /// What the host put at the nodes' disposal.
    ///
    /// # Panics
    ///
    /// If the run was started with something else than a `T`.
    pub fn env<T: 'static>(&self) -> &'a T {
        self.env.downcast_ref().expect("a run is started with the environment its nodes ask for")
    }

    /// Lets the host have a turn; call it between steps.
    ///
    /// # Errors
    ///
    /// If the run was cancelled.
    pub async fn checkpoint(&self) -> Result<()> {
        self.host.yield_now().await;
        self.check_cancelled()
    }

    /// As [`Context::checkpoint`], without giving the host a turn.
    ///
    /// # Errors
    ///
    /// If the run was cancelled.
    pub fn check_cancelled(&self) -> Result<()> {
        if self.host.cancelled() { Err(ErrorKind::Cancelled.into()) } else { Ok(()) }
    }

    /// Tells how far the node is. One that runs for each element of a list says so of each of them.
    pub fn progress(&self, value: u64, max: u64) {
        let (at, executions) = self.execution.get();
        let value = max.saturating_mul(at).saturating_add(value);
        let max = max.saturating_mul(executions);
        let (prompt_id, node) = (self.options.prompt_id.clone(), self.node_id.clone());
        self.host.emit(Event::Progress { value, max, prompt_id, node });
        let progress =
            NodeProgress { value, max, ..NodeProgress::new(self.node_id, State::Running) };
        let (prompt_id, nodes) = (self.options.prompt_id.clone(), ProgressStates(vec![progress]));
        self.host.emit(Event::ProgressState { prompt_id, nodes });
    }

    /// Shows the picture as it stands: `width · height · 4` bytes of red, green, blue, opacity.
    pub fn preview(&self, width: u32, height: u32, rgba: Vec<u8>) {
        let (prompt_id, node) = (self.options.prompt_id.clone(), self.node_id.clone());
        self.host.emit(Event::Preview { node, prompt_id, width, height, rgba });
    }

    /// Hands over a file that the node made; name it in the `ui` as well.
    pub fn file(&self, file: File) {
        // Kept with the cached result: a later run that need not make the file hands it over again.
        self.files.borrow_mut().push(file.clone());
        self.emit_file(file);
    }

    /// Tells the person something that is no error.
    pub fn notice(&self, message: impl Into<String>) {
        let node = Some(self.node_id.clone());
        self.host.emit(Event::Notice { node, message: message.into() });
    }

    /// Any other event.
    pub fn emit(&self, event: Event) {
        self.host.emit(event);
    }

    /// Id of the node.
    pub fn node_id(&self) -> &'a NodeId {
        self.node_id
    }

    /// Name of the run.
    pub fn prompt_id(&self) -> &'a str {
        &self.options.prompt_id
    }

    /// Milliseconds since 1970.
    pub fn now_millis(&self) -> f64 {
        self.host.now_millis()
    }

    /// The graph as it was given, for files that carry it.
    pub fn prompt(&self) -> &'a serde_json::Value {
        &self.options.prompt
    }

    /// More for such files, by name.
    pub fn extra_pnginfo(&self) -> Option<&'a serde_json::Value> {
        self.options.extra_pnginfo.as_ref()
    }

    pub(crate) fn emit_file(&self, file: File) {
        let (prompt_id, node) = (self.options.prompt_id.clone(), self.node_id.clone());
        self.host.emit(Event::File { node, prompt_id, file });
    }

    pub(crate) fn set_execution(&self, at: u64, of: u64) {
        self.execution.set((at, of));
    }

    pub(crate) fn into_files(self) -> Vec<File> {
        self.files.into_inner()
    }
}
