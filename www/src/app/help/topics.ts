/** What the page's help consists of: the files of `docs/`. */

/** One of them: `#help/name` in the address. */
export interface Topic {
  name: string;
  title: string;
  load: () => Promise<{ default: string }>;
}

/** The first is the one that the help opens with. */
export const TOPICS: readonly [Topic, ...Topic[]] = [
  { name: "page", title: "This page", load: () => import("../../../../docs/page.md?html") },
  { name: "troubleshooting", title: "When something goes wrong", load: () => import("../../../../docs/troubleshooting.md?html") },
  { name: "nodes", title: "All nodes", load: () => import("../../../../docs/nodes.md?html") },
  { name: "widget", title: "The widget", load: () => import("../../../../docs/widget.md?html") },
  { name: "package", title: "The npm package", load: () => import("../../../../docs/package.md?html") },
  { name: "editor", title: "The editor on other pages", load: () => import("../../../../docs/editor.md?html") },
  { name: "recipes", title: "Recipes for hosts", load: () => import("../../../../docs/recipes.md?html") },
];

/** The topic that an address names, and the heading in it. */
export function topicOf(hash: string): { topic: Topic; place: string | null } {
  const [, name, place] = /^#\/?help(?:\/([\w-]+)(?:\/(.+))?)?$/.exec(hash) ?? [];
  const topic = TOPICS.find((one) => one.name === name) ?? TOPICS[0];
  return { topic, place: place === undefined ? null : decodeURIComponent(place) };
}
