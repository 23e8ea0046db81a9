/** Files that another view hands to the graph. */

import { SvelteMap } from "svelte/reactivity";

import type { Studio } from "../studio.svelte";

/** A file to open in the editor. */
export interface Handed {
  file: Blob;
  name: string;
}

const handed = new SvelteMap<Studio, Handed>();

/** Opens a file as a graph, in the view that edits graphs. */
export function openInGraph(studio: Studio, file: Blob, name: string): void {
  handed.set(studio, { file, name });
  studio.show("graph");
}

/** The file that was handed over last. */
export function handedTo(studio: Studio): Handed | null {
  return handed.get(studio) ?? null;
}
