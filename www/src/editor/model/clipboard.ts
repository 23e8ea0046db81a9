/** Copied nodes: a small workflow as text, with the subgraphs that it uses, so that it can travel between tabs. */

import { parse, stringify, type ObjectInfo } from "../../engine/index";
import { readWorkflow } from "./read";
import { boundsOf } from "./edit";
import { freeId } from "./make";
import { subgraphOf, withSheet, type Doc, type GraphNode, type Link, type Point, type Sheet } from "./types";
import { lastId, writeWorkflow } from "./write";

const KIND = "tintype-nodes";

/** The nodes and groups of these ids as text. Links from outside are kept by the id of their source. */
export function copyText(doc: Doc, sheet: Sheet, ids: ReadonlySet<string>, groups: ReadonlySet<string>, info: ObjectInfo): string {
  const nodes = sheet.nodes.filter(({ id }) => ids.has(id));
  const links = sheet.links.filter(({ from, to }) => ids.has(from) && ids.has(to));
  const incoming = sheet.links.filter(({ from, to }) => !ids.has(from) && ids.has(to));
  const part: Doc = {
    root: { ...sheet, id: "", nodes, links, groups: sheet.groups.filter(({ id }) => groups.has(id)), inputs: [], outputs: [] },
    subgraphs: usedBy(doc, nodes),
    extra: {},
    more: {},
  };
  return stringify({ kind: KIND, sheet: sheet.id, workflow: writeWorkflow(part, info), incoming: incoming.map(({ more: _, id: __, ...link }) => link) });
}

/** The subgraphs that these nodes are, and those inside them. */
function usedBy(doc: Doc, nodes: readonly GraphNode[]): Sheet[] {
  const used = new Map<string, Sheet>();
  const visit = (list: readonly GraphNode[]): void => {
    for (const { type } of list) {
      const inner = subgraphOf(doc, type);
      if (inner === null || used.has(type)) continue;
      used.set(type, inner);
      visit(inner.nodes);
    }
  };
  visit(nodes);
  return [...used.values()];
}

/** What `paste` gives. */
export interface Pasted {
  doc: Doc;
  sheet: Sheet;
  nodes: string[];
  groups: string[];
}

/**
 * The document with copied nodes on a sheet, under new ids. Their middle comes to `at`; left out, they stand beside
 * where they were. With `outside`, links from nodes that were not copied are made anew. Null if the text is no copy.
 */
export function paste(doc: Doc, sheet: Sheet, text: string, info: ObjectInfo, options: { at?: Point; outside?: boolean } = {}): Pasted | null {
  const copied = copiedOf(text);
  if (copied === null) return null;
  const part = readWorkflow(copied.workflow, info);
  if (part.root.nodes.length + part.root.groups.length === 0) return null;
  // A subgraph must not come to be inside of itself.
  if (part.root.nodes.some(({ type }) => type === sheet.id) || part.subgraphs.some(({ id }) => id === sheet.id)) return null;
  const boxes = [...part.root.nodes, ...part.root.groups] as { pos: Point; size: Point }[];
  const { pos, size } = boundsOf(boxes as unknown as GraphNode[], (one) => one.size);
  const shift: Point = options.at === undefined ? [40, 40] : [Math.round(options.at[0] - pos[0] - size[0] / 2), Math.round(options.at[1] - pos[1] - size[1] / 2)];
  const moved = (point: Point): Point => [point[0] + shift[0], point[1] + shift[1]];
  const names = new Map<string, string>();
  let next = Number(freeId(sheet));
  for (const node of part.root.nodes) names.set(node.id, String(next++));
  let link = lastId(sheet.links);
  const kept = options.outside === true && copied.sheet === sheet.id ? copied.incoming.filter(({ from }) => sheet.nodes.some(({ id }) => id === from)) : [];
  const links: Link[] = [
    ...part.root.links.map((one) => ({ ...one, id: String(++link), from: names.get(one.from) ?? "", to: names.get(one.to) ?? "" })),
    ...kept.map((one) => ({ ...one, id: String(++link), to: names.get(one.to) ?? "", more: {} })),
  ];
  let group = lastId(sheet.groups);
  const groups = part.root.groups.map((one) => ({ ...one, id: String(++group), pos: moved(one.pos) }));
  const nodes = part.root.nodes.map((node) => ({ ...node, id: names.get(node.id) ?? "", pos: moved(node.pos), pinned: false }));
  const next_ = { ...sheet, nodes: [...sheet.nodes, ...nodes], links: [...sheet.links, ...links], groups: [...sheet.groups, ...groups] };
  const fresh = part.subgraphs.filter(({ id }) => subgraphOf(doc, id) === null);
  return {
    doc: withSheet({ ...doc, subgraphs: [...doc.subgraphs, ...fresh] }, next_),
    sheet: next_,
    nodes: nodes.map(({ id }) => id),
    groups: groups.map(({ id }) => id),
  };
}

/** True if text was made by `copyText`. */
export function isCopy(text: string): boolean {
  return copiedOf(text) !== null;
}

function copiedOf(text: string): { sheet: string; workflow: object; incoming: Omit<Link, "id" | "more">[] } | null {
  if (!text.startsWith(`{"kind":"${KIND}"`)) return null;
  try {
    const { sheet, workflow, incoming } = parse(text) as Record<string, unknown>;
    if (typeof workflow !== "object" || workflow === null || !Array.isArray(incoming)) return null;
    return { sheet: String(sheet), workflow, incoming: incoming as Omit<Link, "id" | "more">[] };
  } catch {
    return null;
  }
}
