//! The executor: a graph goes in, events come out, and at the end a report.
//!
//! A run is one future ([`steps`]). It gives the host a turn before every node (and nodes do so between
//! their own steps), so that the run can be cancelled; finished nodes stay cached however it ends. The
//! future may also just be dropped.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use serde::{Serialize, Serializer};

use self::steps::Run;
use super::cache::Cache;
use super::event::Event;
use super::node::{Host, Node, RunOptions};
use super::problem::{NodeErrors, Refusal};
use super::registry::Registry;
use super::schema::ChoiceSource;
use super::validate::validate;
use super::{Graph, NodeId};
use crate::error::{Error, Result};

mod gather;
mod steps;

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
        serializer.collect_map(self.0.iter().map(|(id, ui)| (id, ui)))
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
        let mut run = Run::new(&self.cache, &checked, options, host, env);
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
            Err(failed) => host.emit(run.failure(failed)),
        }
        let over = prompt_id.clone();
        host.emit(Event::Executing { node: None, display_node: None, prompt_id: over });
        let outputs = run.into_shown();
        result.map_err(|failed| RunError::Failed(failed.error))?;
        Ok(RunReport { prompt_id, outputs, node_errors: checked.node_errors })
    }
}

fn millis(host: &dyn Host) -> u64 {
    host.now_millis() as u64
}
