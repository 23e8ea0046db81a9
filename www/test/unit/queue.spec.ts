import { expect, test } from "@playwright/test";

import { Queue } from "../../src/engine/queue";

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

let named = 0;
const item = (promptId = `run ${++named}`) => ({ item: { promptId } });

/** A queue whose first job, `a`, runs until it is told to stop. */
function busy() {
  const queue = new Queue();
  const first = deferred<number>();
  const a = queue.add(() => first.promise, item("a"));
  const log: string[] = [];
  const add = (name: string, front = false) => queue.add(async () => void log.push(name), { ...item(name), front });
  const names = () => queue.pending.map(({ promptId }) => promptId);
  return { queue, a, log, add, names, stop: () => first.resolve(1) };
}

test("jobs run one at a time, in order, also after one failed", async () => {
  const log: string[] = [];
  const waits: string[] = [];
  const queue: Queue = new Queue(() => waits.push(`${queue.running?.promptId ?? "-"} ${queue.pending.length}`));
  const first = deferred<number>();
  const a = queue.add(() => (log.push("a"), first.promise), item("a"));
  const b = queue.add(async () => (log.push("b"), 2), item("b"));
  expect(log).toEqual(["a"]);
  first.reject(new Error("broken"));
  await expect(a).rejects.toThrow("broken");
  expect(await b).toBe(2);
  await expect.poll(() => waits).toEqual(["a 0", "a 1", "b 0", "- 0"]);
});

test("an abort in the queue rejects at once and leaves the others alone", async () => {
  const queue = new Queue();
  const first = deferred<number>();
  const a = queue.add(() => first.promise, item());
  const stop = new AbortController();
  let ran = false;
  const b = queue.add(async () => (ran = true), { ...item(), signal: stop.signal });
  const c = queue.add(async () => 3, item());
  stop.abort();
  await expect(b).rejects.toMatchObject({ name: "AbortError" });
  first.resolve(1);
  expect([await a, await c]).toEqual([1, 3]);
  expect(ran).toBe(false);
});

test("an abort before the call never starts the job, and one after it is the job's own affair", async () => {
  const queue = new Queue();
  const early = queue.add(async () => 1, { ...item(), signal: AbortSignal.abort() });
  await expect(early).rejects.toMatchObject({ name: "AbortError" });
  const stop = new AbortController();
  const first = deferred<number>();
  const running = queue.add(() => first.promise, { ...item(), signal: stop.signal });
  stop.abort();
  first.resolve(4);
  expect(await running).toBe(4);
});

test("clearing rejects what waits and says how much", async () => {
  const { queue, a, add, stop } = busy();
  const b = add("b");
  expect(queue.clear(new Error("closed"))).toBe(1);
  await expect(b).rejects.toThrow("closed");
  expect(queue.clear()).toBe(0);
  stop();
  expect(await a).toBe(1);
});

test("the front goes before all that waits, the latest first", async () => {
  const { a, log, add, names, stop } = busy();
  const all = [add("b"), add("c"), add("d", true), add("e", true)];
  expect(names()).toEqual(["e", "d", "b", "c"]);
  stop();
  await Promise.all([a, ...all]);
  expect(log).toEqual(["e", "d", "b", "c"]);
});

test("what waits can be moved to the front and taken out, and nothing else", async () => {
  const { queue, a, log, add, names, stop } = busy();
  const [b, c, d] = [add("b"), add("c"), add("d")];
  expect(queue.moveToFront("d")).toBe(true);
  expect(queue.remove("b")).toBe(true);
  await expect(b).rejects.toMatchObject({ name: "AbortError" });
  expect(names()).toEqual(["d", "c"]);
  // The running one is not waiting, and nobody knows x.
  for (const name of ["a", "b", "x"]) expect([queue.remove(name), queue.moveToFront(name)]).toEqual([false, false]);
  expect(queue.running?.promptId).toBe("a");
  stop();
  await Promise.all([a, c, d]);
  expect(log).toEqual(["d", "c"]);
});

test("two runs of one name are refused while the first is in the queue", async () => {
  const { a, add, stop } = busy();
  const b = add("b");
  for (const name of ["a", "b"]) await expect(add(name)).rejects.toMatchObject({ code: "invalid_prompt" });
  stop();
  await Promise.all([a, b]);
  await add("b");
});
