import { expect, test } from "@playwright/test";

import { nextSeeds } from "../../src/app/seeds";
import type { ApiGraph } from "../../src/engine/graph";
import type { ObjectInfo } from "../../src/engine/types";

const LARGEST = 2n ** 64n - 1n;

const INFO: ObjectInfo = {
  KSampler: {
    name: "KSampler",
    // As the engine hands it over: 2^64 − 1 is no JavaScript number.
    input: { required: { seed: ["INT", { min: 0, max: 2 ** 64, control_after_generate: true }], steps: ["INT", {}] } },
    output: ["LATENT"],
  },
  PrimitiveInt: {
    name: "PrimitiveInt",
    input: { required: { value: ["INT", { min: -(2 ** 63), max: 2 ** 63, control_after_generate: true }] } },
    output: ["INT"],
  },
};

const sampler = (seed: number | bigint | [string, number]): ApiGraph[string] => ({ class_type: "KSampler", inputs: { seed, steps: 2 } });
const node = (id: number, type: string, widgets_values: unknown[], more = {}) => ({ id, type, widgets_values, ...more });

/** Seed and widgets of the one sampler of a workflow, after a run. */
function after(seed: number | bigint, control: string, random = 0.5): unknown[] {
  const source = { nodes: [node(5, "KSampler", [seed, control, 2])] };
  const next = nextSeeds({ "5": sampler(seed) }, source, INFO, () => random);
  const widgets = (next.source as typeof source).nodes[0]?.widgets_values;
  expect(widgets).toEqual([next.graph["5"]?.inputs.seed, control, 2]);
  return [next.graph["5"]?.inputs.seed];
}

test("a seed is left, counted, or drawn, as its control says, within its limits", () => {
  expect(after(7, "fixed")).toEqual([7]);
  expect(after(7, "increment")).toEqual([8]);
  expect(after(7, "decrement")).toEqual([6]);
  expect(after(0, "decrement")).toEqual([0]);
  expect(after(LARGEST, "increment")).toEqual([LARGEST]);
  expect(after(LARGEST - 1n, "increment")).toEqual([LARGEST]);
  expect(after(Number.MAX_SAFE_INTEGER, "increment")).toEqual([2n ** 53n]);
  expect(after(2n ** 53n, "decrement")).toEqual([Number.MAX_SAFE_INTEGER]);
  expect(after(7, "randomize", 0)).toEqual([0]);
  expect(after(7, "randomize", 1 - 2 ** -53)).toEqual([2 ** 50]);
});

test("what was given stays as it was", () => {
  const [graph, source] = [{ "5": sampler(7) }, { nodes: [node(5, "KSampler", [7, "increment", 2])] }];
  const before = structuredClone({ graph, source });
  nextSeeds(graph, source, INFO);
  expect({ graph, source }).toEqual(before);
});

test("numbers below zero are counted and drawn, too", () => {
  const source = { nodes: [node(1, "PrimitiveInt", [0, "decrement"]), node(2, "PrimitiveInt", [0, "randomize"])] };
  const primitive = () => ({ class_type: "PrimitiveInt", inputs: { value: 0 } });
  const { graph } = nextSeeds({ "1": primitive(), "2": primitive() }, source, INFO, () => 0);
  expect([graph["1"]?.inputs.value, graph["2"]?.inputs.value]).toEqual([-1, -(2 ** 50)]);
});

test("one primitive changes every input that took its value, and they ignore their own control", () => {
  const linked = { inputs: [{ name: "model", link: 1 }, { name: "seed", link: 3 }] };
  const source = {
    nodes: [
      node(9, "PrimitiveNode", [7, "increment"]),
      node(5, "KSampler", [1, "randomize", 2], linked),
      node(6, "KSampler", [2, "randomize", 2], linked),
    ],
    links: [[3, 9, 0, 5, 1, "INT"], [4, 9, 0, 6, 1, "INT"], [5, 5, 0, 6, 0, "LATENT"]],
  };
  const next = nextSeeds({ "5": sampler(7), "6": sampler(7) }, source, INFO);
  expect([next.graph["5"]?.inputs.seed, next.graph["6"]?.inputs.seed]).toEqual([8, 8]);
  const widgets = (next.source as typeof source).nodes.map(({ widgets_values }) => widgets_values);
  expect(widgets).toEqual([[8, "increment"], [1, "randomize", 2], [2, "randomize", 2]]);
});

test("seeds inside subgraphs change, primitives there by their links", () => {
  const inner = {
    id: "abc",
    nodes: [
      node(5, "KSampler", [7, "increment", 2]),
      node(8, "PrimitiveNode", [3, "decrement"]),
      node(6, "KSampler", [0, "fixed", 2], { inputs: [{ name: "seed", link: 1 }] }),
    ],
    links: [{ id: 1, origin_id: 8, origin_slot: 0, target_id: 6, target_slot: 0 }],
  };
  const source = { nodes: [node(57, "abc", [])], definitions: { subgraphs: [inner] } };
  const next = nextSeeds({ "57:5": sampler(7), "57:6": sampler(3) }, source, INFO);
  expect([next.graph["57:5"]?.inputs.seed, next.graph["57:6"]?.inputs.seed]).toEqual([8, 2]);
});

test("nodes that do not run, old files without a control, and broken files change nothing", () => {
  const unchanged = (graph: ApiGraph, source: object) => expect(nextSeeds(graph, source, INFO)).toEqual({ graph, source });
  unchanged({}, { nodes: [node(5, "KSampler", [7, "increment", 2])] });
  unchanged({ "5": sampler(7) }, { nodes: [node(5, "KSampler", [7, 2])] });
  unchanged({ "5": sampler(["1", 0]) }, { nodes: [node(5, "KSampler", [7, "increment", 2])] });
  unchanged({ "5": sampler(7) }, { nodes: [null, 5, { id: 5 }, { type: "KSampler", widgets_values: { seed: 7 } }] });
  unchanged({ "5": sampler(7) }, { nodes: [node(5, "PrimitiveNode", [7, "increment"])], links: [null, [], {}, 7] });
  unchanged({ "5": sampler(7) }, {});
  const itself = { id: "abc", nodes: [node(1, "abc", [])] };
  unchanged({ "1:5": sampler(7) }, { nodes: [node(1, "abc", [])], definitions: { subgraphs: [itself] } });
});
