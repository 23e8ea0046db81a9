/** The editor's document: files in and out, commands, copies, subgraphs. No browser, no engine. */

import { readFileSync } from "node:fs";

import { expect, test } from "@playwright/test";

import type { Json, ObjectInfo } from "../../src/engine/index";
import { appFields, appOf, toggleAppInput } from "../../src/editor/model/app";
import { align, distribute, layOut, nearestTo, readingOrder } from "../../src/editor/model/arrange";
import { copyText, isCopy, paste } from "../../src/editor/model/clipboard";
import { connect, remove, setValue, toggleMode, withSlot } from "../../src/editor/model/edit";
import { Timeline } from "../../src/editor/model/history";
import { compatible, outputType, wouldCircle } from "../../src/editor/model/links";
import { docFromApi, newNode } from "../../src/editor/model/make";
import { readWorkflow } from "../../src/editor/model/read";
import { rowsOf } from "../../src/editor/model/schema";
import { afterRun } from "../../src/editor/model/seeds";
import { addPort, makeSubgraph, removePort, togglePromoted, unpack } from "../../src/editor/model/subgraphs";
import { emptyDoc, MODE, sheetOf, type Doc, type GraphNode, type Point } from "../../src/editor/model/types";
import { writeWorkflow } from "../../src/editor/model/write";
import { INFO as BASE } from "./schema";

const node = (name: string, input: object, output: string[]): ObjectInfo => ({ [name]: { name, input, output, output_name: output } as never });
const INFO: ObjectInfo = {
  ...BASE,
  ...node("Blend", { required: { a: ["IMAGE"], mode: [["screen", "multiply"]] }, optional: { b: ["IMAGE"], late: ["FLOAT", { default: 0.5, min: 0, max: 1, step: 0.05 }] } }, ["IMAGE"]),
  ...node("Batch", { required: { images: ["COMFY_AUTOGROW_V3", { template: { input: { required: { image: ["IMAGE", {}] } }, prefix: "image", min: 2, max: 4 } }] } }, ["IMAGE"]),
  ...node(
    "Resize",
    {
      required: {
        input: ["IMAGE,MASK"],
        how: ["COMFY_DYNAMICCOMBO_V3", { options: [{ key: "by", inputs: { required: { factor: ["FLOAT", { default: 2 }] } } }, { key: "to", inputs: { required: { width: ["INT", { default: 64 }], height: ["INT", { default: 32 }] } } }] }],
        method: [["area", "lanczos"]],
      },
    },
    ["IMAGE"],
  ),
};

const fixture = (name: string) => JSON.parse(readFileSync(new URL(`../../../tests/fixtures/workflows/${name}`, import.meta.url), "utf8")) as object;
const bundled = (name: string) => JSON.parse(readFileSync(new URL(`../../public/workflows/${name}`, import.meta.url), "utf8")) as never;
const text = () => docFromApi(bundled("text_to_image.json"), INFO);
const size = (one: GraphNode): Point => one.size;
const byType = (doc: Doc, type: string): GraphNode => {
  const found = doc.root.nodes.find((one) => one.type === type);
  if (found === undefined) throw new Error(`no ${type}`);
  return found;
};
const ends = (doc: Doc, sheet = "") => sheetOf(doc, sheet).links.map(({ from, out, to, in: at }) => `${from}.${out}>${to}.${sheetOf(doc, sheet).nodes.find(({ id }) => id === to)?.inputs[at]?.name ?? at}`).sort();

