/** Models by the name of their repository: what is chosen, whether it is what the hub says it is, and who is told a token. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import type { Page } from "@playwright/test";

import { expect, test } from "./fixtures";
import { tinyCheckpoint } from "./tiny";

type Engines = typeof import("../../src/engine/index");

const TOKEN = "hf_secret";
const SHA = "0123456789abcdef0123456789abcdef01234567";

/** A checkpoint in diffusers' layout, by the paths of its files. */
function folder(): Record<string, Buffer> {
  const root = fileURLToPath(new URL("../../../tests/fixtures/networks/sd15", import.meta.url));
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return Object.fromEntries(files.map((one) => join(one.parentPath, one.name)).map((path) => [relative(root, path), readFileSync(path)]));
}

/** A hub with repositories, whose large files are sent by another server, as the hub's are. */
async function hub() {
  const tiny = tinyCheckpoint();
  const repositories: Record<string, Record<string, Buffer>> = {
    "owner/one": { "README.md": Buffer.from("# One"), "tiny.safetensors": tiny },
    "owner/several": { "a.safetensors": tiny, "b.safetensors": tiny },
    "owner/folder": folder(),
    "owner/damaged": { "tiny.safetensors": tiny },
    "owner/gated": { "tiny.safetensors": tiny },
  };
  const seen = { sent: 0, tokens: [] as (string | undefined)[], damaged: true };
  const listen = async (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
    const server = createServer((request, response) => {
      response.setHeader("access-control-allow-origin", "*");
      response.setHeader("access-control-allow-headers", "range, authorization");
      if (request.method === "OPTIONS") return void response.writeHead(204).end();
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://localhost:${(server.address() as AddressInfo).port}`;
    return { url, close: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())) };
  };
  const store = await listen((request, response) => {
    seen.tokens.push(request.headers.authorization);
    const [, repository = "", path = ""] = /^\/(\w+\/\w+)\/(.+)$/.exec(decodeURIComponent(request.url ?? "")) ?? [];
    const file = Buffer.from(repositories[repository]?.[path] ?? "");
    // One number is another one.
    if (repository === "owner/damaged" && seen.damaged) file.writeUInt8(file.readUInt8(file.length - 2) ^ 1, file.length - 2);
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const part = file.subarray(Number(range?.[1] ?? 0), range?.[2] ? Number(range[2]) + 1 : file.length);
    response.writeHead(range ? 206 : 200, { "content-length": part.length });
    seen.sent += part.length;
    response.end(request.method === "HEAD" ? undefined : part);
  });
  const front = await listen((request, response) => {
    const url = new URL(request.url ?? "", "http://hub");
    const repository = /^(?:\/api\/models)?\/(\w+\/\w+)/.exec(url.pathname)?.[1] ?? "";
    const files = repositories[repository];
    if (files === undefined) return void response.writeHead(404).end();
    if (repository === "owner/gated" && request.headers.authorization !== `Bearer ${TOKEN}`) return void response.writeHead(401).end();
    if (!url.pathname.startsWith("/api/")) {
      const path = url.pathname.replace(/^\/(\w+\/\w+)\/resolve\/\w+\//, "/$1/");
      return void response.writeHead(302, { location: store.url + path }).end();
    }
    const siblings = Object.entries(files).map(([rfilename, file]) => ({
      rfilename,
      size: file.length,
      blobId: createHash("sha1").update(file).digest("hex"),
      ...(file.length > 1000 && { lfs: { sha256: createHash("sha256").update(file).digest("hex"), size: file.length } }),
    }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ sha: SHA, siblings }));
  });
  return { seen, tiny, url: front.url, store: store.url, close: () => Promise.all([front.close(), store.close()]) };
}

/** What is asked of an engine on a page. */
interface Asked {
  hubUrl: string;
  storage?: "opfs" | "none";
  add?: string;
  options?: { token?: string; sha256?: string };
  /** The checkpoint to paint with. */
  paint?: string;
}

/** Adds a model and paints one step with it; or why not. */
const ASK = async ({ hubUrl, storage = "opfs", add, options = {}, paint }: Asked) => {
  const { open } = (globalThis as unknown as { tintype: Engines }).tintype;
  const engine = await open({ device: "cpu", storage, hubUrl });
  try {
    const added = add === undefined ? null : await engine.addModel(add, options);
    const made = paint === undefined ? null : await engine.generate({ model: paint, prompt: "a cat", seed: 1, steps: 1, width: 64, height: 64 });
    return { path: added?.path, kind: added?.kind, size: made?.images[0]?.size ?? 0 };
  } catch (error) {
    const { code, message, hint, choices } = error as Error & { code: string; hint: string; choices: string[] };
    return { code, message, hint, choices };
  } finally {
    engine.close();
  }
};

