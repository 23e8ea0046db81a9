//! What a canvas means: the rules by which ComfyUI's editor makes a prompt of it.

use serde_json::{Value as Json, json};

use super::super::testing::registry;
use super::super::{MAX_NODES, comfy_api};
use super::*;
use crate::graph::Graph;

const UI: &str = include_str!("../../../tests/fixtures/workflows/ui.json");
const TEXT_TO_IMAGE: &str = include_str!("../../../tests/fixtures/workflows/text_to_image.json");
const INPAINT: &str = include_str!("../../../tests/fixtures/workflows/inpaint.json");
const ODD: &str = include_str!("../../../tests/fixtures/workflows/odd.json");

fn read_json(workflow: &Json) -> Read {
    read(workflow, &registry()).unwrap()
}

fn prompt(workflow: &Json) -> Json {
    comfy_api::json_from_graph(&read_json(workflow).graph)
}

fn error(workflow: &Json) -> String {
    read(workflow, &registry()).unwrap_err().to_string()
}

/// A node of a canvas: inputs `(name, kind, link)`, kinds of outputs.
fn node(id: u64, class: &str, inputs: &[(&str, &str, u64)], outputs: &[&str]) -> Json {
    let inputs: Vec<Json> = inputs
        .iter()
        .map(|(name, kind, link)| {
            json!({ "name": name, "type": kind, "link": (*link > 0).then_some(link) })
        })
        .collect();
    let outputs: Vec<Json> =
        outputs.iter().map(|kind| json!({ "name": kind, "type": kind, "links": [] })).collect();
    json!({ "id": id, "type": class, "mode": 0, "inputs": inputs, "outputs": outputs })
}

fn with(mut node: Json, name: &str, value: Json) -> Json {
    node[name] = value;
    node
}

fn values(node: Json, values: Json) -> Json {
    with(node, "widgets_values", values)
}

fn canvas(nodes: &[Json], links: &Json) -> Json {
    json!({ "nodes": nodes, "links": links, "version": 0.4 })
}

fn load(id: u64) -> Json {
    values(node(id, "LoadImage", &[], &["IMAGE", "MASK"]), json!(["cat.png", "image"]))
}

fn invert(id: u64, link: u64) -> Json {
    node(id, "ImageInvert", &[("image", "IMAGE", link)], &["IMAGE"])
}

fn preview(id: u64, link: u64) -> Json {
    node(id, "PreviewImage", &[("images", "IMAGE", link)], &[])
}

#[test]
fn plain_canvas_is_read_by_position() {
    let read = read_json(&serde_json::from_str(UI).unwrap());
    assert_eq!(
        comfy_api::json_from_graph(&read.graph),
        json!({
            "1": { "inputs": { "image": "cat.png" }, "class_type": "LoadImage" },
            "2": { "inputs": { "images": ["1", 0] }, "class_type": "PreviewImage" },
        })
    );
    assert_eq!((read.notices, read.app), (Vec::<String>::new(), None));
}

#[test]
fn schema_1_0_and_its_link_objects_are_read() {
    let mut workflow: Json = serde_json::from_str(UI).unwrap();
    let old = prompt(&workflow);
    workflow["version"] = json!(1);
    workflow["links"] = json!([
        { "id": 1, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 0, "type": "IMAGE" }
    ]);
    workflow["nodes"][1]["pos"] = json!({ "0": 4, "1": 2 });
    assert_eq!(prompt(&workflow), old);
}

#[test]
fn seed_has_its_control_behind_it_and_null_is_nothing() {
    let sampler =
        |list: Json| values(node(3, "KSampler", &[("model", "MODEL", 0)], &["LATENT"]), list);
    let with_control = canvas(
        &[sampler(json!([u64::MAX, "randomize", 20, 8, "euler", "normal", null]))],
        &json!([]),
    );
    let inputs = &prompt(&with_control)["3"]["inputs"];
    assert_eq!(
        inputs.to_string(),
        r#"{"seed":18446744073709551615,"steps":20,"cfg":8,"sampler_name":"euler","scheduler":"normal"}"#
    );
    // As files from before the control was there.
    let without = canvas(&[sampler(json!([7, 20, 8.5, "euler", "normal", 1.0]))], &json!([]));
    assert_eq!(prompt(&without)["3"]["inputs"]["cfg"], json!(8.5));
    assert_eq!(prompt(&without)["3"]["inputs"]["denoise"], json!(1.0));
    let named = canvas(&[sampler(json!({ "seed": 7, "cfg": 2.0 }))], &json!([]));
    assert_eq!(prompt(&named)["3"]["inputs"], json!({ "seed": 7, "cfg": 2.0 }));
}

