/** Ctrl+Up and Ctrl+Down in a field of words change the weight of the word or the selection. */

import { weighted } from "./weights";

/** For `{@attach weightKeys}`. */
export function weightKeys(field: HTMLTextAreaElement | HTMLInputElement): () => void {
  const press = (event: Event) => {
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event as KeyboardEvent;
    if (!(ctrlKey || metaKey) || altKey || shiftKey || (key !== "ArrowUp" && key !== "ArrowDown")) return;
    event.preventDefault();
    const { value: text, selectionStart, selectionEnd } = field;
    const after = weighted({ text, start: selectionStart ?? 0, end: selectionEnd ?? 0 }, key === "ArrowUp" ? 1 : -1);
    if (after.text === text) return;
    // As if it was typed: then the field's own undo takes it back. Old, but nothing else does that.
    field.setSelectionRange(0, text.length);
    if (!document.execCommand("insertText", false, after.text)) {
      field.value = after.text;
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
    field.setSelectionRange(after.start, after.end);
  };
  field.addEventListener("keydown", press);
  return () => field.removeEventListener("keydown", press);
}
