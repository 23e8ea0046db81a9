/** One worker, seen from the page: calls with answers, events, and the one way it can end. */

import { fromData, TintypeError, toData } from "./errors";
import type { EngineWorker } from "./host";
import type { Calls, FromWorker, NodeMethod, OpenOptions, Opened, ToWorker } from "./protocol";
import type { EngineEvent, NodeValue } from "./types";

/** What the owner of a client wants to hear. */
export interface ClientHandlers {
  onEvent(event: EngineEvent): void;
  /** Runs a node that the page defined. */
  onNode(classType: string, method: NodeMethod, inputs: Record<string, NodeValue>): Promise<NodeValue | undefined>;
  /** The engine broke; the client has ended itself and every pending call was rejected. */
  onFatal(error: Error): void;
}

interface Pending {
  resolve(value: never): void;
  reject(error: unknown): void;
}

/** A worker with an engine in it. */
export class Client {
  #worker: EngineWorker;
  #handlers: ClientHandlers;
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #ended: Error | null = null;

  constructor(worker: EngineWorker, handlers: ClientHandlers) {
    this.#worker = worker;
    this.#handlers = handlers;
    this.#worker.addEventListener("message", (event: MessageEvent<FromWorker>) => this.#receive(event.data));
    // The worker's script itself could not be loaded or parsed: nothing inside it can report that.
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(
        new TintypeError(`the engine's worker failed: ${event.message || "it could not be loaded"}`, "engine_crashed", {
          hint: "Load the page again. If it stays so, see that the page's content security policy allows the worker (`worker-src`).",
        }),
      );
    });
    this.#worker.addEventListener("messageerror", () => {
      this.#fail(new TintypeError("a message from the engine could not be read", "engine_crashed"));
    });
  }

  /** Loads the engine. Call it first, and once. */
  open(options: OpenOptions): Promise<Opened> {
    return this.call("open", options);
  }

  /** Calls a method of the worker. */
  call<M extends keyof Calls>(method: M, ...args: Calls[M]["args"]): Promise<Calls[M]["result"]> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      this.#post({ type: "call", id, method, args } as ToWorker);
    });
  }

  /** Asks the running run to stop; its promise says when it has. */
  cancel(): void {
    if (this.#ended === null) this.#post({ type: "cancel" });
  }

  /** Ends the worker, which frees all it holds; pending calls reject with `reason`. */
  end(reason: Error): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }

  #receive(message: FromWorker): void {
    if (this.#ended !== null) return;
    switch (message.type) {
      case "result":
        this.#take(message.id)?.resolve(message.value as never);
        break;
      case "error":
        this.#take(message.id)?.reject(fromData(message.error));
        break;
      case "event":
        this.#handlers.onEvent(message.event);
        break;
      case "callNode":
        void this.#runNode(message.call, message.classType, message.method, message.inputs);
        break;
      case "fatal":
        this.#fail(fromData(message.error));
        break;
    }
  }

  async #runNode(
    call: number,
    classType: string,
    method: NodeMethod,
    inputs: Record<string, NodeValue>,
  ): Promise<void> {
    try {
      const value = await this.#handlers.onNode(classType, method, inputs);
      if (this.#ended === null) this.#post({ type: "nodeResult", call, value });
    } catch (error) {
      if (this.#ended === null) this.#post({ type: "nodeError", call, error: toData(error) });
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #fail(error: Error): void {
    if (this.#ended !== null) return;
    this.end(error);
    this.#handlers.onFatal(error);
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}
