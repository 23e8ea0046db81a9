/** A thread of Node that looks like a web worker. */

import { Worker } from "node:worker_threads";

import type { EngineWorker } from "../engine/host";
import type { FromWorker, ToWorker } from "../engine/protocol";

/** Keeps the program running only while a call waits for its answer. */
export class NodeWorker implements EngineWorker {
  #thread: Worker;
  #waiting = 0;

  constructor(script: URL) {
    // None of the program's own flags: some, such as those of `node --eval`, are refused in a thread.
    this.#thread = new Worker(script, { name: "tintype", execArgv: [] });
    this.#thread.unref();
    this.#thread.on("message", (message: FromWorker) => {
      if (message.type === "result" || message.type === "error") this.#count(-1);
    });
  }

  postMessage(message: unknown): void {
    if ((message as ToWorker).type === "call") this.#count(1);
    this.#thread.postMessage(message);
  }

  terminate(): void {
    void this.#thread.terminate();
  }

  addEventListener(type: "message" | "error" | "messageerror", listener: (event: never) => void): void {
    const tell = listener as (event: unknown) => void;
    if (type === "message") this.#thread.on("message", (data) => tell({ data }));
    else if (type === "error") {
      this.#thread.on("error", (error: Error) => tell({ message: error.message, error, preventDefault() {} }));
    } else this.#thread.on("messageerror", () => tell({}));
  }

  #count(by: 1 | -1): void {
    this.#waiting += by;
    if (this.#waiting > 0) this.#thread.ref();
    else this.#thread.unref();
  }
}
