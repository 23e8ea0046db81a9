//! Nodes that are a schema and a function: nearly all.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::inputs::Inputs;
use super::node::{Complaint, Context, Node, Outputs};
use super::schema::Schema;
use crate::error::Result;

/// A node whose work is one function.
///
/// Most wait for nothing:
///
/// ```
/// use tintype::graph::{Function, Input, Kind, Output, Outputs, Schema};
///
/// const INVERT: Function = Function::new(
///     &Schema::new("Invert", "Invert", "maths")
///         .inputs(&[Input::float("x", 0.0, -1.0..=1.0, 0.1)])
///         .outputs(&[Output::new(Kind::FLOAT)]),
///     |inputs, _| Ok(Outputs::one(-inputs.float("x")?)),
/// );
/// ```
///
/// Others wait for a device, a file, or a turn of everything else:
///
/// ```
/// use tintype::error::Result;
/// use tintype::graph::{Context, Function, Input, Inputs, Kind, Output, Outputs, Schema};
///
/// const LAST_OF_MANY: Function = Function::waiting(
///     &Schema::new("LastOfMany", "Last of Many", "maths")
///         .inputs(&[Input::int("count", 1, 1..=1_000_000)])
///         .outputs(&[Output::new(Kind::INT)]),
///     |inputs, cx| Box::pin(last_of_many(inputs, cx)),
/// );
///
/// async fn last_of_many(inputs: Inputs, cx: &Context<'_>) -> Result<Outputs> {
///     let count: i64 = inputs.int("count")?;
///     for _ in 0..count {
///         cx.checkpoint().await?;
///     }
///     Ok(Outputs::one(count))
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Function {
    schema: &'static Schema,
    work: Work,
    fingerprint: fn(&Inputs, &Context<'_>) -> Result<Option<String>>,
    validate: fn(&Inputs) -> Vec<Complaint>,
    needs: fn(&Inputs) -> Vec<String>,
    deterministic: bool,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    AtOnce(fn(&Inputs, &Context<'_>) -> Result<Outputs>),
    Waiting(WaitingWork),
}

type WaitingWork = for<'a> fn(Inputs, &'a Context<'a>) -> LocalBoxFuture<'a, Result<Outputs>>;

impl Function {
    /// A node of this schema that does this.
    pub const fn new(
        schema: &'static Schema,
        run: fn(&Inputs, &Context<'_>) -> Result<Outputs>,
    ) -> Self {
        Self::of(schema, Work::AtOnce(run))
    }

    /// A node of this schema that does this, and waits for something while it does.
    pub const fn waiting(schema: &'static Schema, run: WaitingWork) -> Self {
        Self::of(schema, Work::Waiting(run))
    }

    const fn of(schema: &'static Schema, work: Work) -> Self {
        Self {
            schema,
            work,
            fingerprint: |_, _| Ok(None),
            validate: |_| Vec::new(),
            needs: |_| Vec::new(),
            deterministic: true,
        }
    }

    /// The same node, whose result depends on this besides its inputs: see [`Node::fingerprint`].
    #[must_use]
    pub const fn fingerprinted_by(
        mut self,
        fingerprint: fn(&Inputs, &Context<'_>) -> Result<Option<String>>,
    ) -> Self {
        self.fingerprint = fingerprint;
        self
    }

    /// The same node with a check of its own: see [`Node::validate`].
    #[must_use]
    pub const fn checked_by(mut self, validate: fn(&Inputs) -> Vec<Complaint>) -> Self {
        self.validate = validate;
        self
    }

    /// The same node, which asks for its lazy inputs: see [`Node::needs`].
    #[must_use]
    pub const fn asking_for(mut self, needs: fn(&Inputs) -> Vec<String>) -> Self {
        self.needs = needs;
        self
    }

    /// The same node, which is run every time: see [`Node::is_deterministic`].
    #[must_use]
    pub const fn never_cached(mut self) -> Self {
        self.deterministic = false;
        self
    }
}

impl Node for Function {
    fn schema(&self) -> &'static Schema {
        self.schema
    }

    fn run<'a>(
        &'a self,
        inputs: Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Outputs>> {
        match self.work {
            Work::AtOnce(run) => async move { run(&inputs, cx) }.boxed_local(),
            Work::Waiting(run) => run(inputs, cx),
        }
    }

    fn is_deterministic(&self) -> bool {
        self.deterministic
    }

    fn fingerprint<'a>(
        &'a self,
        inputs: &'a Inputs,
        cx: &'a Context<'a>,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        async move { (self.fingerprint)(inputs, cx) }.boxed_local()
    }

    fn validate(&self, inputs: &Inputs) -> Vec<Complaint> {
        (self.validate)(inputs)
    }

    fn needs(&self, inputs: &Inputs) -> Vec<String> {
        (self.needs)(inputs)
    }
}
