/** What the form becomes: sizes, styles, settings as text, graphs and back. */

import { expect, test } from "@playwright/test";

import { fillGraph, fillRepaint, fillUpscale, Graph, type Settings, type Source } from "../../src/engine/index";
import { beyondBundled } from "../../src/app/beyond";
import { EXAMPLES, FIRST, goWay, leaveStudent, wayOf } from "../../src/app/form";
import { infotext } from "../../src/app/infotext";
import { settingsIn } from "../../src/app/settings_in";
import { sizeLike, sizesFor } from "../../src/app/sizes";
import { styled, stylesFor } from "../../src/app/styles";
import { viewOf, VIEWS } from "../../src/app/views";

const settings: Settings = {
  prompt: "a cat", negativePrompt: "dog", seed: 18446744073709551615n, steps: 20, cfg: 5.5, sampler: "dpmpp_2m", scheduler: "karras",
  width: 128, height: 96, batchSize: 1, model: "tiny.safetensors", loras: [], denoise: 1,
};

const graphOf = (more: Partial<Settings>, source: Source | null) => {
  const graph = Graph.create();
  fillGraph(graph, { settings: { ...settings, ...more }, source });
  return graph.toJSON();
};
const classes = (graph: ReturnType<typeof graphOf>) => Object.values(graph).map(({ class_type }) => class_type);

test("sizes go with the checkpoint: its area, in steps of 64", () => {
  expect(sizesFor(null)[0]).toMatchObject({ width: 128, height: 128 });
  const sizes = sizesFor(1024);
  expect(sizes[0]).toMatchObject({ width: 1024, height: 1024 });
  for (const { width, height } of sizesFor(512)) {
    expect([width % 64, height % 64]).toEqual([0, 0]);
    expect(Math.abs(Math.log((width * height) / 512 ** 2))).toBeLessThan(0.2);
  }
});

test("a picture is drawn over at its own size where that is possible, else at its shape", () => {
  expect(sizeLike({ width: 128, height: 96 }, 128)).toEqual({ width: 128, height: 96 });
  expect(sizeLike({ width: 4000, height: 2000 }, 512)).toEqual({ width: 728, height: 360 });
  expect(sizeLike({ width: 130, height: 130 }, 128)).toEqual({ width: 128, height: 128 });
  expect(sizeLike({ width: 10000, height: 1 }, 128).height).toBe(8);
});

test("styles add their words to both prompts, each once", () => {
  const photo = stylesFor(false).filter(({ name }) => name === "Pencil");
  expect(styled("a cat,", "photograph", photo)).toEqual({
    prompt: "a cat, pencil drawing, fine hatching, white paper",
    negativePrompt: "photograph, colour",
  });
  expect(styled("a cat, flat", "", stylesFor(true).filter(({ name }) => name === "Flat"))).toEqual({ prompt: "a cat, flat", negativePrompt: "" });
  expect(styled("", "", [])).toEqual({ prompt: "", negativePrompt: "" });
});

test("settings are text as AUTOMATIC1111 writes it", () => {
  expect(infotext({ ...settings, denoise: 0.5, model: "odd, name.safetensors" })).toBe(
    "a cat\nNegative prompt: dog\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5, Seed: 18446744073709551615, " +
      'Size: 128x96, Model: "odd, name", Denoising strength: 0.5',
  );
});

test("words alone are the usual seven nodes, and the settings are found in them again", () => {
  const graph = graphOf({}, null);
  expect(classes(graph)).toEqual(["CheckpointLoaderSimple", "CLIPTextEncode", "CLIPTextEncode", "EmptyLatentImage", "KSampler", "VAEDecode", "SaveImage"]);
  expect(settingsIn(graph)).toEqual(settings);
  expect(settingsIn({})).toBeNull();
});

test("LoRAs stand between the checkpoint and both who use it", () => {
  const uses = [{ name: "a", strength: 0.5 }, { name: "b.safetensors", strength: -1 }];
  const graph = graphOf({ loras: uses }, null);
  const loras = Object.entries(graph).filter(([, { class_type }]) => class_type === "LoraLoader");
  const [first, second] = loras;
  expect(first?.[1].inputs).toMatchObject({ lora_name: "a", strength_model: 0.5, strength_clip: 0.5, model: ["1", 0], clip: ["1", 1] });
  expect(second?.[1].inputs).toMatchObject({ lora_name: "b.safetensors", model: [first?.[0], 0], clip: [first?.[0], 1] });
  expect(settingsIn(graph)).toEqual({ ...settings, loras: uses });
  expect(infotext({ ...settings, loras: uses })).toMatch(/^a cat <lora:a:0.5> <lora:b:-1>\n/);
});

