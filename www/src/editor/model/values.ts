/** Widget values by position, as files keep them: required widgets first, a seed's control behind it. */

import type { Json, NodeInfo } from "../../engine/index";
import { fieldsOf, type Field } from "./schema";
import type { Control } from "./types";

export const CONTROLS: readonly Control[] = ["fixed", "increment", "decrement", "randomize"];

/** True if a value says what happens to a number after a run. */
export function isControl(value: Json | undefined): value is Control {
  return typeof value === "string" && (CONTROLS as readonly string[]).includes(value);
}

/** Goes through the widgets of a class in the order of their values; `take` gives the value, which may bring further widgets. */
export function widgetsOf(info: NodeInfo, take: (field: Field) => Json | undefined): void {
  const values: Record<string, Json> = {};
  const done = new Set<string>();
  // A branch's widgets follow it: what there is, is asked again after each choice.
  for (let again = true; again; ) {
    again = false;
    for (const field of fieldsOf(info, values, new Set())) {
      if (field.widget === null || done.has(field.name)) continue;
      done.add(field.name);
      const value = take(field);
      if (value !== undefined) values[field.name] = value;
      if (field.branches) {
        again = true;
        break;
      }
    }
  }
}
