//! Inputs that are computed only when a node asks for them.

use super::*;

/// `switch` takes `f` (1 + 10) or `t` (2 + 20).
fn switched(on: impl Into<InputValue>) -> Graph {
    let switch = NodeSpec::new("Switch")
        .with("switch", on)
        .linked("on_false", "f", 0)
        .linked("on_true", "t", 0);
    Graph::new()
        .with("1", constant(1))
        .with("2", constant(2))
        .with("f", add("1", 10))
        .with("t", add("2", 20))
        .with("switch", switch)
        .with("out", node("Show", "value", "switch"))
}

#[test]
fn only_the_branch_that_is_asked_for_is_computed() {
    let (bench, executor) = (Bench::default(), executor());
    let report = bench.run(&executor, &switched(true)).unwrap();
    assert_eq!(report.outputs.get("out"), Some(&json!({"shown": 22})));
    assert_eq!(bench.ran(), "2 t switch out");
    let report = bench.run(&executor, &switched(false)).unwrap();
    assert_eq!(report.outputs.get("out"), Some(&json!({"shown": 11})));
    assert_eq!(bench.ran(), "1 f switch out");
    // Both are known by now.
    bench.run(&executor, &switched(true)).unwrap();
    assert_eq!(bench.ran(), "");
}

#[test]
fn branch_that_would_fail_does_no_harm_while_nobody_asks() {
    let mut graph = switched(true);
    graph.insert("f", node("Fail", "value", "1"));
    let report = Bench::default().run(&executor(), &graph).unwrap();
    assert_eq!(report.outputs.get("out"), Some(&json!({"shown": 22})));
    graph.get_mut("switch").unwrap().set("switch", false);
    let error = failure(Bench::default().run(&executor(), &graph));
    assert_eq!(error.node().map(|node| &*node.id), Some("f"));
}

#[test]
fn linked_condition_is_computed_first() {
    const ODD: &Schema = &Schema::new("Odd", "Odd", "mine")
        .inputs(&[Input::link("n", Kind::INT)])
        .outputs(&[Output::new(Kind::BOOLEAN)]);
    let (bench, executor) = (Bench::default(), executor());
    let odd = |inputs: &Inputs, _: &Context<'_>| {
        Ok(Outputs::one(inputs.int::<i64>("n")?.rem_euclid(2) == 1))
    };
    executor.register(Rc::new(stub(ODD, odd)));
    let mut graph = switched(InputValue::Link { node: "odd".into(), output: 0 });
    graph.insert("odd", node("Odd", "n", "1"));
    let report = bench.run(&executor, &graph).unwrap();
    assert_eq!(report.outputs.get("out"), Some(&json!({"shown": 22})));
    assert_eq!(bench.ran(), "1 odd 2 t switch out");
}

#[test]
fn value_that_is_there_anyway_is_not_made_twice() {
    let mut graph = switched(true);
    graph.insert("other", node("Show", "value", "t"));
    graph.insert("third", node("Show", "value", "f"));
    for cache in [0, 1 << 20] {
        let (bench, executor) = (Bench::default(), executor());
        executor.set_cache_bytes(cache);
        let report = bench.run(&executor, &graph).unwrap();
        assert_eq!(report.outputs.get("out"), Some(&json!({"shown": 22})));
        let ran = bench.ran();
        let mut ran: Vec<&str> = ran.split(' ').collect();
        ran.sort_unstable();
        assert_eq!(ran, ["1", "2", "f", "other", "out", "switch", "t", "third"]);
    }
}

#[test]
fn switches_in_a_row_compute_one_way_through() {
    // Each switch takes the one before it, or a branch that fails.
    let n = 200;
    let mut graph = Graph::new().with("1", constant(5)).with("bad", node("Fail", "value", "1"));
    let mut before = "1".to_owned();
    for at in 0..n {
        let id = format!("s{at}");
        let on = at % 2 == 0;
        let (on_true, on_false) = if on { (&*before, "bad") } else { ("bad", &*before) };
        let spec = NodeSpec::new("Switch")
            .with("switch", on)
            .linked("on_true", on_true, 0)
            .linked("on_false", on_false, 0);
        graph.insert(id.clone(), spec);
        before = id;
    }
    graph.insert("out", node("Show", "value", &before));
    let bench = Bench::default();
    let report = bench.run(&executor(), &graph).unwrap();
    assert_eq!(report.outputs.get("out"), Some(&json!({"shown": 5})));
    assert_eq!(bench.env.ran.borrow().len(), n + 2);
}

