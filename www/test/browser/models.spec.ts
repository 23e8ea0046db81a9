/** Models of the person's own: added by a file, used, kept for the next visit, removed, or refused with what they are. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, pixels, pngTexts, test } from "./fixtures";
import { safetensors, tinyCheckpoint } from "./tiny";

const generate = (page: Page) => page.getByRole("button", { name: "Generate" });
const download = (page: Page) => page.getByRole("link", { name: "Download" });
const model = (page: Page) => page.getByRole("combobox", { name: "Model" });
const models = (page: Page) => page.getByRole("list", { name: "Your models" });

const view = (page: Page, name: string) => page.getByRole("navigation").getByRole("link", { name }).click();

async function ready(page: Page, site: string): Promise<void> {
  await page.goto(`${site}?device=cpu`);
  await expect(generate(page)).toBeEnabled();
}

async function add(page: Page, name: string, buffer: Buffer): Promise<void> {
  await page.getByLabel("Workflow or model file").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
}

test("a checkpoint from the disk paints, is kept for the next visit, and goes when it is removed", async ({ page, site }) => {
  await ready(page, site);
  await expect(models(page)).toBeHidden();
  await add(page, "tiny anything.safetensors", tinyCheckpoint());
  await expect(page.getByText(/is a checkpoint of Stable Diffusion 1\.x/)).toBeVisible();
  await expect(model(page)).toHaveValue("tiny anything.safetensors");
  // Its own size is one of those that are offered for it.
  await expect(page.getByLabel("Size").locator("option:checked")).toHaveText("Square, 512 × 512 (the model’s own)");
  await page.getByLabel("Size").selectOption({ label: "Another size…" });
  await page.getByLabel("Width").fill("64");
  await page.getByLabel("Height").fill("64");
  await page.getByLabel("Steps").fill("2");
  await page.getByLabel("New seed each time").uncheck();
  await generate(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  const first = await download(page).getAttribute("href");
  expect(first).toMatch(/^blob:/);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  await view(page, "Models");
  await models(page).getByRole("button", { name: "Keep" }).click();
  await expect(models(page)).toContainText("kept");
  await ready(page, site);
  await view(page, "Models");
  await expect(models(page)).toContainText("checkpoints/tiny anything.safetensors");
  await view(page, "Create");
  await expect(model(page)).toHaveValue("tiny anything.safetensors");
  await generate(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });

  await view(page, "Models");
  await models(page).getByRole("button", { name: "Remove" }).click();
  await expect(models(page)).toBeHidden();
  await ready(page, site);
  await view(page, "Models");
  await expect(models(page)).toBeHidden();
});

test("a LoRA is switched on under the prompt, with its strength, and is in the picture's graph", async ({ page, site }) => {
  await ready(page, site);
  await add(page, "tiny.safetensors", tinyCheckpoint());
  await expect(model(page)).toHaveValue("tiny.safetensors");
  const layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
  const parts = [{ name: `${layer}.lora_down.weight`, shape: [4, 32] }, { name: `${layer}.lora_up.weight`, shape: [32, 4] }];
  await add(page, "bold.safetensors", safetensors(parts, (name, _, index) => Math.sin(index * 7 + name.length)));
  await expect(page.getByText(/is a LoRA/)).toBeVisible();
  await page.getByLabel("Size").selectOption({ label: "Another size…" });
  await page.getByLabel("Width").fill("64");
  await page.getByLabel("Height").fill("64");
  await page.getByLabel("Steps").fill("2");
  await page.getByLabel("New seed each time").uncheck();
  const drawn = async () => {
    const before = (await download(page).isVisible()) ? await download(page).getAttribute("href") : null;
    await generate(page).click();
    await expect(download(page)).not.toHaveAttribute("href", before ?? "", { timeout: 120_000 });
    const href = (await download(page).getAttribute("href")) ?? "";
    return Buffer.from(await page.evaluate(async (url) => [...new Uint8Array(await (await fetch(url)).arrayBuffer())], href));
  };
  const without = await drawn();
  await page.getByRole("button", { name: "bold", exact: true }).click();
  await page.getByLabel("Strength of bold").fill("0.8");
  const using = await drawn();
  const graph = JSON.parse(pngTexts(using).prompt ?? "{}") as Record<string, { class_type: string; inputs: Record<string, unknown> }>;
  const loader = Object.values(graph).find(({ class_type }) => class_type === "LoraLoader");
  expect(loader?.inputs).toMatchObject({ lora_name: "bold.safetensors", strength_model: 0.8, strength_clip: 0.8 });
  expect(pixels(using)).not.toBe(pixels(without));
  await page.getByRole("button", { name: "bold", exact: true }).click();
  expect(pixels(await drawn())).toBe(pixels(without));
});

test("a file that is no model for here is refused with what it is", async ({ page, site }) => {
  await ready(page, site);
  const alert = page.getByRole("alert");
  const whole = safetensors([{ name: "emb_params", shape: [2, 768] }]);
  const cases: [string, Buffer, RegExp][] = [
    ["flux.safetensors", safetensors([{ name: "double_blocks.0.img_attn.qkv.weight", shape: [4, 4] }]), /another family, Flux/],
    ["old.ckpt", Buffer.from("PK\u0003\u0004 and no more"), /list of entries is missing/],
    ["llama.gguf", Buffer.from("GGUF"), /converted/],
    ["cut.safetensors", whole.subarray(0, whole.length - 100), /cut short|incomplete/],
    ["page.safetensors", Buffer.from("<!doctype html><title>Not found</title>"), /not a readable safetensors file/],
    ["empty.safetensors", Buffer.alloc(0), /cut short/],
  ];
  for (const [name, content, words] of cases) {
    await add(page, name, content);
    await expect(alert, name).toContainText(words);
    await expect(alert, name).toContainText(name);
  }
  await expect(models(page)).toBeHidden();
  // And the page works as before.
  await add(page, "style.safetensors", whole);
  await expect(page.getByText(/is an embedding/)).toBeVisible();
  await expect(alert).toBeHidden();
  await view(page, "Models");
  await expect(models(page)).toContainText("embeddings/style.safetensors");
});

test("a folder like ComfyUI's is opened whole, and again on the next visit", async ({ page, site }) => {
  const lora = safetensors([{ name: "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", shape: [4, 32] }, { name: "lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight", shape: [32, 4] }]);
  const files: Record<string, Buffer> = {
    "checkpoints/1.5/tiny.safetensors": tinyCheckpoint(),
    "loras/styles/ink.safetensors": lora,
    "somewhere/else.safetensors": safetensors([{ name: "emb_params", shape: [2, 768] }]),
    "checkpoints/cut.safetensors": tinyCheckpoint().subarray(0, 5000),
    "checkpoints/layout/model_index.json": Buffer.from("{}"),
    "checkpoints/layout/unet/diffusion_pytorch_model.safetensors": lora,
    "old.gguf": Buffer.from("GGUF"),
    ".hidden.safetensors": lora,
    "notes.txt": Buffer.from("mine"),
  };
  await ready(page, site);
  // The browser's own dialogue is nothing a test can press; the folder it gives is like any other.
  const offer = async (contents: Record<string, Buffer>) => {
    const list = Object.entries(contents).map(([name, bytes]) => [name, bytes.toString("base64")] as const);
    await page.evaluate(async (list) => {
      const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("models", { create: true });
      for (const [path, base64] of list) {
        const names = path.split("/");
        let folder = root;
        for (const name of names.slice(0, -1)) folder = await folder.getDirectoryHandle(name, { create: true });
        const writer = await (await folder.getFileHandle(names.at(-1) ?? "", { create: true })).createWritable();
        await writer.write(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
        await writer.close();
      }
      Object.assign(window, { showDirectoryPicker: async () => root });
    }, list);
  };
  await offer(files);
  await view(page, "Models");
  await page.getByRole("button", { name: "Choose a folder…" }).click();
  const told = (words: RegExp) => page.getByText(words).filter({ visible: true });
  await expect(told(/3 models of models can be used; they are read where they lie/)).toBeVisible();
  for (const name of ["checkpoints/1.5/tiny.safetensors", "loras/styles/ink.safetensors", "embeddings/else.safetensors"]) {
    await expect(models(page)).toContainText(name);
  }
  await expect(models(page).getByRole("listitem")).toHaveCount(3);
  for (const words of [/checkpoints\/cut\.safetensors was left out/, /checkpoints\/layout was left out.*many files/, /old\.gguf was left out/]) {
    await expect(told(words)).toBeVisible();
  }
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  // The next visit finds it, and paints with what is in it, by the name ComfyUI has for it.
  await ready(page, site);
  await view(page, "Models");
  await expect(models(page)).toContainText("checkpoints/1.5/tiny.safetensors");
  await view(page, "Create");
  await model(page).selectOption("1.5/tiny.safetensors");
  await page.getByLabel("Size").selectOption({ label: "Another size…" });
  await page.getByLabel("Width").fill("64");
  await page.getByLabel("Height").fill("64");
  await page.getByLabel("Steps").fill("1");
  await generate(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
});

test("the engine adds, lists and removes models by itself", async ({ lab }) => {
  const file = [...safetensors([{ name: "emb_params", shape: [2, 768] }])];
  const seen = await lab.evaluate(async (bytes) => {
    const { open } = (globalThis as unknown as { tintype: typeof import("../../src/engine/index") }).tintype;
    const engine = await open({ device: "cpu" });
    const content = new Blob([new Uint8Array(bytes)]);
    const added = await engine.addModel(content, { name: "dir/word.safetensors", keep: true });
    const progress: number[] = [];
    engine.on("model_progress", ({ loaded }) => progress.push(loaded));
    const named = await engine.addModel(content, { name: "b.safetensors", folder: "loras" });
    const refusal = await engine.addModel(content, { name: "word.gguf" }).catch((error: Error & { code: string }) => error.code);
    const before = engine.models.map(({ path, kept }) => ({ path, kept }));
    engine.close();
    const again = await open({ device: "cpu" });
    const after = again.models.map(({ path, kept, bytes: size }) => ({ path, kept, size }));
    await again.removeModel(added.path);
    const left = again.models.length;
    again.close();
    return { path: added.path, loader: added.loader, named: named.path, refusal, before, after, left };
  }, file);
  expect(seen).toEqual({
    path: "embeddings/word.safetensors",
    loader: "CLIPTextEncode",
    named: "loras/b.safetensors",
    refusal: "unsupported_model",
    before: [{ path: "embeddings/word.safetensors", kept: true }, { path: "loras/b.safetensors", kept: false }],
    after: [{ path: "embeddings/word.safetensors", kept: true, size: file.length }],
    left: 0,
  });
});

test("a model that the disk has no room for is not kept, is used as it is, and leaves nothing half-written", async ({ lab, context, site }) => {
  const cdp = await context.newCDPSession(lab);
  const file = tinyCheckpoint();
  const { origin } = new URL(site);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: file.length >> 1 });
  const attempt = (bytes: string) => lab.evaluate(async (base64) => {
    const { open } = (globalThis as unknown as { tintype: typeof import("../../src/engine/index") }).tintype;
    const engine = await open({ device: "cpu" });
    const content = await (await fetch(`data:application/octet-stream;base64,${base64}`)).blob();
    const kept = await engine.addModel(content, { name: "tiny.safetensors", keep: true }).then(
      ({ kept }) => ({ code: String(kept), text: "" }),
      (error: Error & { code: string; hint: string }) => ({ code: error.code, text: `${error.message}; ${error.hint}` }),
    );
    if (kept.code !== "true") await engine.addModel(content, { name: "tiny.safetensors" });
    const { images } = await engine.generate({ model: "tiny.safetensors", prompt: "a cat", seed: 1, steps: 1, width: 64, height: 64 });
    engine.close();
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("tintype-library", { create: true });
    const names: string[] = [];
    for await (const name of folder.keys()) if (name.startsWith("checkpoints~")) names.push(name);
    return { ...kept, size: images[0]?.size ?? 0, names };
  }, bytes);
  const full = await attempt(file.toString("base64"));
  expect(full).toMatchObject({ code: "io", names: [] });
  expect(full.text).toMatch(new RegExp(`\`checkpoints/tiny.safetensors\` could not be kept after \\d+ of ${file.length} bytes .*; The disk may be full: make room and add it again`));
  expect(full.size).toBeGreaterThan(1000);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin });
  const roomy = await attempt(file.toString("base64"));
  expect(roomy).toMatchObject({ code: "true", size: full.size });
  expect(roomy.names).toEqual(["checkpoints~tiny.safetensors"]);
});

test("a file of 5 GB is refused by its header where 4 GB is all there is and nothing can be kept", async ({ lab, elsewhere }) => {
  const huge = await hugeServer();
  elsewhere.push(huge.url);
  const refused = await lab.evaluate(PAINT, { address: `${huge.url}/huge.safetensors`, name: "huge.safetensors", storage: "none" as const });
  expect(refused.code).toBe("too_large");
  expect(refused.text).toMatch(/the model `checkpoints\/huge.safetensors` needs 10\d{9} bytes, the limit is 3221225472; download the file and add it from the disk/);
  // What is read at once to see a header.
  expect(huge.seen.sent).toBeLessThanOrEqual(8 * 2 ** 20);
  await huge.close();
});

/** A server of a checkpoint whose header promises 5 GB. */
async function hugeServer() {
  const small = tinyCheckpoint();
  const length = Number(small.readBigUInt64LE());
  const tensors = JSON.parse(small.toString("utf8", 8, 8 + length)) as Record<string, unknown>;
  const [start, added] = [small.length - 8 - length, 5_000_000_000];
  const more = { dtype: "F16", shape: [added / 2, 1], data_offsets: [start, start + added] };
  const text = Buffer.from(JSON.stringify({ ...tensors, "model.diffusion_model.more.weight": more }));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const file = Buffer.concat([size, text, small.subarray(8 + length)]);
  const total = file.length + added;
  const seen = { sent: 0 };
  const server = createServer((request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "range");
    response.setHeader("access-control-expose-headers", "etag, content-length, content-range");
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    if (request.method === "HEAD") return response.writeHead(200, { "content-length": total }).end();
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const [first, last] = [Number(from), Math.min(to === "" ? total : Number(to) + 1, total)];
    response.writeHead(206, { "content-length": last - first, "content-range": `bytes ${first}-${last - 1}/${total}` });
    const part = file.subarray(Math.min(first, file.length), Math.min(last, file.length));
    seen.sent += part.length;
    // Of what lies behind the header nothing should be wanted; a test that waits for it fails.
    response.write(part);
    if (part.length === last - first) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return { seen, url, close: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())) };
}

