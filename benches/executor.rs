//! What the executor itself costs: graphs of additions, in every state of the cache. `make bench-executor`.
//!
//! Ends with an error where a figure is over its budget: 50 µs for each node that runs, 5 ms for a graph of
//! 100 nodes whose results are all known.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use tintype::graph::{
    Event, Executor, Function, Graph, Host, Input, Kind, NoFolders, Node, NodeSpec, Output,
    Outputs, Registry, RunOptions, Schema,
};

const CONSTANT: Function = Function::new(
    &Schema::new("Constant", "Constant", "bench")
        .inputs(&[Input::float("value", 0.0, -1e9..=1e9, 1.0)])
        .outputs(&[Output::new(Kind::FLOAT)]),
    |inputs, _| Ok(Outputs::one(inputs.float("value")?)),
);
const ADD: Function = Function::new(
    &Schema::new("Add", "Add", "bench")
        .inputs(&[
            Input::link("a", Kind::FLOAT),
            Input::link("b", Kind::FLOAT),
            Input::string("name").or("sum"),
            Input::combo("mode", &["exact", "fast"]),
        ])
        .outputs(&[Output::new(Kind::FLOAT)]),
    |inputs, _| Ok(Outputs::one(inputs.float("a")? + inputs.float("b")?)),
);
const SHOW: Function = Function::new(
    &Schema::new("Show", "Show", "bench")
        .inputs(&[Input::link("value", Kind::FLOAT)])
        .output_node(),
    |inputs, _| Ok(Outputs::ui(serde_json::json!({ "text": [inputs.float("value")?] }))),
);
const NODES: &[&dyn Node] = &[&CONSTANT, &ADD, &SHOW];

/// A host that never has anything else to do.
struct Idle;

impl Host for Idle {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn now_millis(&self) -> f64 {
        0.0
    }

    fn emit(&self, event: Event) {
        std::hint::black_box(event);
    }

    fn cancelled(&self) -> bool {
        false
    }
}

/// `n` nodes: each sum takes the one before it, and the first of all.
fn graph(n: usize, first: f64) -> Graph {
    let mut graph = Graph::new();
    for at in 0..n - 1 {
        let spec = if at < 2 {
            NodeSpec::new("Constant").with("value", first)
        } else {
            let before = (at - 1).to_string();
            let spec = NodeSpec::new("Add").linked("a", before, 0).linked("b", "0", 0);
            spec.with("name", "sum").with("mode", "exact")
        };
        graph.insert(at.to_string(), spec);
    }
    let last = (n - 2).to_string();
    graph.with((n - 1).to_string(), NodeSpec::new("Show").linked("value", last, 0))
}

#[expect(clippy::disallowed_methods, reason = "a native program has a clock")]
fn time(executor: &Executor, graph: &Graph) -> Duration {
    let (host, options) = (Idle, RunOptions::default());
    let start = Instant::now();
    let run = executor.run(graph, &options, &host, &(), &NoFolders);
    pollster::block_on(run).expect("additions do not fail");
    start.elapsed()
}

/// The shortest of several: what else the machine does only makes it longer.
fn best(times: usize, mut run: impl FnMut() -> Duration) -> Duration {
    (0..times).map(|_| run()).min().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn main() -> ExitCode {
    let mut good = true;
    println!("{:>7} | {:>14} | {:>14} | {:>16}", "nodes", "all run", "a node", "all known");
    for n in [10, 100, 1_000, 10_000] {
        let times = (20_000 / n).clamp(3, 200);
        let executor = Executor::new(Registry::from_static(&[NODES]), 1 << 30);
        // Another constant each time, so that nothing is known.
        let mut first = 0.0;
        let cold = best(times, || {
            first += 1.0;
            time(&executor, &graph(n, first / 1e6))
        });
        let known = graph(n, -1.0);
        time(&executor, &known);
        let cached = best(times, || time(&executor, &known));
        let each = cold / u32::try_from(n).unwrap_or(u32::MAX);
        println!("{n:>7} | {cold:>14.1?} | {each:>14.2?} | {cached:>16.1?}");
        good &= each < Duration::from_micros(50);
        good &= n != 100 || cached < Duration::from_millis(5);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
