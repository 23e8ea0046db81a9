/** Weights of a prompt by keys: `dragon` → `(dragon:1.1)`, up and down, and plain again at 1. */

/** A text with a selection. */
export interface Selected {
  text: string;
  start: number;
  end: number;
}

const STEP = 0.1;
const [LEAST, MOST] = [0, 2];
/** Ends a word; the signs of weights and choices do, too. */
const BETWEEN = /[\s,()[\]{}|:<>]/;

/** The selection, or the word at the cursor, one step heavier or lighter; the same text if there is no word. */
export function weighted(selected: Selected, direction: 1 | -1): Selected {
  const { text } = selected;
  const [start, end] = spanOf(selected);
  if (start === end) return selected;
  const around = weightAround(text, start, end);
  const weight = Math.min(MOST, Math.max(LEAST, Math.round(((around?.weight ?? 1) + direction * STEP) * 100) / 100));
  const words = text.slice(start, end);
  const [from, to] = around === null ? [start, end] : [around.from, around.to];
  const [before, after] = weight === 1 ? ["", ""] : ["(", `:${weight})`];
  const begin = from + before.length;
  return { text: text.slice(0, from) + before + words + after + text.slice(to), start: begin, end: begin + words.length };
}

/** What a weight is put on: the selection without the spaces around it, or the word that the cursor is in. */
function spanOf({ text, start, end }: Selected): [start: number, end: number] {
  if (start !== end) {
    while (start < end && /\s/.test(text[start] ?? "")) start++;
    while (end > start && /\s/.test(text[end - 1] ?? "")) end--;
    // The whole of a weighted group stands for the words in it.
    const group = /^\(([^()]*):[\d.]+\)$/.exec(text.slice(start, end));
    return group === null ? [start, end] : [start + 1, start + 1 + (group[1]?.length ?? 0)];
  }
  while (start > 0 && !BETWEEN.test(text[start - 1] ?? "")) start--;
  while (end < text.length && !BETWEEN.test(text[end] ?? "")) end++;
  return [start, end];
}

/** The weight that stands around exactly these words. */
function weightAround(text: string, start: number, end: number): { from: number; to: number; weight: number } | null {
  if (text[start - 1] !== "(") return null;
  const match = /^:(\d*\.?\d+)\)/.exec(text.slice(end));
  if (match !== null) return { from: start - 1, to: end + match[0].length, weight: Number(match[1]) };
  return text[end] === ")" ? { from: start - 1, to: end + 1, weight: 1.1 } : null;
}
