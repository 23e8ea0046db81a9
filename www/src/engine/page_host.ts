/** What every page has in common as a host: addresses, and workers from other origins. */

import { TintypeError } from "./errors";
import { BUILDS, type Builds, type EngineWorker } from "./host";

/** The address of the page, for what is relative to it. */
export function pageUrl(): string {
  return globalThis.document?.baseURI ?? location.href;
}

/** An address as a folder's, absolute. */
export function folderUrl(url: string | URL, base: string): string {
  const absolute = new URL(url, base).href;
  return absolute.endsWith("/") ? absolute : `${absolute}/`;
}

/** The engines in a folder that is laid out as the package is. */
export function buildsIn(folder: string): Builds {
  const files = (build: string) => ({
    module: new URL(`engines/${build}/tintype.js`, folder).href,
    wasm: new URL(`engines/${build}/tintype_bg.wasm`, folder).href,
  });
  return Object.fromEntries(BUILDS.map((build) => [build, files(build)]));
}

/**
 * Starts the worker at this address. Browsers start none whose script is of another origin, so that one is started
 * from a line of the page's own, in a `blob:`, which imports it.
 */
export function startWorkerAt(address: string): EngineWorker {
  const own = new URL(address).origin === location.origin;
  const url = own ? address : bootstrap(address);
  try {
    return new Worker(trusted(url) as string, { type: "module", name: "tintype" });
  } catch (cause) {
    throw new TintypeError(`the engine's worker could not be started (${String(cause)})`, "worker_blocked", {
      hint: own
        ? "Allow the engine's folder in `worker-src` of the page's content security policy."
        : "Allow `blob:` in `worker-src` of the page's content security policy, or serve the package's files from the page's own origin.",
      cause,
    });
  }
}

// An address is made once: engines that crash start their workers again, and a `blob:` lives as long as the page.
const bootstraps = new Map<string, string>();

function bootstrap(address: string): string {
  const known = bootstraps.get(address);
  if (known !== undefined) return known;
  const line = new Blob([`import ${JSON.stringify(address)};`], { type: "text/javascript" });
  const url = URL.createObjectURL(line);
  bootstraps.set(address, url);
  return url;
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

let policy: ReturnType<TrustedTypes["createPolicy"]> | null = null;

/** The address for a page that asks for Trusted Types (policy `tintype`); all of them are made in this folder. */
function trusted(url: string): unknown {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (types === undefined) return url;
  policy ??= types.createPolicy("tintype", { createScriptURL: (address) => address });
  return policy.createScriptURL(url);
}