test("the bundled model draws in one of two ways, or in one of the person's own", () => {
  const form = { ...FIRST };
  expect(wayOf(form)).toBe("fast");
  goWay(form, "fine");
  expect(wayOf(form)).toBe("fine");
  expect(form).toMatchObject({ steps: 20, cfg: 3, loras: [] });
  form.steps = 12;
  expect(wayOf(form)).toBeNull();
  goWay(form, "fast");
  expect(form).toMatchObject({ steps: 4, cfg: 1, sampler: "lcm", loras: [{ name: "sprite-lcm.safetensors", strength: 1 }] });
});

test("another model gets neither the student nor its sampling, whatever was changed before, and keeps the person's LoRAs", () => {
  const own = { name: "ink.safetensors", strength: 0.5 };
  const form = { ...FIRST, steps: 8, loras: [...FIRST.loras, own] };
  leaveStudent(form);
  expect(form).toMatchObject({ steps: 20, cfg: 5, sampler: "dpmpp_2m", loras: [own] });
  form.steps = 12;
  leaveStudent(form);
  expect(form.steps).toBe(12);
  goWay(form, "fine");
  leaveStudent(form);
  expect(form).toMatchObject({ steps: 20, cfg: 5, sampler: "dpmpp_2m", loras: [] });
});

test("a picture is drawn over, redrawn in a part, or extended", () => {
  const over = graphOf({ denoise: 0.6, batchSize: 2 }, { image: "i.png", mask: null, pad: null });
  expect(classes(over)).toEqual(expect.arrayContaining(["LoadImage", "VAEEncode", "RepeatLatentBatch"]));
  expect(classes(over)).not.toContain("ImageCompositeMasked");
  const part = graphOf({}, { image: "i.png", mask: "m.png", pad: null });
  expect(classes(part)).toEqual(expect.arrayContaining(["SetLatentNoiseMask", "ImageCompositeMasked"]));
  const wide = graphOf({}, { image: "i.png", mask: null, pad: { left: 32, top: 0, right: 0, bottom: 0 } });
  expect(Object.values(wide).find(({ class_type }) => class_type === "ImagePadForOutpaint")?.inputs).toMatchObject({ left: 32, feathering: 4 });
  expect(classes(wide)).toContain("VAEEncodeForInpaint");
  const special = graphOf({ model: "sd-v1-5-inpainting.safetensors" }, { image: "i.png", mask: "m.png", pad: null });
  expect(classes(special)).toContain("InpaintModelConditioning");
});

test("an upscaled picture is three nodes and the file", () => {
  const graph = Graph.create();
  fillUpscale(graph, "x4.safetensors", "p.png");
  expect(classes(graph.toJSON())).toEqual(["LoadImage", "UpscaleModelLoader", "ImageUpscaleWithModel", "SaveImage"]);
});

test("a picture is repainted as it is, or enlarged first", () => {
  const made = (upscaler: string | null) => {
    const graph = Graph.create();
    fillRepaint(graph, { network: "n.safetensors", style: 3, strength: 0.5, upscaler }, "p.png");
    return graph.toJSON();
  };
  expect(classes(made(null))).toEqual(["LoadImage", "StyleTransferModelLoader", "ImageStyleTransfer", "SaveImage"]);
  expect(classes(made("x4.safetensors"))).toEqual(
    ["LoadImage", "StyleTransferModelLoader", "UpscaleModelLoader", "ImageUpscaleWithModel", "ImageStyleTransfer", "SaveImage"],
  );
  const style = Object.values(made("x4.safetensors")).find(({ class_type }) => class_type === "ImageStyleTransfer");
  expect(style?.inputs).toMatchObject({ image: ["4", 0], style_model: ["2", 0], style: 3, mix: 0, strength: 0.5 });
});

test("an address names a view, and the first one if it names none", () => {
  expect(viewOf("#models").name).toBe("models");
  expect(viewOf("#/gallery/x").name).toBe("gallery");
  for (const hash of ["", "#", "#nobody", "#%00"]) expect(viewOf(hash)).toBe(VIEWS[0]);
});

test("prompts beyond the bundled model are known by their words, and its own are not among them", () => {
  for (const prompt of EXAMPLES) expect(beyondBundled(prompt), prompt).toBeNull();
  for (const prompt of ["a snowman", "a mango", "a smiling face", "a superhero", "a fox in the snow", "a castle at sunset", ""]) expect(beyondBundled(prompt), prompt).toBeNull();
  expect(beyondBundled("portrait of an old Woman")).toBe("people");
  expect(beyondBundled("a cat, photorealistic, 85mm lens")).toBe("photographs");
  expect(beyondBundled("a village street in the rain")).toBe("scenes");
});
