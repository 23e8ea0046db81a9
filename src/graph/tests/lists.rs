//! Lists: a node runs for each element, unless it takes or gives them whole.

use super::*;

fn numbers(count: i64) -> NodeSpec {
    NodeSpec::new("Numbers").with("count", count)
}

/// `1` gives the numbers to `count`, `2` adds 10 to each, `3` saves each.
fn saved(count: i64) -> Graph {
    Graph::new()
        .with("1", numbers(count))
        .with("2", add("1", 10))
        .with("3", node("Save", "value", "2"))
}

#[test]
fn node_runs_for_each_element_and_what_it_shows_is_joined() {
    let (bench, executor) = (Bench::default(), executor());
    let report = bench.run(&executor, &saved(3)).unwrap();
    assert_eq!(bench.ran(), "1 2 2 2 3 3 3");
    let shown = json!({"files": ["11.bin", "12.bin", "13.bin"]});
    assert_eq!(report.outputs.get("3"), Some(&shown));
    // One `executing` and one `executed` a node, however often it runs.
    assert_eq!(
        bench.events()[4..],
        [
            r#"executing "3""#.to_owned(),
            "file 3 11.bin".to_owned(),
            "file 3 12.bin".to_owned(),
            "file 3 13.bin".to_owned(),
            format!("executed 3 {shown}"),
            "execution_success".to_owned(),
            "executing null".to_owned(),
        ]
    );
}

#[test]
fn list_comes_from_the_cache_as_it_was() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run(&executor, &saved(3)).unwrap();
    let mut graph = saved(3);
    graph.insert("3", node("Total", "values", "2"));
    graph.insert("4", node("Show", "value", "3"));
    let report = bench.run(&executor, &graph).unwrap();
    assert_eq!(bench.ran(), "3 4");
    assert_eq!(report.outputs.get("4"), Some(&json!({"shown": 36})));
    let again = bench.run(&executor, &saved(3)).unwrap();
    assert_eq!(bench.ran(), "");
    assert_eq!(again.outputs.get("3").unwrap()["files"].as_array().unwrap().len(), 3);
    assert_eq!(bench.events().iter().filter(|line| line.starts_with("file 3")).count(), 3);
}

#[test]
fn shorter_list_repeats_its_last_element() {
    // 1 2 3 4 5 + 1 2 2 2 2
    let graph = Graph::new()
        .with("1", numbers(5))
        .with("2", numbers(2))
        .with("3", NodeSpec::new("Add").linked("a", "1", 0).linked("b", "2", 0))
        .with("4", node("Total", "values", "3"))
        .with("5", node("Show", "value", "4"));
    let bench = Bench::default();
    let report = bench.run(&executor(), &graph).unwrap();
    assert_eq!(report.outputs.get("5"), Some(&json!({"shown": 15 + 9})));
    assert_eq!(bench.ran(), "1 2 3 3 3 3 3 4 5");
}

#[test]
fn class_that_takes_lists_runs_once_on_all_of_them() {
    let graph = |add: i64| {
        Graph::new()
            .with("1", numbers(4))
            .with("2", node("Total", "values", "1").with("add", add))
            .with("3", node("Show", "value", "2"))
    };
    let bench = Bench::default();
    let report = bench.run(&executor(), &graph(100)).unwrap();
    assert_eq!(report.outputs.get("3"), Some(&json!({"shown": 110})));
    assert_eq!(bench.ran(), "1 2 3");
}

#[test]
fn list_of_one_is_that_one_and_a_list_of_none_is_an_error() {
    let bench = Bench::default();
    let report = bench.run(&executor(), &saved(1)).unwrap();
    assert_eq!(report.outputs.get("3"), Some(&json!({"files": ["11.bin"]})));
    let error = failure(bench.run(&executor(), &saved(0)));
    assert_eq!(
        error.to_string(),
        "node 1 (Numbers): outputs of the node: expected INT for `INT`, got an empty list"
    );
}

#[test]
fn lists_of_several_executions_become_one() {
    // 1 → [1, 2, 3] → [1], [1, 2], [1, 2, 3] and its counts 1, 2, 3.
    let graph = |output: usize| {
        Graph::new()
            .with("1", numbers(3))
            .with("2", NodeSpec::new("Numbers").linked("count", "1", 0))
            .with("3", NodeSpec::new("Total").linked("values", "2", output))
            .with("4", node("Show", "value", "3"))
    };
    let (bench, executor) = (Bench::default(), executor());
    let total = |report: RunReport| report.outputs.get("4").unwrap()["shown"].clone();
    assert_eq!(total(bench.run(&executor, &graph(0)).unwrap()), 1 + 3 + 6);
    assert_eq!(total(bench.run(&executor, &graph(1)).unwrap()), 6);
}

#[test]
fn list_where_one_value_is_declared_is_caught() {
    const ONE: &Schema =
        &Schema::new("One", "One", "mine").outputs(&[Output::new(Kind::INT)]).output_node();
    let executor = executor();
    let list = |_: &Inputs, _: &Context<'_>| {
        Ok(Outputs::new(vec![Value::list(vec![1_i64.into(), 2_i64.into()])]))
    };
    executor.register(Rc::new(stub(ONE, list)));
    let graph = Graph::new().with("1", NodeSpec::new("One"));
    let error = failure(Bench::default().run(&executor, &graph));
    assert_eq!(
        error.to_string(),
        "node 1 (One): outputs of the node: expected INT for `INT`, got a list"
    );
}

#[test]
fn error_in_one_element_ends_the_node_and_keeps_what_came_before() {
    let (bench, executor) = (Bench::default(), executor());
    let mut graph = saved(3);
    // 254, 255, 256: the last one is no byte.
    graph.get_mut("2").unwrap().set("b", 253_i64);
    let error = failure(bench.run(&executor, &graph));
    assert_eq!(error.node().map(|node| &*node.id), Some("3"));
    assert_eq!(bench.ran(), "1 2 2 2 3 3 3");
    assert_eq!(failure(bench.run(&executor, &graph)).to_string(), error.to_string());
    assert_eq!(bench.ran(), "3 3 3");
}

#[test]
fn progress_counts_through_all_elements_and_a_run_can_be_cancelled_between_them() {
    let graph = Graph::new()
        .with("1", numbers(3))
        .with("2", node("Wait", "value", "1").with("turns", 2_i64))
        .with("3", node("Save", "value", "2"));
    let bench = Bench::default();
    bench.run(&executor(), &graph).unwrap();
    let progress: Vec<String> =
        bench.events().into_iter().filter(|line| line.starts_with("progress")).collect();
    let expected = ["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"].map(|at| format!("progress 2 {at}"));
    assert_eq!(progress, expected);

    // Turns: 1 before node 1, 2 before node 2, 3 and 4 within its first element, 5 before the second.
    bench.cancel_at.set(Some(5));
    assert!(failure(bench.run(&executor(), &graph)).is_cancelled());
    assert_eq!(bench.ran(), "1 2");
}
