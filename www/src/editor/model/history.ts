/** What undo and redo go through: whole documents, which share what they have in common. */

import type { Doc } from "./types";

interface Step {
  doc: Doc;
  label: string;
}

/** More steps than anybody goes back; each costs what it changed. */
const MOST = 300;

/** Steps that belong together (typing into one field) within this time are one, in milliseconds. */
const TOGETHER = 1500;

export class Timeline {
  #past: Step[] = [];
  #future: Step[] = [];
  #key: string | null = null;
  #at = 0;

  get undoable(): string | null {
    return this.#past.at(-1)?.label ?? null;
  }

  get redoable(): string | null {
    return this.#future.at(-1)?.label ?? null;
  }

  /** Remembers `before`, which a command of this name is about to change. The same `key` soon after is the same step. */
  record(before: Doc, label: string, key: string | null = null, now = Date.now()): void {
    const same = key !== null && key === this.#key && now - this.#at < TOGETHER;
    [this.#key, this.#at] = [key, now];
    this.#future = [];
    if (same) return;
    this.#past.push({ doc: before, label });
    if (this.#past.length > MOST) this.#past.shift();
  }

  /** The document before the last step. */
  undo(now: Doc): Step | null {
    return this.#move(this.#past, this.#future, now);
  }

  /** The document after the step that was undone. */
  redo(now: Doc): Step | null {
    return this.#move(this.#future, this.#past, now);
  }

  #move(from: Step[], to: Step[], now: Doc): Step | null {
    const step = from.pop();
    if (step === undefined) return null;
    this.#key = null;
    to.push({ doc: now, label: step.label });
    return step;
  }
}
