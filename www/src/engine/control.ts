/** Numbers after a run, as ComfyUI's “control after generate” changes them. */

/** The largest seed. */
const MOST = 2n ** 64n - 1n;
/** ComfyUI's editor draws no larger numbers. */
const MOST_DRAWN = 2n ** 50n;

/** The whole number that comes after `value` in an input of these limits; `random` gives 0 … 1 as `Math.random` does. */
export function numberAfter(control: unknown, value: bigint, min: unknown, max: unknown, random: () => number): number | bigint {
  const [least, most] = [limit(min, 0n), limit(max, MOST)];
  switch (control) {
    case "increment":
      return shortest(value < most ? value + 1n : most);
    case "decrement":
      return shortest(value > least ? value - 1n : least);
    case "randomize": {
      const from = least < -MOST_DRAWN ? -MOST_DRAWN : least;
      const to = most > MOST_DRAWN ? MOST_DRAWN : most;
      return shortest(from + BigInt(Math.floor(random() * Number(to - from + 1n))));
    }
    default:
      return shortest(value);
  }
}

/** A whole number of any length; null for anything else. */
export function wholeOf(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : null;
}

/** A limit of an input. As a number 2^64 − 1 has become 2^64. */
function limit(value: unknown, otherwise: bigint): bigint {
  const whole = typeof value === "number" && Number.isInteger(value) ? BigInt(value) : (wholeOf(value) ?? otherwise);
  return whole > MOST ? MOST : whole;
}

/** As `parse` of json.ts would give it: a number where a number holds it. */
export function shortest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
