/** Aligning nodes, and laying a graph out from left to right. */

import { INPUT_NODE, isNote, OUTPUT_NODE, TITLE_HEIGHT, type GraphNode, type Point, type Sheet } from "./types";

export type Edge = "left" | "right" | "top" | "bottom" | "center" | "middle";

type SizeOf = (node: GraphNode) => Point;

/** Positions that bring nodes to one line. */
export function align(nodes: readonly GraphNode[], edge: Edge, sizeOf: SizeOf): Map<string, Point> {
  const axis = edge === "left" || edge === "right" || edge === "center" ? 0 : 1;
  const near = Math.min(...nodes.map(({ pos }) => pos[axis]));
  const far = Math.max(...nodes.map((node) => node.pos[axis] + sizeOf(node)[axis]));
  const to = (node: GraphNode): number => {
    const size = sizeOf(node)[axis];
    if (edge === "left" || edge === "top") return near;
    return edge === "right" || edge === "bottom" ? far - size : (near + far - size) / 2;
  };
  return new Map(nodes.map((node) => [node.id, axis === 0 ? [to(node), node.pos[1]] : [node.pos[0], to(node)]]));
}

/** Positions with the same room between nodes, the outermost where they are. */
export function distribute(nodes: readonly GraphNode[], axis: 0 | 1, sizeOf: SizeOf): Map<string, Point> {
  const sorted = [...nodes].sort((a, b) => a.pos[axis] - b.pos[axis]);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined || sorted.length < 3) return new Map();
  const room = last.pos[axis] + sizeOf(last)[axis] - first.pos[axis];
  const taken = sorted.reduce((sum, node) => sum + sizeOf(node)[axis], 0);
  const gap = (room - taken) / (sorted.length - 1);
  let at = first.pos[axis];
  return new Map(
    sorted.map((node) => {
      const pos: Point = axis === 0 ? [at, node.pos[1]] : [node.pos[0], at];
      at += sizeOf(node)[axis] + gap;
      return [node.id, pos];
    }),
  );
}

/** Positions in columns along the links; notes stay out of it, below. Loads the layouter when it is first asked for. */
export async function layOut(sheet: Sheet, sizeOf: SizeOf, only: ReadonlySet<string> | null = null): Promise<Map<string, Point>> {
  const { layout, graphlib } = (await import("@dagrejs/dagre")).default;
  const nodes = sheet.nodes.filter((node) => only === null || only.has(node.id));
  const [notes, others] = [nodes.filter(({ type }) => isNote(type)), nodes.filter(({ type }) => !isNote(type))];
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 36, ranksep: 80, ranker: "longest-path" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of others) graph.setNode(node.id, { width: sizeOf(node)[0], height: sizeOf(node)[1] + TITLE_HEIGHT });
  const here = new Set(others.map(({ id }) => id));
  for (const link of sheet.links) if (here.has(link.from) && here.has(link.to)) graph.setEdge(link.from, link.to, {}, link.id);
  layout(graph);
  // Where the whole is laid out, it begins at a round place; a part stays where it was.
  const corner: Point = only === null || nodes.length === 0 ? [40, 40 + TITLE_HEIGHT] : [Math.min(...nodes.map(({ pos }) => pos[0])), Math.min(...nodes.map(({ pos }) => pos[1]))];
  const positions = new Map<string, Point>();
  let bottom = corner[1];
  for (const node of others) {
    const { x, y } = graph.node(node.id) as { x: number; y: number };
    const [width, height] = sizeOf(node);
    const pos: Point = [Math.round(corner[0] + x - width / 2), Math.round(corner[1] + y - (height + TITLE_HEIGHT) / 2)];
    positions.set(node.id, pos);
    bottom = Math.max(bottom, pos[1] + height);
  }
  let left = corner[0];
  for (const note of notes) {
    positions.set(note.id, [left, bottom + 80]);
    left += sizeOf(note)[0] + 40;
  }
  return positions;
}

/** Where a subgraph's borders go beside its nodes. */
export function borders(sheet: Sheet, sizeOf: SizeOf): { inputPos: Point; outputPos: Point } {
  if (sheet.nodes.length === 0) return { inputPos: [0, 0], outputPos: [400, 0] };
  const left = Math.min(...sheet.nodes.map(({ pos }) => pos[0]));
  const right = Math.max(...sheet.nodes.map((node) => node.pos[0] + sizeOf(node)[0]));
  const top = Math.min(...sheet.nodes.map(({ pos }) => pos[1]));
  return { inputPos: [left - 240, top], outputPos: [right + 80, top] };
}

/** Nodes in the order of reading: along the links, then from top to bottom. */
export function readingOrder(sheet: Sheet): GraphNode[] {
  const depth = new Map<string, number>();
  const into = new Map<string, string[]>();
  for (const { from, to } of sheet.links) {
    if (from !== INPUT_NODE && to !== OUTPUT_NODE) into.set(to, [...(into.get(to) ?? []), from]);
  }
  const depthOf = (id: string, path: ReadonlySet<string>): number => {
    const known = depth.get(id);
    if (known !== undefined) return known;
    // A circle: refused elsewhere, survived here.
    if (path.has(id)) return 0;
    const on = new Set(path).add(id);
    const found = Math.max(-1, ...(into.get(id) ?? []).map((from) => depthOf(from, on))) + 1;
    depth.set(id, found);
    return found;
  };
  return [...sheet.nodes].sort((a, b) => depthOf(a.id, new Set()) - depthOf(b.id, new Set()) || a.pos[1] - b.pos[1] || a.pos[0] - b.pos[0]);
}

/** The nearest node in a direction. */
export function nearestTo(nodes: readonly GraphNode[], from: GraphNode, direction: "left" | "right" | "up" | "down", sizeOf: SizeOf): GraphNode | null {
  const middle = (node: GraphNode): Point => [node.pos[0] + sizeOf(node)[0] / 2, node.pos[1] + sizeOf(node)[1] / 2];
  const [x, y] = middle(from);
  const axis = direction === "left" || direction === "right" ? 0 : 1;
  const sign = direction === "right" || direction === "down" ? 1 : -1;
  let [best, least]: [GraphNode | null, number] = [null, Infinity];
  for (const node of nodes) {
    if (node.id === from.id) continue;
    const delta = [middle(node)[0] - x, middle(node)[1] - y] as const;
    const along = delta[axis] * sign;
    if (along <= 1) continue;
    const distance = along + 2 * Math.abs(delta[1 - axis] ?? 0);
    if (distance < least) [best, least] = [node, distance];
  }
  return best;
}
