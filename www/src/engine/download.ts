/** Models by their address: what an address means, and what a server says of the file behind it. */

import { abortError, isAbort, TintypeError } from "./errors";
import { filesOf, hexOf, HUB, placeAt, type HubFile } from "./hub";
import type { Remote } from "./protocol";

/** What a server is asked with. */
export interface Asking {
  /** Sent to the address' own origin: browsers leave it out where they are sent on to another. */
  token?: string | undefined;
  /** What the person says the file's SHA-256 is. */
  sha256?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** The address of a file: as it is, a page about it at the hub, or its place there (`owner/repository/file`). */
export function addressOf(text: string, hub: string = HUB): URL {
  const trimmed = text.trim();
  const place = /^(?:hf:\/*)?([\w.-]+\/[\w.-]+)\/(.+)$/.exec(trimmed);
  const url = URL.canParse(trimmed) && !trimmed.startsWith("hf:") ? new URL(trimmed) : null;
  if (url !== null && (url.protocol === "https:" || url.protocol === "http:")) {
    // The page that shows a file, and the file itself.
    if (url.origin === new URL(hub).origin) url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, "$1/resolve/");
    return url;
  }
  if (place !== null) {
    const [, repository, file = ""] = place;
    const [branch, path] = file.startsWith("resolve/") ? ["", file] : ["resolve/main/", file];
    return new URL(`${hub}/${repository}/${branch}${path.split("/").map(encodeURIComponent).join("/")}`);
  }
  throw new TintypeError(`\`${trimmed}\` is no address of a model`, "file_not_found", {
    hint: "Give the address of a `.safetensors` file, or its place at huggingface.co: `owner/repository/file.safetensors`.",
  });
}

/** Asks a server for a file's size, for what tells its versions apart, and, if it is the hub, for the file's hash. */
export async function lookUp(url: URL, asking: Asking = {}, hub: string = HUB): Promise<Remote> {
  const name = url.pathname.split("/").at(-1) ?? url.href;
  const refuse = (why: string, hint: string, code = "io") => new TintypeError(`\`${name}\` cannot be fetched from ${url.host}: ${why}`, code, { hint });
  const { token, signal } = asking;
  const given = hashOf(asking.sha256);
  const place = placeAt(url, hub);
  let response: Response;
  let listed: HubFile | undefined;
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    response = await fetch(url, { method: "HEAD", headers, ...(signal && { signal }) });
    // What it says of the file itself is lost where it sends on to another server; the file's list has it, too.
    if (place !== null && response.ok && hexOf(response.headers.get("x-linked-etag")) === undefined) {
      const files = await filesOf(place, hub, asking).catch((error: unknown) => {
        if (isAbort(error)) throw error;
        return [];
      });
      listed = files.find(({ path }) => path === place.path);
    }
  } catch (error) {
    if (isAbort(error) || signal?.aborted) throw abortError();
    throw refuse(
      "it does not answer this page",
      "Check the address and the connection. A server has to let pages read from it (CORS); if it does not, download the file and drop it here.",
    );
  }
  if (response.status === 401 || response.status === 403) {
    const how = token === undefined ? "Give a token of yours, `addModel(address, { token })`" : "See that the token may read it";
    throw refuse(`it wants you to sign in (${response.status})`, `${how}, or download the file yourself and drop it here.`, "unauthorized");
  }
  if (!response.ok) throw refuse(`it answered ${response.status}`, "Check the address.");
  const { headers } = response;
  const bytes = Number(headers.get("x-linked-size") ?? headers.get("content-length") ?? listed?.bytes ?? Number.NaN);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw refuse("it does not say how large the file is", "Download the file yourself and drop it here.");
  }
  const tag = headers.get("x-linked-etag") ?? headers.get("etag") ?? headers.get("last-modified") ?? "";
  const sha256 = given ?? hexOf(headers.get("x-linked-etag")) ?? listed?.sha256;
  const etag = headers.get("etag");
  return { ...(await remote(url.href, tag, bytes, sha256)), ...(etag !== null && { etag }) };
}

/** A file that a hub's list tells enough of; what it does not tell is asked for. */
export async function remoteOf(file: HubFile, asking: Asking, hub: string): Promise<Remote> {
  const { url, bytes, version } = file;
  const sha256 = hashOf(asking.sha256) ?? file.sha256;
  if (bytes === undefined || version === undefined) return await lookUp(new URL(url), { ...asking, sha256 }, hub);
  return await remote(url, version, bytes, sha256);
}

/** Under its version a file is kept: one that was not compared with this hash is another one. */
async function remote(url: string, tag: string, bytes: number, sha256: string | undefined): Promise<Remote> {
  const version = await digest(`${url} ${tag} ${bytes}${sha256 === undefined ? "" : ` ${sha256}`}`);
  return { url, bytes, version, ...(sha256 !== undefined && { sha256 }) };
}

function hashOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const hash = hexOf(given);
  if (hash !== undefined) return hash;
  throw new TintypeError(`\`${given}\` is no SHA-256`, "invalid_input_type", { hint: "Give its 64 hexadecimal digits." });
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
