//! Runs one node in a unit test, without a graph.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use super::Environment;
use crate::device::{self, DeviceKind};
use crate::error::Result;
use crate::graph::node::RunOptions;
use crate::graph::{Context, Event, Host, Inputs, Node, NodeId, Outputs};
use crate::store::native::FolderStore;

/// A host that wants nothing and is told nothing.
struct Quiet;

impl Host for Quiet {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn now_millis(&self) -> f64 {
        0.0
    }

    fn emit(&self, _event: Event) {}

    fn cancelled(&self) -> bool {
        false
    }
}

/// A world on the CPU, with the models that ship with the page.
pub(super) fn environment() -> Result<Environment> {
    environment_at(concat!(env!("CARGO_MANIFEST_DIR"), "/www/public/models"))
}

/// A world on the CPU, with the models of this folder.
pub(super) fn environment_at(models: &str) -> Result<Environment> {
    let (device, info) = pollster::block_on(device::open(DeviceKind::Cpu, |_| {}))?;
    Ok(Environment::new(Rc::new(FolderStore::new(models)), device, info))
}

/// What a node gives for these inputs, on the CPU, with the models that ship with the page.
///
/// Inputs that are left out stay absent: the executor, which fills in defaults, takes no part.
pub(super) fn run(node: &dyn Node, inputs: Inputs) -> Result<Outputs> {
    run_in(&environment()?, node, inputs)
}

/// As [`run`], in this world.
pub(super) fn run_in(env: &Environment, node: &dyn Node, inputs: Inputs) -> Result<Outputs> {
    with_context(env, |cx| pollster::block_on(node.run(inputs, cx)))
}

/// What `run` gives in the context of a node in this world.
pub(super) fn with_context<T>(env: &Environment, run: impl FnOnce(&Context<'_>) -> T) -> T {
    let (options, id) = (RunOptions::default(), NodeId::from("1"));
    run(&Context::new(&Quiet, env, &options, &id))
}

/// The payload of a node's first output.
///
/// # Panics
///
/// If the node fails, or gives something else.
pub(super) fn output<T: 'static>(node: &dyn Node, inputs: Inputs) -> Rc<T> {
    let outputs = run(node, inputs).expect("the node runs");
    let name = node.schema().outputs[0].name;
    Inputs::new().with(name, outputs.values[0].clone()).object(name).expect("of this type")
}
