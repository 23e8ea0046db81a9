import { expect, test } from "@playwright/test";

import { TintypeError } from "../../src/engine/errors";
import { DEFAULTS, FAST, FINE, settingsOf } from "../../src/engine/generate";
import { Graph, readApi } from "../../src/engine/graph";
import { fillGraph } from "../../src/engine/recipe";
import { INFO } from "./schema";

function caught(action: () => unknown): TintypeError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TintypeError);
    return error as TintypeError;
  }
  throw new Error("nothing was thrown");
}

test("node classes are methods, outputs destructure, single outputs are inputs", () => {
  const g = Graph.create(INFO);
  const [model, clip, vae] = g.CheckpointLoaderSimple({ ckpt_name: "sprite" });
  const samples = g.KSampler({
    model,
    seed: 2n ** 64n - 1n,
    steps: 12,
    cfg: 5,
    sampler_name: "dpmpp_2m",
    scheduler: "karras",
    denoise: 1,
    positive: g.CLIPTextEncode({ clip, text: "a red dragon" }),
    negative: g.CLIPTextEncode({ clip, text: "" }),
    latent_image: g.EmptyLatentImage({ width: 128, height: 128, batch_size: 1 }),
  });
  const out = g.SaveImage({ images: g.VAEDecode({ samples, vae }) });
  const api = g.toJSON();
  const sampler = api[samples.id];
  expect(sampler?.class_type).toBe("KSampler");
  expect(sampler?.inputs.model).toEqual(["1", 0]);
  expect(sampler?.inputs.positive).toEqual(["2", 0]);
  expect(api[out.id]?.inputs.images).toEqual(["6", 0].map((v, i) => (i === 0 ? String(Number(out.id) - 1) : v)));
  expect(g.toText()).toContain('"seed":18446744073709551615');
});

test("a graph is not mistaken for a promise", async () => {
  const g = Graph.create(INFO);
  expect(await Promise.resolve(g)).toBe(g);
});

test("an unknown class is refused with the nearest name", () => {
  const g = Graph.create(INFO);
  const error = caught(() => (g as unknown as { KSampeler(): void }).KSampeler());
  expect(error.message).toBe("unknown node class `KSampeler`");
  expect(error.hint).toBe("Did you mean `KSampler`?");
});

test("a node with several outputs is no input by itself", () => {
  const g = Graph.create(INFO);
  const loader = g.CheckpointLoaderSimple({ ckpt_name: "sprite" });
  const error = caught(() => g.add("CLIPTextEncode", { clip: loader, text: "" }));
  expect(error.code).toBe("bad_linked_input");
  expect(error.hint).toContain("[model, clip, vae]");
});

test("an output of another graph is refused", () => {
  const other = Graph.create(INFO).EmptyLatentImage({ width: 64, height: 64 });
  const error = caught(() => Graph.create(INFO).add("VAEDecode", { samples: other }));
  expect(error.message).toContain("not in this graph");
});

test("a literal list is boxed, so that it is no link", () => {
  const g = Graph.create();
  g.add("Anything", { sizes: [1, 2] });
  expect(g.toJSON()["1"]?.inputs.sizes).toEqual({ __value__: [1, 2] });
});

test("API JSON comes in and goes out unchanged, and new nodes get free ids", () => {
  const text = '{"3":{"class_type":"KSampler","inputs":{"seed":18446744073709551615,"model":["57:8",0]},"_meta":{"title":"K"}},"1":{"class_type":"EmptyLatentImage","inputs":{"width":64}}}';
  const g = Graph.from(text, INFO);
  expect(JSON.parse(g.toText())).toEqual(JSON.parse(text));
  expect(g.toText()).toContain("18446744073709551615");
  const added = g.EmptyLatentImage({ width: 64, height: 64 });
  expect(added.id).toBe("2");
  expect(g.handle("3").length).toBe(1);
});

test("NaN is refused with node, input and fix", () => {
  const g = Graph.create(INFO);
  fillGraph(g, { settings: settingsOf({ prompt: "x", cfg: Number.NaN }), source: null });
  const error = caught(() => g.toText());
  expect(error.message).toBe("`cfg` is not a finite number");
  expect(error.code).toBe("not_finite");
  expect(error.node).toEqual({ id: "5", class_type: "KSampler" });
});

for (const [what, value, part] of [
  ["text that is no JSON", "{", "not JSON"],
  ["a list", "[]", "not an object"],
  ["an editor's workflow", '{"nodes":[],"links":[]}', "not API JSON"],
  ["a node without class", '{"1":{"inputs":{}}}', "no `class_type`"],
] as const) {
  test(`${what} is refused`, () => {
    const error = caught(() => readApi(value));
    expect(error.code).toBe("invalid_prompt");
    expect(error.message).toContain(part);
  });
}

test("generate's graph fills every gap with the bundled model's four steps", () => {
  const settings = settingsOf({ prompt: "a cat", seed: 7 });
  expect(settings).toEqual({ ...DEFAULTS, ...FAST, prompt: "a cat", seed: 7n });
  const g = Graph.create(INFO);
  fillGraph(g, { settings, source: null });
  expect([...g.nodes.values()].map((node) => node.class_type)).toEqual([
    "CheckpointLoaderSimple",
    "LoraLoader",
    "CLIPTextEncode",
    "CLIPTextEncode",
    "EmptyLatentImage",
    "KSampler",
    "VAEDecode",
    "SaveImage",
  ]);
});

test("whoever says how to sample gets the teacher's way for the rest, and another model the usual one", () => {
  expect(settingsOf({ prompt: "a cat", seed: 7, steps: 12 })).toEqual({ ...DEFAULTS, ...FINE, prompt: "a cat", seed: 7n, steps: 12 });
  expect(settingsOf({ prompt: "a cat", seed: 7, loras: [] })).toEqual({ ...DEFAULTS, ...FINE, prompt: "a cat", seed: 7n });
  expect(settingsOf({ prompt: "a cat", seed: 7, model: "my.safetensors" })).toEqual({ ...DEFAULTS, prompt: "a cat", seed: 7n, model: "my.safetensors" });
  expect(settingsOf({ prompt: "a cat", width: 64 })).toMatchObject({ ...FAST, width: 64 });
});

test("with a picture to start from, the graph loads and encodes it", () => {
  const g = Graph.create(INFO);
  const source = { image: "start.png", mask: "mask.png", pad: null };
  fillGraph(g, { settings: settingsOf({ prompt: "a cat", denoise: 0.5, batchSize: 3 }), source });
  const classes = [...g.nodes.values()].map((node) => node.class_type);
  expect(classes).toContain("LoadImage");
  expect(classes).toContain("VAEEncode");
  expect(classes).toContain("SetLatentNoiseMask");
  expect(classes).toContain("RepeatLatentBatch");
  // Outside of the mask the picture stays as it is, to the pixel.
  expect(classes.slice(-3)).toEqual(["RepeatImageBatch", "ImageCompositeMasked", "SaveImage"]);
  expect(classes).not.toContain("EmptyLatentImage");
});
