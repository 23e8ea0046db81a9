import { expect, test } from "@playwright/test";

import type { ApiGraph } from "../../src/engine/graph";
import {
  baseOf,
  expandGraph,
  hasFlags,
  isDynamic,
  midjourneyPrompt,
  seedInputs,
  seedOf,
  type Expand,
  type MidjourneySettings,
} from "../../src/engine/prompts";
import type { ObjectInfo } from "../../src/engine/types";
import { INFO } from "./schema";

const DYNAMIC: ObjectInfo = {
  ...INFO,
  CLIPTextEncode: {
    name: "CLIPTextEncode",
    input: { required: { text: ["STRING", { multiline: true, dynamicPrompts: true }], clip: ["CLIP"] } },
    output: ["CONDITIONING"],
  },
};

const GRAPH: ApiGraph = {
  "2": { class_type: "CLIPTextEncode", inputs: { text: "a {b|c}", clip: ["1", 1] }, _meta: { title: "wanted" } },
  "3": { class_type: "CLIPTextEncode", inputs: { text: "{d|e}", clip: ["1", 1] } },
  "4": { class_type: "CLIPTextEncode", inputs: { text: ["9", 0], clip: ["1", 1] } },
  "5": { class_type: "KSampler", inputs: { seed: 7, steps: 2 } },
  "7": { class_type: "SaveImage", inputs: { filename_prefix: "{f|g}" } },
  "8": { class_type: "Unheard", inputs: { text: "{h|i}" } },
};

const echo: Expand = async (text, seed) => ({ text: `${text} ${seed}`, unknown: ["x"] });

test("only texts marked for it are drawn, each with a seed of its own, and the graph given stays", async () => {
  const before = structuredClone(GRAPH);
  const { graph, unknown } = await expandGraph(GRAPH, DYNAMIC, 2n ** 64n - 1n, echo);
  expect(GRAPH).toEqual(before);
  expect(unknown).toEqual(["x"]);
  const changed = structuredClone(GRAPH);
  changed["2"]!.inputs.text = "a {b|c} 18446744073709551615";
  changed["3"]!.inputs.text = "{d|e} 18446744073709551616";
  expect(graph).toEqual(changed);
});

test("a graph's seed is the first number that the editor would change", () => {
  const seed = (value: unknown): bigint =>
    seedOf({ "1": { class_type: "SaveImage", inputs: {} }, "5": { class_type: "KSampler", inputs: { seed: value as number } } }, INFO);
  expect(seedOf(GRAPH, INFO)).toBe(7n);
  expect(seed(2n ** 63n)).toBe(2n ** 63n);
  expect(seed(1.5)).toBe(0n);
  expect(seed(["1", 0])).toBe(0n);
  expect(seedInputs(INFO.KSampler)).toEqual(["seed"]);
  expect(seedInputs(undefined)).toEqual([]);
});

test("prompts without anything to draw are told from the others", () => {
  for (const text of ["a {b|c}", "a // b", "/* a */", "__a__", "\\{a\\}"]) expect(isDynamic(text), text).toBe(true);
  for (const text of ["", "a (b:1.2), [c]", "1/2", "snake_case", "a|b"]) expect(isDynamic(text), text).toBe(false);
});

test("flags are told from dashes in words", () => {
  for (const text of ["a --ar 16:9", "--no cats", "a\n--tile", "a —ar 2:1", "a --AR 1:1"]) expect(hasFlags(text), text).toBe(true);
  for (const text of ["", "well--known", "a -- b", "a --1", "a - b", "-5"]) expect(hasFlags(text), text).toBe(false);
});

const PLAIN: MidjourneySettings = {
  prompt: "a fox", negative: "", width: 128, height: 128, seed: null, steps: 20, end_step: 20, tile: false, repeat: 1,
  images: [], denoise: 1, notices: [],
};

test("a MidJourney prompt becomes options of a run, which leave out what it does not say", () => {
  expect(midjourneyPrompt(PLAIN, "a fox")).toEqual({
    options: { prompt: "a fox", width: 128, height: 128, steps: 20, dynamicPrompts: false },
    images: [],
    denoise: 1,
    notices: [],
  });
  const full = midjourneyPrompt({ ...PLAIN, negative: "cats", seed: 0, repeat: 3, steps: 10, end_step: 10, width: 168, height: 96 }, "a {fox, f|x}");
  expect(full.notices).toEqual([]);
  expect(full.options).toEqual({
    prompt: "a fox", negativePrompt: "cats", width: 168, height: 96, steps: 10, seed: 0, batchSize: 3, dynamicPrompts: false,
  });
});

test("what a run cannot follow is told, after what the engine told", () => {
  const { notices, images, denoise } = midjourneyPrompt({
    ...PLAIN, notices: ["first"], images: ["https://x.org/a.png"], denoise: 0.5, end_step: 15, tile: true,
  }, "a {red|blue} fox --tile");
  expect(notices).toHaveLength(5);
  expect(notices[0]).toBe("first");
  expect(notices[1]).toContain("not fetched");
  expect(notices[2]).toContain("--stop");
  expect(notices[3]).toContain("--tile");
  expect(notices[4]).toContain("{a|b}");
  expect({ images, denoise }).toEqual({ images: ["https://x.org/a.png"], denoise: 0.5 });
});

test("gaps of a base are the usual settings, and nonsense in it is refused by name", () => {
  expect(baseOf({})).toEqual({ width: 128, height: 128, steps: 20 });
  expect(baseOf({ width: 64 })).toEqual({ width: 64, height: 128, steps: 20 });
  expect(() => baseOf({ steps: Number.NaN })).toThrow("`steps` expected a whole number above 0, got NaN");
  expect(() => baseOf({ width: 0 })).toThrow("`width`");
  expect(() => baseOf({ height: 64.5 })).toThrow("`height`");
});