#[test]
fn optional_widgets_come_after_required_ones() {
    let blend = values(node(1, "Blend", &[], &["IMAGE"]), json!(["screen", 0.25]));
    assert_eq!(
        prompt(&canvas(&[blend], &json!([])))["1"]["inputs"],
        json!({ "mode": "screen", "late": 0.25 })
    );
}

#[test]
fn converted_widget_keeps_its_place_and_the_link_wins() {
    let sampler = with(
        values(
            node(3, "KSampler", &[], &["LATENT"]),
            json!([5, "fixed", 20, 8, "euler", "normal", 1]),
        ),
        "inputs",
        json!([{ "name": "steps", "type": "INT", "link": 1, "widget": { "name": "steps" } }]),
    );
    let other = node(4, "Counter", &[("x", "INT", 0)], &["INT"]);
    let workflow = canvas(&[sampler.clone(), other], &json!([[1, 4, 0, 3, 0, "INT"]]));
    let inputs = &prompt(&workflow)["3"]["inputs"];
    assert_eq!((&inputs["steps"], &inputs["cfg"]), (&json!(["4", 0]), &json!(8)));
    let primitive = values(node(4, "PrimitiveNode", &[], &["INT"]), json!([33, "fixed"]));
    let workflow = canvas(&[sampler, primitive], &json!([[1, 4, 0, 3, 0, "INT"]]));
    let prompt = prompt(&workflow);
    assert_eq!(prompt["3"]["inputs"]["steps"], json!(33));
    assert_eq!(prompt.get("4"), None);
}

#[test]
fn notes_and_reroutes_do_not_run() {
    let nodes = [
        load(1),
        values(node(2, "Note", &[], &[]), json!(["<b>hello</b>"])),
        values(node(3, "MarkdownNote", &[], &[]), json!(["# hello"])),
        node(4, "Reroute", &[("", "*", 1)], &["IMAGE"]),
        node(5, "Reroute", &[("", "*", 2)], &["IMAGE"]),
        preview(6, 3),
        node(7, "Reroute", &[("", "*", 0)], &["IMAGE"]),
        preview(8, 4),
    ];
    let links = json!([
        [1, 1, 0, 4, 0, "IMAGE"],
        [2, 4, 0, 5, 0, "IMAGE"],
        [3, 5, 0, 6, 0, "IMAGE"],
        [4, 7, 0, 8, 0, "IMAGE"]
    ]);
    let read = read_json(&canvas(&nodes, &links));
    let prompt = comfy_api::json_from_graph(&read.graph);
    assert_eq!(prompt["6"]["inputs"], json!({ "images": ["1", 0] }));
    assert_eq!(prompt["8"]["inputs"], json!({}));
    assert_eq!(read.graph.len(), 3);
    assert_eq!(
        read.notices,
        ["node 8 (PreviewImage): `images` came from node 7 (Reroute), through which nothing comes"]
    );
}

#[test]
fn muted_node_takes_its_links_with_it() {
    let nodes = [load(1), with(invert(2, 1), "mode", json!(2)), preview(3, 2)];
    let links = json!([[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]]);
    let read = read_json(&canvas(&nodes, &links));
    assert_eq!(read.graph.get("2"), None);
    assert_eq!(read.graph.get("3").unwrap().inputs, []);
    assert_eq!(
        read.notices,
        ["node 3 (PreviewImage): `images` came from node 2 (ImageInvert), which is muted"]
    );
}