/** Names and sizes of the files in a folder of the browser's private file system. */
const kept = (page: Page, name: string) =>
  page.evaluate(async (folderName) => {
    const root = await navigator.storage.getDirectory();
    const files: Record<string, number> = {};
    const found = await root.getDirectoryHandle(folderName).catch(() => null);
    for await (const [key, handle] of found?.entries() ?? []) files[key] = (await (handle as FileSystemFileHandle).getFile()).size;
    return files;
  }, name);

const sizesOfModels = async (page: Page) =>
  Object.entries(await kept(page, "tintype-models")).filter(([name]) => name.startsWith("checkpoints~")).map(([, size]) => size);

let server: Awaited<ReturnType<typeof hub>>;

test.beforeAll(async () => {
  server = await hub();
});
test.afterAll(() => server.close());
test.beforeEach(({ elsewhere }) => {
  elsewhere.push(server.url, server.store);
  Object.assign(server.seen, { sent: 0, tokens: [], damaged: true });
});

test("a repository's one file is found, and is there on the next visit", async ({ lab }) => {
  const hubUrl = server.url;
  const made = await lab.evaluate(ASK, { hubUrl, add: "owner/one", paint: "tiny.safetensors" });
  expect(made).toMatchObject({ path: "checkpoints/tiny.safetensors", kind: "a checkpoint" });
  expect(made.size).toBeGreaterThan(1000);
  const { sent } = server.seen;
  expect((await lab.evaluate(ASK, { hubUrl, paint: "tiny.safetensors" })).size).toBe(made.size);
  expect(server.seen.sent).toBe(sent);
});

test("a repository in diffusers' layout is a checkpoint, kept whole and removed whole", async ({ lab }) => {
  const hubUrl = server.url;
  const made = await lab.evaluate(ASK, { hubUrl, add: `${server.url}/owner/folder`, paint: "folder" });
  expect(made).toMatchObject({ path: "checkpoints/folder", kind: "a checkpoint in diffusers’ layout" });
  expect(made.size).toBeGreaterThan(1000);
  const { sent } = server.seen;
  expect((await lab.evaluate(ASK, { hubUrl, paint: "folder" })).size).toBe(made.size);
  expect(server.seen.sent).toBe(sent);
  const left = await lab.evaluate(async (url) => {
    const engine = await (globalThis as unknown as { tintype: Engines }).tintype.open({ device: "cpu", hubUrl: url });
    const text = await (await engine.exportModel("checkpoints/folder/unet/config.json")).text();
    const whole = await engine.exportModel("checkpoints/folder").catch((error: Error) => error.message);
    await engine.removeModel("checkpoints/folder");
    engine.close();
    return { text, whole, models: engine.models.length };
  }, hubUrl);
  expect(JSON.parse(left.text)).toMatchObject({ _class_name: "UNet2DConditionModel" });
  expect(left).toMatchObject({ whole: expect.stringContaining("it is a folder"), models: 0 });
  expect(await sizesOfModels(lab)).toEqual([]);
});

test("what a repository's name does not say is asked for, with what could be meant", async ({ lab }) => {
  const ask = (add: string) => lab.evaluate(ASK, { hubUrl: server.url, add });
  expect(await ask("owner/several")).toMatchObject({
    code: "several_files",
    choices: ["owner/several/a.safetensors", "owner/several/b.safetensors"],
    hint: expect.stringContaining("`owner/several/a.safetensors`, `owner/several/b.safetensors`"),
  });
  expect(await ask("owner/several/b.safetensors")).toMatchObject({ path: "checkpoints/b.safetensors" });
  expect(await ask("owner/nowhere")).toMatchObject({ code: "file_not_found", message: expect.stringContaining("no such repository") });
});

