/** Numbers of widgets: read, stepped, kept within their range, with every digit of a long seed. */

import { shortest, wholeOf, type Json } from "../engine/index";
import type { Field } from "./model/schema";

/** A value as text. */
export function textOf(value: Json): string {
  return value === null || typeof value === "object" ? "" : String(value);
}

/** The number that a text says, within the field's range; null if it is none. */
export function parseNumber(text: string, field: Field): number | bigint | null {
  const plain = text.trim().replace(",", ".");
  if (field.widget === "int") {
    if (!/^[+-]?\d+$/.test(plain)) return null;
    return shortest(within(BigInt(plain), field));
  }
  const number = plain === "" ? NaN : Number(plain);
  if (!Number.isFinite(number)) return null;
  return Math.min(field.max ?? Infinity, Math.max(field.min ?? -Infinity, number));
}

/** The number `by` steps on. */
export function stepped(value: Json, by: number, field: Field): number | bigint {
  if (field.widget === "int") {
    const step = BigInt(Math.max(1, Math.round(field.step ?? 1)));
    return shortest(within((wholeOf(value) ?? 0n) + step * BigInt(by), field));
  }
  const step = field.step ?? 0.1;
  const digits = Math.max(0, Math.ceil(-Math.log10(step)) + 1);
  const number = Number((Number(value) + step * by).toFixed(Math.min(digits, 10)));
  return Math.min(field.max ?? Infinity, Math.max(field.min ?? -Infinity, number));
}

function within(value: bigint, { min, max }: Field): bigint {
  if (min !== null && Number.isInteger(min) && value < BigInt(min)) return BigInt(min);
  // As a number 2^64 − 1 has become 2^64.
  const most = max === null || !Number.isInteger(max) ? null : max >= 2 ** 64 ? 2n ** 64n - 1n : BigInt(max);
  return most !== null && value > most ? most : value;
}

/** A whole number to start from: as large as ComfyUI's editor draws them. */
export function drawn(field: Field): number {
  const least = Math.max(0, field.min ?? 0);
  const most = Math.min(2 ** 50, field.max ?? 2 ** 50);
  return least + Math.floor(Math.random() * (most - least + 1));
}
