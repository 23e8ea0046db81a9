/** How components find the editor they belong to: two on one page do not know of each other. */

import { getContext, setContext } from "svelte";

import type { EditorState } from "./editor.svelte";

const KEY = Symbol("editor");

export function setEditor(editor: EditorState): void {
  setContext(KEY, editor);
}

export function useEditor(): EditorState {
  return getContext<EditorState>(KEY);
}
