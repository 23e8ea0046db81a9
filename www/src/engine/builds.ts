/** Where the page's worker and engines are. The only file of the engine that knows of the bundler (Vite). */

import { BUILDS, type BuildFiles, type Builds, type EngineWorker, type Host } from "./host";
import { buildsIn, folderUrl, pageUrl, startWorkerAt } from "./page_host";

/** This page; with `assetsUrl`, one that takes worker and engines from a copy of the package in that folder. */
export function pageHost(assetsUrl?: string | URL): Host {
  const baseUrl = pageUrl();
  const modelsUrl = new URL("models/", baseUrl).href;
  if (assetsUrl === undefined) return { startWorker, builds: builds(), baseUrl, modelsUrl };
  const folder = folderUrl(assetsUrl, baseUrl);
  return { startWorker: () => startWorkerAt(`${folder}worker.js`), builds: buildsIn(folder), baseUrl, modelsUrl };
}

function startWorker(): EngineWorker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "tintype" });
}

// Globs instead of imports: a checkout in which the engines have not been built yet still has a page
// that says so. All are files of their own; only what the worker asks for is fetched.
function builds(): Builds {
  const modules = import.meta.glob<string>("./pkg/*/tintype.js", { query: "?url", import: "default", eager: true });
  const binaries = import.meta.glob<string>("./pkg/*/tintype_bg.wasm", { query: "?url", import: "default", eager: true });
  const found = BUILDS.flatMap((build): [string, BuildFiles][] => {
    const module = modules[`./pkg/${build}/tintype.js`];
    const wasm = binaries[`./pkg/${build}/tintype_bg.wasm`];
    if (module === undefined || wasm === undefined) return [];
    // Addresses made relative to the built file; absolute when served by the development server.
    const absolute = (url: string) => new URL(url, import.meta.url).href;
    return [[build, { module: absolute(module), wasm: absolute(wasm) }]];
  });
  return Object.fromEntries(found);
}
