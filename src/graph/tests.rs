//! The executor's specification: graphs of arithmetic nodes, and what must happen to them.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::json;

use super::event::{File, Place};
use super::*;
use crate::error::{ErrorKind, Result};

mod caching;
mod dynamic;
mod hostile;
mod lazy;
mod lists;
mod partial;
mod progress;
mod properties;
mod running;
mod validation;

/// Runs a future that only ever waits for [`Bench`]'s turns.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = std::task::Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// A host, an environment and folders, all of which remember what happened.
#[derive(Default)]
struct Bench {
    events: RefCell<Vec<Event>>,
    turns: Cell<u32>,
    /// The run is cancelled at this turn.
    cancel_at: Cell<Option<u32>>,
    env: Env,
    files: Vec<String>,
}

/// What the stub nodes reach through their context.
#[derive(Default)]
struct Env {
    /// Ids of the nodes that ran.
    ran: RefCell<Vec<String>>,
    /// What `Read`'s file holds.
    content: RefCell<String>,
    /// Payloads that `Make` made.
    made: RefCell<Vec<Weak<Payload>>>,
    /// How many of them were alive while `Count` ran.
    alive: Cell<usize>,
    draws: Cell<i64>,
}

struct Payload;

impl Host for Bench {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        self.turns.set(self.turns.get() + 1);
        // Pending once, as a real turn of an event loop is.
        let mut waited = false;
        std::future::poll_fn(move |_| {
            if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .boxed_local()
    }

    fn now_millis(&self) -> f64 {
        1234.5
    }

    fn emit(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn cancelled(&self) -> bool {
        self.cancel_at.get().is_some_and(|at| self.turns.get() >= at)
    }
}

impl ChoiceSource for Bench {
    fn choices(&self, folder: &str) -> Vec<String> {
        if folder == "input" { self.files.clone() } else { Vec::new() }
    }
}

impl Bench {
    fn run(&self, executor: &Executor, graph: &Graph) -> Result<RunReport, RunError> {
        self.run_for(executor, graph, None)
    }

    fn run_for(
        &self,
        executor: &Executor,
        graph: &Graph,
        outputs: Option<&[&str]>,
    ) -> Result<RunReport, RunError> {
        let options = RunOptions {
            prompt_id: "p".to_owned(),
            outputs: outputs.map(|ids| ids.iter().map(|&id| id.into()).collect()),
            prompt: json!({"written": "into files"}),
            extra_pnginfo: None,
        };
        self.events.borrow_mut().clear();
        self.env.ran.borrow_mut().clear();
        self.turns.set(0);
        block_on(executor.run(graph, &options, self, &self.env, self))
    }

    /// Ids of the nodes that ran, since the last run began.
    fn ran(&self) -> String {
        self.env.ran.borrow().join(" ")
    }

    /// The events of the last run but `progress_state`, a line each.
    fn events(&self) -> Vec<String> {
        let line = |event: &Event| {
            let json = serde_json::to_value(event).unwrap();
            let data = &json["data"];
            let about = match event {
                Event::ExecutionCached { .. } => data["nodes"].to_string(),
                Event::Executing { .. } => data["node"].to_string(),
                Event::Progress { value, max, node, .. } => format!("{node} {value}/{max}"),
                Event::File { node, file, .. } => format!("{node} {}", file.filename),
                Event::Executed { node, output, .. } => format!("{node} {output}"),
                Event::ExecutionError { node_id, code, .. } => format!("{node_id} {code}"),
                Event::ExecutionInterrupted { node_id, .. } => node_id.to_string(),
                Event::Notice { message, .. } => message.clone(),
                _ => String::new(),
            };
            format!("{} {about}", event.kind()).trim_end().to_owned()
        };
        let events = self.events.borrow();
        let events = events.iter().filter(|event| event.kind() != "progress_state");
        events.map(line).collect()
    }
}

fn executor() -> Executor {
    Executor::new(Registry::from_static(&[NODES]), 1 << 20)
}

/// A stub node: its schema and a function.
struct Stub {
    schema: &'static Schema,
    run: fn(&Inputs, &Context<'_>) -> Result<Outputs>,
    deterministic: bool,
    /// Waits for so many turns, telling its progress.
    turns: bool,
}

impl Node for Stub {
    fn schema(&self) -> &'static Schema {
        self.schema
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        async move {
            cx.env::<Env>().ran.borrow_mut().push(cx.node_id().to_string());
            if self.turns {
                let turns = inputs.int("turns")?;
                for turn in 1..=turns {
                    cx.checkpoint().await?;
                    cx.progress(turn, turns);
                }
            }
            (self.run)(&inputs, cx)
        }
        .boxed_local()
    }

    fn is_deterministic(&self) -> bool {
        self.deterministic
    }

    fn fingerprint<'a>(
        &'a self,
        inputs: &'a Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        async move {
            if inputs.get("file").is_none() {
                return Ok(None);
            }
            read(cx).map(Some)
        }
        .boxed_local()
    }

