//! Runs for some outputs only: those that are asked for, what they need, and nothing else.

use super::*;

/// `a` → `b` → `out1`, `b` → `c` → `out2`, and `d` → `out3` by themselves.
fn three() -> Graph {
    Graph::new()
        .with("a", constant(1))
        .with("b", add("a", 10))
        .with("out1", node("Show", "value", "b"))
        .with("c", add("b", 100))
        .with("out2", node("Show", "value", "c"))
        .with("d", constant(5))
        .with("out3", node("Show", "value", "d"))
}

#[test]
fn output_that_is_asked_for_runs_with_what_it_needs() {
    let bench = Bench::default();
    let report = bench.run_for(&executor(), &three(), Some(&["out2"])).unwrap();
    assert_eq!(bench.ran(), "a b c out2");
    assert_eq!(report.outputs.0.len(), 1);
    assert_eq!(report.outputs.get("out2"), Some(&json!({"shown": 111})));
}

#[test]
fn output_that_is_not_asked_for_does_not_run_though_it_could() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run_for(&executor, &three(), Some(&["out3"])).unwrap();
    assert_eq!(bench.ran(), "d out3");
    // Nor is it shown from the cache, though all it needs is known.
    bench.run(&executor, &three()).unwrap();
    let report = bench.run_for(&executor, &three(), Some(&["out3"])).unwrap();
    assert_eq!(bench.ran(), "");
    assert_eq!(report.outputs.0.len(), 1);
    assert_eq!(bench.events()[1], r#"execution_cached ["d","out3"]"#);
}

#[test]
fn several_outputs_share_what_they_need() {
    let bench = Bench::default();
    let outputs = ["out2", "out1", "out2"];
    let report = bench.run_for(&executor(), &three(), Some(&outputs)).unwrap();
    assert_eq!(bench.ran(), "a b out1 c out2");
    assert_eq!(report.outputs.0.len(), 2);
}

#[test]
fn no_output_at_all_is_refused_and_so_is_one_that_is_none() {
    let bench = Bench::default();
    for none in [&[][..], &["b"], &["nobody"]] {
        let refusal = refusal(bench.run_for(&executor(), &three(), Some(none)));
        assert_eq!(refusal.code(), "prompt_no_outputs");
    }
    assert_eq!(bench.ran(), "");
}

#[test]
fn only_what_is_asked_for_is_checked() {
    let graph = three().with("bad", node("Show", "value", "nowhere"));
    let bench = Bench::default();
    let report = bench.run_for(&executor(), &graph, Some(&["out3"])).unwrap();
    assert!(report.node_errors.is_empty());
    let report = bench.run_for(&executor(), &graph, Some(&["out3", "bad"])).unwrap();
    assert_eq!(report.node_errors.get("bad").unwrap().dependent_outputs, ["bad".into()]);
    let refusal = refusal(bench.run_for(&executor(), &graph, Some(&["bad"])));
    assert_eq!(refusal.code(), "prompt_outputs_failed_validation");
}

#[test]
fn lazy_branch_stays_lazy_in_a_partial_run() {
    let switch = NodeSpec::new("Switch")
        .with("switch", false)
        .linked("on_false", "b", 0)
        .linked("on_true", "c", 0);
    let graph = three().with("s", switch).with("out4", node("Show", "value", "s"));
    let bench = Bench::default();
    let report = bench.run_for(&executor(), &graph, Some(&["out4"])).unwrap();
    assert_eq!(bench.ran(), "a b s out4");
    assert_eq!(report.outputs.get("out4"), Some(&json!({"shown": 11})));
    // Asked for as an output's need, it is computed all the same.
    bench.run_for(&executor(), &graph, Some(&["out4", "out2"])).unwrap();
    assert!(bench.ran().contains('c'), "{}", bench.ran());
}

#[test]
fn full_run_after_a_partial_one_makes_the_rest() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run_for(&executor, &three(), Some(&["out1"])).unwrap();
    bench.run(&executor, &three()).unwrap();
    assert_eq!(bench.ran(), "c out2 d out3");
    assert_eq!(bench.events()[1], r#"execution_cached ["a","b","out1"]"#);
}
