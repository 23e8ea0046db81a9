import { expect, test } from "@playwright/test";

import { Queue } from "../../src/engine/queue";

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

test("jobs run one at a time, in order, also after one failed", async () => {
  const log: string[] = [];
  const waits: number[] = [];
  const queue = new Queue((waiting) => waits.push(waiting));
  const first = deferred<number>();
  const a = queue.add(() => (log.push("a"), first.promise));
  const b = queue.add(async () => (log.push("b"), 2));
  expect(log).toEqual(["a"]);
  first.reject(new Error("broken"));
  await expect(a).rejects.toThrow("broken");
  expect(await b).toBe(2);
  expect(waits).toEqual([0, 1, 0]);
});

test("an abort in the queue rejects at once and leaves the others alone", async () => {
  const queue = new Queue();
  const first = deferred<number>();
  const a = queue.add(() => first.promise);
  const stop = new AbortController();
  let ran = false;
  const b = queue.add(async () => (ran = true), stop.signal);
  const c = queue.add(async () => 3);
  stop.abort();
  await expect(b).rejects.toMatchObject({ name: "AbortError" });
  first.resolve(1);
  expect([await a, await c]).toEqual([1, 3]);
  expect(ran).toBe(false);
});

test("an abort before the call never starts the job", async () => {
  const queue = new Queue();
  await expect(queue.add(async () => 1, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});

test("clearing rejects what waits", async () => {
  const queue = new Queue();
  const first = deferred<number>();
  const a = queue.add(() => first.promise);
  const b = queue.add(async () => 2);
  queue.clear(new Error("closed"));
  await expect(b).rejects.toThrow("closed");
  first.resolve(1);
  expect(await a).toBe(1);
});
