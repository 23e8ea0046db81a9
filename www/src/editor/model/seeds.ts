/** Numbers after a run: drawn anew, counted up or down, or left, as their control says. */

import { numberAfter, wholeOf, type Json, type ObjectInfo } from "../../engine/index";
import { rowsOf, type Field } from "./schema";
import type { Doc, Sheet } from "./types";

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
  return numberAfter(control, now, field.min, field.max, random);
}
