/** The help is made of the files of docs/: each is there, and what they say of each other leads somewhere. */

import { readdirSync, readFileSync } from "node:fs";

import { expect, test } from "@playwright/test";

import { html, slug } from "../../scripts/docs.mjs";
import { TOPICS, topicOf } from "../../src/app/help/topics";

const DOCS = new URL("../../../docs/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, DOCS), "utf8");

test("every file of docs/ is a topic", () => {
  const files = readdirSync(DOCS).filter((name) => name.endsWith(".md")).map((name) => name.slice(0, -3));
  expect(TOPICS.map(({ name }) => name).sort()).toEqual(files.sort());
});

test("an address names a topic and a heading in it", () => {
  expect(topicOf("#help").topic).toBe(TOPICS[0]);
  expect(topicOf("#help/nobody").topic).toBe(TOPICS[0]);
  expect(topicOf("#help/nodes/vaedecode")).toMatchObject({ topic: { name: "nodes" }, place: "vaedecode" });
});

test("links between topics lead to them in the page, and those into the repository are words", () => {
  for (const { name } of TOPICS) {
    for (const [, link = ""] of html(read(`${name}.md`)).matchAll(/<a href="([^"]*)"/g)) {
      if (/^https?:/.test(link)) continue;
      const { topic, place } = topicOf(link);
      expect(link, name).toMatch(/^#help\//);
      expect(link.split("/")[1]).toBe(topic.name);
      if (place !== null) expect(read(`${topic.name}.md`).split("\n").filter((line) => line.startsWith("#")).map((line) => slug(line.replace(/^#+ /, "")))).toContain(place);
    }
  }
});

test("tables and programs scroll by themselves, headings have addresses, and nothing of a text becomes markup", () => {
  const made = html("# A `b` & c\n\n| a | b |\n| --- | --- |\n| `<i>` | 2 |\n\n```html\n<pre>\n```\n");
  expect(made).toContain('<pre tabindex="0"><code class="language-html">&lt;pre&gt;');
  expect(made).toContain('<h2 id="a-b--c">A <code>b</code> &amp; c</h2>');
  expect(made).toContain('<div class="table" tabindex="0"');
  expect(made).toContain("<td><code>&lt;i&gt;</code></td><td>2</td>");
});
