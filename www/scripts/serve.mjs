/**
 * A small static server for the built page: `node scripts/serve.mjs` (PORT, HOST, default 8080 on 127.0.0.1).
 * Byte ranges, because models are read in pieces; nothing outside the folder; no headers that a plain
 * host would not send, so that what works here works anywhere.
 */

import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream";
import { fileURLToPath } from "node:url";

const TYPES = {
  "": "text/plain; charset=utf-8", // LICENSE
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".md": "text/plain; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".safetensors": "application/octet-stream",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
};

/** The folder that `vite build` writes. */
export const DIST = fileURLToPath(new URL("../dist", import.meta.url));

/**
 * Serves `folder`; gives the server and its address once it listens. Port 0 takes a free one. `headers` are sent with
 * every file, for tests of hosts that send more than this one.
 * @param {{ folder?: string, port?: number, host?: string, headers?: Record<string, string> }} [options]
 * @returns {Promise<{ server: import("node:http").Server, url: string, close: () => Promise<void> }>}
 */
export async function serve({ folder = DIST, port = 0, host = "127.0.0.1", headers = {} } = {}) {
  const root = await realpath(folder);
  const server = createServer((request, response) => {
    answer(root, headers, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(undefined));
  });
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  // "localhost" is what a person types; it is a secure context, as 127.0.0.1 is.
  const name = host === "127.0.0.1" ? "localhost" : host;
  return {
    server,
    url: `http://${name}:${address.port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * @param {string} root
 * @param {Record<string, string>} more
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function answer(root, more, request, response) {
  const refuse = (/** @type {number} */ status, /** @type {string} */ text, headers = {}) => {
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers });
    response.end(request.method === "HEAD" ? undefined : `${text}\n`);
  };
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refuse(405, "only GET and HEAD", { allow: "GET, HEAD" });
  }
  const file = await find(root, request.url ?? "/");
  if (file === null) return refuse(404, "there is no such file");

  const { path, info } = file;
  const etag = `"${info.size.toString(16)}-${Math.floor(info.mtimeMs).toString(16)}"`;
  const headers = {
    ...more,
    "content-type": TYPES[/** @type {keyof typeof TYPES} */ (extname(path).toLowerCase())] ?? "application/octet-stream",
    "accept-ranges": "bytes",
    etag,
    "last-modified": info.mtime.toUTCString(),
    "x-content-type-options": "nosniff",
    // Names in assets/ contain a hash of the contents; everything else is asked for again.
    "cache-control": path.includes(`${sep}assets${sep}`) ? "public, max-age=31536000, immutable" : "no-cache",
  };
  const known = request.headers["if-none-match"]?.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known?.includes(etag) || known?.includes("*")) {
    response.writeHead(304, headers);
    return response.end();
  }
  const wanted = request.headers["if-range"] === undefined || request.headers["if-range"] === etag;
  const range = wanted ? rangeOf(request.headers.range, info.size) : null;
  if (range === "unsatisfiable") {
    return refuse(416, "no such range", { "content-range": `bytes */${info.size}` });
  }
  const { start, end } = range ?? { start: 0, end: info.size - 1 };
  response.writeHead(range === null ? 200 : 206, {
    ...headers,
    "content-length": end - start + 1,
    ...(range === null ? {} : { "content-range": `bytes ${start}-${end}/${info.size}` }),
  });
  if (request.method === "HEAD" || info.size === 0) return response.end();
  // A visitor who goes away ends the stream early; that is no error of ours.
  pipeline(createReadStream(path, { start, end }), response, () => {});
}

/**
 * The file that an address names, or null. Links that lead out of the folder name nothing.
 * @param {string} root
 * @param {string} url
 */
async function find(root, url) {
  let name;
  try {
    name = decodeURIComponent(url.split(/[?#]/, 1)[0] ?? "/");
  } catch {
    return null;
  }
  if (name.includes("\0")) return null;
  try {
    let path = await realpath(join(root, name));
    if (path !== root && !path.startsWith(root + sep)) return null;
    if ((await stat(path)).isDirectory()) path = join(path, "index.html");
    const info = await stat(path);
    return info.isFile() ? { path, info } : null;
  } catch {
    return null;
  }
}

/**
 * One range of `Range: bytes=…`, both ends included. Several ranges, or another unit, are answered
 * with the whole file, as the standard allows.
 * @param {string | undefined} header
 * @param {number} size
 * @returns {{ start: number, end: number } | "unsatisfiable" | null}
 */
export function rangeOf(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return null;
  if (match[1] === "") {
    const last = Number(match[2]);
    return last === 0 || size === 0 ? "unsatisfiable" : { start: Math.max(0, size - last), end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < start) return null;
  return start >= size ? "unsatisfiable" : { start, end };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env.PORT ?? 8080);
  const host = process.env.HOST ?? "127.0.0.1";
  try {
    const { url } = await serve({ port, host });
    console.log(`Tintype is at ${url}`);
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    const why = {
      EADDRINUSE: `port ${port} is taken; choose another with PORT=…`,
      ENOENT: "the page is not built; run `make page` first",
    };
    console.error(`serve: ${why[/** @type {keyof typeof why} */ (code)] ?? message}`);
    process.exit(1);
  }
}
