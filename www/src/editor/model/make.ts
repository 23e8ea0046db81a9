/** New nodes, and documents from ComfyUI's API JSON. */

import type { ApiGraph, Json, NodeInfo, ObjectInfo } from "../../engine/index";
import { fieldsOf, rowsOf, type Field } from "./schema";
import {
  emptyDoc,
  MODE,
  subgraphOf,
  TITLE_HEIGHT,
  type Control,
  type Doc,
  type GraphNode,
  type Link,
  type Out,
  type Point,
  type Sheet,
  type Slot,
} from "./types";
import { lastId } from "./write";

/** Nodes that no class stands for: what the editor itself knows. */
export const BUILT_IN: Record<string, { title: string; category: string; about: string }> = {
  Reroute: { title: "Reroute", category: "utils", about: "A bend in a link." },
  PrimitiveNode: { title: "Primitive", category: "utils", about: "A value that several widgets share." },
  Note: { title: "Note", category: "utils", about: "Words on the canvas." },
  MarkdownNote: { title: "Markdown Note", category: "utils", about: "Words on the canvas, as Markdown." },
};

const WIDTH = 300;
const ROW = 30;
const MULTILINE = 96;

/** An id that no node of the sheet has. */
export function freeId(sheet: Sheet): string {
  return String(lastId(sheet.nodes) + 1);
}

/** A node of this class with the values that its class gives. */
export function newNode(doc: Doc, sheet: Sheet, type: string, pos: Point, info: ObjectInfo): GraphNode {
  const node: GraphNode = {
    id: freeId(sheet),
    type,
    title: null,
    pos,
    size: [WIDTH, 0],
    mode: MODE.active,
    collapsed: false,
    pinned: false,
    color: null,
    bgcolor: null,
    inputs: [],
    outputs: [],
    values: {},
    controls: {},
    named: false,
    tail: [],
    properties: {},
    more: {},
  };
  const known = info[type];
  if (known !== undefined) return sized({ ...node, ...contentsOf(known) }, doc, sheet, info);
  const subgraph = subgraphOf(doc, type);
  if (subgraph !== null) {
    const inputs = subgraph.inputs.map(({ name, type, label }): Slot => ({ name, type, label, widget: false, more: {} }));
    const outputs = subgraph.outputs.map(({ name, type, label }): Out => ({ name, type, label, more: {} }));
    return sized({ ...node, title: subgraph.name, inputs, outputs }, doc, sheet, info);
  }
  switch (type) {
    case "Reroute":
      return { ...node, size: [75, 26], inputs: [slotOf("", "*")], outputs: [outOf("", "*")] };
    case "PrimitiveNode":
      return { ...node, size: [WIDTH, 82], outputs: [outOf("connect to widget input", "*")], values: {}, properties: { "Run widget replace on values": false } };
    default:
      return { ...node, size: [WIDTH, 140], values: { "#0": "" } };
  }
}

function contentsOf(known: NodeInfo): Partial<GraphNode> {
  const values: Record<string, Json> = {};
  const controls: Record<string, Control> = {};
  // A branch's own fields come with its value, so fields are asked for until there are no new ones.
  for (let count = -1; count !== Object.keys(values).length; ) {
    count = Object.keys(values).length;
    for (const field of fieldsOf(known, values, new Set())) {
      if (field.widget === null || values[field.name] !== undefined) continue;
      // The first file there is, rather than none.
      values[field.name] = field.widget === "image" && field.fallback === "" ? (field.options[0] ?? "") : field.fallback;
      if (field.controlled) controls[field.name] = "randomize";
    }
  }
  const sockets = fieldsOf(known, values, new Set()).filter(({ widget }) => widget === null);
  return {
    values,
    controls,
    inputs: sockets.map(({ name, type }) => slotOf(name, type)),
    outputs: known.output.map((type, at) => outOf(known.output_name?.[at] ?? type, type)),
  };
}

function slotOf(name: string, type: string, widget = false): Slot {
  return { name, type, widget, label: null, more: {} };
}

function outOf(name: string, type: string): Out {
  return { name, type, label: null, more: {} };
}

/** A slot for this field. */
export function slotFor(field: Field): Slot {
  return slotOf(field.name, field.type, field.widget !== null);
}

