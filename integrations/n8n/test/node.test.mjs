/** The node with n8n's context mocked, and the real engine on the CPU. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const manifest = require("../package.json");
const [file] = manifest.n8n.nodes;
const { Tintype, closeEngines } = require(`../${file}`);

after(closeEngines);

const QUICK = { device: "cpu", steps: 2, width: 64, height: 64, seed: "7" };

/** n8n's context of a run over items with these parameters each. */
function context(items, { continues = false, signal } = {}) {
  return {
    getInputData: () => items.map(() => ({ json: {} })),
    getNodeParameter: (name, index, fallback) => items[index][name] ?? fallback,
    getNode: () => ({ name: "Tintype", type: "tintype", typeVersion: 1 }),
    getExecutionCancelSignal: () => signal,
    continueOnFail: () => continues,
    helpers: {
      prepareBinaryData: async (buffer, fileName, mimeType) => ({ data: buffer.toString("base64"), fileName, mimeType }),
    },
  };
}

const run = (items, more) => Tintype.prototype.execute.call(context(items, more));
const prompt = (text, options = {}) => ({ source: "prompt", prompt: text, options: { ...QUICK, ...options } });
const isPng = ({ data, mimeType }) => mimeType === "image/png" && Buffer.from(data, "base64").subarray(1, 4).toString() === "PNG";

test("each item becomes a picture with its settings, paired with it", async () => {
  const [made] = await run([prompt("a red dragon"), { ...prompt("a blue owl"), binaryPropertyName: "picture" }]);
  assert.deepEqual(made.map(({ pairedItem }) => pairedItem.item), [0, 1]);
  assert.ok(isPng(made[0].binary.data) && isPng(made[1].binary.picture));
  assert.equal(made[0].json.seed, "7");
  assert.equal(made[1].json.prompt, "a blue owl");
  assert.doesNotThrow(() => JSON.stringify(made));
  const [[again]] = await run([prompt("a red dragon")]);
  assert.equal(again.binary.data.data, made[0].binary.data.data);
});

test("a batch gives an item each; a workflow runs", async () => {
  const [several] = await run([prompt("an owl", { batchSize: 2 })]);
  assert.equal(several.length, 2);
  const workflow = JSON.parse(readFileSync(new URL("../../../www/public/workflows/text_to_image.json", import.meta.url), "utf8"));
  for (const node of Object.values(workflow)) if (node.class_type === "KSampler") node.inputs.steps = 1;
  const [[drawn]] = await run([{ source: "workflow", workflow, options: { device: "cpu" } }]);
  assert.ok(isPng(drawn.binary.data));
});

test("what goes wrong names the item and the next step; with continueOnFail the others are drawn", async () => {
  const items = [prompt("x", { sampler: "eulr" }), prompt("x", { seed: "seven" }), prompt("a red dragon")];
  await assert.rejects(run(items), (error) => error.name === "NodeOperationError" && error.context.itemIndex === 0 && /euler/.test(error.message));
  const [made] = await run(items, { continues: true });
  assert.match(made[0].json.error, /euler/);
  assert.match(made[1].json.hint, /digits/);
  assert.ok(isPng(made[2].binary.data));
  await assert.rejects(run([prompt("x", { models: "/nowhere" })]), (error) => error.description === "Give the path of a folder that exists.");
});

test("stopping the execution stops the picture", async () => {
  const started = Date.now();
  await assert.rejects(run([prompt("a red dragon", { steps: 150, width: 128, height: 128 })], { signal: AbortSignal.timeout(500) }));
  assert.ok(Date.now() - started < 20_000);
});

test("the description is whole: files, defaults, names used once", () => {
  const { description } = new Tintype();
  const folder = new URL(`../${file}`, import.meta.url);
  assert.ok(existsSync(fileURLToPath(new URL(description.icon.replace("file:", ""), folder))));
  const all = [...description.properties, ...description.properties.flatMap(({ type, options }) => (type === "collection" ? options : []))];
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  for (const property of all) assert.ok(property.displayName && property.default !== undefined, property.name);
  assert.ok(manifest.keywords.includes("n8n-community-node-package"));
});
