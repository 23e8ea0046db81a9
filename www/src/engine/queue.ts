/** One thing at a time: those moved to the front first, then first come first served. What waits can be taken out. */

import { abortError, TintypeError } from "./errors";

/** What a queue knows of a job. */
export interface Item {
  /** Its name; no two that wait or run have the same. */
  readonly promptId: string;
}

/** How a job is put into a queue. */
export interface AddOptions<T extends Item> {
  item: T;
  /** Before all that waits. */
  front?: boolean | undefined;
  /** An abort while the job waits takes it out. */
  signal?: AbortSignal | undefined;
}

interface Waiting<T extends Item> {
  item: T;
  start: () => void;
  reject: (error: unknown) => void;
}

/** A serial queue of asynchronous jobs. */
export class Queue<T extends Item = Item> {
  #waiting: Waiting<T>[] = [];
  #running: T | null = null;
  #onChange: () => void;

  constructor(onChange: () => void = () => {}) {
    this.#onChange = onChange;
  }

  /** What runs. */
  get running(): T | null {
    return this.#running;
  }

  /** What waits, the next one first. */
  get pending(): T[] {
    return this.#waiting.map(({ item }) => item);
  }

  /** Runs `job` when its turn comes. An abort while it waits rejects at once and takes it out. */
  add<R>(job: () => Promise<R>, { item, front, signal }: AddOptions<T>): Promise<R> {
    if (signal?.aborted) return Promise.reject(abortError());
    if (this.#running?.promptId === item.promptId || this.#place(item.promptId) >= 0) {
      return Promise.reject(
        new TintypeError(`a run named \`${item.promptId}\` is in the queue already`, "invalid_prompt", {
          hint: "Leave `promptId` out, or give each run its own.",
        }),
      );
    }
    return new Promise<R>((resolve, reject) => {
      const leave = () => void this.remove(item.promptId);
      const entry: Waiting<T> = {
        item,
        start: () => {
          signal?.removeEventListener("abort", leave);
          job()
            .then(resolve, reject)
            .finally(() => {
              this.#running = null;
              this.#next();
            });
        },
        reject: (error) => {
          signal?.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      if (front === true) this.#waiting.unshift(entry);
      else this.#waiting.push(entry);
      if (this.#running === null) this.#next();
      else this.#onChange();
    });
  }

  /** Takes out what waits under this name; its promise rejects with an `AbortError`. False if nothing does. */
  remove(promptId: string): boolean {
    const [entry] = this.#take(promptId);
    if (entry === undefined) return false;
    this.#onChange();
    entry.reject(abortError());
    return true;
  }

  /** Lets what waits under this name be the next. False if nothing does. */
  moveToFront(promptId: string): boolean {
    const taken = this.#take(promptId);
    this.#waiting.unshift(...taken);
    if (taken.length > 0) this.#onChange();
    return taken.length > 0;
  }

  /** Takes out everything that waits, and says how much that was; what runs goes on. */
  clear(error: unknown = abortError()): number {
    const waiting = this.#waiting.splice(0);
    if (waiting.length > 0) this.#onChange();
    for (const entry of waiting) entry.reject(error);
    return waiting.length;
  }

  #place(promptId: string): number {
    return this.#waiting.findIndex(({ item }) => item.promptId === promptId);
  }

  #take(promptId: string): Waiting<T>[] {
    const at = this.#place(promptId);
    return at < 0 ? [] : this.#waiting.splice(at, 1);
  }

  #next(): void {
    const entry = this.#waiting.shift();
    this.#running = entry?.item ?? null;
    this.#onChange();
    entry?.start();
  }
}
