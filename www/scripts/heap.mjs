/** The size of the engine's wasm heap, which never shrinks: what it is after something was the most it ever was. */

export const MB = 1024 * 1024;

/** Runs before the worker's own script: the engine's memory stays within reach. */
const KEEP_MEMORY = `for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...args) => {
    const result = await original.apply(WebAssembly, args);
    globalThis.memory = (result.instance ?? result).exports.memory;
    return result;
  };
}\n`;

/**
 * Has the page's engines keep their memory within reach. Before the first is opened.
 * @param {import("playwright-core").Page} page
 */
export async function keepMemory(page) {
  await page.route(/worker-.*\.js/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: KEEP_MEMORY + (await response.text()) });
  });
}

/**
 * Bytes of the engine's heap, after {@link keepMemory}.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<number>}
 */
export async function heapBytes(page) {
  const heap = await page.workers()[0]?.evaluate(
    () => /** @type {{ memory: WebAssembly.Memory }} */ (/** @type {unknown} */ (globalThis)).memory.buffer.byteLength,
  );
  return heap ?? 0;
}
