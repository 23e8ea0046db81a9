/** docs/troubleshooting.md has every code that an error may have, and no other. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "@playwright/test";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, code = ""]) => code);

function sources(folder: string, ending: RegExp): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  return files.filter((file) => ending.test(file) && !/pkg/.test(file)).map((file) => read(join(folder, file)));
}

/** Codes of the engine's causes, of what a graph's validation finds, and of the client's own errors. */
function codes(): Set<string> {
  const causes = all(read("src/error.rs"), /=> "([a-z_]+)"/g);
  const graph = all(read("src/graph/problem.rs"), /=> "([a-z_]+)"/g);
  const client = sources("www/src", /\.ts$/).flatMap((text) => all(text, /new TintypeError\([^;]*?,\s*"([a-z_]+)"/g));
  const refused = sources("www/src", /\.ts$/).flatMap((text) => all(text, /refuse\([^;]*?,\s*"([a-z_]+)",?\s*\)/g));
  const json = all(read("www/src/engine/json.ts"), /"(not_finite|unsafe_integer|not_json)"/g);
  return new Set([...causes, ...graph, ...client, ...refused, ...json]);
}

test("every code has its row, and every row its code", () => {
  const rows = read("docs/troubleshooting.md").split("\n").filter((line) => /^\| `/.test(line));
  const told = rows.flatMap((row) => all(row.split("|")[1] ?? "", /`([a-z_]+)`/g));
  expect(told.length).toBe(new Set(told).size);
  expect([...told].sort()).toEqual([...codes()].sort());
  for (const row of rows) expect(row.split("|").slice(2, 4).every((cell) => cell.trim().length > 0), row).toBe(true);
});

test("the guides name only files and headings that are there", () => {
  for (const guide of ["README.md", ...readdirSync(join(ROOT, "docs")).filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`)]) {
    for (const target of all(read(guide), /\]\((?!https?:)([^)]+)\)/g)) {
      const [path = "", heading] = target.split("#");
      const file = path === "" ? guide : join(guide, "..", path);
      const text = /\.(md|json)$/.test(file) ? read(file) : (readFileSync(join(ROOT, file)), "");
      if (heading === undefined) continue;
      const headings = all(text, /^#+ (.+)$/gm).map((line) => line.toLowerCase().replace(/[^\w\s-]/g, "").replaceAll(" ", "-"));
      expect(headings, `${guide} → ${target}`).toContain(heading);
    }
  }
});

test("the widget's guide names every attribute and event", () => {
  const manifest = JSON.parse(read("www/src/element/custom-elements.json"));
  const [element] = manifest.modules[0].declarations;
  const guide = read("docs/widget.md");
  for (const { name } of [...element.attributes, ...element.events, ...element.slots]) expect(guide).toMatch(new RegExp(`\`${name}[\`=]`));
});
