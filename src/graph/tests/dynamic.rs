//! Groups of inputs that grow, and inputs that come with a choice.

use super::*;

/// Constants `1` to `5` that are worth as much, and a Sum of these members that is shown.
fn sum(members: &[&str]) -> Graph {
    let mut graph = Graph::new();
    for n in 1..=5_i64 {
        graph.insert(n.to_string(), constant(n));
    }
    let mut spec = NodeSpec::new("Sum");
    for (at, member) in members.iter().enumerate() {
        spec = spec.linked(*member, (at + 1).to_string(), 0);
    }
    graph.with("sum", spec).with("out", node("Show", "value", "sum"))
}

fn shown(graph: &Graph, id: &str) -> serde_json::Value {
    let report = Bench::default().run(&executor(), graph).unwrap();
    report.outputs.get(id).unwrap().clone()
}

#[test]
fn group_takes_as_many_as_it_is_given() {
    assert_eq!(shown(&sum(&["values.v0", "values.v1"]), "out"), json!({"shown": 3}));
    let five = ["values.v4", "values.v3", "values.v2", "values.v1", "values.v0"];
    assert_eq!(shown(&sum(&five), "out"), json!({"shown": 15}));
    // A gap is an input that was taken off again.
    assert_eq!(shown(&sum(&["values.v0", "values.v1", "values.v4"]), "out"), json!({"shown": 6}));
}

#[test]
fn group_needs_its_first_and_takes_no_others() {
    assert_eq!(
        problems(&sum(&["values.v1"])),
        ["sum required_input_missing: `values.v0` needs a link to a INT output"]
    );
    for bad in ["values.v5", "values.v01", "values.w0", "values.", "values"] {
        assert_eq!(
            problems(&sum(&["values.v0", "values.v1", bad])),
            [format!(
                "sum invalid_dynamic_input: `{bad}` is none of the 5 inputs of `values`, \
                 expected `values.v0` and so on"
            )]
        );
    }
    // A name that only begins the same is an undeclared input as any other.
    assert_eq!(shown(&sum(&["values.v0", "values.v1", "valuesx"]), "out"), json!({"shown": 3}));
}

#[test]
fn group_checks_each_of_its_links() {
    let mut graph = sum(&["values.v0", "values.v1"]);
    graph.insert("image", NodeSpec::new("Make"));
    graph
        .get_mut("sum")
        .unwrap()
        .set("values.v1", InputValue::Link { node: "image".into(), output: 0 });
    assert_eq!(
        problems(&graph),
        [
            "sum return_type_mismatch: `values.v1` takes INT, but output 0 of node image (Make) is IMAGE"
        ]
    );
    graph.get_mut("sum").unwrap().set("values.v1", "one");
    assert_eq!(
        problems(&graph),
        ["sum bad_linked_input: `values.v1` needs a link to a INT output, got the text `one`"]
    );
}

#[test]
fn choice_brings_its_inputs_along() {
    let shape = |spec: NodeSpec| shown(&Graph::new().with("1", spec), "1");
    let spec = || NodeSpec::new("Shape");
    assert_eq!(shape(spec()), json!({"kind": "circle", "kind.radius": 1}));
    assert_eq!(
        shape(spec().with("kind", "circle").with("kind.radius", 5_i64)),
        json!({"kind": "circle", "kind.radius": 5})
    );
    // What another choice left behind is undeclared, and so ignored.
    assert_eq!(
        shape(spec().with("kind", "none").with("kind.radius", 5_i64)),
        json!({"kind": "none"})
    );
    assert_eq!(
        shape(spec().with("kind", "sum").with("kind.of.c", 3_i64)),
        json!({"kind": "sum", "kind.of.a": 7, "kind.of.c": 3})
    );
}

#[test]
fn choice_has_to_be_one_and_to_be_written() {
    let problems = |spec: NodeSpec| {
        problems(&Graph::new().with("1", constant(1)).with("2", spec.titled("shape")))
    };
    assert_eq!(
        problems(NodeSpec::new("Shape").with("kind", "circel")),
        ["2 value_not_in_list: `kind` is `circel`; did you mean `circle`?"]
    );
    assert_eq!(
        problems(NodeSpec::new("Shape").with("kind.radius", 101_i64)),
        ["2 value_bigger_than_max: `kind.radius` is 101, expected 0 to 100"]
    );
    assert_eq!(
        problems(NodeSpec::new("Shape").linked("kind", "1", 0)),
        [
            "2 invalid_dynamic_input: `kind` has to be written, since it decides which other inputs there are"
        ]
    );
}

#[test]
fn input_without_a_control_has_no_default() {
    let graph = |spec: NodeSpec| Graph::new().with("1", spec.with("kind", "none"));
    // Optional, it is simply not there; and a file that has it written is not refused.
    assert_eq!(shown(&graph(NodeSpec::new("Shape")), "1"), json!({"kind": "none"}));
    assert_eq!(
        shown(&graph(NodeSpec::new("Shape").with("label", "x")), "1"),
        json!({"kind": "none", "label": "x"})
    );
}

#[test]
fn defaults_of_a_choice_are_as_good_as_written() {
    let (bench, executor) = (Bench::default(), executor());
    bench.run(&executor, &Graph::new().with("1", NodeSpec::new("Shape"))).unwrap();
    let written = NodeSpec::new("Shape").with("kind.radius", 1_i64).with("kind", "circle");
    bench.run(&executor, &Graph::new().with("2", written)).unwrap();
    assert_eq!(bench.events()[1], r#"execution_cached ["2"]"#);
}