#[test]
fn values_of_the_branch_nobody_took_are_dropped() {
    // Node 2 would count the image of node 1, and is never asked to.
    let bench = Bench::default();
    let executor = executor();
    executor.set_cache_bytes(0);
    let graph = Graph::new()
        .with("1", NodeSpec::new("Make"))
        .with("2", node("Count", "image", "1"))
        .with("3", node("Count", "image", "1"))
        .with(
            "4",
            NodeSpec::new("Switch")
                .with("switch", true)
                .linked("on_false", "2", 0)
                .linked("on_true", "3", 0),
        )
        .with("5", NodeSpec::new("Make").with("id", 2_i64))
        .with("6", node("Count", "image", "5").linked("after", "4", 0))
        .with("7", node("Show", "value", "6"));
    let report = bench.run(&executor, &graph).unwrap();
    // When node 6 runs the first image is gone: its own is the only one left.
    assert_eq!(report.outputs.get("7"), Some(&json!({"shown": 1})));
    assert!(!bench.ran().contains('2'), "{}", bench.ran());
}

#[test]
fn switch_of_lists_asks_for_what_any_element_needs() {
    const ODDS: &Schema = &Schema::new("Odds", "Odds", "mine")
        .inputs(&[Input::int("n", 3, 1..=9)])
        .outputs(&[Output::new(Kind::BOOLEAN).list()]);
    let (bench, executor) = (Bench::default(), executor());
    let odds = |inputs: &Inputs, _: &Context<'_>| {
        let n = inputs.int::<i64>("n")?;
        Ok(Outputs::one(Value::list((0..n).map(|n| (n % 2 == 1).into()).collect())))
    };
    executor.register(Rc::new(Function::new(ODDS, odds)));
    let switch = |at: &str| {
        NodeSpec::new("Picked")
            .linked("switch", at, 0)
            .linked("on_false", "f", 0)
            .linked("on_true", "t", 0)
    };
    // As Switch, without the claim that the other one is absent: with lists both are asked for.
    const PICKED: &Schema = &Schema { class_type: "Picked", ..*SWITCH };
    let picked = Function::new(PICKED, |inputs, _| {
        let name = if inputs.boolean("switch")? { "on_true" } else { "on_false" };
        Ok(Outputs::one(inputs.value(name)?.clone()))
    });
    executor.register(Rc::new(picked.asking_for(|inputs| {
        let on = inputs.boolean("switch").unwrap_or_default();
        vec![if on { "on_true" } else { "on_false" }.to_owned()]
    })));
    let mut graph = switched(true);
    graph.insert("odds", NodeSpec::new("Odds"));
    graph.insert("switch", switch("odds"));
    graph.insert("total", node("Total", "values", "switch"));
    graph.insert("out", node("Show", "value", "total"));
    let report = bench.run(&executor, &graph).unwrap();
    // 11, 22, 11
    assert_eq!(report.outputs.get("out"), Some(&json!({"shown": 44})));
}

#[test]
fn lazy_input_is_checked_and_may_be_written() {
    let mut graph = switched(false);
    graph.get_mut("switch").unwrap().set("on_false", 7_i64);
    let report = Bench::default().run(&executor(), &graph).unwrap();
    assert_eq!(report.outputs.get("out"), Some(&json!({"shown": 7})));
    graph
        .get_mut("switch")
        .unwrap()
        .set("on_true", InputValue::Link { node: "x".into(), output: 0 });
    assert_eq!(
        problems(&graph),
        ["switch bad_linked_input: `on_true` is linked to node `x`, which is absent"]
    );
}

#[test]
fn optional_branch_that_is_not_there_is_the_nodes_own_error() {
    let mut graph = switched(true);
    graph.insert("switch", NodeSpec::new("Switch").with("switch", true).linked("on_false", "f", 0));
    let error = failure(Bench::default().run(&executor(), &graph));
    assert_eq!(error.to_string(), "node switch (Switch): on_true: expected a value, got nothing");
}
