/** The views of the page, in the order of the navigation. A new one is one more entry here. */

import type { Component } from "svelte";

import type { Studio } from "./studio.svelte";

/** One view: `#name` in the address, a link in the navigation, and a component that is loaded on demand. */
export interface View {
  name: string;
  title: string;
  load: () => Promise<{ default: Component<{ studio: Studio }> }>;
}

/** The first is the one that the page opens with. */
export const VIEWS: readonly [View, ...View[]] = [
  { name: "create", title: "Create", load: () => import("./create/Create.svelte") },
  { name: "graph", title: "Graph", load: () => import("./graph/Graph.svelte") },
  { name: "gallery", title: "Gallery", load: () => import("./gallery/Gallery.svelte") },
  { name: "models", title: "Models", load: () => import("./models/Models.svelte") },
  { name: "help", title: "Help", load: () => import("./help/Help.svelte") },
];

/** The view that an address names: `#models`, or `#models/…` with what the view itself reads. */
export function viewOf(hash: string): View {
  const name = /^#\/?([\w-]+)/.exec(hash)?.[1];
  return VIEWS.find((view) => view.name === name) ?? VIEWS[0];
}
