/** `tintype/node`: the same engine without a browser. */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { tinyCheckpoint } from "../browser/tiny";
import { expect, PACKAGE, test } from "./fixtures";

const ENTRY = pathToFileURL(join(PACKAGE, "node.js")).href;

/** Runs a program of Node that has `tintype` and prints JSON. */
function program(body: string, cwd = PACKAGE): unknown {
  const script = `import * as tintype from ${JSON.stringify(ENTRY)}; const say = (value) => console.log(JSON.stringify(value)); ${body}`;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd, encoding: "utf8", timeout: 120_000 }));
}

test("the same picture as in the browser, byte for byte; the program ends by itself", async ({ show, page, site }) => {
  const settings = { prompt: "a red dragon, 3d render", steps: 3, width: 64, height: 64 };
  // This Node may have no multiply-adds, which are others' bits.
  const options = { device: "cpu", precision: "full" } as const;
  const folder = mkdtempSync(join(tmpdir(), "tintype-"));
  const made = program(
    `const engine = await tintype.open(${JSON.stringify(options)});
     const { images } = await engine.generate({ ...${JSON.stringify(settings)}, seed: 7n });
     say({ paths: await tintype.saveImages(images, "pictures"), again: await tintype.saveImages(images, "pictures"), bytes: (await tintype.imageBuffer(images[0])).length, kind: engine.device.kind });`,
    folder,
  ) as { paths: string[]; again: string[]; bytes: number; kind: string };
  expect(made.kind).toBe("cpu");
  expect(made.paths).toEqual([join("pictures", "tintype_00001_.png")]);
  expect(made.again).toEqual([join("pictures", "tintype_00001_-2.png")]);
  const inNode = readFileSync(join(folder, made.paths[0] ?? ""));
  expect(inNode.length).toBe(made.bytes);

  await show("");
  const inPage = await page.evaluate(
    async ({ url, settings, options }) => {
      const { open } = (await import(url)) as typeof import("../../src/engine/index");
      const engine = await open(options);
      const { images } = await engine.generate({ ...settings, seed: 7n });
      return [...new Uint8Array(await (images[0] as Blob).arrayBuffer())];
    },
    { url: `${site}index.js`, settings, options },
  );
  expect(inNode.equals(Buffer.from(inPage))).toBe(true);
});

test("models of a folder are there, and draw; errors have their hint; nothing is left open", () => {
  const folder = mkdtempSync(join(tmpdir(), "tintype-"));
  mkdirSync(join(folder, "checkpoints"));
  writeFileSync(join(folder, "checkpoints/tiny.safetensors"), tinyCheckpoint());
  writeFileSync(join(folder, "notes.md"), "not a model");
  const made = program(
    `const events = [];
     const engine = await tintype.open({ device: "cpu", models: ${JSON.stringify(folder)}, onEvent: ({ type }) => events.push(type) });
     const models = engine.objectInfo().CheckpointLoaderSimple.input.required.ckpt_name[0];
     const { images } = await engine.generate({ prompt: "x", model: "tiny.safetensors", steps: 1, width: 64, height: 64, seed: 1 });
     const wrong = await engine.generate({ prompt: "x", model: "none" }).catch((error) => ({ code: error.code, name: error.name }));
     const cancelled = await engine.generate({ prompt: "x", steps: 50, signal: AbortSignal.timeout(300) }).catch((error) => error.name);
     const absent = await tintype.open({ models: "nowhere" }).catch((error) => error.hint);
     engine.close();
     say({ models, images: images.length, wrong, cancelled, absent, steps: events.includes("progress") });`,
  );
  expect(made).toEqual({
    models: expect.arrayContaining(["sprite", "tiny.safetensors"]),
    images: 1,
    wrong: { code: "prompt_outputs_failed_validation", name: "TintypeError" },
    cancelled: "AbortError",
    absent: "Give the path of a folder that exists.",
    steps: true,
  });
});

test("a device that is not there is refused by name, and auto says why it is the CPU", () => {
  const made = program(
    `const refused = await tintype.open({ device: "webgpu" }).catch((error) => [error.code, error.message]);
     const engine = await tintype.open();
     say({ refused, reason: engine.device.reason });`,
  );
  expect(made).toEqual({
    refused: ["device_unavailable", "no webgpu device: Node has no WebGPU without the package `webgpu`"],
    reason: "The CPU draws: Node has no WebGPU without the package `webgpu`.",
  });
  expect(readdirSync(PACKAGE)).not.toContain("node_modules");
});

test("two engines of one program do not know of each other, and a node in JavaScript runs", () => {
  const made = program(
    `const [a, b] = await Promise.all([tintype.open({ device: "cpu" }), tintype.open({ device: "cpu" })]);
     await a.registerNode({ class_type: "Invert", inputs: { image: "IMAGE" }, outputs: ["IMAGE"], run: ({ image }) => ({ ...image, data: image.data.map((x) => 1 - x) }) });
     const g = a.graph();
     g.SaveImage({ images: g.Invert({ image: g.EmptyImage({ width: 16, height: 16, batch_size: 1, color: 0 }) }), filename_prefix: "white" });
     const { images } = await a.run(g);
     say({ name: images[0].name, known: ["Invert" in a.objectInfo(), "Invert" in b.objectInfo()] });`,
  );
  expect(made).toEqual({ name: "white_00001_.png", known: [true, false] });
});
