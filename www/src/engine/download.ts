/** Models by their address: what an address means, and what a server says of the file behind it. */

import { abortError, isAbort, TintypeError } from "./errors";
import type { Remote } from "./protocol";

const HUB = "https://huggingface.co";

/** The address of a file: as it is, a page about it at huggingface.co, or its place there (`owner/repository/file`). */
export function addressOf(text: string): URL {
  const trimmed = text.trim();
  const place = /^(?:hf:\/*)?([\w.-]+\/[\w.-]+)\/(.+)$/.exec(trimmed);
  const url = URL.canParse(trimmed) && !trimmed.startsWith("hf:") ? new URL(trimmed) : null;
  if (url !== null && (url.protocol === "https:" || url.protocol === "http:")) {
    // The page that shows a file, and the file itself.
    if (url.origin === HUB) url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, "$1/resolve/");
    return url;
  }
  if (place !== null) {
    const [, repository, file = ""] = place;
    const [branch, path] = file.startsWith("resolve/") ? ["", file] : ["resolve/main/", file];
    return new URL(`${HUB}/${repository}/${branch}${path.split("/").map(encodeURIComponent).join("/")}`);
  }
  throw new TintypeError(`\`${trimmed}\` is no address of a model`, "file_not_found", {
    hint: "Give the address of a `.safetensors` file, or its place at huggingface.co: `owner/repository/file.safetensors`.",
  });
}

/** Asks a server for a file's size, and for what tells its versions apart. */
export async function lookUp(url: URL, signal?: AbortSignal): Promise<Remote> {
  const name = url.pathname.split("/").at(-1) ?? url.href;
  const refuse = (why: string, hint: string) => new TintypeError(`\`${name}\` cannot be fetched from ${url.host}: ${why}`, "io", { hint });
  let response: Response;
  try {
    response = await fetch(url, { method: "HEAD", ...(signal && { signal }) });
  } catch (error) {
    if (isAbort(error) || signal?.aborted) throw abortError();
    throw refuse(
      "it does not answer this page",
      "Check the address and the connection. A server has to let pages read from it (CORS); if it does not, download the file and drop it here.",
    );
  }
  if (response.status === 401 || response.status === 403) {
    throw refuse(`it wants you to sign in (${response.status})`, "Download the file yourself and drop it here.");
  }
  if (!response.ok) throw refuse(`it answered ${response.status}`, "Check the address.");
  const bytes = Number(response.headers.get("x-linked-size") ?? response.headers.get("content-length") ?? Number.NaN);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw refuse("it does not say how large the file is", "Download the file yourself and drop it here.");
  }
  const tag = response.headers.get("x-linked-etag") ?? response.headers.get("etag") ?? response.headers.get("last-modified") ?? "";
  return { url: url.href, bytes, version: await digest(`${url.href} ${tag} ${bytes}`) };
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