test("a file that is not what the hub says it is, is never used and does not stay", async ({ lab }) => {
  const hubUrl = server.url;
  for (const storage of ["opfs", "none"] as const) {
    const refused = await lab.evaluate(ASK, { hubUrl, storage, add: "owner/damaged", paint: "tiny.safetensors" });
    expect(refused, storage).toMatchObject({ code: "hash_mismatch" });
    expect(await sizesOfModels(lab), storage).toEqual([]);
  }
  // By the address of the file alone the hub says it, too.
  const address = `${server.url}/owner/damaged/resolve/main/tiny.safetensors`;
  expect(await lab.evaluate(ASK, { hubUrl, add: address, paint: "tiny.safetensors" })).toMatchObject({ code: "hash_mismatch" });
  server.seen.damaged = false;
  expect((await lab.evaluate(ASK, { hubUrl, add: address, paint: "tiny.safetensors" })).size).toBeGreaterThan(1000);
});

test("a hash that the person gives counts at any server", async ({ lab }) => {
  const add = `${server.store}/owner/one/tiny.safetensors`;
  const ask = (sha256: string) => lab.evaluate(ASK, { hubUrl: server.url, add, options: { sha256 }, paint: "tiny.safetensors" });
  // Also of a file that was kept without one.
  expect((await lab.evaluate(ASK, { hubUrl: server.url, add, paint: "tiny.safetensors" })).size).toBeGreaterThan(1000);
  expect(await ask("0".repeat(64))).toMatchObject({ code: "hash_mismatch" });
  expect(await ask("12")).toMatchObject({ code: "invalid_input_type", message: "`12` is no SHA-256" });
  expect((await ask(createHash("sha256").update(server.tiny).digest("hex").toUpperCase())).size).toBeGreaterThan(1000);
});

test("a token is told to its server alone, and stays no longer than it is to", async ({ lab }) => {
  const hubUrl = server.url;
  const paint = "tiny.safetensors";
  expect(await lab.evaluate(ASK, { hubUrl, add: "owner/gated" })).toMatchObject({ code: "unauthorized", hint: expect.stringContaining("{ token }") });
  const made = await lab.evaluate(ASK, { hubUrl, add: "owner/gated", options: { token: TOKEN }, paint });
  expect(made.size).toBeGreaterThan(1000);
  expect(server.seen.tokens.length).toBeGreaterThan(1);
  expect(new Set(server.seen.tokens), "where the hub sent on to").toEqual(new Set([undefined]));
  const stored = async () => JSON.stringify(await lab.evaluate(async () => {
    const found = await (await navigator.storage.getDirectory()).getDirectoryHandle("tintype-library");
    const texts: string[] = [];
    for await (const handle of found.values()) texts.push(await (await (handle as FileSystemFileHandle).getFile()).text());
    return texts;
  }));
  expect(await stored()).not.toContain(TOKEN);
  expect(await lab.evaluate(ASK, { hubUrl, add: "owner/gated" })).toMatchObject({ code: "unauthorized" });
  const set = (token: string | null, at = hubUrl) => lab.evaluate(async ([url, value]) => {
    const engine = await (globalThis as unknown as { tintype: Engines }).tintype.open({ device: "cpu" });
    const refusal = await engine.setToken(url ?? "", value ?? null, { keep: true }).catch((error: Error) => error.message);
    engine.close();
    return refusal;
  }, [at, token] as const);
  await set(TOKEN);
  expect(await lab.evaluate(ASK, { hubUrl, add: "owner/gated" })).toMatchObject({ path: "checkpoints/tiny.safetensors" });
  await set(null);
  expect(await stored()).not.toContain(TOKEN);
  expect(await lab.evaluate(ASK, { hubUrl, add: "owner/gated" })).toMatchObject({ code: "unauthorized" });
  expect(await set(TOKEN, "http://example.com")).toContain("anybody on the way could read it");
});

test("a kept model is exported, to a file or a stream", async ({ lab }) => {
  const seen = await lab.evaluate(async (hubUrl) => {
    const engine = await (globalThis as unknown as { tintype: Engines }).tintype.open({ device: "cpu", hubUrl });
    const hash = async (blob: Blob) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    await engine.addModel("owner/one");
    const path = "checkpoints/tiny.safetensors";
    const early = await engine.exportModel(path).catch((error: Error & { hint: string }) => error.hint);
    await engine.generate({ model: "tiny.safetensors", prompt: "a cat", seed: 1, steps: 1, width: 64, height: 64 });
    const fetched = await hash(await engine.exportModel(path));
    const file = await engine.exportModel(path);
    await engine.addModel(file, { name: "copy.safetensors", keep: true });
    const handle = await (await navigator.storage.getDirectory()).getFileHandle("out.safetensors", { create: true });
    await engine.exportModel("checkpoints/copy.safetensors", handle);
    const parts: BlobPart[] = [];
    await engine.exportModel("checkpoints/copy.safetensors", new WritableStream<Uint8Array>({ write: (part) => void parts.push(part as Uint8Array<ArrayBuffer>) }));
    const unknown = await engine.exportModel("loras/none.safetensors").catch((error: Error) => error.message);
    engine.close();
    return { early, fetched, written: await hash(await handle.getFile()), streamed: await hash(new Blob(parts)), unknown };
  }, server.url);
  const whole = createHash("sha256").update(server.tiny).digest("hex");
  expect(seen).toMatchObject({ early: "Use it once: that fetches it.", fetched: whole, written: whole, streamed: whole });
  expect(seen.unknown).toContain("no such model of yours");
});

