/** `file:` addresses for `fetch`, which Node's own does not answer: whole files and byte ranges. */

import { open, type FileHandle } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The answer to a request for a `file:`; null for any other. */
export async function fetchFile(input: RequestInfo | URL, init?: RequestInit): Promise<Response | null> {
  const request = input instanceof Request ? input : null;
  const url = new URL(request?.url ?? String(input));
  if (url.protocol !== "file:") return null;
  let file: FileHandle;
  try {
    file = await open(fileURLToPath(url));
  } catch (error) {
    return new Response(null, { status: (error as NodeJS.ErrnoException).code === "ENOENT" ? 404 : 500, statusText: String(error) });
  }
  const { size } = await file.stat();
  const range = (request?.headers ?? new Headers(init?.headers)).get("range");
  const asked = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  const start = asked === null ? 0 : Number(asked[1]);
  const end = asked === null || asked[2] === "" ? size : Math.min(size, Number(asked[2]) + 1);
  if (start > end) {
    await file.close();
    return new Response(null, { status: 416 });
  }
  return new Response(bytesOf(file, start, end), {
    status: asked === null ? 200 : 206,
    headers: {
      "content-length": String(end - start),
      ...(asked !== null && { "content-range": `bytes ${start}-${end - 1}/${size}` }),
    },
  });
}

const PIECE_BYTES = 1 << 20;

function bytesOf(file: FileHandle, start: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = start;
  return new ReadableStream({
    async pull(controller) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      at += bytesRead;
      if (bytesRead > 0) controller.enqueue(piece.subarray(0, bytesRead));
      if (bytesRead > 0 && at < end) return;
      await file.close();
      controller.close();
    },
    cancel: () => file.close(),
  });
}
