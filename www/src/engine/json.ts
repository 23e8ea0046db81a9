/** JSON whose integers keep every digit: seeds go to 2^64 − 1, JavaScript numbers only to 2^53. */

/** Anything our JSON holds. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

/** Where a value that JSON cannot hold was met. */
export class JsonValueError extends Error {
  /** Keys from the outside in. */
  readonly path: readonly string[];
  /** `not_finite` or `unsafe_integer` or `not_json`. */
  readonly code: "not_finite" | "unsafe_integer" | "not_json";

  constructor(code: JsonValueError["code"], path: readonly string[], message: string) {
    super(message);
    this.code = code;
    this.path = path;
  }
}

/** `value` as JSON text; bigints become integer literals, `undefined` members are left out. */
export function stringify(value: unknown, path: readonly string[] = []): string {
  const name = path.at(-1) ?? "value";
  switch (typeof value) {
    case "bigint":
      return value.toString();
    case "number":
      if (!Number.isFinite(value)) {
        throw new JsonValueError("not_finite", path, `\`${name}\` is not a finite number`);
      }
      if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 2 ** 64) {
        throw new JsonValueError(
          "unsafe_integer",
          path,
          `\`${name}\` is ${value}, which a JavaScript number cannot hold exactly`,
        );
      }
      return JSON.stringify(value);
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) {
        return `[${value.map((item, i) => stringify(item ?? null, [...path, String(i)])).join(",")}]`;
      }
      return `{${Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${JSON.stringify(key)}:${stringify(item, [...path, key])}`)
        .join(",")}}`;
    default:
      throw new JsonValueError("not_json", path, `\`${name}\` is a ${typeof value}, which JSON cannot hold`);
  }
}

// JSON.parse hands a reviver the source text only in newer browsers, so long integers are first
// put into strings that no workflow contains.
const MARK = "\u0000int:";
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** The value of `text`; integers beyond 2^53 become bigints. Throws `SyntaxError` as `JSON.parse` does. */
export function parse(text: string): Json {
  const marked = text.replace(TOKEN, (token) => {
    if (!/^-?\d{16,}$/.test(token) || Number.isSafeInteger(Number(token))) return token;
    return JSON.stringify(MARK + token);
  });
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  ) as Json;
}