/** A file with everything in it: a subgraph with promoted widgets, a group, unknown nodes, members nobody knows. */
const whole = () => ({
  id: "f00",
  revision: 3,
  last_node_id: 9,
  last_link_id: 3,
  nodes: [
    { id: 1, type: "LoadImage", pos: [0, 0], size: [315, 314], flags: { collapsed: true }, order: 0, mode: 0, inputs: [], outputs: [{ name: "IMAGE", type: "IMAGE", links: [1, 3], slot_index: 0 }, { name: "MASK", type: "MASK", links: null, slot_index: 1 }], properties: { "Node name for S&R": "LoadImage", models: [{ name: "a" }] }, widgets_values: ["a.png", "image"] },
    { id: 2, type: "5b-uuid", title: "Inner", pos: [400, 0], size: [315, 200], flags: {}, order: 1, mode: 4, inputs: [{ name: "image", type: "IMAGE", link: 1 }], outputs: [{ name: "IMAGE", type: "IMAGE", links: [2], slot_index: 0 }], properties: { proxyWidgets: [["3", "late"]] }, widgets_values: [0.25] },
    { id: 4, type: "SaveImage", pos: [800, 0], size: [315, 58], flags: { pinned: true }, order: 2, mode: 2, color: "#232", bgcolor: "#353", inputs: [{ name: "images", type: "IMAGE", link: 2 }], outputs: [], properties: { "Node name for S&R": "SaveImage" }, widgets_values: ["me"] },
    { id: 9, type: "Nobody knows", pos: [0, 500], size: [200, 100], flags: {}, order: 3, mode: 0, inputs: [{ name: "x", type: "IMAGE", link: 3, shape: 7 }], outputs: [], properties: {}, widgets_values: [1, "two", [3]] },
  ],
  links: [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 4, 0, "IMAGE"], [3, 1, 0, 9, 0, "IMAGE"]],
  groups: [{ id: 1, title: "All", bounding: [0, 0, 500, 400], color: "#3f789e", font_size: 24, flags: {} }],
  definitions: {
    subgraphs: [
      {
        id: "5b-uuid", version: 1, state: { lastGroupId: 0, lastNodeId: 3, lastLinkId: 6, lastRerouteId: 0 }, name: "Inner",
        inputNode: { id: -10, bounding: [-200, 0, 120, 60] }, outputNode: { id: -20, bounding: [500, 0, 120, 60] },
        inputs: [{ id: "p1", name: "image", type: "IMAGE", linkIds: [5] }], outputs: [{ id: "p2", name: "IMAGE", type: "IMAGE", linkIds: [6] }], widgets: [],
        nodes: [{ id: 3, type: "Blend", pos: [0, 0], size: [300, 120], flags: {}, order: 0, mode: 0, inputs: [{ name: "a", type: "IMAGE", link: 5 }, { name: "b", type: "IMAGE", link: null, shape: 7 }], outputs: [{ name: "IMAGE", type: "IMAGE", links: [6], slot_index: 0 }], properties: { "Node name for S&R": "Blend" }, widgets_values: ["screen", 0.5] }],
        links: [{ id: 5, origin_id: -10, origin_slot: 0, target_id: 3, target_slot: 0, type: "IMAGE" }, { id: 6, origin_id: 3, origin_slot: 0, target_id: -20, target_slot: 0, type: "IMAGE" }],
        groups: [],
      },
    ],
  },
  config: {},
  extra: { ds: { scale: 1, offset: [0, 0] }, linearMode: true, linearData: { inputs: [["2", "late"]], outputs: ["4"] }, anything: [1] },
  version: 0.4,
});

test("a file with everything in it is written as it was read", () => {
  const doc = readWorkflow(whole(), INFO);
  expect(writeWorkflow(doc, INFO)).toEqual(whole());
  expect(readWorkflow(writeWorkflow(doc, INFO), INFO)).toEqual(doc);
});

for (const name of ["ui.json", "ui_text_to_image.json"]) {
  test(`${name} stays the same graph when it is saved and opened again`, () => {
    const file = fixture(name);
    const doc = readWorkflow(file, INFO);
    expect(doc.root.nodes.length).toBe((file as { nodes: unknown[] }).nodes.length);
    expect(readWorkflow(writeWorkflow(doc, INFO), INFO)).toEqual(doc);
  });
}

test("schema 1.0 reads as 0.4 does", () => {
  const old = whole();
  const links = old.links.map(([id, origin_id, origin_slot, target_id, target_slot, type]) => ({ id, origin_id, origin_slot, target_id, target_slot, type }));
  const nodes = old.nodes.map((one) => ({ ...one, pos: { 0: one.pos[0], 1: one.pos[1] } }));
  expect(readWorkflow({ ...old, version: 1, links, nodes }, INFO)).toEqual(readWorkflow(old, INFO));
});

