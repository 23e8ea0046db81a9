import { expect, test } from "@playwright/test";

import { JsonValueError, parse, stringify } from "../../src/engine/json";

test("seeds keep every digit both ways", () => {
  const seed = 2n ** 64n - 1n;
  const text = stringify({ seed, small: 7n, list: [1, null, "x"], gone: undefined });
  expect(text).toBe('{"seed":18446744073709551615,"small":7,"list":[1,null,"x"]}');
  expect(parse(text)).toEqual({ seed, small: 7, list: [1, null, "x"] });
});

test("long digits inside strings and in fractions stay what they are", () => {
  const text = '{"a":"18446744073709551615 \\" 99999999999999999999","b":0.12345678901234567,"c":1e300}';
  expect(parse(text)).toEqual({
    a: '18446744073709551615 " 99999999999999999999',
    b: 0.12345678901234567,
    c: 1e300,
  });
});

test("negative long integers are exact", () => {
  expect(parse("[-9007199254740993]")).toEqual([-9007199254740993n]);
});

for (const [what, value, code] of [
  ["NaN", Number.NaN, "not_finite"],
  ["infinity", Number.POSITIVE_INFINITY, "not_finite"],
  ["an inexact integer", 2 ** 63, "unsafe_integer"],
  ["a function", () => 1, "not_json"],
] as const) {
  test(`${what} is refused, with its place`, () => {
    const write = () => stringify({ "3": { inputs: { cfg: value } } });
    expect(write).toThrow(JsonValueError);
    try {
      write();
    } catch (error) {
      expect((error as JsonValueError).code).toBe(code);
      expect((error as JsonValueError).path).toEqual(["3", "inputs", "cfg"]);
    }
  });
}
