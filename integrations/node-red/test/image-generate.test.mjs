/** The node in a real Node-RED, with the real engine on the CPU. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, test } from "node:test";

const require = createRequire(import.meta.url);
const helper = require("node-red-node-test-helper");
const nodes = [
  require("../nodes/tintype-engine.js"),
  require("../nodes/image-generate.js"),
  require("@node-red/nodes/core/common/25-catch.js"),
];
helper.init(require.resolve("node-red"));

before((_, done) => void helper.startServer(done));
after((_, done) => void helper.stopServer(done));
afterEach(() => helper.unload());

const QUICK = { steps: "2", width: "64", height: "64", seed: "7" };
const flow = (settings = QUICK) => [
  { id: "t", type: "tab", label: "test" },
  { id: "e", type: "tintype-engine", device: "cpu" },
  { id: "n", z: "t", type: "image-generate", engine: "e", ...settings, wires: [["h"]] },
  { id: "h", z: "t", type: "helper" },
  { id: "c", z: "t", type: "catch", scope: ["n"], wires: [["f"]] },
  { id: "f", z: "t", type: "helper" },
];

let hear = () => {};

/** Loads the flow; what comes out of it is handed to `hear`. */
async function load(settings) {
  await helper.load(nodes, flow(settings));
  helper.getNode("h").on("input", (msg) => hear({ msg }));
  helper.getNode("f").on("input", (msg) => hear({ error: msg.error }));
}

/** Sends a message; gives the next message at the output, or the error at the catch node. */
function send(message) {
  return new Promise((resolve) => {
    hear = resolve;
    helper.getNode("n").receive(message);
  });
}

async function run(message, settings) {
  await load(settings);
  return await send(message);
}

const isPng = (buffer) => Buffer.isBuffer(buffer) && buffer.subarray(1, 4).toString() === "PNG";

test("a prompt becomes a PNG; the message's other properties stay; the same seed is the same picture", async () => {
  const first = await run({ payload: "a red dragon", topic: "kept" });
  assert.ok(isPng(first.msg.payload), JSON.stringify(first.error));
  assert.equal(first.msg.topic, "kept");
  assert.equal(first.msg.settings.seed, "7");
  assert.equal(first.msg.contentType, "image/png");
  const statuses = [];
  helper.getNode("n").on("call:status", ({ args: [{ fill, text }] }) => statuses.push(`${fill} ${text}`));
  const second = await send({ payload: { prompt: "a red dragon", seed: 8 } });
  assert.notDeepEqual(second.msg.payload, first.msg.payload);
  const third = await send({ payload: "a red dragon", options: { seed: "7" } });
  assert.deepEqual(third.msg.payload, first.msg.payload);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(statuses.includes("blue step 1 of 2") && statuses.some((text) => /^green \d/.test(text)), statuses.join());
  assert.ok(statuses.every((text) => text.length < 28));
});

test("several pictures are a sequence; a workflow runs; a picture can be the start", async () => {
  await load();
  const several = [];
  await new Promise((resolve, reject) => {
    hear = ({ msg, error }) => (error ? reject(error) : several.push(msg) === 2 && resolve());
    helper.getNode("n").receive({ payload: { prompt: "an owl", batchSize: 2 } });
  });
  assert.deepEqual(several.map(({ parts }) => [parts.index, parts.count]), [[0, 2], [1, 2]]);
  const workflow = JSON.parse(readFileSync(new URL("../../../www/public/workflows/text_to_image.json", import.meta.url), "utf8"));
  for (const node of Object.values(workflow)) if (node.class_type === "KSampler") node.inputs.steps = 1;
  const drawn = await send({ payload: { workflow } });
  assert.ok(isPng(drawn.msg?.payload), JSON.stringify(drawn.error));
  await helper.unload();
  const from = await run({ payload: drawn.msg.payload }, { ...QUICK, prompt: "a blue owl" });
  assert.ok(isPng(from.msg?.payload), JSON.stringify(from.error));
});

test("what goes wrong reaches a catch node with what to do, and the next message is fine", async () => {
  const { error } = await run({ payload: "x" }, { ...QUICK, sampler: "eulr" });
  assert.match(error.message, /euler/);
  const none = await send({ payload: "" });
  assert.match(none.error.message, /no prompt.*msg\.payload/);
  const number = await send({ payload: { prompt: "x", seed: "seven" } });
  assert.match(number.error.message, /`seed` is "seven"/);
  const fine = await send({ payload: { prompt: "x", sampler: "euler" } });
  assert.ok(isPng(fine.msg?.payload), JSON.stringify(fine.error));
});

test("a deploy gives up the picture in the making, without an error", async () => {
  await load({ ...QUICK, steps: "150", width: "128", height: "128" });
  const heard = [];
  hear = (message) => heard.push(message);
  const node = helper.getNode("n");
  await new Promise((resolve) => {
    node.on("call:status", ({ args: [{ text }] }) => /^step [2-9] /.test(text ?? "") && resolve());
    node.receive({ payload: "a red dragon" });
  });
  await helper.unload();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(heard, []);
});

test("every example loads, and has no node that is not there", async () => {
  const folder = new URL("../examples/", import.meta.url);
  const core = ["tab", "inject", "file", "catch", "debug", "http in", "http response", "change", "image-generate", "tintype-engine"];
  for (const name of readdirSync(folder)) {
    const example = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
    for (const { type, wires = [] } of example) {
      assert.ok(core.includes(type), type);
      for (const id of wires.flat()) assert.ok(example.some((node) => node.id === id), id);
    }
  }
});
