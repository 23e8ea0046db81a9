/** From a document to ComfyUI's UI JSON, schema 0.4. */

import type { Json, ObjectInfo } from "../../engine/index";
import { promotedName, promotedOf } from "./schema";
import { isNote, subgraphOf, type Doc, type GraphNode, type Group, type Link, type Port, type Sheet } from "./types";
import { widgetsOf } from "./values";

type Fields = Record<string, Json>;

/** The workflow as a plain object; the engine's `stringify` makes text of it, with every digit of a seed. */
export function writeWorkflow(doc: Doc, info: ObjectInfo): Fields {
  const { root } = doc;
  return {
    ...doc.more,
    last_node_id: lastId(root.nodes),
    last_link_id: lastId(root.links),
    nodes: nodesOf(doc, root, info),
    links: root.links.map(linkList),
    groups: root.groups.map(groupOf),
    ...(doc.subgraphs.length > 0 && { definitions: { subgraphs: doc.subgraphs.map((sheet) => subgraphJson(doc, sheet, info)) } }),
    config: doc.more.config ?? {},
    extra: { ...doc.extra },
    version: 0.4,
  };
}

/** Nodes and links as they are in a file, of a part of a sheet. */
export function nodesOf(doc: Doc, sheet: Sheet, info: ObjectInfo): Fields[] {
  const into = new Map<string, Map<number, Json>>();
  const outOf = new Map<string, Map<number, Json[]>>();
  for (const link of sheet.links) {
    const ends = into.get(link.to) ?? new Map<number, Json>();
    into.set(link.to, ends.set(link.in, idJson(link.id)));
    const starts = outOf.get(link.from) ?? new Map<number, Json[]>();
    outOf.set(link.from, starts.set(link.out, [...(starts.get(link.out) ?? []), idJson(link.id)]));
  }
  return sheet.nodes.map((node, order) => nodeJson(doc, node, order, into.get(node.id), outOf.get(node.id), info));
}

function nodeJson(
  doc: Doc,
  node: GraphNode,
  order: number,
  into: Map<number, Json> | undefined,
  outOf: Map<number, Json[]> | undefined,
  info: ObjectInfo,
): Fields {
  const { flags, ...more } = node.more;
  const values = valuesOf(doc, node, info);
  return {
    ...more,
    id: idJson(node.id),
    type: node.type,
    pos: [...node.pos],
    size: [...node.size],
    flags: { ...(flags as Fields | undefined), ...(node.collapsed && { collapsed: true }), ...(node.pinned && { pinned: true }) },
    order,
    mode: node.mode,
    inputs: node.inputs.map((slot, at) => ({
      ...slot.more,
      name: slot.name,
      type: slot.type,
      ...(slot.label !== null && { label: slot.label }),
      ...(slot.widget && { widget: { name: slot.name } }),
      link: into?.get(at) ?? null,
    })),
    outputs: node.outputs.map((out, at) => ({
      ...out.more,
      name: out.name,
      type: out.type,
      ...(out.label !== null && { label: out.label }),
      links: outOf?.get(at) ?? null,
      slot_index: at,
    })),
    ...(node.title !== null && { title: node.title }),
    ...(node.color !== null && { color: node.color }),
    ...(node.bgcolor !== null && { bgcolor: node.bgcolor }),
    properties: { ...(info[node.type] && { "Node name for S&R": node.type }), ...node.properties },
    ...(values !== null && { widgets_values: values }),
  };
}

function valuesOf(doc: Doc, node: GraphNode, info: ObjectInfo): Json {
  if (node.named) return { ...node.values };
  const subgraph = subgraphOf(doc, node.type);
  if (subgraph !== null) {
    const values = promotedOf(node).map((one) => node.values[promotedName(one)] ?? null);
    return values.some((value) => value !== null) ? values : [];
  }
  const known = info[node.type];
  const list: Json[] = [];
  if (known === undefined || isNote(node.type)) {
    for (const [name, value] of Object.entries(node.values)) {
      list.push(value);
      const control = node.controls[name];
      if (control !== undefined) list.push(control);
    }
    return list.length > 0 || node.tail.length > 0 ? [...list, ...node.tail] : null;
  }
  let uploads = false;
  widgetsOf(known, (field) => {
    const value = node.values[field.name] ?? field.fallback;
    list.push(value);
    if (field.controlled) list.push(node.controls[field.name] ?? "fixed");
    uploads ||= field.widget === "image";
    return value;
  });
  const tail = node.tail.length === 0 && uploads ? ["image"] : node.tail;
  return list.length > 0 || tail.length > 0 ? [...list, ...tail] : null;
}

function linkList(link: Link): Json {
  return [idJson(link.id), idJson(link.from), link.out, idJson(link.to), link.in, link.type];
}

function subgraphJson(doc: Doc, sheet: Sheet, info: ObjectInfo): Fields {
  const port = (end: "in" | "out") => ({ id, name, type, label, more }: Port, at: number): Fields => ({
    ...more,
    id,
    name,
    type,
    ...(label !== null && { label }),
    linkIds: sheet.links.filter((link) => (end === "in" ? link.from === "-10" && link.out === at : link.to === "-20" && link.in === at)).map((link) => idJson(link.id)),
  });
  return {
    ...sheet.more,
    id: sheet.id,
    version: 1,
    state: { lastGroupId: lastId(sheet.groups), lastNodeId: lastId(sheet.nodes), lastLinkId: lastId(sheet.links), lastRerouteId: 0 },
    name: sheet.name,
    inputNode: { id: -10, bounding: [...sheet.inputPos, 120, 40 + 20 * sheet.inputs.length] },
    outputNode: { id: -20, bounding: [...sheet.outputPos, 120, 40 + 20 * sheet.outputs.length] },
    inputs: sheet.inputs.map(port("in")),
    outputs: sheet.outputs.map(port("out")),
    widgets: sheet.more.widgets ?? [],
    nodes: nodesOf(doc, sheet, info),
    links: sheet.links.map((link) => ({
      ...link.more,
      id: idJson(link.id),
      origin_id: idJson(link.from),
      origin_slot: link.out,
      target_id: idJson(link.to),
      target_slot: link.in,
      type: link.type,
    })),
    groups: sheet.groups.map(groupOf),
  };
}

function groupOf(group: Group): Fields {
  return {
    ...group.more,
    id: idJson(group.id),
    title: group.title,
    bounding: [...group.pos, ...group.size],
    ...(group.color !== null && { color: group.color }),
  };
}

/** Numbers where they are numbers, as ComfyUI's editor makes them. */
export function idJson(id: string): Json {
  return /^-?(0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
}

/** The largest number among the ids. */
export function lastId(list: readonly { id: string }[]): number {
  return list.reduce((last, { id }) => Math.max(last, /^\d{1,15}$/.test(id) ? Number(id) : 0), 0);
}
