/** Addresses of the files that were given to nodes, for showing them. */

import { SvelteMap } from "svelte/reactivity";

import type { EditorState } from "./editor.svelte";

const urls = new WeakMap<EditorState, SvelteMap<string, string>>();

function mapOf(editor: EditorState): SvelteMap<string, string> {
  const known = urls.get(editor);
  if (known !== undefined) return known;
  const fresh = new SvelteMap<string, string>();
  urls.set(editor, fresh);
  return fresh;
}

/** The address of a file of this name, if it was given here. */
export function givenUrl(editor: EditorState, name: string): string | null {
  return mapOf(editor).get(name) ?? null;
}

/** Remembers a file that was given. */
export function remember(editor: EditorState, name: string, file: Blob): void {
  const map = mapOf(editor);
  const old = map.get(name);
  if (old !== undefined) URL.revokeObjectURL(old);
  map.set(name, URL.createObjectURL(file));
}