#[test]
fn bypassed_node_passes_on_what_is_of_the_same_kind() {
    // Output 0 is a picture, input 0 a mask: the first picture goes through. Output 1 is a mask, input 1
    // a picture: the first mask goes through. Two bypassed nodes stand one behind the other.
    let inputs = [("mask", "MASK", 1), ("image1", "IMAGE", 2), ("image2", "IMAGE", 3)];
    let nodes = [
        load(1),
        load(2),
        with(node(3, "Blend", &inputs, &["IMAGE", "MASK"]), "mode", json!(4)),
        with(invert(4, 4), "mode", json!(4)),
        preview(5, 5),
        node(6, "Masks", &[("mask", "MASK", 6)], &[]),
    ];
    let links = json!([
        [1, 1, 1, 3, 0, "MASK"],
        [2, 1, 0, 3, 1, "IMAGE"],
        [3, 2, 0, 3, 2, "IMAGE"],
        [4, 3, 0, 4, 0, "IMAGE"],
        [5, 4, 0, 5, 0, "IMAGE"],
        [6, 3, 1, 6, 0, "MASK"]
    ]);
    let prompt = prompt(&canvas(&nodes, &links));
    assert_eq!(prompt["5"]["inputs"], json!({ "images": ["1", 0] }));
    assert_eq!(prompt["6"]["inputs"], json!({ "mask": ["1", 1] }));
    // Same place first: with a picture in input 0, that one.
    let inputs = [("image1", "IMAGE", 3), ("image2", "IMAGE", 2)];
    let blend = with(node(3, "Blend", &inputs, &["IMAGE", "MASK"]), "mode", json!(4));
    let links =
        json!([[2, 1, 0, 3, 1, "IMAGE"], [3, 2, 0, 3, 0, "IMAGE"], [5, 3, 0, 5, 0, "IMAGE"]]);
    let workflow = canvas(&[load(1), load(2), blend, preview(5, 5)], &links);
    assert_eq!(tests::prompt(&workflow)["5"]["inputs"], json!({ "images": ["2", 0] }));
}

/// A subgraph that inverts what it is given, `class` times `count` inside.
fn definition(id: &str, nodes: Json, links: Json) -> Json {
    json!({
        "id": id, "version": 1, "name": format!("sub {id}"),
        "inputNode": { "id": -10 }, "outputNode": { "id": -20 },
        "inputs": [{ "id": "i", "name": "picture", "type": "IMAGE", "linkIds": [1] },
                   { "id": "j", "name": "words", "type": "STRING", "linkIds": [3] }],
        "outputs": [{ "id": "o", "name": "IMAGE", "type": "IMAGE", "linkIds": [2] }],
        "nodes": nodes, "links": links,
    })
}

fn link(id: u64, from: (i64, u64), to: (i64, u64)) -> Json {
    json!({ "id": id, "origin_id": from.0, "origin_slot": from.1, "target_id": to.0, "target_slot": to.1, "type": "*" })
}

/// Picture → outer subgraph (12) → inner subgraph (5) → inversion (8), with a text beside it.
fn nested() -> Json {
    let words = |id: u64| {
        with(
            values(node(id, "CLIPTextEncode", &[], &["CONDITIONING"]), json!(["inner words"])),
            "inputs",
            json!([{ "name": "text", "type": "STRING", "link": 3, "widget": { "name": "text" } }]),
        )
    };
    let inner = definition(
        "b",
        json!([invert(8, 1), words(9)]),
        json!([link(1, (-10, 0), (8, 0)), link(2, (8, 0), (-20, 0)), link(3, (-10, 1), (9, 0))]),
    );
    let instance = |id: u64, class: &str| {
        with(
            node(id, class, &[("picture", "IMAGE", 1)], &["IMAGE"]),
            "properties",
            json!({ "proxyWidgets": [["-1", "words"]] }),
        )
    };
    let mut middle = values(instance(5, "b"), json!([]));
    let words_in =
        json!({ "name": "words", "type": "STRING", "link": 3, "widget": { "name": "words" } });
    middle["inputs"].as_array_mut().unwrap().push(words_in);
    let outer = definition(
        "a",
        json!([middle]),
        json!([link(1, (-10, 0), (5, 0)), link(2, (5, 0), (-20, 0)), link(3, (-10, 1), (5, 1))]),
    );
    let mut workflow = canvas(
        &[load(1), values(instance(12, "a"), json!(["outer words"])), preview(3, 2)],
        &json!([[1, 1, 0, 12, 0, "IMAGE"], [2, 12, 0, 3, 0, "IMAGE"]]),
    );
    workflow["definitions"] = json!({ "subgraphs": [outer, inner] });
    workflow
}