    fn validate(&self, inputs: &Inputs) -> Vec<Complaint> {
        match inputs.int::<i64>("even") {
            Ok(n) if n % 2 != 0 => {
                vec![Complaint { input: "even", message: format!("{n} is odd") }]
            }
            _ => Vec::new(),
        }
    }
}

/// What the file holds; a file that holds nothing is gone.
fn read(cx: &Context<'_>) -> Result<String> {
    let content = cx.env::<Env>().content.borrow().clone();
    if content.is_empty() {
        return Err(ErrorKind::FileNotFound { file: "a.txt".to_owned() }.into());
    }
    Ok(content)
}

const fn stub(schema: &'static Schema, run: fn(&Inputs, &Context<'_>) -> Result<Outputs>) -> Stub {
    Stub { schema, run, deterministic: true, turns: false }
}

const ANY_INT: std::ops::RangeInclusive<i128> = -1_000_000..=1_000_000;

const CONSTANT: &Schema = &Schema::new("Constant", "Constant", "math")
    .inputs(&[Input::int("value", 0, ANY_INT)])
    .outputs(&[Output::new(Kind::INT)]);
const ADD: &Schema = &Schema::new("Add", "Add", "math")
    .inputs(&[Input::link("a", Kind::INT), Input::int("b", 10, ANY_INT)])
    .outputs(&[Output::new(Kind::INT)]);
const SHOW: &Schema =
    &Schema::new("Show", "Show", "math").inputs(&[Input::link("value", Kind::ANY)]).output_node();
const SAVE: &Schema =
    &Schema::new("Save", "Save", "math").inputs(&[Input::link("value", Kind::INT)]).output_node();
const FAIL: &Schema = &Schema::new("Fail", "Fail", "math")
    .inputs(&[Input::link("value", Kind::INT)])
    .outputs(&[Output::new(Kind::INT)]);
const WAIT: &Schema = &Schema::new("Wait", "Wait", "math")
    .inputs(&[Input::link("value", Kind::INT), Input::int("turns", 3, 0..=100)])
    .outputs(&[Output::new(Kind::INT)]);
const DRAW: &Schema = &Schema::new("Draw", "Draw", "math").outputs(&[Output::new(Kind::INT)]);
const READ: &Schema = &Schema::new("Read", "Read", "math")
    .inputs(&[Input::folder("file", "input")])
    .outputs(&[Output::new(Kind::STRING)]);
const MAKE: &Schema = &Schema::new("Make", "Make", "math")
    .inputs(&[Input::int("id", 0, ANY_INT)])
    .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::IMAGE).named("spare")]);
const COUNT: &Schema = &Schema::new("Count", "Count", "math")
    .inputs(&[Input::link("image", Kind::IMAGE), Input::link("after", Kind::INT).optional()])
    .outputs(&[Output::new(Kind::INT)]);
const LIAR: &Schema =
    &Schema::new("Liar", "Liar", "math").outputs(&[Output::new(Kind::INT).named("number")]);
