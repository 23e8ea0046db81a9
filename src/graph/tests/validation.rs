//! Everything that can be wrong with a graph, and what is said about it.

use super::*;

fn picky() -> NodeSpec {
    NodeSpec::new("Picky")
        .with("even", 2_i64)
        .with("cfg", 7.5)
        .with("sampler", "heun")
        .with("text", "a dragon")
        .linked("image", "1", 0)
}

fn with_picky(spec: NodeSpec) -> Graph {
    Graph::new().with("1", NodeSpec::new("Make").with("id", 1_i64)).with("2", spec)
}

#[test]
fn good_graph_has_no_problems() {
    let bench = Bench::default();
    let graph = with_picky(picky().with("seed", u64::MAX));
    assert!(executor().validate(&graph, None, &bench).unwrap().is_empty());
    let report = bench.run(&executor(), &graph).unwrap();
    let shown = report.outputs.get("2").unwrap();
    assert_eq!(shown, &json!({"cfg": 7.5, "sampler": "heun", "seed": u64::MAX}));
}

#[test]
fn all_problems_are_found_at_once() {
    let graph = with_picky(
        NodeSpec::new("Picky")
            .with("even", "two")
            .with("cfg", 101.0)
            .with("sampler", "dpmp_2m")
            .linked("image", "9", 0)
            .with("seed", -1_i64),
    );
    assert_eq!(
        problems(&graph),
        [
            "2 invalid_input_type: `even` needs a whole number, got the text `two`",
            "2 value_bigger_than_max: `cfg` is 101, expected 0 to 100",
            "2 value_not_in_list: `sampler` is `dpmp_2m`; did you mean `dpmpp_2m`?",
            "2 required_input_missing: `text` needs a STRING",
            "2 bad_linked_input: `image` is linked to node `9`, which is absent",
            "2 value_smaller_than_min: `seed` is -1, expected 0 to 18446744073709551615",
        ]
    );
}

#[test]
fn problems_have_comfyuis_shape() {
    let graph = with_picky(picky().with("cfg", 101.0));
    let refusal = refusal(Bench::default().run(&executor(), &graph));
    let json = serde_json::to_value(&refusal).unwrap();
    assert_eq!(json["error"]["type"], "prompt_outputs_failed_validation");
    assert_eq!(json["error"]["details"], "node 2 (Picky): `cfg` is 101, expected 0 to 100");
    assert_eq!(
        json["node_errors"],
        json!({"2": {
            "errors": [{
                "type": "value_bigger_than_max",
                "message": "a number is too large",
                "details": "`cfg` is 101, expected 0 to 100",
                "extra_info": {
                    "received_value": 101.0,
                    "input_name": "cfg",
                    "input_config":
                        ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1}],
                },
            }],
            "dependent_outputs": ["2"],
            "class_type": "Picky",
        }})
    );
}

#[test]
fn missing_input_with_a_default_gets_it_with_a_notice() {
    let bench = Bench::default();
    let spec = NodeSpec::new("Picky").with("text", "").linked("image", "1", 0);
    let report = bench.run(&executor(), &with_picky(spec)).unwrap();
    let shown = report.outputs.get("2").unwrap();
    assert_eq!(shown, &json!({"cfg": 8.0, "sampler": "euler", "seed": 0}));
    assert_eq!(
        bench.events()[1..4],
        [
            "notice `even` was not given: 0 is used",
            "notice `cfg` was not given: 8.0 is used",
            "notice `sampler` was not given: \"euler\" is used",
        ]
    );
}

#[test]
fn null_is_as_good_as_nothing() {
    let null = || Literal::Json(serde_json::Value::Null);
    let graph = with_picky(picky().with("seed", null()).with("text", null()));
    assert_eq!(problems(&graph), ["2 required_input_missing: `text` needs a STRING"]);
}

#[test]
fn missing_link_and_literal_for_a_link() {
    let graph = with_picky(picky().with("image", "cat.png"));
    assert_eq!(
        problems(&graph),
        ["2 bad_linked_input: `image` needs a link to a IMAGE output, got the text `cat.png`"]
    );
    let graph = Graph::new().with("1", NodeSpec::new("Show"));
    assert_eq!(problems(&graph), ["1 required_input_missing: `value` needs a link to a * output"]);
}

#[test]
fn list_that_is_no_link() {
    let graph = with_picky(picky().with("image", InputValue::BadLink(json!(["1"]))));
    assert_eq!(
        problems(&graph),
        ["2 bad_linked_input: `image` is [\"1\"], expected [node id, output number]; \
          a list of values is written {\"__value__\": [...]}"]
    );
}

