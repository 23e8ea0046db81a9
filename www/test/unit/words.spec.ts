import { expect, test } from "@playwright/test";

import { model } from "../../src/app/progress";
import { bytes, Clock, duration, ended, Pace } from "../../src/app/words";

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

test("a file's pace is that of its last seconds", () => {
  const pace = new Pace();
  pace.step("a", 0, 0);
  pace.step("a", 500, 500);
  expect(pace.rate).toBeNull();
  pace.step("a", 2000, 2000);
  expect(pace.rate).toBe(1000);
  // Slower since then: the beginning is forgotten.
  for (let second = 3; second <= 20; second++) pace.step("a", 2000 + 100 * (second - 2), second * 1000);
  expect(pace.rate).toBeCloseTo(100);
  // Another file, and the same one anew.
  pace.step("b", 10, 21_000);
  expect(pace.rate).toBeNull();
  pace.step("b", 9010, 24_000);
  expect(pace.rate).toBe(3000);
  pace.step("b", 0, 25_000);
  expect(pace.rate).toBeNull();
  pace.step("b", 0, 35_000);
  expect(pace.rate).toBeNull();
});

test("a model on its way is said with bytes, speed and time left", () => {
  const event = { file: "sprite/unet/a.safetensors", loaded: 1_000_000_000, total: 4_000_000_000, phase: "fetch" } as const;
  expect(model(event)).toEqual({ fraction: 0.25, text: "Fetching the model, network: 1.00 GB of 4.00 GB" });
  expect(model(event, 20_000_000).text).toBe(
    "Fetching the model, network: 1.00 GB of 4.00 GB, 20.0 MB a second, about 2 min 30 s left",
  );
  expect(model({ ...event, loaded: event.total }, 20_000_000).text).toBe("Fetching the model, network: 4.00 GB of 4.00 GB");
  expect(model({ ...event, phase: "load" }, 20_000_000).text).toBe("Loading the model, network: 1.00 GB of 4.00 GB");
});
