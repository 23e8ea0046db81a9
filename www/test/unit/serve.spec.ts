import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { serve } from "../../scripts/serve.mjs";

let folder: string;
let site: Awaited<ReturnType<typeof serve>>;

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tintype-serve-"));
  const root = join(folder, "dist");
  mkdirSync(join(root, "assets"), { recursive: true });
  writeFileSync(join(folder, "secret.txt"), "secret");
  symlinkSync(join(folder, "secret.txt"), join(root, "leak.txt"));
  writeFileSync(join(root, "index.html"), "<p>hi");
  writeFileSync(join(root, "assets", "a-1234.wasm"), Buffer.from([0, 97, 115, 109]));
  writeFileSync(join(root, "model.safetensors"), "0123456789");
  writeFileSync(join(root, "empty.txt"), "");
  site = await serve({ folder: root });
});

test.afterAll(async () => {
  await site.close();
  await rm(folder, { recursive: true });
});

const get = (path: string, headers = {}, method = "GET") => fetch(new URL(path, site.url), { headers, method });

/** `fetch` tidies paths before it sends them; an attacker does not. */
function raw(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(site.url);
    request({ port, host: "127.0.0.1", path }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

test("files come with their types; wasm as application/wasm", async () => {
  expect((await get("/")).headers.get("content-type")).toContain("text/html");
  const wasm = await get("/assets/a-1234.wasm?x=1");
  expect(wasm.headers.get("content-type")).toBe("application/wasm");
  expect(wasm.headers.get("cache-control")).toContain("immutable");
  expect(await (await get("/empty.txt")).text()).toBe("");
});

test("ranges: inside, open, last bytes, too far, none", async () => {
  for (const [range, status, text, header] of [
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=5-2", 200, "0123456789", null],
    ["lines=1-2", 200, "0123456789", null],
  ] as const) {
    const response = await get("/model.safetensors", { range });
    expect([response.status, await response.text(), response.headers.get("content-range")]).toEqual([status, text, header]);
  }
  const beyond = await get("/model.safetensors", { range: "bytes=10-12" });
  expect(beyond.status).toBe(416);
  expect(beyond.headers.get("content-range")).toBe("bytes */10");
});

test("a known etag is answered with 304, an old If-Range with the whole file", async () => {
  const etag = (await get("/model.safetensors")).headers.get("etag") ?? "";
  expect(etag).not.toBe("");
  expect((await get("/model.safetensors", { "if-none-match": etag })).status).toBe(304);
  const changed = await get("/model.safetensors", { range: "bytes=0-1", "if-range": '"old"' });
  expect(changed.status).toBe(200);
});

test("HEAD tells the size, other methods are refused", async () => {
  const head = await get("/model.safetensors", {}, "HEAD");
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "10", ""]);
  expect((await get("/", {}, "POST")).status).toBe(405);
});

test("nothing outside the folder is served", async () => {
  for (const path of ["/../secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt", "/leak.txt", "/%00", "/%E0%A4%A", "/none"]) {
    expect([path, await raw(path)]).toEqual([path, 404]);
  }
});