#[test]
fn output_that_the_node_has_not() {
    let graph = with_picky(picky().linked("image", "1", 2));
    assert_eq!(
        problems(&graph),
        ["2 bad_linked_input: `image` is linked to output 2 of node 1 (Make), which has 2"]
    );
}

#[test]
fn link_of_another_kind() {
    let graph = Graph::new().with("1", constant(1).titled("my number")).with("2", picky());
    let refusal = refusal(Bench::default().run(&executor(), &graph));
    assert_eq!(
        lines(&refusal.node_errors),
        ["2 return_type_mismatch: `image` takes IMAGE, but output 0 of node \
             1 (Constant, `my number`) is INT"]
    );
    let info = &refusal.node_errors.get("2").unwrap().errors[0].extra_info;
    assert_eq!(info["received_type"], "INT");
    assert_eq!(info["linked_node"], json!(["1", 0]));
    assert_eq!(info["input_name"], "image");
    assert_eq!(info["input_config"], json!(["IMAGE", {}]));
}

#[test]
fn guidance_that_is_no_number() {
    let graph = with_picky(picky().with("cfg", f64::NAN));
    assert_eq!(problems(&graph), ["2 invalid_input_type: `cfg` needs a finite number, got NaN"]);
}

#[test]
fn node_itself_refuses() {
    let graph = with_picky(picky().with("even", 3_i64));
    assert_eq!(problems(&graph), ["2 custom_validation_failed: `even`: 3 is odd"]);
}

#[test]
fn file_that_the_folder_has_not() {
    let bench = Bench { files: vec!["cat.png".to_owned()], ..Bench::default() };
    let graph = Graph::new()
        .with("1", NodeSpec::new("Read").with("file", "cat.jpg"))
        .with("2", node("Show", "value", "1"));
    let refusal = refusal(bench.run(&executor(), &graph));
    assert_eq!(
        lines(&refusal.node_errors),
        ["1 value_not_in_list: `file` is `cat.jpg`; did you mean `cat.png`?"]
    );
    assert_eq!(refusal.node_errors.get("1").unwrap().dependent_outputs, ["2".into()]);
}

#[test]
fn bad_output_is_left_out_and_the_good_one_runs() {
    let bench = Bench::default();
    let graph = chain()
        .with("5", NodeSpec::new("BloomFilter").linked("image", "3", 0).titled("glow"))
        .with("6", node("Show", "value", "5"));
    let report = bench.run(&executor(), &graph).unwrap();
    assert_eq!(bench.ran(), "1 2 3 4");
    assert_eq!(report.outputs.0.len(), 1);
    assert_eq!(
        lines(&report.node_errors),
        ["5 missing_node_type: `BloomFilter` is no class of this engine; \
          ComfyUI has it, or a pack of nodes at registry.comfy.org"]
    );
    let error = report.node_errors.get("5").unwrap();
    assert_eq!(error.dependent_outputs, ["6".into()]);
    assert_eq!(
        serde_json::to_value(&error.errors[0].extra_info).unwrap(),
        json!({"node_id": "5", "class_type": "BloomFilter", "node_title": "glow"})
    );
}

#[test]
fn unknown_class_at_the_end_is_reported_and_elsewhere_ignored() {
    let report =
        Bench::default().run(&executor(), &chain().with("5", node("Shov", "value", "3"))).unwrap();
    assert_eq!(
        lines(&report.node_errors),
        ["5 missing_node_type: `Shov` is no class of this engine; did you mean `Show`?"]
    );
    let graph = chain().with("5", NodeSpec::new("Gone")).with("6", node("Fail", "value", "5"));
    let report = Bench::default().run(&executor(), &graph).unwrap();
    assert!(report.node_errors.is_empty());
}

#[test]
fn problems_behind_an_unknown_class_are_found_too() {
    let graph = Graph::new()
        .with("1", constant(9_000_000))
        .with("2", node("Gone", "x", "1"))
        .with("3", node("Show", "value", "2"));
    let kinds: Vec<String> =
        problems(&graph).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["1 value_bigger_than_max", "2 missing_node_type"]);
}

#[test]
fn problems_behind_a_wrong_link_are_found_too() {
    let graph = Graph::new()
        .with("1", constant(9_000_000))
        .with("2", picky())
        .with("3", picky().linked("image", "4", 5))
        .with("4", constant(8_000_000));
    let kinds: Vec<String> =
        problems(&graph).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(
        kinds,
        [
            "1 value_bigger_than_max",
            "2 return_type_mismatch",
            "3 bad_linked_input",
            "4 value_bigger_than_max",
        ]
    );
}

