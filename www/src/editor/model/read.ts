/** From ComfyUI's UI JSON, schema 0.4 or 1.0, to a document. */

import type { Json, ObjectInfo } from "../../engine/index";
import { isControl, widgetsOf } from "./values";
import { promotedName, promotedOf } from "./schema";
import {
  emptySheet,
  INPUT_NODE,
  isNote,
  MODE,
  OUTPUT_NODE,
  ROOT,
  type Control,
  type Doc,
  type GraphNode,
  type Group,
  type Link,
  type More,
  type Out,
  type Point,
  type Port,
  type Sheet,
  type Slot,
} from "./types";

type Fields = Record<string, Json>;

/** The document that a workflow is. Links that lead nowhere are left out; nothing else is. */
export function readWorkflow(workflow: object, info: ObjectInfo): Doc {
  const file = workflow as Fields;
  const definitions = fieldsIn(file.definitions);
  const found: Fields[] = [];
  const open = listOf(definitions.subgraphs);
  // Definitions may hold definitions; all are known by their id.
  while (open.length > 0) {
    const one = fieldsIn(open.shift() ?? null);
    if (typeof one.id !== "string" || found.some(({ id }) => id === one.id)) continue;
    found.push(one);
    open.push(...listOf(fieldsIn(one.definitions).subgraphs));
  }
  const types = new Set(found.map(({ id }) => String(id)));
  return {
    root: readSheet(file, ROOT, info, types),
    subgraphs: found.map((one) => readSheet(one, String(one.id), info, types)),
    extra: fieldsIn(file.extra),
    more: rest(file, ["nodes", "links", "groups", "definitions", "extra", "last_node_id", "last_link_id", "version", "state"]),
  };
}

function readSheet(file: Fields, id: string, info: ObjectInfo, subgraphs: ReadonlySet<string>): Sheet {
  const raw = listOf(file.nodes).map(fieldsIn).filter((node) => idOf(node.id) !== null && typeof node.type === "string");
  const nodes = raw.map((node) => readNode(node, info, subgraphs));
  const ends = new Map<string, { to: string; in: number }>();
  for (const node of raw) {
    listOf(node.inputs).forEach((input, at) => {
      const link = idOf(fieldsIn(input).link);
      if (link !== null) ends.set(link, { to: idOf(node.id) ?? "", in: at });
    });
  }
  const own = id === ROOT ? [] : ["id", "version", "name", "inputNode", "outputNode", "inputs", "outputs", "nodes", "links", "groups", "definitions", "state"];
  const sheet: Sheet = {
    ...emptySheet(id, typeof file.name === "string" ? file.name : ""),
    nodes,
    groups: listOf(file.groups).map((group, at) => readGroup(fieldsIn(group), at)),
    inputs: id === ROOT ? [] : listOf(file.inputs).map(readPort),
    outputs: id === ROOT ? [] : listOf(file.outputs).map(readPort),
    inputPos: boundsOf(fieldsIn(file.inputNode).bounding).pos,
    outputPos: boundsOf(fieldsIn(file.outputNode).bounding).pos,
    more: id === ROOT ? {} : rest(file, own),
  };
  const ids = new Set(nodes.map((node) => node.id));
  const links: Link[] = [];
  for (const one of listOf(file.links)) {
    const link = readLink(one, ends);
    if (link === null) continue;
    const starts = ids.has(link.from) || (id !== ROOT && link.from === INPUT_NODE && link.out < sheet.inputs.length);
    const target = nodes.find((node) => node.id === link.to);
    const stops = target === undefined ? id !== ROOT && link.to === OUTPUT_NODE && link.in < sheet.outputs.length : link.in < target.inputs.length;
    if (starts && stops) links.push(link);
  }
  return { ...sheet, links };
}

function readLink(json: Json, ends: ReadonlyMap<string, { to: string; in: number }>): Link | null {
  const list = Array.isArray(json) ? json : null;
  const fields = fieldsIn(json);
  const field = (at: number, name: string): Json => list?.[at] ?? fields[name] ?? null;
  const [id, from] = [idOf(field(0, "id")), idOf(field(1, "origin_id"))];
  const to = idOf(field(3, "target_id"));
  if (id === null || from === null || to === null) return null;
  // What the node says of its inputs goes before what the link says of its end.
  const end = to === OUTPUT_NODE ? undefined : ends.get(id);
  const type = field(5, "type");
  return {
    id,
    from,
    out: countOf(field(2, "origin_slot")),
    to: end?.to ?? to,
    in: end?.in ?? countOf(field(4, "target_slot")),
    type: typeof type === "string" ? type : "*",
    more: list === null ? rest(fields, ["id", "origin_id", "origin_slot", "target_id", "target_slot", "type"]) : {},
  };
}

