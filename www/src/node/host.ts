/** A program of Node as a host: files of the package, models of a folder, a thread for a worker. */

import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";

import { TintypeError } from "../engine/errors";
import { BUILDS, type BuildFiles, type Host } from "../engine/host";
import type { Remote } from "../engine/protocol";
import { NodeWorker } from "./thread";

/** What a models folder may hold that a loader reads. */
const MODEL_FILE = /\.(safetensors|json|txt)$/i;

/** The host of an engine whose own models are in `folder`, if one is given. */
export function nodeHost(folder?: string): Host {
  const files = (build: string): BuildFiles => ({
    module: new URL(`./engines/${build}/tintype.js`, import.meta.url).href,
    wasm: new URL(`./engines/${build}/tintype_bg.wasm`, import.meta.url).href,
  });
  return {
    startWorker: () => new NodeWorker(new URL("./node-worker.js", import.meta.url)),
    builds: Object.fromEntries(BUILDS.map((build) => [build, files(build)])),
    baseUrl: pathToFileURL(`${process.cwd()}${sep}`).href,
    modelsUrl: new URL("./models/", import.meta.url).href,
    ...(folder !== undefined && { models: () => modelsIn(folder) }),
  };
}

/** The model files below a folder, by their paths in it. */
async function modelsIn(folder: string): Promise<[path: string, file: Remote][]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new TintypeError(`the models folder \`${folder}\` cannot be read (${String(cause)})`, "file_not_found", {
      hint: "Give the path of a folder that exists.",
      cause,
    });
  });
  const paths = entries
    .filter((entry) => !entry.isDirectory() && MODEL_FILE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return await Promise.all(
    paths.map(async (path): Promise<[string, Remote]> => {
      const { size, mtimeMs } = await stat(path);
      const url = pathToFileURL(path).href;
      const version = createHash("sha256").update(`${url} ${size} ${mtimeMs}`).digest("hex");
      return [relative(folder, path).split(sep).join("/"), { url, bytes: size, version }];
    }),
  );
}