#[test]
fn subgraphs_are_flattened_with_their_promoted_values() {
    assert_eq!(
        prompt(&nested()),
        json!({
            "1": { "inputs": { "image": "cat.png" }, "class_type": "LoadImage" },
            "3": { "inputs": { "images": ["12:5:8", 0] }, "class_type": "PreviewImage" },
            "12:5:8": { "inputs": { "image": ["1", 0] }, "class_type": "ImageInvert" },
            "12:5:9": { "inputs": { "text": "outer words" }, "class_type": "CLIPTextEncode" },
        })
    );
    // Without a value of the outer node the inner node's own stands.
    let mut plain = nested();
    plain["nodes"][1]["widgets_values"] = json!([]);
    assert_eq!(prompt(&plain)["12:5:9"]["inputs"]["text"], "inner words");
    // A widget promoted by the id of its node.
    plain["nodes"][1]["properties"] = json!({ "proxyWidgets": [["5", "text"]] });
    plain["nodes"][1]["widgets_values"] = json!(["by name"]);
    plain["definitions"]["subgraphs"][0]["nodes"][0]["properties"] =
        json!({ "proxyWidgets": [["9", "text"]] });
    plain["definitions"]["subgraphs"][0]["nodes"][0]["inputs"].as_array_mut().unwrap().pop();
    assert_eq!(prompt(&plain)["12:5:9"]["inputs"]["text"], "by name");
}

#[test]
fn subgraph_is_muted_and_bypassed_as_one() {
    let mut workflow = nested();
    workflow["nodes"][1]["mode"] = json!(4);
    assert_eq!(prompt(&workflow)["3"]["inputs"], json!({ "images": ["1", 0] }));
    workflow["nodes"][1]["mode"] = json!(2);
    assert_eq!(prompt(&workflow)["3"]["inputs"], json!({}));
    assert_eq!(read_json(&workflow).graph.len(), 2);
    let mut workflow = nested();
    workflow["definitions"]["subgraphs"][1]["nodes"][0]["mode"] = json!(4);
    assert_eq!(prompt(&workflow)["3"]["inputs"], json!({ "images": ["1", 0] }));
}

#[test]
fn subgraph_inside_itself_is_refused_by_name() {
    let mut workflow = nested();
    workflow["definitions"]["subgraphs"][1]["nodes"][0]["type"] = json!("a");
    assert!(error(&workflow).contains("subgraph `sub a` contains itself"), "{}", error(&workflow));
    // Each holds two of the next: 2^40 nodes in forty small definitions.
    let definitions: Vec<Json> = (0..40)
        .map(|at| {
            let next = format!("s{}", at + 1);
            definition(
                &format!("s{at}"),
                json!([node(1, &next, &[], &[]), node(2, &next, &[], &[])]),
                json!([]),
            )
        })
        .collect();
    let mut workflow = canvas(&[node(1, "s0", &[], &[])], &json!([]));
    workflow["definitions"] = json!({ "subgraphs": definitions });
    assert!(error(&workflow).contains("more than 20000 nodes"), "{}", error(&workflow));
    let chain: Vec<Json> = (0..100)
        .map(|at| {
            let next = format!("s{}", at + 1);
            definition(&format!("s{at}"), json!([node(1, &next, &[], &[])]), json!([]))
        })
        .collect();
    workflow["definitions"] = json!({ "subgraphs": chain });
    assert!(error(&workflow).contains("nested more than 64 deep"), "{}", error(&workflow));
}

#[test]
fn old_group_node_is_opened() {
    let group = json!({
        "nodes": [
            { "index": 0, "type": "LoadImage", "outputs": [{ "type": "IMAGE" }, { "type": "MASK" }],
              "widgets_values": ["inside.png", "image"] },
            { "index": 1, "type": "Blend", "widgets_values": ["normal", 0.5],
              "inputs": [{ "name": "image1", "type": "IMAGE", "link": 5 },
                         { "name": "image2", "type": "IMAGE", "link": null }],
              "outputs": [{ "type": "IMAGE" }, { "type": "MASK" }] },
            { "index": 2, "type": "KSampler", "widgets_values": [1, "fixed", 20, 8, "euler", "normal", 1],
              "outputs": [{ "type": "LATENT" }] },
        ],
        "links": [[0, 0, 1, 0, 9, "IMAGE"]],
        "external": [],
        "config": { "2": { "input": { "cfg": { "visible": false } } } },
    });
    let instance = values(
        node(
            7,
            "workflow/two",
            &[("Blend image2", "IMAGE", 1)],
            &["MASK", "IMAGE", "MASK", "LATENT"],
        ),
        json!(["outside.png", "screen", 0.75, 99, "randomize", 3, "dpmpp_2m", "karras", 0.5]),
    );
    let mut workflow = canvas(
        &[load(1), instance, preview(3, 2), node(4, "Masks", &[("mask", "MASK", 3)], &[])],
        &json!([[1, 1, 0, 7, 0, "IMAGE"], [2, 7, 1, 3, 0, "IMAGE"], [3, 7, 0, 4, 0, "MASK"]]),
    );
    workflow["extra"] = json!({ "groupNodes": { "two": group } });
    let prompt = prompt(&workflow);
    assert_eq!(prompt["7:0"]["inputs"], json!({ "image": "outside.png" }));
    assert_eq!(
        prompt["7:1"]["inputs"],
        json!({ "mode": "screen", "late": 0.75, "image1": ["7:0", 0], "image2": ["1", 0] })
    );
    assert_eq!(
        prompt["7:2"]["inputs"],
        json!({ "seed": 99, "steps": 3, "cfg": 8, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 0.5 })
    );
    assert_eq!(prompt["3"]["inputs"], json!({ "images": ["7:1", 0] }));
    assert_eq!(prompt["4"]["inputs"], json!({ "mask": ["7:0", 1] }));
    workflow["nodes"][1]["type"] = json!("workflow>two");
    assert_eq!(tests::prompt(&workflow), prompt);
}