#[test]
fn cycle_is_named_node_by_node() {
    let graph = Graph::new()
        .with("1", node("Add", "a", "3"))
        .with("2", node("Add", "a", "1"))
        .with("3", node("Add", "a", "2"))
        .with("4", node("Show", "value", "3"));
    let refusal = refusal(Bench::default().run(&executor(), &graph));
    assert_eq!(
        lines(&refusal.node_errors),
        ["3 dependency_cycle: 3 (Add) ← 2 (Add) ← 1 (Add) ← 3 (Add): remove one of these links"]
    );
    let error = refusal.node_errors.get("3").unwrap();
    assert_eq!(error.errors[0].extra_info["cycle_nodes"], json!(["3", "2", "1"]));
    assert_eq!(error.dependent_outputs, ["4".into()]);
}

#[test]
fn node_that_waits_for_itself_and_an_output_beside_it() {
    let graph = chain().with("5", node("Add", "a", "5")).with("6", node("Show", "value", "5"));
    let report = Bench::default().run(&executor(), &graph).unwrap();
    assert_eq!(
        lines(&report.node_errors),
        ["5 dependency_cycle: 5 (Add) ← 5 (Add): remove one of these links"]
    );
}

#[test]
fn cycle_seen_from_two_outputs_stops_both() {
    // The second output enters the cycle elsewhere.
    let graph = Graph::new()
        .with("1", node("Add", "a", "2"))
        .with("2", node("Add", "a", "1"))
        .with("3", node("Show", "value", "1"))
        .with("4", node("Show", "value", "2"));
    let refusal = refusal(Bench::default().run(&executor(), &graph));
    let error = refusal.node_errors.get("1").unwrap();
    assert_eq!(error.dependent_outputs, ["3".into(), "4".into()]);
}

#[test]
fn graph_without_outputs_is_refused() {
    let bench = Bench::default();
    let code = |result| refusal(result).to_string();
    assert_eq!(
        code(bench.run(&executor(), &Graph::new())),
        "the graph has no output to run: add a node that saves or shows something"
    );
    assert!(code(bench.run(&executor(), &Graph::new().with("1", constant(1)))).contains("add a"));
    assert_eq!(
        code(bench.run_for(&executor(), &chain(), Some(&["4", "7"]))),
        "the graph has no output to run: node `7` was asked for, and is not in the graph"
    );
    assert_eq!(
        code(bench.run_for(&executor(), &chain(), Some(&["3"]))),
        "the graph has no output to run: node `3` (Add) was asked for, and is no output node"
    );
    assert!(code(bench.run_for(&executor(), &chain(), Some(&[]))).contains("no output was asked"));
    assert!(bench.events().is_empty(), "a refused graph starts nothing");
}

#[test]
fn link_into_a_control_takes_what_is_of_its_kind() {
    const NAMES: &Schema = &Schema::new("Names", "Names", "mine").outputs(&[
        Output::new(Kind::COMBO),
        Output::new(Kind::STRING),
        Output::new(Kind::ANY),
    ]);
    let executor = executor();
    executor.register(Rc::new(Function::new(NAMES, |_, _| {
        Ok(Outputs::new(vec!["heun".into(), "euler".into(), "dpmpp_2m".into()]))
    })));
    let graph = |output| {
        with_picky(picky().linked("sampler", "names", output)).with("names", NodeSpec::new("Names"))
    };
    let sampler = |output| {
        let report = Bench::default().run(&executor, &graph(output)).unwrap();
        report.outputs.get("2").unwrap()["sampler"].clone()
    };
    assert_eq!(sampler(0), "heun");
    // The kind of a `*` output is known only when it runs.
    assert_eq!(sampler(2), "dpmpp_2m");
    let refusal = refusal(Bench::default().run(&executor, &graph(1)));
    assert_eq!(
        lines(&refusal.node_errors),
        [
            "2 return_type_mismatch: `sampler` takes COMBO, but output 1 of node names (Names) is STRING"
        ]
    );
}

#[test]
fn long_list_of_names_stays_out_of_the_error() {
    let files = (0..30).map(|at| format!("{at}.png")).collect();
    let bench = Bench { files, ..Bench::default() };
    let graph = Graph::new()
        .with("1", NodeSpec::new("Read").with("file", "something else"))
        .with("2", node("Show", "value", "1"));
    let refusal = refusal(bench.run(&executor(), &graph));
    assert_eq!(
        lines(&refusal.node_errors),
        ["1 value_not_in_list: `file` is `something else`, which is none of the 30 it may be"]
    );
    let info = &refusal.node_errors.get("1").unwrap().errors[0].extra_info;
    assert_eq!(info["input_config"][0], "COMBO");
}