/** How a server behaves towards a file. */
type Manner = "ranges" | "whole" | "breaks once" | "lies" | "moved" | "locked" | "silent";

/** A server of models, which keeps count of the bytes it sent. */
async function hub(file: Buffer) {
  const seen = { sent: 0, ranges: 0, broken: 0 };
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const manner = (request.url ?? "").split("/")[1]?.replaceAll("%20", " ") as Manner;
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "range");
    response.setHeader("access-control-expose-headers", "etag, content-length");
    response.setHeader("etag", '"one"');
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    if (manner === "locked") return response.writeHead(401).end();
    if (manner === "moved") return response.writeHead(302, { location: "/ranges/tiny.safetensors" }).end();
    if (request.method === "HEAD") {
      if (manner === "silent") return response.writeHead(200, { "transfer-encoding": "chunked" }).end();
      const length = manner === "lies" ? file.length + 1000 : file.length;
      return response.writeHead(200, { "content-length": length }).end();
    }
    const range = manner === "whole" ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const start = Number(range?.[1] ?? 0);
    const end = range?.[2] ? Math.min(Number(range[2]) + 1, file.length) : file.length;
    if (range) seen.ranges++;
    const part = file.subarray(start, end);
    response.writeHead(range ? 206 : 200, {
      "content-length": part.length,
      ...(range && { "content-range": `bytes ${start}-${end - 1}/${file.length}` }),
    });
    // The header alone is small; the file itself breaks off in the middle, the first time.
    if (manner === "breaks once" && start === 0 && !range?.[2] && seen.broken++ === 0) {
      seen.sent += part.length >> 1;
      // A connection that is ended delivers what was written; one that is destroyed may lose it.
      response.write(part.subarray(0, part.length >> 1), () => response.socket?.end());
      return;
    }
    seen.sent += part.length;
    response.end(part);
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return { seen, url, close: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())) };
}