/** The node with the room that its rows will take, as long as nobody has measured it. */
export function sized(node: GraphNode, doc: Doc, sheet: Sheet, info: ObjectInfo): GraphNode {
  return { ...node, size: [Math.max(node.size[0], WIDTH), heightOf(node, rowsOf(doc, sheet, node, info))] };
}

/** The height that these rows will take, below the title. */
export function heightOf(node: GraphNode, rows: readonly Field[]): number {
  const sockets = rows.filter(({ widget }) => widget === null).length;
  const widgets = rows.reduce((height, { widget, controlled }) => height + (widget === null ? 0 : widget === "multiline" ? MULTILINE : controlled ? 2 * ROW : ROW), 0);
  return Math.max(sockets, node.outputs.length) * 24 + widgets + 16;
}

/** The document of API JSON; nodes stand on one place until they are laid out. */
export function docFromApi(graph: ApiGraph, info: ObjectInfo): Doc {
  let doc = emptyDoc();
  const nodes: GraphNode[] = [];
  for (const [id, { class_type, inputs, _meta }] of Object.entries(graph)) {
    const fresh = newNode(doc, doc.root, class_type, [0, TITLE_HEIGHT], info);
    const literals = Object.entries(inputs).filter(([, value]) => !isLink(value));
    const values = { ...fresh.values, ...Object.fromEntries(literals.map(([name, value]) => [name, unboxed(value)])) };
    const known = info[class_type] !== undefined;
    // What a class does not declare is left out; of a class that is not here everything is kept, by name.
    const rows = known ? fieldsOf(info[class_type] as NodeInfo, values, new Set(Object.keys(inputs))) : [];
    const names = new Set(rows.map(({ name }) => name));
    const linked = Object.entries(inputs).filter(([name, value]) => isLink(value) && !fresh.inputs.some((slot) => slot.name === name));
    const added = linked.map(([name]) => {
      const field = rows.find((row) => row.name === name);
      return field === undefined ? slotOf(name, "*") : slotFor(field);
    });
    nodes.push({
      ...fresh,
      id,
      title: titleOf(_meta?.title, class_type, info),
      values: known ? Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name))) : Object.fromEntries(literals.map(([name, value]) => [name, unboxed(value)])),
      controls: Object.fromEntries(Object.keys(fresh.controls).map((name) => [name, "fixed"])),
      named: !known,
      inputs: [...fresh.inputs, ...added],
    });
  }
  const links: Link[] = [];
  for (const node of nodes) {
    for (const [name, value] of Object.entries(graph[node.id]?.inputs ?? {})) {
      if (!isLink(value)) continue;
      const [from, out] = [String(value[0]), Number(value[1])];
      const source = nodes.findIndex((one) => one.id === from);
      const giver = nodes[source];
      if (giver === undefined) continue;
      // A class that is not here gives as much as is taken of it.
      const missing = Math.max(0, out + 1 - giver.outputs.length);
      if (missing > 0 && missing < 256) nodes[source] = { ...giver, outputs: [...giver.outputs, ...Array.from({ length: missing }, () => outOf("*", "*"))] };
      const type = nodes[source]?.outputs[out]?.type ?? "*";
      links.push({ id: String(links.length + 1), from, out, to: node.id, in: node.inputs.findIndex((slot) => slot.name === name), type, more: {} });
    }
  }
  doc = { ...doc, root: { ...doc.root, nodes, links: links.filter((link) => link.in >= 0) } };
  return { ...doc, root: { ...doc.root, nodes: doc.root.nodes.map((node) => sized(node, doc, doc.root, info)) } };
}

/** A title that says more than the class does. */
function titleOf(title: string | undefined, classType: string, info: ObjectInfo): string | null {
  return title === undefined || title === "" || title === classType || title === info[classType]?.display_name ? null : title;
}

function isLink(value: Json): value is Json[] {
  return Array.isArray(value) && value.length === 2 && (typeof value[0] === "string" || typeof value[0] === "number") && typeof value[1] === "number";
}

/** In API JSON a list of two is a link, so literal lists travel in a box. */
function unboxed(value: Json): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) && "__value__" in value ? (value.__value__ ?? null) : value;
}
