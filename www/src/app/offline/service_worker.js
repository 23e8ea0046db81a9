// The page without a network: its own files are kept as one version, the engine and the bundled model's small files
// as they are used. Weights are not here; the engine keeps them itself. `scripts/service_worker.mjs` puts in the lists.

/**
 * @typedef {{ waitUntil(promise: Promise<unknown>): void }} Extendable
 * @typedef {Extendable & { request: Request, respondWith(response: Promise<Response>): void }} Fetched
 * @typedef {{ skipWaiting(): Promise<void>, clients: { claim(): Promise<void> }, registration: { scope: string },
 *   addEventListener(type: string, listener: (event: any) => void): void }} Scope
 */
const scope = /** @type {Scope} */ (/** @type {unknown} */ (self));

/** @type {{ version: string, shell: string[], engines: Record<string, string[]>, model: string[] }} */
const FILES = JSON.parse('__FILES__');
const CACHE = `tintype-${FILES.version}`;
const HOME = new URL("./", scope.registration.scope).href;

const own = (/** @type {string[]} */ names) => names.map((name) => new URL(name, HOME).href);
const LASTING = new Set(own([...FILES.shell, ...Object.values(FILES.engines).flat()]));

// A new version is kept beside the old one, whole or not at all, and waits until the page lets it take over.
scope.addEventListener("install", (/** @type {Extendable} */ event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => Promise.all(own(["./", ...FILES.shell]).map((url) => keep(cache, url)))));
});

scope.addEventListener("activate", (/** @type {Extendable} */ event) => event.waitUntil(takeOver()));

async function takeOver() {
  const cache = await caches.open(CACHE);
  for (const name of await caches.keys()) {
    if (!name.startsWith("tintype-") || name === CACHE) continue;
    // What has not changed need not be fetched again.
    const old = await caches.open(name);
    for (const request of await old.keys()) {
      const [kept, there] = [await old.match(request), await cache.match(request)];
      if (kept && !there && (LASTING.has(request.url) || request.url.startsWith(`${HOME}models/`))) await cache.put(request, kept);
    }
    await caches.delete(name);
  }
  await scope.clients.claim();
}

scope.addEventListener("message", (/** @type {Extendable & { data: unknown, ports: MessagePort[] }} */ event) => {
  const order = /** @type {{ type?: string, what?: string }} */ (event.data ?? {});
  if (order.type === "take over") event.waitUntil(scope.skipWaiting());
  if (order.type !== "keep") return;
  const files = order.what === "model" ? FILES.model : (FILES.engines[order.what ?? ""] ?? []);
  const keeping = caches.open(CACHE).then((cache) => Promise.all(own(files).map(async (url) => (await cache.match(url)) ?? keep(cache, url))));
  event.waitUntil(keeping.then(() => event.ports[0]?.postMessage("kept"), () => event.ports[0]?.postMessage("not kept")));
});

scope.addEventListener("fetch", (/** @type {Fetched} */ event) => {
  const { request } = event;
  const url = request.url.split(/[?#]/, 1)[0] ?? "";
  if (request.method !== "GET" || !url.startsWith(HOME) || request.headers.has("range")) return;
  if (request.mode === "navigate") {
    // Other pages beside this one are not kept.
    if (url === HOME || url === `${HOME}index.html`) event.respondWith(keptFirst(HOME, request));
  } else if (LASTING.has(url)) {
    event.respondWith(keptFirst(url, request));
  } else if (url.startsWith(`${HOME}models/`) && !url.endsWith(".safetensors")) {
    event.respondWith(freshFirst(url, request));
  }
});

/** From the cache: files of one version that belong together. */
async function keptFirst(/** @type {string} */ url, /** @type {Request} */ request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(url);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.status === 200 && LASTING.has(url)) await cache.put(url, response.clone()).catch(() => {});
  return response;
}

/** From the network while there is one. */
async function freshFirst(/** @type {string} */ url, /** @type {Request} */ request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.status === 200) await cache.put(url, response.clone()).catch(() => {});
    return response;
  } catch (error) {
    const kept = await cache.match(url);
    if (kept) return kept;
    throw error;
  }
}

async function keep(/** @type {Cache} */ cache, /** @type {string} */ url) {
  // Names in assets/ say their contents; what else there is is asked for anew.
  const response = await fetch(url, { cache: url.includes("/assets/") ? "default" : "no-cache" });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  await cache.put(url, response);
}
