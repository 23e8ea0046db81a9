import { expect, test } from "@playwright/test";

import { History, RunRecord } from "../../src/engine/history";
import type { EngineEvent } from "../../src/engine/types";

const run = (promptId: string) => ({ promptId, number: 1, prompt: "{}" });
const start: EngineEvent = { type: "execution_start", data: { prompt_id: "p", timestamp: 1 } };
const cached: EngineEvent = { type: "execution_cached", data: { prompt_id: "p", nodes: ["1"] } };

function record(events: EngineEvent[], error: unknown = null, id = "p") {
  const record = new RunRecord(run(id));
  for (const event of events) record.hear(event);
  return record.finish(error);
}

test("a run that went well has its outputs and the events that tell so", () => {
  const output = { images: [{ filename: "a.png", subfolder: "", type: "output" as const }] };
  const entry = record([
    start,
    cached,
    { type: "progress", data: { prompt_id: "p", node: "57:8", value: 1, max: 2 } },
    { type: "executed", data: { prompt_id: "p", node: "57:8", display_node: "57:8", output } },
    { type: "execution_success", data: { prompt_id: "p", timestamp: 2 } },
  ]);
  expect(entry).toMatchObject({ prompt: run("p"), outputs: { "57:8": output } });
  expect(entry?.status).toMatchObject({ status_str: "success", completed: true });
  expect(entry?.status.messages.map(([type]) => type)).toEqual([
    "execution_start",
    "execution_cached",
    "execution_success",
  ]);
  expect(entry?.meta).toEqual({
    "57:8": { node_id: "57:8", display_node: "57:8", parent_node: "57", real_node_id: "57:8" },
  });
});

test("a failed run says where, a crashed one what was thrown, and a refused graph is no run", () => {
  const interrupted = { prompt_id: "p", node_id: "2", node_type: "KSampler", executed: ["1"] };
  const stopped = record([start, cached, { type: "execution_interrupted", data: interrupted }], new Error("x"));
  expect(stopped?.status).toMatchObject({ status_str: "error", completed: false });
  expect(stopped?.status.messages.at(-1)).toEqual(["execution_interrupted", interrupted]);
  const crashed = record([start], Object.assign(new Error("out of memory"), { code: "engine_crashed" }));
  expect(crashed?.status.messages.at(-1)).toMatchObject([
    "execution_error",
    { exception_message: "out of memory", code: "engine_crashed" },
  ]);
  expect(record([], new Error("refused"))).toBeNull();
});

test("history forgets the oldest first, lists in pages, and forgets on request", () => {
  const history = new History(5);
  for (let n = 1; n <= 8; n++) {
    const entry = record([start], null, String(n));
    if (entry !== null) history.add(entry);
  }
  const ids = (list = history.list()) => list.map((entry) => entry.prompt.promptId).join(" ");
  expect(ids()).toBe("4 5 6 7 8");
  expect(ids(history.list({ max: 2 }))).toBe("4 5");
  expect(ids(history.list({ max: 2, offset: 3 }))).toBe("7 8");
  expect(ids(history.list({ max: 2, offset: -2 }))).toBe("7 8");
  expect(ids(history.list({ offset: -100, max: 1 }))).toBe("4");
  expect(ids(history.list({ offset: 5 }))).toBe("");
  expect([history.delete("5"), history.delete("5"), history.get("5"), history.size]).toEqual([true, false, undefined, 4]);
  history.limit = 2;
  expect(ids()).toBe("7 8");
  history.clear();
  expect(history.size).toBe(0);
});
