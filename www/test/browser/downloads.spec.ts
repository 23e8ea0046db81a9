/** Large files from a server: in parts at once, resumed after a break, and never used while something is wrong with them. */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { Page } from "@playwright/test";

import { beforeWorkers } from "../../scripts/workers.mjs";
import { expect, test } from "./fixtures";
import { padded, tinyCheckpoint } from "./tiny";

type Engines = typeof import("../../src/engine/index");

const MiB = 2 ** 20;
/** What the engine fetches at a time of a large file (src/store/parts.rs). */
const PART = 16 * MiB;

/** How a server sends a file. */
type Manner =
  | "well"
  | "whole" // without ranges
  | "broken" // every part breaks off in the middle, once
  | "gone" // after the first parts nothing is answered any more
  | "short" // of the last part always a little is missing
  | "changed" // another version, from the third part on
  | "other" // the right place, other bytes
  | "elsewhere"; // other places than those asked for

const name = "large.safetensors";
const file = padded(tinyCheckpoint(), 4 * PART + 5 * MiB);
const sha256 = createHash("sha256").update(file).digest("hex");
const parts = Math.ceil(file.length / PART);

/** A server of one large file, which keeps count of what it is asked for. */
async function large() {
  const seen = { manner: "well" as Manner, ranges: [] as [number, number][], sent: 0, now: 0, most: 0 };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { manner } = seen;
    const isLate = seen.ranges.length > 2;
    const isGone = manner === "gone" && seen.ranges.length > 3;
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "range");
    response.setHeader("access-control-expose-headers", "etag, content-length, content-range");
    response.setHeader("etag", manner === "changed" && isLate ? '"two"' : '"one"');
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    if (request.method === "HEAD") return response.writeHead(200, { "content-length": file.length }).end();
    const [, from = "0", to = ""] = (manner === "whole" ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "")) ?? [];
    const [start, end] = [Number(from), Math.min(to === "" ? file.length : Number(to) + 1, file.length)];
    // The header alone is read in less.
    const isPart = end - start > 4 * MiB;
    const again = seen.ranges.some(([first, last]) => last - first > 4 * MiB && Math.floor(first / PART) === Math.floor(start / PART));
    seen.ranges.push([start, end]);
    seen.most = Math.max(seen.most, ++seen.now);
    response.on("close", () => seen.now--);
    // Longer than it takes to ask for the next.
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (isGone) return void response.socket?.destroy();
    let part = file.subarray(start, manner === "short" && end === file.length ? Math.max(start, end - 1000) : end);
    if (manner === "other" && isLate) part = Buffer.from(part).fill(7, 0, 1);
    const range = `bytes ${start + (manner === "elsewhere" && isLate ? 1 : 0)}-${end - 1}/${file.length}`;
    const isSilent = manner === "whole" || manner === "short";
    response.writeHead(manner === "whole" ? 200 : 206, { "content-length": part.length, ...(!isSilent && { "content-range": range }) });
    if (manner === "broken" && isPart && !again) {
      const half = part.subarray(0, part.length >> 1);
      seen.sent += half.length;
      // A connection that is ended delivers what was written; one that is destroyed may lose it.
      return void response.write(half, () => response.socket?.end());
    }
    seen.sent += part.length;
    response.end(part);
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return { seen, url, close: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())) };
}

