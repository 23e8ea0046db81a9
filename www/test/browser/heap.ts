/** The size of the engine's wasm heap, which never shrinks: what it is after something was the most it ever was. */

import type { Page } from "@playwright/test";

export const MB = 1024 * 1024;

/** Runs before the worker's own script: the engine's memory stays within reach of a test. */
export const KEEP_MEMORY = `for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...args) => {
    const result = await original.apply(WebAssembly, args);
    globalThis.memory = (result.instance ?? result).exports.memory;
    return result;
  };
}\n`;

/** Bytes of the engine's heap, whose worker began with {@link KEEP_MEMORY}. */
export async function heapBytes(page: Page): Promise<number> {
  const heap = await page.workers()[0]?.evaluate(() => (globalThis as unknown as { memory: WebAssembly.Memory }).memory.buffer.byteLength);
  return heap ?? 0;
}