const PICKY: &Schema = &Schema::new("Picky", "Picky", "math")
    .inputs(&[
        Input::int("even", 0, 0..=100),
        Input::float("cfg", 8.0, 0.0..=100.0, 0.1),
        Input::combo("sampler", &["euler", "heun", "dpmpp_2m"]),
        Input::string("text"),
        Input::link("image", Kind::IMAGE),
        Input::int("seed", 0, 0..=u64::MAX as i128).optional(),
    ])
    .output_node();

const SUM: &Schema = &Schema::new("Sum", "Sum", "math")
    .inputs(&[Input::grow("values", &Input::link("value", Kind::INT), "v", 2..=5)])
    .outputs(&[Output::new(Kind::INT)]);
const SHAPE: &Schema = &Schema::new("Shape", "Shape", "math")
    .inputs(&[
        Input::branches(
            "kind",
            &[
                Branch::new("circle", &[Input::int("radius", 1, 0..=100)]),
                Branch::new(
                    "sum",
                    &[Input::grow_named("of", &Input::int("n", 7, ANY_INT), &["a", "b", "c"], 1)],
                ),
                Branch::new("none", &[]),
            ],
        ),
        Input::string("label").force_input().optional(),
    ])
    .output_node();

const NUMBERS: &Schema = &Schema::new("Numbers", "Numbers", "math")
    .inputs(&[Input::int("count", 3, 0..=1000)])
    .outputs(&[Output::new(Kind::INT).list(), Output::new(Kind::INT).named("count")]);
const TOTAL: &Schema = &Schema::new("Total", "Total", "math")
    .inputs(&[Input::link("values", Kind::INT), Input::int("add", 0, ANY_INT)])
    .outputs(&[Output::new(Kind::INT)])
    .input_is_list();
const SWITCH: &Schema = &Schema::new("Switch", "Switch", "math")
    .inputs(&[
        Input::boolean("switch", false),
        Input::link("on_false", Kind::ANY).lazy(),
        Input::link("on_true", Kind::ANY).lazy().optional(),
    ])
    .outputs(&[Output::new(Kind::ANY)]);