/** Paints a step with the model, and tells what was told of its download; or why not. */
const PAINT = async (model: string) => {
  const { open } = (globalThis as unknown as { tintype: Engines }).tintype;
  const engine = await open({ device: "cpu" });
  const progress: number[] = [];
  engine.on("model_progress", ({ file: path, loaded, phase }) => {
    if (phase === "fetch" && path.endsWith(model)) progress.push(loaded);
  });
  const outcome = { size: 0, code: "", text: "", toFetch: 0, progress };
  try {
    const graph = { "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: model } } };
    outcome.toFetch = (await engine.plan(graph)).fetch_bytes;
    const { images } = await engine.generate({ model, prompt: "a cat", seed: 1, steps: 1, width: 64, height: 64 });
    outcome.size = images[0]?.size ?? 0;
  } catch (error) {
    const { code, message, hint } = error as Error & { code: string; hint: string };
    Object.assign(outcome, { code, text: `${message}; ${hint}` });
  }
  engine.close();
  return outcome;
};

/** SHA-256 of what is kept of the model. */
const HASH = async (model: string) => {
  const engine = await (globalThis as unknown as { tintype: Engines }).tintype.open({ device: "cpu" });
  const bytes = await (await engine.exportModel(`checkpoints/${model}`)).arrayBuffer();
  engine.close();
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

/** Sizes of what is kept of large files, whole or not. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const sizes: number[] = [];
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("tintype-models", { create: true });
    for await (const [key, handle] of folder.entries()) {
      if (key.startsWith("checkpoints~")) sizes.push((await (handle as FileSystemFileHandle).getFile()).size);
    }
    return sizes;
  });

let server: Awaited<ReturnType<typeof large>>;

test.beforeAll(async () => {
  server = await large();
});
test.afterAll(() => server.close());
test.beforeEach(({ elsewhere }) => void elsewhere.push(server.url));

/** Makes the large file known on a page; nothing of it is fetched but its header. */
async function add(page: Page, manner: Manner, options: { sha256?: string } = {}): Promise<void> {
  server.seen.manner = "well";
  await page.evaluate(async ([url, more]) => {
    const engine = await (globalThis as unknown as { tintype: Engines }).tintype.open({ device: "cpu" });
    await engine.addModel(url, more);
    engine.close();
  }, [`${server.url}/${name}`, options] as const);
  Object.assign(server.seen, { manner, ranges: [], sent: 0, most: 0 });
}

test("a large file comes in parts at once, each byte once, and is whole", async ({ lab }) => {
  await add(lab, "well", { sha256 });
  const made = await lab.evaluate(PAINT, name);
  expect(made).toMatchObject({ code: "", toFetch: file.length });
  expect(made.size).toBeGreaterThan(1000);
  // The plan looked at the header.
  const fetched = server.seen.ranges.filter(([start, end]) => end - start === PART || end === file.length);
  expect(fetched.map(([start]) => start / PART).sort()).toEqual(Array.from({ length: parts }, (_, part) => part));
  expect(server.seen.most).toBeGreaterThanOrEqual(3);
  expect(made.progress.at(-1)).toBe(file.length);
  expect(made.progress).toEqual([...made.progress].sort((a, b) => a - b));
  expect(await kept(lab)).toEqual([file.length]);
  expect(await lab.evaluate(HASH, name)).toBe(sha256);
  const { sent } = server.seen;
  expect(await lab.evaluate(PAINT, name)).toMatchObject({ size: made.size, toFetch: 0 });
  expect(server.seen.sent).toBe(sent);
});

test("parts that break off go on from there, by themselves", async ({ lab }) => {
  await add(lab, "broken");
  const made = await lab.evaluate(PAINT, name);
  expect(made.code).toBe("");
  expect(await lab.evaluate(HASH, name)).toBe(sha256);
  // What the plan read of the header is besides.
  expect(server.seen.sent).toBeLessThan(file.length + 9 * MiB);
});

test("when a server goes away it is said, and another visit fetches only the parts that are missing", async ({ lab }) => {
  await add(lab, "gone");
  const broken = await lab.evaluate(PAINT, name);
  expect(broken).toMatchObject({ code: "io", size: 0 });
  expect(broken.text).toMatch(/check the network connection|goes on where it stopped/);
  // Longer than the file, so that nobody takes it for whole.
  expect(await kept(lab)).toEqual([file.length + parts]);
  const early = await lab.evaluate(HASH, name).catch((error: Error) => error.message);
  expect(early).toContain("it was not fetched yet");
  Object.assign(server.seen, { manner: "well", ranges: [], sent: 0 });
  const made = await lab.evaluate(PAINT, name);
  expect(made.code).toBe("");
  expect(made.toFetch).toBeLessThan(file.length);
  expect(file.length - made.toFetch).toBeGreaterThanOrEqual(PART);
  expect(made.progress[0]).toBeGreaterThan(file.length - made.toFetch);
  expect(server.seen.sent).toBeLessThan(made.toFetch + 9 * MiB);
  expect(await lab.evaluate(HASH, name)).toBe(sha256);
});

test("a server that knows no ranges sends a large file in one answer", async ({ lab }) => {
  await add(lab, "whole");
  expect(await lab.evaluate(PAINT, name)).toMatchObject({ code: "" });
  expect(await lab.evaluate(HASH, name)).toBe(sha256);
});

for (const [manner, options, code, words] of [
  ["short", {}, "truncated", /cut short|incomplete/],
  ["changed", {}, "bad_file", /another version of it.*add it again/],
  ["elsewhere", {}, "bad_file", /where `bytes \d+-\d+\/\d+` was asked for/],
  ["other", { sha256 }, "hash_mismatch", /./],
] as const) {
  test(`a large file that is not what it should be is never used: ${manner}`, async ({ lab }) => {
    await add(lab, manner, options);
    const refused = await lab.evaluate(PAINT, name);
    expect(refused).toMatchObject({ code, size: 0 });
    expect(refused.text).toMatch(words);
    const whole = (await kept(lab)).filter((size) => size === file.length);
    expect(whole).toEqual([]);
    server.seen.manner = "well";
    // What is left over does no harm when the server is right again.
    expect(await lab.evaluate(PAINT, name)).toMatchObject({ code: "" });
    expect(await lab.evaluate(HASH, name)).toBe(sha256);
  });
}

test("a large file changes nothing where the disk is full: it is read from the server", async ({ lab, context, site }) => {
  await add(lab, "well");
  const cdp = await context.newCDPSession(lab);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: new URL(site).origin, quotaSize: 40 * MiB });
  const made = await lab.evaluate(PAINT, name);
  expect(made.code).toBe("");
  expect(made.size).toBeGreaterThan(1000);
  expect((await kept(lab)).every((size) => size < file.length)).toBe(true);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: new URL(site).origin });
  expect(await lab.evaluate(PAINT, name)).toMatchObject({ size: made.size });
  expect(await lab.evaluate(HASH, name)).toBe(sha256);
});