#[test]
fn unknown_class_keeps_its_links_and_says_where_it_is_from() {
    let bloom = with(
        values(node(2, "Image Bloom", &[("image", "IMAGE", 1)], &["IMAGE"]), json!([10, 0.5])),
        "properties",
        json!({ "cnr_id": "was-suite", "ver": "1.0.1" }),
    );
    let newer = with(
        values(node(4, "Noise Maker", &[], &["IMAGE"]), json!([7, "randomize", 0.5])),
        "inputs",
        json!([{ "name": "seed", "type": "INT", "link": null, "widget": { "name": "seed" } },
               { "name": "level", "type": "FLOAT", "link": null, "widget": { "name": "level" } }]),
    );
    let checkpoint = with(
        values(node(5, "CheckpointLoaderSimple", &[], &["MODEL"]), json!(["a.safetensors"])),
        "properties",
        json!({ "cnr_id": "comfy-core", "models": [
            { "name": "a.safetensors", "url": "https://example.org/a", "directory": "checkpoints" },
            { "name": "b", "url": "javascript:alert(1)", "directory": "" }
        ]}),
    );
    let label = values(node(9, "Label (fancy)", &[], &[]), json!(["<script>"]));
    let nodes = [load(1), bloom, preview(3, 2), newer, checkpoint, label];
    let links = json!([[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]]);
    let read = read_json(&canvas(&nodes, &links));
    let prompt = comfy_api::json_from_graph(&read.graph);
    assert_eq!(prompt["2"]["inputs"], json!({ "image": ["1", 0] }));
    assert_eq!(prompt["4"]["inputs"], json!({ "seed": 7, "level": 0.5 }));
    assert_eq!(
        read.notices,
        ["node 9 (Label (fancy)) is not known here and joined to nothing: it is left out"]
    );
    let source = |id: &str| read.graph.get(id).unwrap().source.clone();
    assert_eq!(
        source("2").unwrap(),
        "the class is part of `was-suite`, https://registry.comfy.org/nodes/was-suite"
    );
    assert_eq!(
        source("5").unwrap(),
        "`a.safetensors` for `checkpoints` is at https://example.org/a"
    );
    // It survives the trip through the API format, which is how the page hands a graph on.
    let again = comfy_api::graph_from_json(&prompt).unwrap();
    assert_eq!(again, read.graph);
    let refusal =
        crate::graph::validate::validate(&again, &registry(), None, &crate::graph::NoFolders);
    let text = serde_json::to_string(&refusal.err().unwrap().node_errors).unwrap();
    assert!(
        text.contains("`Image Bloom` is no class of this engine; the class is part of `was-suite`"),
        "{text}"
    );
}

#[test]
fn app_mode_is_read_and_written() {
    let mut workflow = nested();
    workflow["extra"] = json!({ "linearMode": true, "linearData": {
        "inputs": [[1, "image"], ["12", "text"]], "outputs": [3]
    }});
    workflow["nodes"][1]["properties"] = json!({ "proxyWidgets": [["5", "text"]] });
    workflow["definitions"]["subgraphs"][0]["nodes"][0]["properties"] =
        json!({ "proxyWidgets": [["9", "text"]] });
    let read = read_json(&workflow);
    let app = read.app.unwrap();
    assert_eq!(
        app,
        App {
            inputs: vec![("1".into(), "image".to_owned()), ("12:5:9".into(), "text".to_owned())],
            outputs: vec!["3".into()],
            first: true,
        }
    );
    let mut written = workflow_from_graph(&read.graph, &registry());
    app.write_into(&mut written);
    assert_eq!(super::read(&written, &registry()).unwrap().app, Some(app));
}

