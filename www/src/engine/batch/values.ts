/** The values of a sweep's axis as people type them: lists, ranges, counts (AUTOMATIC1111's X/Y/Z syntax). */

import { TintypeError } from "../errors";

/** More values on one axis than anyone looks at; a range with a small step reaches millions by a slip. */
export const MAX_VALUES = 1000;

/** Entries separated by commas; `"…"` keeps commas and doubled quotes. Spaces around an entry are dropped. */
export function splitList(text: string): string[] {
  const entries: string[] = [];
  const token = /\s*(?:"((?:[^"]|"")*)"|((?!\s*")[^,]*?))\s*(,|$)/y;
  for (;;) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw bad(`the list breaks off at character ${at + 1}`, "Close the quotation mark, and put a comma behind it.");
    entries.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") break;
  }
  return entries.length === 1 && entries[0] === "" ? [] : entries;
}

const NUMBER = String.raw`[-+]?\d+(?:\.\d+)?`;
const RANGE = new RegExp(
  String.raw`^(${NUMBER})\s*-\s*(${NUMBER})(?:\s*\(\s*(${NUMBER})\s*\)|\s*\[\s*(\d+)\s*\])?$`,
);

/** Whole numbers: `1, 5, 9`, `1-5`, `1-10 (+3)`, `10-1 (-3)`, `1-10 [4]` (four, evenly). */
export function integers(text: string): bigint[] {
  return splitList(text).flatMap((entry) => {
    if (/^[-+]?\d+$/.test(entry)) return [BigInt(entry)];
    const match = RANGE.exec(entry);
    if (match === null || match.slice(1, 4).some((part) => part?.includes("."))) {
      throw bad(`\`${entry}\` is no whole number and no range`, "Write `5`, `1-5`, `1-10 (+3)` or `1-10 [4]`.");
    }
    const [from, to] = [BigInt(match[1] as string), BigInt(match[2] as string)];
    if (match[4] !== undefined) {
      return linspace(Number(from), Number(to), Number(match[4])).map((value) => BigInt(Math.trunc(value)));
    }
    const step = match[3] === undefined ? (to < from ? -1n : 1n) : BigInt(match[3].replace("+", ""));
    checkStep(Number(step), Number(to - from), entry);
    const values: bigint[] = [];
    for (let value = from; step > 0n ? value <= to : value >= to; value += step) values.push(value);
    return values;
  });
}

/** Numbers: as `integers`, with points. */
export function numbers(text: string): number[] {
  return splitList(text).flatMap((entry) => {
    if (new RegExp(`^${NUMBER}$`).test(entry)) return [Number(entry)];
    const match = RANGE.exec(entry);
    if (match === null) throw bad(`\`${entry}\` is no number and no range`, "Write `0.5`, `1-2`, `1-2 (+0.25)` or `1-2 [5]`.");
    const [from, to] = [Number(match[1]), Number(match[2])];
    if (match[4] !== undefined) return linspace(from, to, Number(match[4]));
    const step = match[3] === undefined ? (to < from ? -1 : 1) : Number(match[3]);
    checkStep(step, to - from, entry);
    // By index, so that 0.1 is not added up; a hair more, so that the end is reached.
    const count = Math.floor((to - from) / step + 1e-9) + 1;
    return Array.from({ length: count }, (_, i) => round(from + i * step));
  });
}

/** Every order of the entries, for "Prompt order". */
export function orders(entries: string[]): string[][] {
  if (entries.length > 6) throw bad(`${entries.length} entries have more orders than fit a grid`, "Give at most 6 entries.");
  if (entries.length < 2) return [entries];
  return entries.flatMap((first, i) => orders(entries.filter((_, j) => j !== i)).map((rest) => [first, ...rest]));
}

function linspace(from: number, to: number, count: number): number[] {
  if (count < 1 || count > MAX_VALUES) throw bad(`\`[${count}]\` asks for ${count} values`, `Ask for 1 to ${MAX_VALUES}.`);
  if (count === 1) return [from];
  return Array.from({ length: count }, (_, i) => round(from + ((to - from) * i) / (count - 1)));
}

/** Without the noise of binary fractions: 0.30000000000000004 is a label nobody wants. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}

function checkStep(step: number, way: number, entry: string): void {
  if (step === 0 || way / step < 0) throw bad(`\`${entry}\` never arrives`, "Let the step lead from the first number to the second.");
  if (way / step >= MAX_VALUES) throw bad(`\`${entry}\` has more than ${MAX_VALUES} values`, "Take a larger step.");
}

/** One error for everything a sweep cannot read. */
export function bad(message: string, hint: string): TintypeError {
  return new TintypeError(message, "bad_sweep", { hint });
}
