//! Order, events, errors, cancelling, and when values go.

use super::*;

#[test]
fn values_travel_and_events_come_in_comfyuis_order() {
    let (bench, executor) = (Bench::default(), executor());
    let report = bench.run(&executor, &chain()).unwrap();
    assert_eq!(report.outputs.get("4"), Some(&json!({"shown": 31})));
    assert!(report.node_errors.is_empty());
    assert_eq!(
        bench.events(),
        [
            "execution_start",
            "execution_cached []",
            r#"executing "1""#,
            r#"executing "2""#,
            r#"executing "3""#,
            r#"executing "4""#,
            r#"executed 4 {"shown":31}"#,
            "execution_success",
            "executing null",
        ]
    );
}

#[test]
fn report_serialises_as_maps() {
    let report = Bench::default().run(&executor(), &chain()).unwrap();
    assert_eq!(
        serde_json::to_string(&report).unwrap(),
        r#"{"prompt_id":"p","outputs":{"4":{"shown":31}},"node_errors":{}}"#
    );
}

#[test]
fn start_and_success_carry_the_time() {
    let bench = Bench::default();
    bench.run(&executor(), &chain()).unwrap();
    let events = bench.events.borrow();
    let start = Event::ExecutionStart { prompt_id: "p".to_owned(), timestamp: 1234 };
    assert_eq!(events.first(), Some(&start));
}

#[test]
fn output_that_is_near_runs_first() {
    let bench = Bench::default();
    let graph = chain().with("0", constant(5)).with("5", node("Show", "value", "0"));
    bench.run(&executor(), &graph).unwrap();
    // 0 feeds an output directly, 1 does not.
    assert_eq!(bench.ran(), "0 5 1 2 3 4");
}

#[test]
fn value_is_reused_and_made_once() {
    let bench = Bench::default();
    let graph = Graph::new()
        .with("1", constant(4))
        .with("2", NodeSpec::new("Add").linked("a", "1", 0).linked("b", "1", 0))
        .with("3", node("Show", "value", "2"))
        .with("4", node("Show", "value", "1"));
    let report = bench.run(&executor(), &graph).unwrap();
    assert_eq!(report.outputs.get("3"), Some(&json!({"shown": 8})));
    assert_eq!(bench.ran(), "1 4 2 3");
}

#[test]
fn nodes_that_no_output_needs_do_not_run() {
    let bench = Bench::default();
    let graph = chain().with("9", constant(9)).with("10", node("Fail", "value", "9"));
    bench.run(&executor(), &graph).unwrap();
    assert_eq!(bench.ran(), "1 2 3 4");
}

#[test]
fn partial_run_makes_only_what_was_asked_for() {
    let (bench, executor) = (Bench::default(), executor());
    let graph = chain().with("5", node("Show", "value", "2"));
    let report = bench.run_for(&executor, &graph, Some(&["5"])).unwrap();
    assert_eq!(bench.ran(), "1 2 5");
    assert_eq!(report.outputs.0.len(), 1);
    let report = bench.run_for(&executor, &graph, Some(&["4", "5"])).unwrap();
    assert_eq!(bench.ran(), "3 4");
    assert_eq!(report.outputs.0.len(), 2);
}

#[test]
fn failing_node_is_named_with_cause_and_fix() {
    let (bench, executor) = (Bench::default(), executor());
    let graph = Graph::new()
        .with("1", constant(1))
        .with("2", node("Fail", "value", "1"))
        .with("3", node("Show", "value", "2"));
    let error = failure(bench.run(&executor, &graph));
    assert_eq!(
        error.to_string(),
        "node 2 (Fail): `width` is 130, expected a multiple of 8; use 128"
    );
    assert_eq!(
        bench.events()[2..],
        [
            r#"executing "1""#,
            r#"executing "2""#,
            "execution_error 2 not_a_multiple",
            "executing null",
        ]
    );
    let events = bench.events.borrow();
    let error = events.iter().find(|event| event.kind() == "execution_error").unwrap();
    let Event::ExecutionError { exception_message, hint, node_type, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(exception_message, "`width` is 130, expected a multiple of 8");
    assert_eq!((hint.as_deref(), node_type.as_str()), (Some("use 128"), "Fail"));
}

#[test]
fn what_was_finished_before_an_error_stays() {
    let (bench, executor) = (Bench::default(), executor());
    let failing =
        chain().with("5", node("Fail", "value", "2")).with("6", node("Show", "value", "5"));
    failure(bench.run(&executor, &failing));
    bench.run(&executor, &chain()).unwrap();
    assert!(!bench.ran().starts_with('1'), "ran {}", bench.ran());
}

#[test]
fn node_that_breaks_its_word_is_caught() {
    let graph = Graph::new().with("1", NodeSpec::new("Liar")).with("2", node("Show", "value", "1"));
    let error = failure(Bench::default().run(&executor(), &graph));
    assert_eq!(
        error.to_string(),
        "node 1 (Liar): outputs of the node: expected INT for `number`, got STRING"
    );
}

/// 1 → 2 waits three turns → 3 shows.
fn waiting() -> Graph {
    Graph::new()
        .with("1", constant(1))
        .with("2", node("Wait", "value", "1").with("turns", 3_i64))
        .with("3", node("Show", "value", "2"))
}

#[test]
fn cancelled_run_stops_within_a_step_and_can_be_run_again() {
    let (bench, executor) = (Bench::default(), executor());
    // Turn 1 is before node 1, turn 2 before node 2, turn 3 its first step.
    bench.cancel_at.set(Some(4));
    let error = failure(bench.run(&executor, &waiting()));
    assert!(error.is_cancelled());
    assert_eq!(error.node().unwrap().id, "2");
    assert_eq!(
        bench.events()[2..],
        [
            r#"executing "1""#,
            r#"executing "2""#,
            "progress 2 1/3",
            "execution_interrupted 2",
            "executing null",
        ]
    );

    bench.cancel_at.set(None);
    let report = bench.run(&executor, &waiting()).unwrap();
    assert_eq!(report.outputs.get("3"), Some(&json!({"shown": 1})));
    assert_eq!(bench.ran(), "2 3");
}

#[test]
fn cancelling_at_any_turn_leaves_a_usable_executor() {
    let executor = executor();
    for turn in 1..=6 {
        let bench = Bench::default();
        bench.cancel_at.set(Some(turn));
        executor.clear_cache();
        assert!(failure(bench.run(&executor, &waiting())).is_cancelled(), "turn {turn}");
        let events = bench.events();
        assert!(events[events.len() - 2].starts_with("execution_interrupted"), "{events:?}");
        bench.cancel_at.set(None);
        bench.run(&executor, &waiting()).unwrap();
    }
}

#[test]
fn dropped_run_leaves_a_usable_executor() {
    let (bench, executor) = (Bench::default(), executor());
    let (graph, options) = (waiting(), RunOptions::default());
    {
        let mut run = pin!(executor.run(&graph, &options, &bench, &bench.env, &bench));
        let mut context = std::task::Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(run.as_mut().poll(&mut context).is_pending());
        }
    }
    bench.run(&executor, &waiting()).unwrap();
    assert_eq!(bench.ran(), "2 3");
}

