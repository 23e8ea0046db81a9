/** What ran before: ComfyUI's `history`, kept in the page, the oldest forgotten first. */

import type { EngineEvent, NodeOutput, QueuedRun } from "./types";

/** The events that a run's history keeps. */
const KEPT = [
  "execution_start",
  "execution_cached",
  "execution_success",
  "execution_error",
  "execution_interrupted",
] as const;

type Message = Extract<EngineEvent, { type: (typeof KEPT)[number] }>;

/** One run that is over. */
export interface HistoryEntry {
  /** What was run. */
  prompt: QueuedRun;
  /** What the nodes showed, by node; of a failed run, as far as it came. */
  outputs: Record<string, NodeOutput>;
  status: {
    status_str: "success" | "error";
    completed: boolean;
    /** The events that tell how it went, as `[type, data]`. */
    messages: [type: Message["type"], data: Message["data"]][];
  };
  /** The nodes of `outputs`, where they are in the graph that was given. */
  meta: Record<string, { node_id: string; display_node: string; parent_node: string | null; real_node_id: string }>;
}

/** Runs that are over, the oldest first. */
export class History {
  #entries = new Map<string, HistoryEntry>();
  #limit: number;

  constructor(limit = 200) {
    this.#limit = limit;
  }

  /** How many runs it keeps. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    this.#trim();
  }

  /** How many runs it holds. */
  get size(): number {
    return this.#entries.size;
  }

  /** The run of this id. */
  get(promptId: string): HistoryEntry | undefined {
    return this.#entries.get(promptId);
  }

  /** At most `max` runs from `offset` on, the oldest first; a negative `offset` counts from the newest. */
  list({ max, offset = 0 }: { max?: number; offset?: number } = {}): HistoryEntry[] {
    const all = [...this.#entries.values()];
    const start = offset < 0 ? Math.max(0, all.length + offset) : offset;
    return all.slice(start, max === undefined ? undefined : start + max);
  }

  /** Forgets a run. False if it does not know it. */
  delete(promptId: string): boolean {
    return this.#entries.delete(promptId);
  }

  /** Forgets all runs. */
  clear(): void {
    this.#entries.clear();
  }

  /** Adds a run that is over. */
  add(entry: HistoryEntry): void {
    this.#entries.delete(entry.prompt.promptId);
    this.#entries.set(entry.prompt.promptId, entry);
    this.#trim();
  }

  #trim(): void {
    for (const id of this.#entries.keys()) {
      if (this.#entries.size <= this.#limit) break;
      this.#entries.delete(id);
    }
  }
}

/** Writes down one run while it goes. */
export class RunRecord {
  #entry: HistoryEntry;

  constructor(prompt: QueuedRun) {
    this.#entry = {
      prompt,
      outputs: {},
      status: { status_str: "error", completed: false, messages: [] },
      meta: {},
    };
  }

  /** Takes up an event of the run. */
  hear(event: EngineEvent): void {
    if (event.type === "executed") {
      const { node, display_node, output } = event.data;
      this.#entry.outputs[node] = output;
      const inner = node.lastIndexOf(":");
      const parent_node = inner < 0 ? null : node.slice(0, inner);
      this.#entry.meta[node] = { node_id: node, display_node, parent_node, real_node_id: node };
    } else if (isMessage(event)) {
      const { status } = this.#entry;
      status.messages.push([event.type, event.data]);
      if (event.type === "execution_success") Object.assign(status, { status_str: "success", completed: true });
    }
  }

  /** The run, once it is over; `null` if it never began, for a graph that is refused is no run. */
  finish(error: unknown): HistoryEntry | null {
    const { status, prompt } = this.#entry;
    if (status.messages.length === 0) return null;
    const last = status.messages.at(-1)?.[0];
    // An engine that crashed, or was closed, says nothing any more.
    if (last === "execution_start" || last === "execution_cached") {
      const thrown = error as Partial<Error & { code: string; hint: string | null }> | null;
      const data: Extract<Message, { type: "execution_error" }>["data"] = {
        prompt_id: prompt.promptId,
        node_id: null,
        node_type: null,
        executed: [],
        exception_message: thrown?.message ?? String(error),
        exception_type: thrown?.name ?? "Error",
        code: thrown?.code ?? "unknown",
        hint: thrown?.hint ?? null,
      };
      status.messages.push(["execution_error", data]);
    }
    return this.#entry;
  }
}

function isMessage(event: EngineEvent): event is Message {
  return (KEPT as readonly string[]).includes(event.type);
}
