import { expect, test } from "@playwright/test";

import { brush, done, drawn, EMPTY, firstBrush, isEmpty, redo, undo, type Act } from "../../src/app/mask/mask";

const stroke = (erase = false): Act => ({ kind: "stroke", points: [{ x: 1, y: 2 }], size: 8, erase });

test("what was done is undone and done again, and a new stroke ends what was undone", () => {
  const two = done(done(EMPTY, stroke()), stroke(true));
  const one = undo(two);
  expect(one.acts).toEqual([stroke()]);
  expect(redo(one)).toEqual(two);
  expect(undo(undo(undo(two)))).toEqual({ acts: [], undone: [stroke(), stroke(true)] });
  expect(redo(two)).toEqual(two);
  expect(done(one, { kind: "clear" })).toEqual({ acts: [stroke(), { kind: "clear" }], undone: [] });
});

test("a mask is empty as long as nothing can be marked", () => {
  expect(isEmpty(EMPTY)).toBe(true);
  expect(isEmpty(done(EMPTY, stroke(true)))).toBe(true);
  const marked = done(EMPTY, stroke());
  expect(isEmpty(marked)).toBe(false);
  expect(isEmpty(undo(marked))).toBe(true);
  expect(isEmpty(done(marked, { kind: "clear" }))).toBe(true);
  expect(isEmpty(done(EMPTY, { kind: "invert" }))).toBe(false);
});

test("a stroke takes points that are apart", () => {
  const start = drawn([], { x: 0, y: 0 }, 8);
  expect(drawn(start, { x: 1, y: 1 }, 8)).toBe(start);
  expect(drawn(start, { x: 3, y: 0 }, 8)).toHaveLength(2);
});

test("brushes step through sizes that go with the picture", () => {
  expect(firstBrush(128)).toBe(15);
  expect(brush(15, 1, 128)).toBe(23);
  expect(brush(15, -1, 128)).toBe(10);
  expect(brush(1, -1, 128)).toBe(1);
  expect(brush(500, 1, 128)).toBe(500);
});
