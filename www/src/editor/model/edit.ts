/** Commands: each takes a sheet and gives the changed one. What they are called with has been checked before. */

import type { Json } from "../../engine/index";
import type { Field } from "./schema";
import { slotFor } from "./make";
import {
  INPUT_NODE,
  MODE,
  OUTPUT_NODE,
  withNode,
  type Control,
  type Group,
  type GraphNode,
  type Link,
  type Point,
  type Sheet,
} from "./types";
import { lastId } from "./write";

export function addNode(sheet: Sheet, node: GraphNode): Sheet {
  return { ...sheet, nodes: [...sheet.nodes, node] };
}

/** Takes nodes, the links at them, and groups away. What is in a group stays. */
export function remove(sheet: Sheet, ids: ReadonlySet<string>, groups: ReadonlySet<string> = new Set()): Sheet {
  return {
    ...sheet,
    nodes: sheet.nodes.filter(({ id }) => !ids.has(id)),
    links: sheet.links.filter(({ from, to }) => !ids.has(from) && !ids.has(to)),
    groups: sheet.groups.filter(({ id }) => !groups.has(id)),
  };
}

export function removeLinks(sheet: Sheet, ids: ReadonlySet<string>): Sheet {
  return { ...sheet, links: sheet.links.filter(({ id }) => !ids.has(id)) };
}

/** Sets positions of nodes, by id. */
export function place(sheet: Sheet, positions: ReadonlyMap<string, Point>): Sheet {
  return { ...sheet, nodes: sheet.nodes.map((node) => (positions.has(node.id) ? { ...node, pos: positions.get(node.id) ?? node.pos } : node)) };
}

export function setValue(sheet: Sheet, id: string, name: string, value: Json): Sheet {
  return withNode(sheet, id, (node) => ({ ...node, values: { ...node.values, [name]: value } }));
}

export function setControl(sheet: Sheet, id: string, name: string, control: Control): Sheet {
  return withNode(sheet, id, (node) => ({ ...node, controls: { ...node.controls, [name]: control } }));
}

/** The link that `connect` makes ends at a place of this name; a widget, or a grown input, gets its place then. */
export function withSlot(sheet: Sheet, id: string, field: Field): { sheet: Sheet; at: number } {
  const node = sheet.nodes.find((one) => one.id === id);
  const at = node?.inputs.findIndex((slot) => slot.name === field.name) ?? -1;
  if (node === undefined || at >= 0) return { sheet, at };
  return {
    sheet: withNode(sheet, id, (one) => ({ ...one, inputs: [...one.inputs, slotFor(field)] })),
    at: node.inputs.length,
  };
}

/** Joins an output to a place; another link that ended there goes. */
export function connect(sheet: Sheet, link: Omit<Link, "id" | "more">): Sheet {
  const id = String(lastId(sheet.links) + 1);
  const others = sheet.links.filter((one) => one.to !== link.to || one.in !== link.in);
  return { ...sheet, links: [...others, { ...link, id, more: {} }] };
}

/** Mutes or bypasses nodes; those that all are so already, take part again. */
export function toggleMode(sheet: Sheet, ids: ReadonlySet<string>, mode: number): Sheet {
  const all = sheet.nodes.filter(({ id }) => ids.has(id)).every((node) => node.mode === mode);
  return change(sheet, ids, (node) => ({ ...node, mode: all ? MODE.active : mode }));
}

/** Turns a flag on, or off where all have it. */
export function toggleFlag(sheet: Sheet, ids: ReadonlySet<string>, flag: "collapsed" | "pinned"): Sheet {
  const all = sheet.nodes.filter(({ id }) => ids.has(id)).every((node) => node[flag]);
  return change(sheet, ids, (node) => ({ ...node, [flag]: !all }));
}

export function change(sheet: Sheet, ids: ReadonlySet<string>, how: (node: GraphNode) => GraphNode): Sheet {
  return { ...sheet, nodes: sheet.nodes.map((node) => (ids.has(node.id) ? how(node) : node)) };
}

export function rename(sheet: Sheet, id: string, title: string): Sheet {
  return withNode(sheet, id, (node) => ({ ...node, title: title.trim() === "" ? null : title.trim() }));
}

export function changeGroup(sheet: Sheet, id: string, how: (group: Group) => Group): Sheet {
  return { ...sheet, groups: sheet.groups.map((group) => (group.id === id ? how(group) : group)) };
}

/** The box around nodes, as they were measured. */
export function boundsOf(nodes: readonly GraphNode[], sizeOf: (node: GraphNode) => Point): { pos: Point; size: Point } {
  const left = Math.min(...nodes.map(({ pos }) => pos[0]));
  const top = Math.min(...nodes.map(({ pos }) => pos[1]));
  const right = Math.max(...nodes.map((node) => node.pos[0] + sizeOf(node)[0]));
  const bottom = Math.max(...nodes.map((node) => node.pos[1] + sizeOf(node)[1]));
  return { pos: [left, top], size: [right - left, bottom - top] };
}

/** A group around nodes. */
export function groupAround(sheet: Sheet, nodes: readonly GraphNode[], sizeOf: (node: GraphNode) => Point, title: string): Sheet {
  const { pos, size } = boundsOf(nodes, sizeOf);
  const [side, top] = [20, 80];
  const group: Group = {
    id: String(lastId(sheet.groups) + 1),
    title,
    pos: [pos[0] - side, pos[1] - top],
    size: [size[0] + 2 * side, size[1] + top + side],
    color: null,
    more: {},
  };
  return { ...sheet, groups: [...sheet.groups, group] };
}

/** The nodes whose middle is inside of a group. */
export function inside(sheet: Sheet, group: Group, sizeOf: (node: GraphNode) => Point): GraphNode[] {
  return sheet.nodes.filter((node) => {
    const [x, y] = [node.pos[0] + sizeOf(node)[0] / 2, node.pos[1] + sizeOf(node)[1] / 2];
    return x >= group.pos[0] && y >= group.pos[1] && x <= group.pos[0] + group.size[0] && y <= group.pos[1] + group.size[1];
  });
}

/** True if this is one of the borders of a subgraph. */
export function isBorder(id: string): boolean {
  return id === INPUT_NODE || id === OUTPUT_NODE;
}
