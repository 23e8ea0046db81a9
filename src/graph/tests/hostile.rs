//! Graphs made to take time and memory: each is run or refused, within seconds, in few words.

use super::*;

/// Where a check or a plan compares each node with each, this takes hours instead of seconds.
fn run(graph: &Graph) -> Result<RunReport, RunError> {
    Bench::default().run(&executor(), graph)
}

fn message(result: Result<RunReport, RunError>) -> String {
    let refusal = refusal(result);
    let json = serde_json::to_string(&refusal).unwrap();
    assert!(json.len() < 1_000_000, "{} bytes", json.len());
    refusal.to_string()
}

/// `n` nodes, each 1 more than the one before, and one that shows the last.
fn deep(n: usize) -> Graph {
    let mut graph = Graph::new().with("0", constant(0));
    for at in 1..n {
        graph.insert(at.to_string(), add(&(at - 1).to_string(), 1));
    }
    graph.with("out", node("Show", "value", &(n - 1).to_string()))
}

#[test]
fn too_many_nodes_are_refused_at_once() {
    let mut graph = Graph::new();
    for at in 0..=validate::MAX_NODES {
        graph.insert(at.to_string(), NodeSpec::new("Constant"));
    }
    assert_eq!(
        message(run(&graph)),
        "the graph is too large: it has 100001 nodes, expected at most 100000"
    );
}

#[test]
fn deepest_allowed_graph_runs_without_a_deep_stack() {
    let n = validate::MAX_NODES - 1;
    let report = run(&deep(n)).unwrap();
    assert_eq!(report.outputs.get("out"), Some(&json!({"shown": n - 1})));
}

#[test]
fn every_second_node_an_output_of_all_before_it() {
    // What each output needs, written down for each, would be billions of nodes.
    let n = validate::MAX_NODES / 5;
    let mut graph = Graph::new().with("0", constant(0));
    for at in 1..n {
        graph.insert(at.to_string(), add(&(at - 1).to_string(), 1));
        graph.insert(format!("out{at}"), node("Show", "value", &at.to_string()));
    }
    assert_eq!(run(&graph).unwrap().outputs.0.len(), n - 1);
    // And now none of them can be made.
    graph.insert("0", NodeSpec::new("Gone"));
    assert!(run(&graph).is_err());
}

#[test]
fn very_many_bad_nodes_are_told_in_part() {
    let mut graph = Graph::new();
    for at in 0..50_000 {
        graph.insert(at.to_string(), NodeSpec::new(format!("Unknown{at}")));
    }
    let words = message(run(&graph));
    assert!(words.ends_with("and more: nothing behind these nodes was looked at"), "{words}");
    assert_eq!(words.matches("missing_node_type").count(), 0);
    assert_eq!(words.lines().count(), 202);
}

#[test]
fn very_many_cycles_stay_short_in_words() {
    // Each node is linked to the next and to one halfway back: the cycles add up to millions of names.
    let n = 20_000;
    let mut graph = Graph::new();
    for at in 0..n {
        let spec = NodeSpec::new("Add").linked("a", (at + 1).to_string(), 0).linked(
            "b",
            (at / 2).to_string(),
            0,
        );
        graph.insert(at.to_string(), spec);
    }
    graph.insert(n.to_string(), constant(1));
    graph.insert("out", node("Show", "value", "0"));
    assert!(message(run(&graph)).contains("remove one of these links"));
}

#[test]
fn long_cycle_is_told_by_its_beginning() {
    let n = 90_000;
    let mut graph = deep(n);
    graph.insert("0", node("Add", "a", &(n - 1).to_string()));
    let words = message(run(&graph));
    assert!(words.contains(" ← … ← 89999 (Add): remove one of these links"), "{words}");
}

#[test]
fn megabytes_of_text_are_told_by_their_beginning() {
    let long = "x".repeat(1 << 20);
    let graph = Graph::new()
        .with("1", NodeSpec::new("Make"))
        .with(
            "2",
            NodeSpec::new("Picky")
                .with("even", long.as_str())
                .with("sampler", long.as_str())
                .with("text", "a")
                .with("image", InputValue::BadLink(json!([long]))),
        )
        .with("3", node(&long, "x", "1").titled(long.as_str()))
        .with("4", node("Show", "value", "3"));
    let words = refusal(run(&graph)).to_string();
    assert!(words.len() < 2_000, "{} bytes", words.len());
}

#[test]
fn node_with_very_many_inputs() {
    let mut spec = NodeSpec::new("Sum");
    // Not by `with`, which looks for the name each time.
    spec.inputs.extend((0..300_000).map(|at| (format!("values.x{at}"), 1_i64.into())));
    spec.inputs.extend((0..300_000).map(|at| (format!("undeclared{at}"), 1_i64.into())));
    let graph = Graph::new().with("1", spec).with("2", node("Show", "value", "1"));
    assert!(message(run(&graph)).contains("is none of the 5 inputs of `values`"));
}

#[test]
fn numbers_that_are_none_or_huge() {
    for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e308] {
        let graph = Graph::new()
            .with("1", NodeSpec::new("Constant").with("value", bad))
            .with("2", node("Show", "value", "1"));
        message(run(&graph));
    }
    let graph = Graph::new()
        .with("1", NodeSpec::new("Constant").with("value", Literal::Int(i128::MAX)))
        .with("2", node("Show", "value", "1"));
    message(run(&graph));
}
