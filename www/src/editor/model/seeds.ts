/** Numbers after a run: drawn anew, counted up or down, or left, as their control says. */

import type { Json, ObjectInfo } from "../../engine/index";
import { rowsOf, type Field } from "./schema";
import type { Doc, Sheet } from "./types";

const MOST = 2n ** 64n - 1n;
/** ComfyUI's editor draws no larger numbers. */
const MOST_DRAWN = 2n ** 50n;

/** The document for the run after this one. `random` gives 0 … 1. */
export function afterRun(doc: Doc, info: ObjectInfo, random: () => number = Math.random): Doc {
  const change = (sheet: Sheet): Sheet => {
    let same = true;
    const nodes = sheet.nodes.map((node) => {
      const controls = Object.entries(node.controls).filter(([, control]) => control !== "fixed");
      if (controls.length === 0 || node.mode !== 0) return node;
      const rows = rowsOf(doc, sheet, node, info);
      const values = { ...node.values };
      for (const [name, control] of controls) {
        const field = rows.find((row) => row.name === name);
        const linked = sheet.links.some((link) => link.to === node.id && node.inputs[link.in]?.name === name);
        if (field !== undefined && !linked) values[name] = changedBy(control, values[name] ?? field.fallback, field, random);
      }
      same = false;
      return { ...node, values };
    });
    return same ? sheet : { ...sheet, nodes };
  };
  return { ...doc, root: change(doc.root), subgraphs: doc.subgraphs.map(change) };
}

/** The number that comes after `value`. */
export function changedBy(control: string, value: Json, field: Field, random: () => number): Json {
  if (field.widget === "float") {
    const step = field.step ?? 1;
    const [least, most] = [field.min ?? -Infinity, field.max ?? Infinity];
    const now = Number(value);
    if (control === "increment") return Math.min(most, now + step);
    if (control === "decrement") return Math.max(least, now - step);
    const [from, to] = [Math.max(least, -1e6), Math.min(most, 1e6)];
    return from + Math.floor((random() * (to - from)) / step) * step;
  }
  const now = wholeOf(value);
  if (now === null) return value;
  const least = limit(field.min, 0n);
  const most = limit(field.max, MOST);
  switch (control) {
    case "increment":
      return shortest(now < most ? now + 1n : most);
    case "decrement":
      return shortest(now > least ? now - 1n : least);
    case "randomize": {
      const from = least < -MOST_DRAWN ? -MOST_DRAWN : least;
      const to = most > MOST_DRAWN ? MOST_DRAWN : most;
      return shortest(from + BigInt(Math.floor(random() * Number(to - from + 1n))));
    }
    default:
      return value;
  }
}

/** A limit of an input. As a number 2^64 − 1 has become 2^64. */
function limit(value: number | null, otherwise: bigint): bigint {
  if (value === null || !Number.isInteger(value)) return otherwise;
  const whole = BigInt(value);
  return whole > MOST ? MOST : whole;
}

/** A whole number of any length. */
export function wholeOf(value: Json | undefined): bigint | null {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : null;
}

/** As `parse` would give it: a number where a number holds it. */
export function shortest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