test("two pages that load a large model at once both paint, and leave it whole", async ({ lab, context, site }) => {
  await add(lab, "well");
  const second = await context.newPage();
  await second.goto(`${site}picture.html`);
  await second.waitForFunction(() => "tintype" in globalThis);
  const made = await Promise.all([lab, second].map((page) => page.evaluate(PAINT, name)));
  expect(made.map(({ code }) => code)).toEqual(["", ""]);
  expect(made[1]?.size).toBe(made[0]?.size);
  expect(await kept(lab)).toEqual([file.length]);
  expect(await lab.evaluate(HASH, name)).toBe(sha256);
});

test("a file that another tab has just fetched is not asked for again", async ({ lab }) => {
  // The other tab ends between this one's look at the file and its turn to write: the longest way to put it.
  const workers = await beforeWorkers(lab, () => {
    const { createSyncAccessHandle } = FileSystemFileHandle.prototype as unknown as { createSyncAccessHandle: (options?: object) => Promise<Handle> };
    interface Handle {
      write(bytes: ArrayBuffer): void;
      close(): void;
    }
    Object.assign(FileSystemFileHandle.prototype, {
      async createSyncAccessHandle(this: FileSystemFileHandle, options?: object) {
        const path = this.name.replace(/\.[0-9a-f]{16}$/, "").replaceAll("~", "/");
        if (options === undefined && path.startsWith("sprite/")) {
          const bytes = await (await fetch(new URL(`../models/${path}`, location.href))).arrayBuffer();
          const handle = await createSyncAccessHandle.call(this);
          handle.write(bytes);
          handle.close();
        }
        return await createSyncAccessHandle.call(this, options);
      },
    });
  });
  const made = await lab.evaluate(PAINT, "sprite");
  expect(made.code, made.text).toBe("");
  expect(made.size).toBeGreaterThan(1000);
  expect(workers.started).toBe(1);
});