test("values by position: controls, choices with widgets of their own, seeds of twenty digits", () => {
  const file = {
    nodes: [
      { id: 1, type: "KSampler", widgets_values: [18446744073709551615n, "increment", 4, 8, "euler", "normal", null] },
      { id: 2, type: "KSampler", widgets_values: [7, 20, 8.5, "euler", "normal", 1] },
      { id: 3, type: "Resize", widgets_values: ["to", 128, 96, "lanczos"] },
      { id: 4, type: "KSampler", widgets_values: { seed: 5 } },
    ],
  };
  const doc = readWorkflow(file, INFO);
  const [one, two, three, four] = doc.root.nodes;
  expect(one?.values).toEqual({ seed: 18446744073709551615n, steps: 4, cfg: 8, sampler_name: "euler", scheduler: "normal" });
  expect(one?.controls).toEqual({ seed: "increment" });
  expect(two?.values).toMatchObject({ cfg: 8.5, denoise: 1 });
  expect(three?.values).toEqual({ how: "to", "how.width": 128, "how.height": 96, method: "lanczos" });
  expect(four?.values).toEqual({ seed: 5 });
  const values = (writeWorkflow(doc, INFO).nodes as { widgets_values: Json }[]).map(({ widgets_values }) => widgets_values);
  expect(values[2]).toEqual(["to", 128, 96, "lanczos"]);
  expect(values[1]).toEqual([7, "fixed", 20, 8.5, "euler", "normal", 1]);
  expect(values[3]).toEqual({ seed: 5 });
});

test("API JSON becomes nodes with values and links, unknown classes and wrong links included", () => {
  const doc = text();
  expect(byType(doc, "KSampler").values).toMatchObject({ sampler_name: "dpmpp_2m" });
  expect(ends(doc)).toContain("4.0>3.model");
  expect(doc.root.links).toHaveLength(9);
  const odd = docFromApi({ 1: { class_type: "What", inputs: { x: ["2", 3], y: 4, z: ["9", 0] } }, 2: { class_type: "Other", inputs: {} } }, INFO);
  expect(ends(odd)).toEqual(["2.3>1.x"]);
  expect(odd.root.nodes[0]?.values).toEqual({ y: 4 });
});

test("inputs that grow: those used, those needed, and one more", () => {
  let doc = emptyDoc();
  doc = { ...doc, root: { ...doc.root, nodes: [newNode(doc, doc.root, "Batch", [0, 0], INFO)] } };
  const rows = () => rowsOf(doc, doc.root, doc.root.nodes[0] as GraphNode, INFO).map(({ name }) => name);
  expect(rows()).toEqual(["images.image0", "images.image1", "images.image2"]);
  doc = { ...doc, root: { ...doc.root, nodes: [...doc.root.nodes, newNode(doc, doc.root, "LoadImage", [0, 0], INFO)] } };
  const field = rowsOf(doc, doc.root, doc.root.nodes[0] as GraphNode, INFO)[2];
  if (field === undefined) throw new Error("no third");
  const { sheet, at } = withSlot(doc.root, "1", field);
  doc = { ...doc, root: connect(sheet, { from: "2", out: 0, to: "1", in: at, type: "IMAGE" }) };
  expect(rows()).toEqual(["images.image0", "images.image1", "images.image2", "images.image3"]);
});

