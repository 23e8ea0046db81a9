/** Which key is which command. */

import { COMMANDS, type Command } from "./commands";

const isMac = typeof navigator !== "undefined" && /Mac|iP(hone|ad|od)/.test(navigator.platform);

/** The command of a key press, if it is one's. */
export function commandOf(event: KeyboardEvent): Command | undefined {
  return COMMANDS.find(({ keys }) => keys.some((key) => matches(event, key)));
}

function matches(event: KeyboardEvent, keys: string): boolean {
  const parts = keys.split("+").filter((part) => part !== "");
  // `Alt++` ends with the key itself.
  const key = keys.endsWith("++") ? "+" : (parts.pop() ?? "");
  const mod = event.ctrlKey || event.metaKey;
  if (mod !== parts.includes("Mod") || event.altKey !== parts.includes("Alt")) return false;
  // Signs such as `?` need the shift key on some keyboards and not on others.
  if (/^[a-z]$|..+/.test(key) && event.shiftKey !== parts.includes("Shift")) return false;
  return event.key.toLowerCase() === key.toLowerCase() || (event.altKey && event.code === `Key${key.toUpperCase()}`);
}

/** Keys as they stand on the keyboard. */
export function keyText(keys: string): string {
  const names: Record<string, string> = { Mod: isMac ? "⌘" : "Ctrl", Alt: isMac ? "⌥" : "Alt", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  if (keys.endsWith("++")) return `${keyText(keys.slice(0, -2))}+plus`;
  return keys
    .split("+")
    .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("+");
}
