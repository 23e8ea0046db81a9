import { expect, test } from "@playwright/test";

import { bytes, Clock, duration, ended } from "../../src/app/words";

test("bytes and durations read well", () => {
  expect([bytes(512), bytes(93_262), bytes(18_113_696), bytes(2_130_000_000)]).toEqual([
    "512 bytes",
    "93 kB",
    "18.1 MB",
    "2.13 GB",
  ]);
  expect([duration(0.4), duration(4.2), duration(125)]).toEqual(["less than a second", "4 s", "2 min 5 s"]);
});

test("what is said at the end of a run counts its pictures", () => {
  expect([0, 1, 2].map(ended)).toEqual(["The run has ended", "The picture is ready", "2 pictures are ready"]);
});

test("the time left follows the steps measured", () => {
  const clock = new Clock();
  expect(clock.left(0)).toBeNull();
  clock.step(1, 20, 5000);
  expect(clock.left(5000)).toBeNull();
  clock.step(2, 20, 5500);
  expect(clock.left(5500)).toBeCloseTo(0.5 * 19);
  clock.step(20, 20, 14_500);
  expect(clock.left(99_000)).toBe(0);
});