test("two pages that load the same model at once both paint, and leave it whole", async ({ lab, context, site }) => {
  const second = await context.newPage();
  await second.goto(`${site}picture.html`);
  await second.waitForFunction(() => "tintype" in globalThis);
  const asked = { hubUrl: server.url, add: "owner/one", paint: "tiny.safetensors" };
  const made = await Promise.all([lab, second].map((page) => page.evaluate(ASK, asked)));
  expect(made[0]?.size).toBeGreaterThan(1000);
  expect(made[1]).toEqual(made[0]);
  expect(await sizesOfModels(lab)).toEqual([server.tiny.length]);
  // And while one page has it open, the other reads it without the server.
  const { sent } = server.seen;
  const again = await Promise.all([lab, second].map((page) => page.evaluate(ASK, { hubUrl: server.url, paint: "tiny.safetensors" })));
  expect(again.map(({ size }) => size)).toEqual(made.map(({ size }) => size));
  expect(server.seen.sent).toBe(sent);
});

test("on the page, a server that wants a token is given one, which is kept if that is asked", async ({ page, site }) => {
  const gated = `${server.url}/owner/gated/resolve/main/tiny.safetensors`;
  const address = page.getByLabel("Address of a model");
  const add = page.getByRole("button", { name: "Add", exact: true });
  const open = async () => {
    await page.goto(`${site}?device=cpu#models`);
    await expect(page.getByRole("button", { name: "Choose a file…" })).toBeVisible();
  };
  await open();
  await address.fill(gated);
  await add.click();
  await expect(page.getByRole("alert")).toContainText("Give a token of yours with the address");
  // What was typed is still there.
  await expect(address).toHaveValue(gated);
  await page.getByText("Its server wants to know you").click();
  await page.getByLabel("Token", { exact: true }).fill(TOKEN);
  await page.getByLabel("Keep it in this browser").check();
  await add.click();
  await expect(page.getByText(/is a checkpoint of Stable Diffusion 1\.x/)).toBeVisible();
  await expect(address).toHaveValue("");
  await expect(page.getByLabel("Token", { exact: true })).toHaveValue("");
  expect(await kept(page, "tintype-library")).toHaveProperty(["tokens.json"]);
  await open();
  await page.getByRole("list", { name: "Your models" }).getByRole("button", { name: "Remove" }).click();
  await address.fill(gated);
  await add.click();
  await expect(page.getByText(/is a checkpoint of Stable Diffusion 1\.x/)).toBeVisible();
});

test("on the page, where several files could be meant, one is chosen", async ({ page, site, elsewhere }) => {
  const asked: string[] = [];
  elsewhere.push("https://huggingface.co");
  await page.route("https://huggingface.co/**", async (route) => {
    const url = new URL(route.request().url());
    asked.push(`${route.request().method()} ${url.pathname}`);
    const tiny = server.tiny.length;
    const siblings = ["a.safetensors", "b.safetensors"].map((rfilename) => ({ rfilename, size: tiny, blobId: "0", lfs: { sha256: "0".repeat(64), size: tiny } }));
    if (url.pathname.startsWith("/api/")) await route.fulfill({ json: { sha: SHA, siblings }, headers: { "access-control-allow-origin": "*" } });
    else await route.fulfill({ status: 404, headers: { "access-control-allow-origin": "*" } });
  });
  await page.goto(`${site}?device=cpu#models`);
  await page.getByLabel("Address of a model").fill("owner/several");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("Which of these?");
  await page.getByRole("alert").getByRole("button", { name: "owner/several/b.safetensors" }).click();
  await expect(page.getByRole("alert")).toContainText("`b.safetensors` cannot be fetched".replaceAll("`", ""));
  expect(asked).toContain("HEAD /owner/several/resolve/main/b.safetensors");
});