#[test]
fn values_are_dropped_at_their_last_use() {
    // Each Count gives how many payloads are alive when it runs. A spare is never among them.
    let executor = Executor::new(Registry::from_static(&[NODES]), 0);
    let bench = Bench::default();
    let graph = Graph::new()
        .with("1", NodeSpec::new("Make").with("id", 1_i64))
        .with("2", node("Count", "image", "1"))
        .with("3", NodeSpec::new("Make").with("id", 2_i64))
        .with("4", node("Count", "image", "3").linked("after", "2", 0))
        .with("5", node("Show", "value", "2"))
        .with("6", node("Show", "value", "4"));
    let report = bench.run_for(&executor, &graph, Some(&["5"])).unwrap();
    assert_eq!(report.outputs.get("5"), Some(&json!({"shown": 1})));
    let report = bench.run_for(&executor, &graph, Some(&["6"])).unwrap();
    // Both images live while node 2 runs; when node 4 does, the first one is gone.
    assert_eq!(report.outputs.get("6"), Some(&json!({"shown": 1})));
    assert_eq!(executor.cached_bytes(), 0);
    assert!(bench.env.made.borrow().iter().all(|made| made.strong_count() == 0));
}

#[test]
fn cached_values_outlive_the_run() {
    let (bench, executor) = (Bench::default(), executor());
    let graph = Graph::new()
        .with("1", NodeSpec::new("Make"))
        .with("2", node("Count", "image", "1"))
        .with("3", node("Show", "value", "2"));
    bench.run(&executor, &graph).unwrap();
    let alive = || bench.env.made.borrow().iter().filter(|made| made.strong_count() > 0).count();
    assert_eq!(alive(), 2);
    assert!(executor.cached_bytes() >= 2000);
    executor.clear_cache();
    assert_eq!(alive(), 0);
}

#[test]
fn class_may_be_registered_and_replaced_at_run_time() {
    const TWICE: &Schema = &Schema::new("Twice", "Twice", "mine")
        .inputs(&[Input::link("x", Kind::INT)])
        .outputs(&[Output::new(Kind::INT)]);
    let (bench, executor) = (Bench::default(), executor());
    let graph = Graph::new()
        .with("1", constant(4))
        .with("2", node("Twice", "x", "1"))
        .with("3", node("Show", "value", "2"));
    assert_eq!(refusal(bench.run(&executor, &graph)).code(), "prompt_outputs_failed_validation");

    let twice = |inputs: &Inputs, _: &Context<'_>| {
        Ok(Outputs::new(vec![(inputs.int::<i64>("x")? * 2).into()]))
    };
    executor.register(Rc::new(stub(TWICE, twice)));
    let report = bench.run(&executor, &graph).unwrap();
    assert_eq!(report.outputs.get("3"), Some(&json!({"shown": 8})));

    let thrice = |inputs: &Inputs, _: &Context<'_>| {
        Ok(Outputs::new(vec![(inputs.int::<i64>("x")? * 3).into()]))
    };
    executor.register(Rc::new(stub(TWICE, thrice)));
    let report = bench.run(&executor, &graph).unwrap();
    assert_eq!(report.outputs.get("3"), Some(&json!({"shown": 12})), "not what the old class made");
    assert_eq!(bench.ran(), "2 3");
}

#[test]
fn node_reaches_the_whole_graph_as_json() {
    const EMBED: &Schema = &Schema::new("Embed", "Embed", "mine").output_node();
    let (bench, executor) = (Bench::default(), executor());
    executor.register(Rc::new(stub(EMBED, |_, cx| Ok(Outputs::ui(cx.prompt().clone())))));
    let report = bench.run(&executor, &Graph::new().with("1", NodeSpec::new("Embed"))).unwrap();
    assert_eq!(report.outputs.get("1"), Some(&json!({"written": "into files"})));
}
