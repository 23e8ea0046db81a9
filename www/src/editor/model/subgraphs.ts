/** Subgraphs: made of nodes, taken apart again, and their borders. */

import type { Json, ObjectInfo } from "../../engine/index";
import { borders } from "./arrange";
import { boundsOf } from "./edit";
import { freeId, newNode } from "./make";
import { promotedName, promotedOf } from "./schema";
import {
  emptySheet,
  INPUT_NODE,
  OUTPUT_NODE,
  subgraphOf,
  withNode,
  withSheet,
  type Doc,
  type GraphNode,
  type Link,
  type Point,
  type Port,
  type Sheet,
} from "./types";
import { lastId } from "./write";

type SizeOf = (node: GraphNode) => Point;

/** A new name for a definition. */
function uuid(): string {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** A name that none of these has: `image`, `image_1` and so on. */
function freeName(name: string, taken: readonly { name: string }[]): string {
  const base = name === "" ? "value" : name;
  let free = base;
  for (let at = 1; taken.some((one) => one.name === free); at++) free = `${base}_${at}`;
  return free;
}

/** Puts nodes into a subgraph of their own, with a port for each link that crosses its border. Gives its node's id. */
export function makeSubgraph(doc: Doc, sheet: Sheet, ids: ReadonlySet<string>, name: string, sizeOf: SizeOf, info: ObjectInfo): { doc: Doc; id: string } {
  const nodes = sheet.nodes.filter(({ id }) => ids.has(id));
  const within = sheet.links.filter(({ from, to }) => ids.has(from) && ids.has(to));
  const coming = sheet.links.filter(({ from, to }) => !ids.has(from) && ids.has(to));
  const going = sheet.links.filter(({ from, to }) => ids.has(from) && !ids.has(to));
  const inputs: Port[] = [];
  const outputs: Port[] = [];
  const innerLinks: Link[] = [...within];
  let link = lastId(sheet.links);
  // One port for each source outside, and for each output inside that is used outside.
  const portOfSource = new Map<string, number>();
  for (const one of coming) {
    const slot = nodes.find(({ id }) => id === one.to)?.inputs[one.in];
    const key = `${one.from} ${one.out}`;
    const at = portOfSource.get(key) ?? inputs.length;
    if (at === inputs.length) inputs.push({ id: uuid(), name: freeName(slot?.name.split(".").at(-1) ?? "", inputs), type: one.type === "*" ? (slot?.type ?? "*") : one.type, label: null, more: {} });
    portOfSource.set(key, at);
    innerLinks.push({ ...one, id: String(++link), from: INPUT_NODE, out: at, more: {} });
  }
  const portOfOutput = new Map<string, number>();
  for (const one of going) {
    const out = nodes.find(({ id }) => id === one.from)?.outputs[one.out];
    const key = `${one.from} ${one.out}`;
    if (portOfOutput.has(key)) continue;
    portOfOutput.set(key, outputs.length);
    innerLinks.push({ ...one, id: String(++link), to: OUTPUT_NODE, in: outputs.length, more: {} });
    outputs.push({ id: uuid(), name: freeName(out?.name ?? "", outputs), type: out?.type ?? one.type, label: null, more: {} });
  }
  const bare: Sheet = { ...emptySheet(uuid(), name), nodes, links: innerLinks, inputs, outputs };
  const inner = { ...bare, ...borders(bare, sizeOf) };
  const { pos } = boundsOf(nodes, sizeOf);
  const rest: Sheet = {
    ...sheet,
    nodes: sheet.nodes.filter(({ id }) => !ids.has(id)),
    links: sheet.links.filter(({ from, to }) => !ids.has(from) && !ids.has(to)),
  };
  let next: Doc = { ...doc, subgraphs: [...doc.subgraphs, inner] };
  const outer: GraphNode = { ...newNode(next, sheet, inner.id, pos, info) };
  const links = [
    ...rest.links,
    ...[...portOfSource].map(([key, at]) => {
      const [from, out] = key.split(" ");
      return { id: String(++link), from: from ?? "", out: Number(out), to: outer.id, in: at, type: inputs[at]?.type ?? "*", more: {} };
    }),
    ...going.map((one) => ({ ...one, id: String(++link), from: outer.id, out: portOfOutput.get(`${one.from} ${one.out}`) ?? 0 })),
  ];
  next = withSheet(next, { ...rest, nodes: [...rest.nodes, outer], links });
  return { doc: next, id: outer.id };
}

/** Puts what is inside of a subgraph's node in its place. The definition stays as long as another node is one. */
export function unpack(doc: Doc, sheet: Sheet, id: string): { doc: Doc; nodes: string[] } | null {
  const outer = sheet.nodes.find((node) => node.id === id);
  const inner = outer === undefined ? null : subgraphOf(doc, outer.type);
  if (outer === undefined || inner === null) return null;
  let next = Number(freeId(sheet));
  let link = lastId(sheet.links);
  const names = new Map(inner.nodes.map((node) => [node.id, String(next++)]));
  const corner: Point = inner.nodes.length === 0 ? [0, 0] : [Math.min(...inner.nodes.map(({ pos }) => pos[0])), Math.min(...inner.nodes.map(({ pos }) => pos[1]))];
  const shift: Point = [outer.pos[0] - corner[0], outer.pos[1] - corner[1]];
  const nodes = inner.nodes.map((node) => ({
    ...node,
    id: names.get(node.id) ?? "",
    pos: [node.pos[0] + shift[0], node.pos[1] + shift[1]] as const,
    mode: outer.mode === 0 ? node.mode : outer.mode,
    values: { ...node.values, ...promotedValues(outer, inner, node) },
  }));
  const into = sheet.links.filter(({ to }) => to === id);
  const outOf = sheet.links.filter(({ from }) => from === id);
  const slotOfPort = (at: number) => outer.inputs.findIndex(({ name }) => name === inner.inputs[at]?.name);
  const sourceOf = (from: string, out: number): { from: string; out: number } | null => {
    if (from !== INPUT_NODE) return { from: names.get(from) ?? "", out };
    const slot = slotOfPort(out) >= 0 ? slotOfPort(out) : out;
    const found = into.find((one) => one.in === slot);
    return found === undefined ? null : { from: found.from, out: found.out };
  };
  const links: Link[] = sheet.links.filter(({ from, to }) => from !== id && to !== id);
  for (const one of inner.links) {
    const source = sourceOf(one.from, one.out);
    if (source === null) continue;
    if (one.to !== OUTPUT_NODE) links.push({ ...one, ...source, id: String(++link), to: names.get(one.to) ?? "" });
    else for (const beyond of outOf.filter(({ out }) => out === one.in)) links.push({ ...beyond, ...source, id: String(++link) });
  }
  const groups = inner.groups.map((group, at) => ({ ...group, id: String(lastId(sheet.groups) + 1 + at), pos: [group.pos[0] + shift[0], group.pos[1] + shift[1]] as const }));
  const others = sheet.nodes.filter((node) => node.id !== id);
  const changed = withSheet(doc, { ...sheet, nodes: [...others, ...nodes], links, groups: [...sheet.groups, ...groups] });
  return { doc: withoutUnused(changed), nodes: nodes.map((node) => node.id) };
}

/** Values that a subgraph's node has for the widgets of one node inside. */
function promotedValues(outer: GraphNode, inner: Sheet, node: GraphNode): Record<string, Json> {
  const values: Record<string, Json> = {};
  for (const one of promotedOf(outer)) {
    const value = outer.values[promotedName(one)];
    if (value === undefined || value === null) continue;
    const [id, name] = one;
    if (id === node.id) values[name] = value;
    if (id !== "-1") continue;
    const port = inner.inputs.findIndex((entry) => entry.name === name);
    for (const link of inner.links) {
      const slot = link.from === INPUT_NODE && link.out === port && link.to === node.id ? node.inputs[link.in] : undefined;
      if (slot !== undefined) values[slot.name] = value;
    }
  }
  return values;
}

/** The document without definitions that no node is. */
export function withoutUnused(doc: Doc): Doc {
  const used = new Set<string>();
  const visit = (sheet: Sheet): void => {
    for (const { type } of sheet.nodes) {
      const inner = used.has(type) ? null : subgraphOf(doc, type);
      if (inner === null) continue;
      used.add(type);
      visit(inner);
    }
  };
  visit(doc.root);
  return used.size === doc.subgraphs.length ? doc : { ...doc, subgraphs: doc.subgraphs.filter(({ id }) => used.has(id)) };
}

/** Shows a widget of a node inside on the subgraph's nodes, or no more. */
export function togglePromoted(doc: Doc, inner: Sheet, id: string, name: string): Doc {
  const change = (sheet: Sheet): Sheet => ({
    ...sheet,
    nodes: sheet.nodes.map((node) => {
      if (node.type !== inner.id) return node;
      const old = Array.isArray(node.properties.proxyWidgets) ? node.properties.proxyWidgets : [];
      const others = old.filter((entry) => !(Array.isArray(entry) && entry[0] === id && entry[1] === name));
      const proxyWidgets = others.length === old.length ? [...old, [id, name]] : others;
      const { [`${id}:${name}`]: _, ...values } = node.values;
      return { ...node, values, properties: { ...node.properties, proxyWidgets } };
    }),
  });
  return { ...doc, root: change(doc.root), subgraphs: doc.subgraphs.map(change) };
}

/** Adds a port to a subgraph, and its place to every node that is one. */
export function addPort(doc: Doc, inner: Sheet, side: "in" | "out", name: string, type: string): { doc: Doc; at: number } {
  const list = side === "in" ? inner.inputs : inner.outputs;
  const port: Port = { id: uuid(), name: freeName(name, list), type, label: null, more: {} };
  const changed = { ...inner, ...(side === "in" ? { inputs: [...list, port] } : { outputs: [...list, port] }) };
  const place = { name: port.name, type, label: null, more: {} };
  const each = (sheet: Sheet): Sheet => ({
    ...sheet,
    nodes: sheet.nodes.map((node) => {
      if (node.type !== inner.id) return node;
      return side === "in" ? { ...node, inputs: [...node.inputs, { ...place, widget: false }] } : { ...node, outputs: [...node.outputs, place] };
    }),
  });
  const next = withSheet(doc, changed);
  return { doc: { ...next, root: each(next.root), subgraphs: next.subgraphs.map(each) }, at: list.length };
}

/** Takes a port away, with the links that pass it. */
export function removePort(doc: Doc, inner: Sheet, side: "in" | "out", at: number): Doc {
  const border = side === "in" ? INPUT_NODE : OUTPUT_NODE;
  const without = <T>(list: readonly T[]) => list.filter((_, place) => place !== at);
  const shifted = (place: number) => (place > at ? place - 1 : place);
  const changed: Sheet = {
    ...inner,
    ...(side === "in" ? { inputs: without(inner.inputs) } : { outputs: without(inner.outputs) }),
    links: inner.links
      .filter((link) => !(side === "in" ? link.from === border && link.out === at : link.to === border && link.in === at))
      .map((link) => (side === "in" && link.from === border ? { ...link, out: shifted(link.out) } : side === "out" && link.to === border ? { ...link, in: shifted(link.in) } : link)),
  };
  const name = (side === "in" ? inner.inputs : inner.outputs)[at]?.name;
  const each = (sheet: Sheet): Sheet => {
    let next = sheet;
    for (const node of sheet.nodes.filter(({ type }) => type === inner.id)) {
      const place = (side === "in" ? node.inputs : node.outputs).findIndex((one) => one.name === name);
      if (place < 0) continue;
      const move = (one: number) => (one > place ? one - 1 : one);
      next = withNode(next, node.id, (old) => ({
        ...old,
        ...(side === "in" ? { inputs: old.inputs.filter((_, i) => i !== place) } : { outputs: old.outputs.filter((_, i) => i !== place) }),
      }));
      next = {
        ...next,
        links: next.links
          .filter((link) => !(side === "in" ? link.to === node.id && link.in === place : link.from === node.id && link.out === place))
          .map((link) => (side === "in" && link.to === node.id ? { ...link, in: move(link.in) } : side === "out" && link.from === node.id ? { ...link, out: move(link.out) } : link)),
      };
    }
    return next;
  };
  const next = withSheet(doc, changed);
  return { ...next, root: each(next.root), subgraphs: next.subgraphs.map(each) };
}