#[test]
fn writing_and_reading_a_canvas_changes_nothing() {
    for text in [TEXT_TO_IMAGE, INPAINT, ODD] {
        let graph = comfy_api::parse(text).unwrap();
        let again = |graph: &Graph| read_json(&workflow_from_graph(graph, &registry())).graph;
        // Undeclared inputs and lists that are no links have no place on a canvas.
        let first = again(&graph);
        assert_eq!(again(&first), first, "{text}");
        assert_eq!(first.len(), graph.len());
    }
    let graph = comfy_api::parse(TEXT_TO_IMAGE).unwrap();
    let read = read_json(&workflow_from_graph(&graph, &registry()));
    // Objects compare without their order.
    assert_eq!(comfy_api::json_from_graph(&read.graph), comfy_api::json_from_graph(&graph));
    for nodes in [nested(), serde_json::from_str(UI).unwrap()] {
        let first = read_json(&nodes).graph;
        assert_eq!(prompt(&workflow_from_graph(&first, &registry())), prompt(&nodes));
    }
}

/// Found by fuzzing: `05` was written as the number 5.
#[test]
fn ids_that_look_like_another_s_number_stay_apart() {
    let node = json!({ "class_type": "CheckpointLoaderSimple", "inputs": { "ckpt_name": "a" } });
    let graph = json!({ "5": node, "05": node, "+5": node, "five": node });
    let graph = comfy_api::parse(&graph.to_string()).unwrap();
    let workflow = workflow_from_graph(&graph, &registry());
    let ids = workflow["nodes"].as_array().unwrap().iter().map(|node| &node["id"]);
    assert!(json!([5, "05", "+5", "five"]).as_array().unwrap().iter().eq(ids), "{workflow}");
    assert_eq!(read_json(&workflow).graph.len(), 4);
}

#[test]
fn upload_value_comes_last() {
    let graph = comfy_api::parse(
        r#"{"1": {"class_type": "LoadImageMask", "inputs": {"image": "a.png", "channel": "red"}}}"#,
    )
    .unwrap();
    let workflow = workflow_from_graph(&graph, &registry());
    assert_eq!(workflow["nodes"][0]["widgets_values"], json!(["a.png", "red", "image"]));
    assert_eq!(read_json(&workflow).graph, graph);
}

#[test]
fn canvas_that_makes_no_sense_is_refused() {
    assert!(error(&json!([])).contains("expected an object"));
    assert!(error(&json!({ "nodes": 7 })).contains("`nodes` of the workflow is no list"));
    assert!(error(&canvas(&[json!(7)], &json!([]))).contains("a node is a number"));
    assert!(error(&canvas(&[json!({ "type": "A" })], &json!([]))).contains("has no `id`"));
    assert!(error(&canvas(&[json!({ "id": 1 })], &json!([]))).contains("node `1` has no `type`"));
    let twice = canvas(&[load(1), load(1)], &json!([]));
    assert!(error(&twice).contains("two nodes of the workflow have the id `1`"));
    let many = canvas(&vec![json!(0); MAX_NODES + 1], &json!([]));
    assert!(error(&many).contains("has 20001 nodes, expected at most 20000"));
    let circle = [
        node(1, "Reroute", &[("", "*", 2)], &["*"]),
        node(2, "Reroute", &[("", "*", 1)], &["*"]),
        preview(3, 1),
    ];
    let links = json!([[1, 1, 0, 2, 0, "*"], [2, 2, 0, 1, 0, "*"]]);
    assert!(error(&canvas(&circle, &links)).contains("goes round in a circle"));
}

#[test]
fn links_that_make_no_sense_are_noticed() {
    let nodes = [preview(1, 7), preview(2, 8), preview(3, 9)];
    let links = json!([[8, 99, 0, 2, 0, "IMAGE"], [9, 1, -1, 3, 0], null, "x", {}, [[]]]);
    let read = read_json(&canvas(&nodes, &links));
    assert_eq!(
        read.notices,
        [
            "node 1 (PreviewImage): `images` is joined to link 7, which is absent",
            "node 2 (PreviewImage): `images` came from node 99, which is absent",
            "node 3 (PreviewImage): `images` is joined to link 9, which is absent",
        ]
    );
}
