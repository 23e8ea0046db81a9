/** A plan in words. */

import type { Plan } from "../engine/index";
import { bytes } from "./words";

/** One line: whether it fits, and what will be done so that it does. */
export function planLine(plan: Plan): string {
  if (!plan.fits) return "This does not fit on this device";
  const streamed = plan.files.some(({ place }) => place === "file");
  const tiled = plan.steps.some((step) => step.tiled);
  const how = [...(streamed ? ["with weights read as they are used"] : []), ...(tiled ? ["with tiles"] : [])].join(" and ");
  const fetched = plan.fetch_bytes > 0 ? `; ${bytes(plan.fetch_bytes)} to fetch first` : "";
  return `This fits on this device${how === "" ? "" : `, ${how}`}${fetched}`;
}

/** The figures behind it, each with its name. */
export function planFacts(plan: Plan): [name: string, value: string][] {
  const ofFiles = plan.files.filter(({ place }) => place === "file").reduce((sum, file) => sum + file.bytes, 0);
  const limit = (most: number | null) => (most === null ? "" : ` of ${bytes(most)}`);
  return [
    ["Model files", `${bytes(plan.files.reduce((sum, file) => sum + file.bytes, 0))}${plan.fetch_bytes > 0 ? `, ${bytes(plan.fetch_bytes)} to fetch` : ", all here"}`],
    ["Weights in memory", `${bytes(plan.weights_bytes)}${limit(plan.max_weights_bytes)}`],
    ...(ofFiles > 0 ? [["Weights left in their files", bytes(ofFiles)] satisfies [string, string]] : []),
    ["Largest array while drawing", `${bytes(plan.largest_bytes)} of ${bytes(plan.max_buffer_bytes)}`],
  ];
}
