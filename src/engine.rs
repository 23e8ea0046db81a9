//! The whole engine behind one struct: what the page's worker and the native runner drive.
//!
//! Puts together an [`Executor`] with the built-in [`NODES`](crate::nodes::NODES), the
//! [`Environment`] they run in, and the text formats graphs come in. Knows nothing of JavaScript.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use crate::device::{self, DeviceInfo, DeviceKind};
use crate::error::Result;
use crate::formats::comfy_ui::workflow_from_graph;
use crate::formats::{self, Opened, comfy_api};
use crate::graph::{
    Event, Executor, Host, Node, NodeErrors, NodeId, Registry, RunError, RunOptions, RunReport,
};
use crate::nodes::{self, Environment, NODES, Plan, PromptLength};
use crate::store::ModelStore;

/// Results kept for later runs, in bytes: a few models' worth of handles and a long evening of latents.
/// Weights count, so that a third large model pushes the first out.
const CACHE_BYTES: usize = 3 << 30;

/// An opened device, the models, the node classes and the results so far.
pub struct Engine {
    executor: Executor,
    env: Environment,
}

/// What a run is asked for besides the graph.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// Name of the run, which its events carry.
    pub prompt_id: String,
    /// Output nodes to run for; all of them if absent.
    pub outputs: Option<Vec<String>>,
    /// The UI workflow the graph came from, to be written into pictures.
    pub workflow: Option<Json>,
}

impl Engine {
    /// Opens a device; `on_fault` hears if it fails later.
    ///
    /// # Errors
    ///
    /// If there is no such device.
    pub async fn open(
        kind: DeviceKind,
        store: Rc<dyn ModelStore>,
        on_fault: impl Fn(&str) + 'static,
    ) -> Result<Self> {
        let (device, info) = device::open(kind, on_fault).await?;
        let executor = Executor::new(Registry::from_static(NODES), CACHE_BYTES);
        Ok(Self { executor, env: Environment::new(store, device, info) })
    }

    /// The device it runs on.
    pub fn device_info(&self) -> &DeviceInfo {
        &self.env.device_info
    }

    /// Files and models of the nodes.
    pub fn environment(&self) -> &Environment {
        &self.env
    }

    /// Adds a node class, in place of one of the same name.
    pub fn register(&self, node: Rc<dyn Node>) {
        self.executor.register(node);
    }

    /// All classes in the shape of ComfyUI's `object_info`.
    pub fn object_info(&self) -> Json {
        self.executor.registry().object_info(&self.env)
    }

    /// Reads a graph from any file that holds one: see [`formats::read`].
    ///
    /// # Errors
    ///
    /// If it holds none, or one that cannot be read.
    pub fn read(&self, file: &[u8]) -> Result<Opened> {
        formats::read(file, &self.executor.registry())
    }

    /// Everything that is wrong with the nodes of a graph, in any text form that [`Engine::read`] knows.
    ///
    /// # Errors
    ///
    /// If it is no graph, or has no output to run for.
    pub fn validate(&self, graph: &str) -> Result<NodeErrors, RunError> {
        let graph = self.read(graph.as_bytes()).map_err(RunError::Failed)?.graph;
        match self.executor.validate(&graph, None, &self.env) {
            Err(refusal) if refusal.node_errors.is_empty() => Err(RunError::Refused(refusal)),
            Err(refusal) => Ok(refusal.node_errors),
            Ok(node_errors) => Ok(node_errors),
        }
    }

    /// What a graph will take, in any text form that [`Engine::read`] knows: see [`nodes::plan`].
    ///
    /// # Errors
    ///
    /// If it is no graph, or the header of one of its files cannot be read.
    pub async fn plan(&self, graph: &str) -> Result<Plan> {
        let graph = self.read(graph.as_bytes())?.graph;
        nodes::plan(&graph, &self.executor.registry(), &self.env).await
    }

    /// How long a prompt is for a checkpoint: see [`nodes::prompt_length`].
    ///
    /// # Errors
    ///
    /// If there is no such checkpoint, or its tokenizer cannot be read.
    pub async fn prompt_length(&self, checkpoint: &str, text: &str) -> Result<PromptLength> {
        nodes::prompt_length(&self.env, checkpoint, text).await
    }

    /// Runs a graph, in any text form that [`Engine::read`] knows.
    ///
    /// # Errors
    ///
    /// If it is no graph, if no output passes the checks, if a node fails, or if it is cancelled.
    pub async fn run(
        &self,
        graph: &str,
        request: RunRequest,
        host: &dyn Host,
    ) -> Result<RunReport, RunError> {
        let Opened { graph, notices, workflow, .. } =
            self.read(graph.as_bytes()).map_err(RunError::Failed)?;
        for message in notices {
            host.emit(Event::Notice { node: None, message });
        }
        let workflow = request
            .workflow
            .or(workflow)
            .unwrap_or_else(|| workflow_from_graph(&graph, &self.executor.registry()));
        let extra_pnginfo = Map::from_iter([("workflow".to_owned(), workflow)]);
        let options = RunOptions {
            prompt_id: request.prompt_id,
            outputs: request.outputs.map(|ids| ids.into_iter().map(NodeId::from).collect()),
            prompt: comfy_api::json_from_graph(&graph),
            extra_pnginfo: Some(Json::Object(extra_pnginfo)),
        };
        self.executor.run(&graph, &options, host, &self.env, &self.env).await
    }
}
