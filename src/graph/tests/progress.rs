//! `progress_state`: where each node is.

use super::*;

/// What each event says: `node state value/max`, several behind each other.
fn states(bench: &Bench) -> Vec<String> {
    let line = |event: &Event| {
        let json = serde_json::to_value(event).unwrap();
        let nodes = json["data"]["nodes"].as_object().unwrap().values().map(|node| {
            format!("{} {} {}/{}", node["node_id"], node["state"], node["value"], node["max"])
        });
        nodes.collect::<Vec<_>>().join(", ").replace('"', "")
    };
    let events = bench.events.borrow();
    events.iter().filter(|event| event.kind() == "progress_state").map(line).collect()
}

#[test]
fn all_that_is_to_run_comes_first_and_then_what_changes() {
    let (bench, executor) = (Bench::default(), executor());
    let graph = Graph::new()
        .with("57:1", constant(1))
        .with("57:2", node("Wait", "value", "57:1").with("turns", 2_i64))
        .with("3", node("Show", "value", "57:2"));
    bench.run(&executor, &graph).unwrap();
    assert_eq!(
        states(&bench),
        [
            "57:1 pending 0/1, 57:2 pending 0/1, 3 pending 0/1",
            "57:1 running 0/1",
            "57:1 finished 1/1",
            "57:2 running 0/1",
            "57:2 running 1/2",
            "57:2 running 2/2",
            "57:2 finished 1/1",
            "3 running 0/1",
            "3 finished 1/1",
        ]
    );
    bench.run(&executor, &graph).unwrap();
    assert!(states(&bench).is_empty(), "nothing is to run");
}

#[test]
fn failed_node_is_in_error_and_what_follows_stays_pending() {
    let bench = Bench::default();
    let graph = Graph::new()
        .with("1", constant(1))
        .with("2", node("Fail", "value", "1"))
        .with("3", node("Show", "value", "2"));
    failure(bench.run(&executor(), &graph));
    assert_eq!(states(&bench)[3..], ["2 running 0/1", "2 error 0/1"]);
    let events = bench.events.borrow();
    let error = events.iter().find(|event| event.kind() == "execution_error").unwrap();
    assert_eq!(serde_json::to_value(error).unwrap()["data"]["executed"], json!(["1"]));
}
