/** One thing at a time, first come first served; what still waits can be aborted at once. */

import { abortError } from "./errors";

interface Waiting {
  start: () => void;
  reject: (error: unknown) => void;
}

/** A serial queue of asynchronous jobs. */
export class Queue {
  #waiting: Waiting[] = [];
  #running = false;
  #onChange: (waiting: number) => void;

  constructor(onChange: (waiting: number) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** Runs `job` when its turn comes. An abort while it waits rejects at once and takes it out. */
  add<T>(job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(abortError());
    return new Promise<T>((resolve, reject) => {
      const entry: Waiting = {
        start: () => {
          signal?.removeEventListener("abort", leave);
          job()
            .then(resolve, reject)
            .finally(() => {
              this.#running = false;
              this.#next();
            });
        },
        reject: (error) => {
          signal?.removeEventListener("abort", leave);
          reject(error);
        },
      };
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
        this.#onChange(this.#waiting.length);
        entry.reject(abortError());
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.push(entry);
      if (this.#running) this.#onChange(this.#waiting.length);
      else this.#next();
    });
  }

  /** Rejects everything that waits; what runs goes on. */
  clear(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const entry of waiting) entry.reject(error);
  }

  #next(): void {
    const entry = this.#waiting.shift();
    if (entry === undefined) return;
    this.#running = true;
    this.#onChange(this.#waiting.length);
    entry.start();
  }
}