const NODES: &[&dyn Node] = &[
    &stub(CONSTANT, |inputs, _| Ok(Outputs::new(vec![inputs.value("value")?.clone()]))),
    &stub(ADD, |inputs, _| {
        let sum = inputs.int::<i64>("a")? + inputs.int::<i64>("b")?;
        Ok(Outputs::new(vec![sum.into()]))
    }),
    &stub(SHOW, |inputs, _| Ok(Outputs::ui(json!({"shown": inputs.value("value")?.to_json()})))),
    &stub(SAVE, |inputs, cx| {
        let n: u8 = inputs.int("value")?;
        let filename = format!("{n}.bin");
        let (subfolder, mime) = (String::new(), "application/octet-stream".to_owned());
        let ui = json!({"files": [filename]});
        cx.file(File { filename, subfolder, place: Place::Output, mime, bytes: vec![n; 3] });
        Ok(Outputs::ui(ui))
    }),
    &stub(FAIL, |_, _| {
        let error = ErrorKind::NotAMultiple { input: "width", got: 130, of: 8 };
        Err(crate::error::Error::new(error).hint("use 128"))
    }),
    &Stub {
        turns: true,
        ..stub(WAIT, |inputs, _| Ok(Outputs::new(vec![inputs.value("value")?.clone()])))
    },
    &Stub {
        deterministic: false,
        ..stub(DRAW, |_, cx| {
            let draws = &cx.env::<Env>().draws;
            draws.set(draws.get() + 1);
            Ok(Outputs::new(vec![draws.get().into()]))
        })
    },
    &stub(READ, |_, cx| Ok(Outputs::new(vec![read(cx)?.into()]))),
    &stub(MAKE, |_, cx| {
        let images = [Rc::new(Payload), Rc::new(Payload)];
        let made = images.iter().map(Rc::downgrade);
        cx.env::<Env>().made.borrow_mut().extend(made);
        let object = |image| Object::shared(Kind::IMAGE, 1000, image).into();
        Ok(Outputs::new(images.into_iter().map(object).collect()))
    }),
    &stub(COUNT, |inputs, cx| {
        inputs.object::<Payload>("image")?;
        let env = cx.env::<Env>();
        let alive = env.made.borrow().iter().filter(|made| made.strong_count() > 0).count();
        env.alive.set(alive);
        Ok(Outputs::new(vec![(alive as i64).into()]))
    }),
    &stub(LIAR, |_, _| Ok(Outputs::new(vec!["seven".into()]))),
    &stub(PICKY, |inputs, _| {
        Ok(Outputs::ui(json!({
            "cfg": inputs.float("cfg")?,
            "sampler": inputs.string("sampler")?,
            "seed": inputs.optional_int::<u64>("seed")?,
        })))
    }),
    &stub(NUMBERS, |inputs, _| {
        let count = inputs.int::<i64>("count")?;
        let numbers = (1..=count).map(Value::from).collect();
        Ok(Outputs::new(vec![Value::list(numbers), count.into()]))
    }),
    &stub(TOTAL, |inputs, _| {
        let values = inputs.list("values").iter().map(|value| match value {
            Value::Int(n) => *n as i64,
            _ => 0,
        });
        Ok(Outputs::one(values.sum::<i64>() + inputs.int::<i64>("add")?))
    }),
    &Function::new(SWITCH, |inputs, cx| {
        cx.env::<Env>().ran.borrow_mut().push(cx.node_id().to_string());
        let on = inputs.boolean("switch")?;
        // The other one must not be there, whether or not somebody else computed it.
        assert!(inputs.get(if on { "on_false" } else { "on_true" }).is_none());
        Ok(Outputs::one(inputs.value(if on { "on_true" } else { "on_false" })?.clone()))
    })
    .asking_for(|inputs| {
        let on = inputs.boolean("switch").unwrap_or_default();
        vec![if on { "on_true" } else { "on_false" }.to_owned(), "nonsense".to_owned()]
    }),
    &Function::new(SUM, |inputs, _| {
        let all = inputs.group("values").into_iter().map(|(_, value)| match value {
            Value::Int(n) => *n as i64,
            _ => 0,
        });
        Ok(Outputs::one(all.sum::<i64>()))
    }),
    &Function::new(SHAPE, |inputs, _| {
        let all: serde_json::Map<_, _> = inputs
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_json().unwrap_or_default()))
            .collect();
        Ok(Outputs::ui(all.into()))
    }),
];

fn constant(value: i64) -> NodeSpec {
    NodeSpec::new("Constant").with("value", value)
}

fn add(a: &str, b: i64) -> NodeSpec {
    NodeSpec::new("Add").linked("a", a, 0).with("b", b)
}

fn node(class: &str, input: &str, source: &str) -> NodeSpec {
    NodeSpec::new(class).linked(input, source, 0)
}

/// 1 → 2 (+10) → 3 (+20) → 4 shows.
fn chain() -> Graph {
    Graph::new()
        .with("1", constant(1))
        .with("2", add("1", 10))
        .with("3", add("2", 20))
        .with("4", node("Show", "value", "3"))
}

/// The error of a run that was not refused.
fn failure(result: Result<RunReport, RunError>) -> crate::error::Error {
    match result {
        Err(RunError::Failed(error)) => error,
        other => panic!("expected a failed node, got {other:?}"),
    }
}

fn refusal(result: Result<RunReport, RunError>) -> Refusal {
    match result {
        Err(RunError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// The problems of a graph of which nothing can be run: `node type: details`, a line each.
fn problems(graph: &Graph) -> Vec<String> {
    let refusal = refusal(Bench::default().run(&executor(), graph));
    assert_eq!(refusal.code(), "prompt_outputs_failed_validation");
    lines(&refusal.node_errors)
}

fn lines(errors: &NodeErrors) -> Vec<String> {
    let of_node = |(id, node): (&NodeId, &problem::NodeError)| {
        let line = |p: &problem::Problem| format!("{id} {}: {}", p.kind.code(), p.details);
        node.errors.iter().map(line).collect::<Vec<_>>()
    };
    errors.iter().flat_map(of_node).collect()
}
