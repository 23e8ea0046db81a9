import { expect, test } from "@playwright/test";

import type { Settings } from "../../src/engine/index";
import { fileName, find, modelsOf, type Facts } from "../../src/app/gallery/facts";

const facts = (id: string, more: Partial<Facts> = {}): Facts => ({
  id, made: Date.UTC(2026, 10, 28), name: "tintype_00001_.png", title: "a red dragon", settings: null, index: 0, note: null, seconds: 1,
  device: "CPU", bytes: 10, favourite: false, deleted: null, ...more,
});
const ALL = { words: "", favourites: false, model: null };
const ids = (list: Facts[]) => list.map(({ id }) => id);

test("the newest comes first, a batch in its order reversed, and what is deleted not at all", () => {
  const all = [facts("a", { made: 1 }), facts("b", { made: 3 }), facts("c", { made: 2, deleted: 5 }), facts("d", { made: 3, index: 1 })];
  expect(ids(find(all, ALL))).toEqual(["d", "b", "a"]);
});

test("every word has to be found, in the prompt, the settings, the note or the day", () => {
  const settings = { model: "sprite", seed: 77n, sampler: "euler", scheduler: "normal", negativePrompt: "people" } as Settings;
  const all = [facts("a", { settings }), facts("b", { title: "a blue car", note: "Upscaled with x4" })];
  const found = (words: string) => ids(find(all, { ...ALL, words }));
  expect(found("DRAGON 77")).toEqual(["a"]);
  expect(found("dragon car")).toEqual([]);
  expect(found("upscaled")).toEqual(["b"]);
  expect(found("2026-11-28")).toEqual(["a", "b"]);
  expect(found("people euler")).toEqual(["a"]);
  expect(found(" ")).toEqual(["a", "b"]);
});

test("favourites and models narrow it down", () => {
  const all = [facts("a", { favourite: true }), facts("b", { settings: { model: "x" } as Settings }), facts("c", { settings: { model: "y" } as Settings, deleted: 1 })];
  expect(ids(find(all, { ...ALL, favourites: true }))).toEqual(["a"]);
  expect(ids(find(all, { ...ALL, model: "x" }))).toEqual(["b"]);
  expect(modelsOf(all)).toEqual(["x"]);
});

test("a file's name says when it was made, since numbers begin anew on every visit", () => {
  expect(fileName({ made: new Date(2026, 0, 2, 3, 4, 5).getTime(), name: "tintype_00001_.png" })).toBe("2026-01-02_03-04-05_tintype_00001_.png");
});
