//! What need not be made again, and what must be.

use super::*;

#[test]
fn second_run_makes_nothing_and_says_the_same() {
    let (bench, executor) = (Bench::default(), executor());
    let first = bench.run(&executor, &chain()).unwrap();
    let second = bench.run(&executor, &chain()).unwrap();
    assert_eq!(first, second);
    assert_eq!(
        bench.events(),
        [
            "execution_start",
            r#"execution_cached ["1","2","3","4"]"#,
            r#"executed 4 {"shown":31}"#,
            "execution_success",
            "executing null",
        ]
    );
}

#[test]
fn cached_files_are_handed_over_again_before_executed() {
    let (bench, executor) = (Bench::default(), executor());
    let graph = Graph::new().with("1", constant(7)).with("2", node("Save", "value", "1"));
    bench.run(&executor, &graph).unwrap();
    assert_eq!(bench.events()[4..6], ["file 2 7.bin", r#"executed 2 {"files":["7.bin"]}"#]);
    bench.run(&executor, &graph).unwrap();
    assert_eq!(bench.ran(), "");
    assert_eq!(bench.events()[2..4], ["file 2 7.bin", r#"executed 2 {"files":["7.bin"]}"#]);
    let mut events = bench.events.borrow_mut();
    assert_eq!(events[2].take_bytes(), Some(("bytes", vec![7; 3])));
}

#[test]
fn changed_literal_invalidates_what_follows_and_nothing_else() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run(&executor, &chain()).unwrap();
    let mut graph = chain();
    graph.get_mut("3").unwrap().set("b", 21_i64);
    let report = bench.run(&executor, &graph).unwrap();
    assert_eq!(bench.ran(), "3 4");
    assert_eq!(report.outputs.get("4"), Some(&json!({"shown": 32})));
    assert_eq!(bench.events()[1], r#"execution_cached ["1","2"]"#);
    // And back: both are known.
    bench.run(&executor, &chain()).unwrap();
    assert_eq!(bench.ran(), "");
}

#[test]
fn renumbered_and_reordered_graph_still_hits() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run(&executor, &chain()).unwrap();
    let renumbered = Graph::new()
        .with("57:8", node("Show", "value", "c"))
        .with("c", add("b", 20))
        .with("b", NodeSpec::new("Add").with("b", 10.0).linked("a", "a", 0).titled("first"))
        .with("a", constant(1).with("undeclared", "ignored"));
    let report = bench.run(&executor, &renumbered).unwrap();
    assert_eq!(bench.ran(), "");
    assert_eq!(report.outputs.get("57:8"), Some(&json!({"shown": 31})));
}

#[test]
fn default_and_the_same_value_written_are_equal() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run(&executor, &chain()).unwrap();
    let mut graph = chain();
    graph.insert("2", node("Add", "a", "1"));
    bench.run(&executor, &graph).unwrap();
    assert_eq!(bench.ran(), "");
}

#[test]
fn two_equal_nodes_in_a_graph_run_once() {
    let bench = Bench::default();
    let graph = Graph::new()
        .with("1", constant(3))
        .with("2", constant(3))
        .with("3", NodeSpec::new("Add").linked("a", "1", 0).linked("b", "2", 0))
        .with("4", node("Show", "value", "3"));
    let report = bench.run(&executor(), &graph).unwrap();
    assert_eq!(report.outputs.get("4"), Some(&json!({"shown": 6})));
    assert_eq!(bench.ran(), "1 3 4");
    assert_eq!(bench.events()[3], r#"execution_cached ["2"]"#);
}

#[test]
fn output_swap_is_another_result() {
    let (bench, executor) = (Bench::default(), executor());
    let graph = |slot| {
        Graph::new()
            .with("1", NodeSpec::new("Make"))
            .with("2", NodeSpec::new("Count").linked("image", "1", slot))
            .with("3", node("Show", "value", "2"))
    };
    bench.run(&executor, &graph(0)).unwrap();
    bench.run(&executor, &graph(1)).unwrap();
    assert_eq!(bench.ran(), "2 3");
}

#[test]
fn node_that_is_not_deterministic_runs_each_time_and_so_does_what_follows() {
    let (bench, executor) = (Bench::default(), executor());
    let graph = Graph::new()
        .with("1", constant(100))
        .with("2", NodeSpec::new("Draw"))
        .with("3", NodeSpec::new("Add").linked("a", "1", 0).linked("b", "2", 0))
        .with("4", node("Show", "value", "3"));
    let first = bench.run(&executor, &graph).unwrap();
    let second = bench.run(&executor, &graph).unwrap();
    assert_eq!(bench.ran(), "2 3 4");
    assert_eq!(first.outputs.get("4"), Some(&json!({"shown": 101})));
    assert_eq!(second.outputs.get("4"), Some(&json!({"shown": 102})));
}

#[test]
fn two_draws_in_a_graph_are_two() {
    let bench = Bench::default();
    let graph = Graph::new()
        .with("1", NodeSpec::new("Draw"))
        .with("2", NodeSpec::new("Draw"))
        .with("3", NodeSpec::new("Add").linked("a", "1", 0).linked("b", "2", 0))
        .with("4", node("Show", "value", "3"));
    let report = bench.run(&executor(), &graph).unwrap();
    assert_eq!(report.outputs.get("4"), Some(&json!({"shown": 3})));
}

#[test]
fn changed_file_is_read_again() {
    let executor = executor();
    let bench = Bench { files: vec!["a.txt".to_owned()], ..Bench::default() };
    let graph = Graph::new()
        .with("1", NodeSpec::new("Read").with("file", "a.txt"))
        .with("2", node("Show", "value", "1"));
    *bench.env.content.borrow_mut() = "old".to_owned();
    bench.run(&executor, &graph).unwrap();
    bench.run(&executor, &graph).unwrap();
    assert_eq!(bench.ran(), "");
    *bench.env.content.borrow_mut() = "new".to_owned();
    let report = bench.run(&executor, &graph).unwrap();
    assert_eq!(report.outputs.get("2"), Some(&json!({"shown": "new"})));
    // Gone, it is no longer what was read of it, and the error is the node's.
    bench.env.content.borrow_mut().clear();
    let error = failure(bench.run(&executor, &graph));
    assert_eq!(error.to_string(), "node 1 (Read): `a.txt` was not found");
    *bench.env.content.borrow_mut() = "new".to_owned();
    bench.run(&executor, &graph).unwrap();
    assert_eq!(bench.ran(), "");
}

#[test]
fn results_over_the_budget_are_made_again() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run(&executor, &chain()).unwrap();
    executor.set_cache_bytes(0);
    assert_eq!(executor.cached_bytes(), 0);
    let report = bench.run(&executor, &chain()).unwrap();
    assert_eq!(bench.ran(), "1 2 3 4");
    assert_eq!(report.outputs.get("4"), Some(&json!({"shown": 31})));
}

#[test]
fn result_is_found_though_its_sources_are_gone() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run(&executor, &chain()).unwrap();
    // Room for the newest few only.
    executor.set_cache_bytes(400);
    bench.run(&executor, &chain()).unwrap();
    assert_eq!(bench.ran(), "");
    assert!(!bench.events()[1].contains("\"1\""), "{:?}", bench.events());
}
