import { expect, test } from "@playwright/test";

import { weighted } from "../../src/app/weights";

const up = (text: string, start: number, end = start) => weighted({ text, start, end }, 1);
const down = (text: string, start: number, end = start) => weighted({ text, start, end }, -1);

test("the word at the cursor gets a weight, and stays chosen", () => {
  expect(up("a red dragon, 3d", 8)).toEqual({ text: "a red (dragon:1.1), 3d", start: 7, end: 13 });
  expect(down("a red dragon, 3d", 2)).toEqual({ text: "a (red:0.9) dragon, 3d", start: 3, end: 6 });
});

test("again and again it goes up and down, and at 1 the parentheses go", () => {
  let now = { text: "a dragon", start: 2, end: 8 };
  for (let i = 0; i < 3; i++) now = weighted(now, 1);
  expect(now.text).toBe("a (dragon:1.3)");
  for (let i = 0; i < 3; i++) now = weighted(now, -1);
  expect(now).toEqual({ text: "a dragon", start: 2, end: 8 });
});

test("a selection is weighted as a whole, without the spaces around it", () => {
  expect(up("a red dragon here", 1, 13)).toEqual({ text: "a (red dragon:1.1) here".replace("a (red", "a (red"), start: 3, end: 13 });
  expect(up("(red dragon:1.1)", 0, 16).text).toBe("(red dragon:1.2)");
  expect(down("(dragon)", 1, 7).text).toBe("dragon");
});

test("weights end at 0 and 2, and where there is no word nothing changes", () => {
  expect(up("(cat:2)", 1, 4).text).toBe("(cat:2)");
  expect(down("(cat:0)", 1, 4).text).toBe("(cat:0)");
  expect(down("(cat:0.1)", 1, 4).text).toBe("(cat:0)");
  expect(up("a  , b", 2)).toEqual({ text: "a  , b", start: 2, end: 2 });
  expect(up("", 0).text).toBe("");
});
