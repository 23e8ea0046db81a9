/** What the engine's worker takes for granted in a browser and a thread of Node lacks. Only this thread sees it. */

import { parentPort } from "node:worker_threads";

import { findGpu } from "./gpu";
import { fetchFile } from "./file_fetch";

const port = parentPort;
if (port === null) throw new Error("this script runs in a thread: import `tintype/node` instead");

type Listener = (event: unknown) => void;

const scope = globalThis as unknown as Record<string, unknown>;
scope.self = globalThis;
scope.isSecureContext = true;
scope.postMessage = (message: unknown, transfer: import("node:worker_threads").Transferable[] = []) =>
  port.postMessage(message, transfer);
scope.addEventListener = (type: string, listener: Listener) => {
  if (type === "message") port.on("message", (data) => listener({ data }));
  else if (type === "error") process.on("uncaughtException", (error) => listener(failure({ error, message: error.message })));
  else if (type === "unhandledrejection") process.on("unhandledRejection", (reason) => listener(failure({ reason })));
};
const { fetch } = globalThis;
globalThis.fetch = async (input, init) => (await fetchFile(input, init)) ?? (await fetch(input, init));

// Node has a navigator from version 21 on, and no GPU in it.
await findGpu(scope);

function failure(event: object): object {
  return { ...event, preventDefault() {} };
}
