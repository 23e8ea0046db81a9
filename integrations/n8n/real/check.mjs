/**
 * A real n8n with this node in it draws a picture: `node real/check.mjs /path/to/n8n`, after `make package`. By hand, for n8n
 * is a gigabyte to install; what the node does is tested by those of `test`.
 */

import { deepEqual, equal } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const n8n = process.argv[2] ?? "n8n";
const here = fileURLToPath(new URL("..", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "tintype-n8n-"));
const nodes = join(home, ".n8n", "nodes");
mkdirSync(nodes, { recursive: true });

const run = (command, args, cwd = home) =>
  execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "inherit"],
    env: { N8N_DIAGNOSTICS_ENABLED: "false", N8N_VERSION_NOTIFICATIONS_ENABLED: "false", ...process.env, N8N_USER_FOLDER: home },
  });
/** A package as npm would fetch it: no links to this repository. */
const packed = (folder) => join(home, run("npm", ["pack", "--silent", "--pack-destination", home], folder).trim());

writeFileSync(join(nodes, "package.json"), '{ "private": true }');
const packages = [packed(join(here, "../../build/package")), packed(here)];
run("npm", ["install", "--no-audit", "--no-fund", "--no-save", "--legacy-peer-deps", ...packages], nodes);

const flow = {
  id: "tintype000000001",
  name: "a cat",
  active: false,
  settings: {},
  nodes: [
    { id: "a", name: "Start", type: "n8n-nodes-base.manualTrigger", typeVersion: 1, position: [0, 0], parameters: {} },
    {
      id: "b",
      name: "Picture",
      type: "n8n-nodes-tintype.tintype",
      typeVersion: 1,
      position: [200, 0],
      parameters: { prompt: "a cat on a blue background, flat", options: { device: "cpu", seed: "7" } },
    },
  ],
  connections: { Start: { main: [[{ node: "Picture", type: "main", index: 0 }]] } },
};
writeFileSync(join(home, "flow.json"), JSON.stringify([flow]));
run(n8n, ["import:workflow", `--input=${join(home, "flow.json")}`]);
const said = run(n8n, ["execute", `--id=${flow.id}`, "--rawOutput"]);
const result = JSON.parse(said.slice(said.indexOf("{\n"), said.lastIndexOf("}") + 1));
const [item] = result.data.resultData.runData.Picture[0].data.main[0];
const png = Buffer.from(item.binary.data.data, "base64");
equal(item.json.seed, "7");
equal(png.toString("latin1", 1, 4), "PNG");
deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [128, 128]);
console.log(`${n8n} drew ${png.length} bytes of ${item.json.prompt}`);
rmSync(home, { recursive: true });