function readNode(json: Fields, info: ObjectInfo, subgraphs: ReadonlySet<string>): GraphNode {
  const type = String(json.type);
  const flags = fieldsIn(json.flags);
  const known = info[type];
  const outputs = listOf(json.outputs).map(fieldsIn).map(readOut);
  const node: GraphNode = {
    id: idOf(json.id) ?? "",
    type,
    title: typeof json.title === "string" && json.title !== "" ? json.title : null,
    pos: pointOf(json.pos, [0, 0]),
    size: pointOf(json.size, [0, 0]),
    mode: typeof json.mode === "number" ? json.mode : MODE.active,
    collapsed: flags.collapsed === true,
    pinned: flags.pinned === true,
    color: typeof json.color === "string" ? json.color : null,
    bgcolor: typeof json.bgcolor === "string" ? json.bgcolor : null,
    inputs: listOf(json.inputs).map(fieldsIn).map(readSlot),
    outputs: known === undefined ? outputs : known.output.map((kind, at) => outputs[at] ?? { name: known.output_name?.[at] ?? kind, type: kind, label: null, more: {} }),
    values: {},
    controls: {},
    named: false,
    tail: [],
    properties: fieldsIn(json.properties),
    more: rest(json, ["id", "type", "title", "pos", "size", "mode", "color", "bgcolor", "inputs", "outputs", "widgets_values", "properties", "flags", "order"]),
  };
  const { collapsed: _, pinned: __, ...others } = flags;
  const kept = Object.keys(others).length > 0 ? { ...node, more: { ...node.more, flags: others } } : node;
  return { ...kept, ...readValues(kept, json.widgets_values ?? null, info, subgraphs.has(type)) };
}

function readValues(node: GraphNode, values: Json, info: ObjectInfo, isSubgraph: boolean): Partial<GraphNode> {
  if (values !== null && typeof values === "object" && !Array.isArray(values)) return { values: values as Fields, named: true };
  if (!Array.isArray(values)) return {};
  if (isSubgraph) {
    const promoted = promotedOf(node);
    const named = promoted.length === values.length ? promoted.map((one, at) => [promotedName(one), values[at] ?? null] as const) : [];
    return { values: Object.fromEntries(named.filter(([, value]) => value !== null)) };
  }
  const known = info[node.type];
  if (known === undefined || isNote(node.type)) {
    if (node.type === "PrimitiveNode" && isControl(values[1])) {
      return { values: { "#0": values[0] ?? null }, controls: { "#0": values[1] as Control }, tail: values.slice(2) };
    }
    return { values: Object.fromEntries(values.map((value, at) => [`#${at}`, value])) };
  }
  const [named, controls]: [Fields, Record<string, Control>] = [{}, {}];
  let left = values;
  widgetsOf(known, (field) => {
    const [value, ...others] = left;
    if (value === undefined) return named[field.name];
    named[field.name] = value;
    left = others;
    // Looked at rather than counted: old files have no control where newer ones have.
    if (field.controlled && isControl(left[0])) {
      controls[field.name] = left[0] as Control;
      left = left.slice(1);
    }
    return value;
  });
  // Null stands for nothing.
  for (const [name, value] of Object.entries(named)) if (value === null) delete named[name];
  return { values: named, controls, tail: left };
}

function readSlot(json: Fields): Slot {
  const widget = fieldsIn(json.widget);
  const inner = typeof widget.name === "string" && widget.name !== "" ? widget.name : null;
  return {
    name: inner ?? (typeof json.name === "string" ? json.name : ""),
    // Old files have a list of names where newer ones say COMBO.
    type: typeof json.type === "string" ? json.type : Array.isArray(json.type) ? "COMBO" : "*",
    widget: inner !== null,
    label: typeof json.label === "string" ? json.label : null,
    more: rest(json, ["name", "type", "link", "label", "widget"]),
  };
}

function readOut(json: Fields): Out {
  return {
    name: typeof json.name === "string" ? json.name : "",
    type: typeof json.type === "string" ? json.type : "*",
    label: typeof json.label === "string" ? json.label : null,
    more: rest(json, ["name", "type", "links", "label", "slot_index"]),
  };
}

function readGroup(json: Fields, at: number): Group {
  return {
    id: idOf(json.id) ?? String(at + 1),
    title: typeof json.title === "string" ? json.title : "Group",
    ...boundsOf(json.bounding),
    color: typeof json.color === "string" ? json.color : null,
    more: rest(json, ["id", "title", "bounding", "color"]),
  };
}

function readPort(json: Json): Port {
  const port = fieldsIn(json);
  return {
    id: typeof port.id === "string" ? port.id : "",
    name: typeof port.name === "string" ? port.name : "",
    type: typeof port.type === "string" ? port.type : "*",
    label: typeof port.label === "string" ? port.label : null,
    more: rest(port, ["id", "name", "type", "linkIds", "label"]),
  };
}

function boundsOf(json: Json | undefined): { pos: Point; size: Point } {
  const at = (place: number): number => numberAt(json, place) ?? 0;
  return { pos: [at(0), at(1)], size: [at(2), at(3)] };
}

function pointOf(json: Json | undefined, otherwise: Point): Point {
  return [numberAt(json, 0) ?? otherwise[0], numberAt(json, 1) ?? otherwise[1]];
}

/** A number of a list, or of an object that stands for one. */
function numberAt(json: Json | undefined, at: number): number | null {
  const value = typeof json === "object" && json !== null ? (json as Record<string, Json>)[String(at)] : null;
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Numbers and texts alike. */
export function idOf(json: Json | undefined): string | null {
  if (typeof json === "string") return json;
  return typeof json === "number" || typeof json === "bigint" ? String(json) : null;
}

function countOf(json: Json): number {
  const count = Number(json);
  return Number.isInteger(count) && count >= 0 ? count : 0;
}

function fieldsIn(json: Json | undefined): Fields {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? json : {};
}

function listOf(json: Json | undefined): Json[] {
  return Array.isArray(json) ? [...json] : [];
}

function rest(json: Fields, known: readonly string[]): More {
  return Object.fromEntries(Object.entries(json).filter(([name]) => !known.includes(name)));
}
