/** The pages of `docs/` as HTML, made when the page is built: `import html from "…/docs/page.md?html"`. */

import { readFile } from "node:fs/promises";

import { Marked } from "marked";

const QUERY = ".md?html";

/**
 * A plugin of Vite's.
 * @returns {import("vite").Plugin}
 */
export function docs() {
  return {
    name: "docs",
    enforce: "pre",
    async load(id) {
      if (!id.endsWith(QUERY)) return null;
      const file = id.slice(0, -"?html".length);
      this.addWatchFile(file);
      return `export default ${JSON.stringify(html(await readFile(file, "utf8")))};`;
    },
  };
}

/** Headings get addresses, and links to other pages of the folder lead to them in the page. */
export function html(/** @type {string} */ markdown) {
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        return `<h${depth + 1} id="${slug(text)}">${this.parser.parseInline(tokens)}</h${depth + 1}>\n`;
      },
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens);
        if (/^https?:/.test(href)) return `<a href="${href}" rel="noreferrer">${text}</a>`;
        const [, name, place] = /^([\w-]+)\.md(?:#(.+))?$/.exec(href) ?? [];
        // What is in the repository alone has no address here.
        return name === undefined ? text : `<a href="#help/${name}${place === undefined ? "" : `/${place}`}">${text}</a>`;
      },
      // A wide table scrolls by itself.
      table(token) {
        const row = (/** @type {import("marked").Tokens.TableCell[]} */ cells, /** @type {string} */ tag) =>
          `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join("")}</tr>`;
        const body = token.rows.map((cells) => row(cells, "td")).join("\n");
        return `<div class="table" tabindex="0" role="group" aria-label="Table"><table><thead>${row(token.header, "th")}</thead><tbody>${body}</tbody></table></div>\n`;
      },
    },
  });
  // What scrolls has to be reached by keys.
  return marked.parse(markdown, { async: false }).replaceAll("<pre>", '<pre tabindex="0">');
}

/** As GitHub makes them of headings. */
export function slug(/** @type {string} */ text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}