test("kinds of links: unions, anything, reroutes, primitives; circles are seen", () => {
  expect(compatible("IMAGE", "IMAGE,MASK")).toBe(true);
  expect(compatible("LATENT", "IMAGE,MASK")).toBe(false);
  expect(compatible("*", "MODEL")).toBe(true);
  const file = {
    nodes: [
      { id: 1, type: "LoadImage", outputs: [], widgets_values: ["a.png"] },
      { id: 2, type: "Reroute", inputs: [{ name: "", type: "*", link: 1 }], outputs: [{ name: "", type: "*", links: [2] }] },
      { id: 3, type: "SaveImage", inputs: [{ name: "images", type: "IMAGE", link: 2 }] },
      { id: 4, type: "PrimitiveNode", outputs: [{ name: "x", type: "INT", links: [3] }], widgets_values: [4, "increment"] },
      { id: 5, type: "KSampler", inputs: [{ name: "steps", type: "INT", link: 3, widget: { name: "steps" } }], widgets_values: [1, "fixed", 20] },
    ],
    links: [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"], [3, 4, 0, 5, 0, "INT"]],
  };
  const doc = readWorkflow(file, INFO);
  expect(outputType(doc, doc.root, "2", 0, INFO)).toBe("IMAGE");
  expect(outputType(doc, doc.root, "4", 0, INFO)).toBe("INT");
  expect(rowsOf(doc, doc.root, doc.root.nodes[3] as GraphNode, INFO)[0]).toMatchObject({ widget: "int", controlled: true });
  expect(wouldCircle(doc.root, "3", "1")).toBe(true);
  expect(wouldCircle(doc.root, "1", "3")).toBe(false);
  expect(afterRun(doc, INFO).root.nodes[3]?.values["#0"]).toBe(5);
});

test("undo and redo go through documents; typing is one step", () => {
  const timeline = new Timeline();
  const first = text();
  const second = { ...first, root: setValue(first.root, "6", "text", "a") };
  const third = { ...second, root: setValue(second.root, "6", "text", "ab") };
  timeline.record(first, "text", "2 text", 0);
  timeline.record(second, "text", "2 text", 100);
  expect(timeline.undo(third)?.doc).toBe(first);
  expect(timeline.undoable).toBeNull();
  expect(timeline.redo(first)?.doc).toBe(third);
  timeline.record(third, "delete");
  expect(timeline.redoable).toBeNull();
});

test("removing takes links along; muting twice is none", () => {
  const doc = text();
  const without = remove(doc.root, new Set(["4"]));
  expect(without.links).toHaveLength(5);
  const muted = toggleMode(doc.root, new Set(["6", "7"]), MODE.muted);
  expect(muted.nodes.filter(({ mode }) => mode === MODE.muted)).toHaveLength(2);
  expect(toggleMode(muted, new Set(["6", "7"]), MODE.muted).nodes.every(({ mode }) => mode === MODE.active)).toBe(true);
});

test("copies keep links among them, and from outside if that is asked", () => {
  const doc = text();
  const copied = copyText(doc, doc.root, new Set(["3", "8"]), new Set(), INFO);
  expect(isCopy(copied)).toBe(true);
  const plain = paste(doc, doc.root, copied, INFO);
  expect(plain?.nodes).toEqual(["10", "11"]);
  expect(ends(plain?.doc as Doc).filter((end) => />1[01]\./.test(end))).toEqual(["10.0>11.samples"]);
  const joined = paste(doc, doc.root, copied, INFO, { outside: true });
  expect(ends(joined?.doc as Doc).filter((end) => />1[01]\./.test(end))).toEqual(["10.0>11.samples", "4.0>10.model", "4.2>11.vae", "5.0>10.latent_image", "6.0>10.positive", "7.0>10.negative"]);
  expect(paste(doc, doc.root, "nonsense", INFO)).toBeNull();
});

test("nodes become a subgraph and nodes again, with the same links", () => {
  const doc = text();
  const made = makeSubgraph(doc, doc.root, new Set(["3", "6", "7"]), "Sample", size, INFO);
  const outer = made.doc.root.nodes.find(({ id }) => id === made.id) as GraphNode;
  const inner = sheetOf(made.doc, outer.type);
  // One port for the CLIP that both prompts take.
  expect(inner.inputs.map(({ type }) => type).sort()).toEqual(["CLIP", "LATENT", "MODEL"]);
  expect(inner.outputs.map(({ type }) => type)).toEqual(["LATENT"]);
  expect(made.doc.root.nodes).toHaveLength(5);
  const again = unpack(made.doc, made.doc.root, made.id);
  expect(again?.doc.subgraphs).toEqual([]);
  const classes = (one: Doc) => one.root.links.map((link) => [link.from, link.to].map((id) => one.root.nodes.find((n) => n.id === id)?.type).join(">")).sort();
  expect(classes(again?.doc as Doc)).toEqual(classes(doc));
});

test("a promoted widget belongs to the subgraph's node, and goes inside when it is unpacked", () => {
  let doc = text();
  const made = makeSubgraph(doc, doc.root, new Set(["3"]), "Sample", size, INFO);
  const outer = made.doc.root.nodes.find(({ id }) => id === made.id) as GraphNode;
  doc = togglePromoted(made.doc, sheetOf(made.doc, outer.type), "3", "steps");
  const shown = () => doc.root.nodes.find(({ id }) => id === made.id) as GraphNode;
  expect(rowsOf(doc, doc.root, shown(), INFO).filter(({ widget }) => widget !== null)).toMatchObject([{ name: "3:steps", label: "steps", widget: "int" }]);
  doc = { ...doc, root: setValue(doc.root, made.id, "3:steps", 3) };
  const file = writeWorkflow(doc, INFO);
  expect((file.nodes as { id: number; widgets_values?: Json }[]).find(({ id }) => String(id) === made.id)?.widgets_values).toEqual([3]);
  expect(writeWorkflow(readWorkflow(file, INFO), INFO)).toEqual(file);
  expect(byType(unpack(doc, doc.root, made.id)?.doc as Doc, "KSampler").values.steps).toBe(3);
});

test("ports come and go with their places and links", () => {
  const doc = text();
  const made = makeSubgraph(doc, doc.root, new Set(["3"]), "Sample", size, INFO);
  const type = made.doc.root.nodes.find(({ id }) => id === made.id)?.type ?? "";
  const added = addPort(made.doc, sheetOf(made.doc, type), "in", "steps", "INT");
  expect(added.at).toBe(4);
  expect(added.doc.root.nodes.find(({ id }) => id === made.id)?.inputs.at(-1)).toMatchObject({ name: "steps", type: "INT" });
  const fewer = removePort(added.doc, sheetOf(added.doc, type), "in", 0);
  expect(fewer.root.nodes.find(({ id }) => id === made.id)?.inputs).toHaveLength(4);
  expect(fewer.root.links.filter(({ to }) => to === made.id)).toHaveLength(3);
  expect(ends(fewer, type).filter((end) => end.startsWith("-10"))).toHaveLength(3);
});

test("aligned, distributed, laid out: nothing overlaps, links go to the right", async () => {
  const doc = text();
  const lefts = align(doc.root.nodes.map((one, at) => ({ ...one, pos: [at * 7, at * 50] as const })), "left", size);
  expect(new Set([...lefts.values()].map(([x]) => x)).size).toBe(1);
  const spread = distribute(doc.root.nodes.slice(0, 3).map((one, at) => ({ ...one, pos: [at * at * 400, 0] as const })), 0, size);
  expect([...spread.values()].map(([x]) => x)).toEqual([0, 800, 1600]);
  const places = await layOut(doc.root, size);
  const nodes = doc.root.nodes.map((one) => ({ ...one, pos: places.get(one.id) ?? one.pos }));
  for (const { from, to } of doc.root.links) expect((places.get(from) ?? [0])[0]).toBeLessThan((places.get(to) ?? [0])[0]);
  for (const a of nodes) for (const b of nodes) {
    const apart = a === b || a.pos[0] + a.size[0] <= b.pos[0] || b.pos[0] + b.size[0] <= a.pos[0] || a.pos[1] + a.size[1] <= b.pos[1] || b.pos[1] + b.size[1] <= a.pos[1];
    expect(apart, `${a.type} and ${b.type}`).toBe(true);
  }
  expect(readingOrder({ ...doc.root, nodes })[0]?.type).toMatch(/CheckpointLoaderSimple|EmptyLatentImage/);
  const sampler = nodes.find(({ type }) => type === "KSampler") as GraphNode;
  expect(nearestTo(nodes, sampler, "right", size)?.type).toBe("VAEDecode");
});

test("seeds after a run: counted, drawn, or left, in subgraphs too", () => {
  const doc = text();
  const with_ = (control: "increment" | "decrement" | "randomize" | "fixed"): Doc => ({
    ...doc,
    root: { ...doc.root, nodes: doc.root.nodes.map((one) => (one.id === "3" ? { ...one, values: { ...one.values, seed: 7 }, controls: { seed: control } } : one)) },
  });
  const seed = (one: Doc) => byType(one, "KSampler").values.seed;
  expect(seed(afterRun(with_("increment"), INFO))).toBe(8);
  expect(seed(afterRun(with_("decrement"), INFO))).toBe(6);
  expect(seed(afterRun(with_("fixed"), INFO))).toBe(7);
  expect(seed(afterRun(with_("randomize"), INFO, () => 0.5))).toBe(2 ** 49);
});

test("the simple view: what the file lists, else texts, pictures and seeds", () => {
  const doc = readWorkflow(whole(), INFO);
  expect(appFields(doc, INFO)).toMatchObject([{ path: "2", field: { name: "3:late", widget: "float", fallback: 0.5 } }]);
  expect(appOf(doc)).toMatchObject({ outputs: ["4"], first: true });
  const plain = text();
  expect(appFields(plain, INFO).map(({ field }) => field.name).slice(0, 3)).toEqual(["text", "text", "seed"]);
  expect(appOf(toggleAppInput(plain, "3", "cfg")).inputs).toEqual([["3", "cfg"]]);
});