/** Two steps of a checkpoint in a page; the picture's bytes, or why there is none. */
const PAINT = async ({ address, name, storage }: { address: string; name: string; storage: "opfs" | "none" }) => {
  const { open } = (globalThis as unknown as { tintype: typeof import("../../src/engine/index") }).tintype;
  const engine = await open({ device: "cpu", storage });
  try {
    if (address !== "") await engine.addModel(address);
    const { images } = await engine.generate({ model: name, prompt: "a cat", seed: 1, steps: 1, width: 64, height: 64 });
    return { size: images[0]?.size ?? 0, models: engine.models.map(({ path, kept }) => `${path} ${kept}`) };
  } catch (error) {
    const { code, message, hint } = error as Error & { code: string; hint: string };
    return { code, text: `${message}; ${hint}`, models: engine.models.map(({ path }) => path) };
  } finally {
    engine.close();
  }
};

test.describe("models by their address", () => {
  let server: Awaited<ReturnType<typeof hub>>;
  const name = "tiny.safetensors";

  test.beforeAll(async () => {
    server = await hub(tinyCheckpoint());
  });
  test.afterAll(() => server.close());
  test.beforeEach(({ elsewhere }) => void elsewhere.push(server.url));

  test("a file is fetched once, and is there on the next visit without the server", async ({ lab }) => {
    const first = await lab.evaluate(PAINT, { address: `${server.url}/ranges/${name}`, name, storage: "opfs" as const });
    expect(first).toMatchObject({ models: [`checkpoints/${name} true`] });
    expect(first.size).toBeGreaterThan(1000);
    const { sent } = server.seen;
    const again = await lab.evaluate(PAINT, { address: "", name, storage: "opfs" as const });
    expect(again.size).toBe(first.size);
    expect(server.seen.sent).toBe(sent);
  });

  for (const manner of ["whole", "moved"] as const) {
    test(`a server that ${manner === "whole" ? "knows no ranges" : "sends on to another address"} serves as well`, async ({ lab }) => {
      const made = await lab.evaluate(PAINT, { address: `${server.url}/${manner}/${name}`, name, storage: "opfs" as const });
      expect(made.size).toBeGreaterThan(1000);
      const unkept = await lab.evaluate(PAINT, { address: `${server.url}/${manner}/${name}`, name, storage: "none" as const });
      expect(unkept.size).toBe(made.size);
    });
  }

  test("a download that breaks off is said, and goes on from there", async ({ lab }) => {
    const address = `${server.url}/breaks once/${name}`;
    const broken = await lab.evaluate(PAINT, { address, name, storage: "opfs" as const });
    expect(broken.code).toBe("io");
    expect(broken.text).toContain("goes on where it stopped");
    const before = server.seen.sent;
    const made = await lab.evaluate(PAINT, { address: "", name, storage: "opfs" as const });
    expect(made.size).toBeGreaterThan(1000);
    const size = tinyCheckpoint().length;
    expect(server.seen.sent - before, "only the rest").toBeLessThan(size * 0.6);
  });

  test("what a server gets wrong is said, and no damaged file is used", async ({ lab }) => {
    const cases: [string, string, RegExp][] = [
      [`${server.url}/lies/${name}`, "bad_header", /bytes follow the last tensor|cut short|incomplete/],
      [`${server.url}/locked/${name}`, "unauthorized", /sign in \(401\).*Give a token of yours.*download the file yourself/],
      [`${server.url}/silent/${name}`, "io", /does not say how large/],
      ["no address", "file_not_found", /owner\/repository\/file/],
      [`${server.url}/ranges/model.gguf`, "unsupported_model", /converted/],
    ];
    for (const [address, code, words] of cases) {
      const refused = await lab.evaluate(PAINT, { address, name, storage: "none" as const });
      expect(refused, address).toMatchObject({ code, models: [] });
      expect(refused.text, address).toMatch(words);
    }
  });
});
