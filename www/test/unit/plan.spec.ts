/** What a plan says to a person. */

import { expect, test } from "@playwright/test";

import { planFacts, planLine } from "../../src/app/plan_words";
import type { Plan } from "../../src/engine/index";

const file = { node: "1", file: "checkpoints/a.safetensors", kind: null, bytes: 2e9, fetch_bytes: 0, weights_bytes: 2e9, place: "device", encoder_place: "device", format: "f16" } as const;
const step = { node: "5", what: "denoise", width: 512, height: 512, batch: 1, guessed: false, largest_bytes: 4e8, tiled: false } as const;
const plan: Plan = {
  files: [file], steps: [step], fetch_bytes: 0, weights_bytes: 2e9, largest_bytes: 4e8, max_buffer_bytes: 2e9, max_weights_bytes: null, fits: true, notes: [],
};

test("a plan is a line that says whether it fits and what will be done", () => {
  expect(planLine(plan)).toBe("This fits on this device");
  expect(planLine({ ...plan, fetch_bytes: 18_113_696 })).toBe("This fits on this device; 18.1 MB to fetch first");
  expect(planLine({ ...plan, files: [{ ...file, place: "file" }], steps: [step, { ...step, what: "autoencode", tiled: true }] })).toBe(
    "This fits on this device, with weights read as they are used and with tiles",
  );
  expect(planLine({ ...plan, fits: false, fetch_bytes: 5 })).toBe("This does not fit on this device");
});

test("its figures have names and limits", () => {
  expect(planFacts(plan)).toEqual([
    ["Model files", "2.00 GB, all here"],
    ["Weights in memory", "2.00 GB"],
    ["Largest array while drawing", "400.0 MB of 2.00 GB"],
  ]);
  const streamed = { ...plan, files: [{ ...file, place: "file" as const }], fetch_bytes: 7, weights_bytes: 0, max_weights_bytes: 1e9 };
  expect(planFacts(streamed).slice(0, 3)).toEqual([
    ["Model files", "2.00 GB, 7 bytes to fetch"],
    ["Weights in memory", "0 bytes of 1.00 GB"],
    ["Weights left in their files", "2.00 GB"],
  ]);
});
