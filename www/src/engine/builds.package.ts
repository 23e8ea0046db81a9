/** `builds.ts` of the package: the worker and the engines are files beside this one, which bundlers find and move. */

import type { Builds, Host } from "./host";
import { buildsIn, folderUrl, pageUrl, startWorkerAt } from "./page_host";

/** This page; with `assetsUrl`, one that takes worker and engines from a copy of the package in that folder. */
export function pageHost(assetsUrl?: string | URL): Host {
  const baseUrl = pageUrl();
  const folder = assetsUrl === undefined ? null : folderUrl(assetsUrl, baseUrl);
  const worker = folder === null ? new URL("./worker.js", import.meta.url).href : `${folder}worker.js`;
  // Where the files lie as the package has them, its models are beside the worker. A bundler names files anew.
  const modelsUrl = /\/worker\.js$/.test(worker) ? new URL("models/", worker) : new URL("models/", baseUrl);
  return {
    startWorker: () => startWorkerAt(worker),
    builds: folder === null ? builds() : buildsIn(folder),
    baseUrl,
    modelsUrl: modelsUrl.href,
  };
}

// Written out in full: bundlers look for exactly this expression.
function builds(): Builds {
  return {
    cpu: {
      module: new URL("./engines/cpu/tintype.js", import.meta.url).href,
      wasm: new URL("./engines/cpu/tintype_bg.wasm", import.meta.url).href,
    },
    "cpu-relaxed": {
      module: new URL("./engines/cpu-relaxed/tintype.js", import.meta.url).href,
      wasm: new URL("./engines/cpu-relaxed/tintype_bg.wasm", import.meta.url).href,
    },
    webgpu: {
      module: new URL("./engines/webgpu/tintype.js", import.meta.url).href,
      wasm: new URL("./engines/webgpu/tintype_bg.wasm", import.meta.url).href,
    },
  };
}
