/** What a node shows, made from `object_info` alone: sockets, and widgets with their ranges and choices. */

import type { InputSpec, Json, NodeInfo, ObjectInfo } from "../../engine/index";
import { isNote, subgraphOf, type Doc, type GraphNode, type Sheet } from "./types";

/** The control a widget is shown as. */
export type WidgetKind = "int" | "float" | "text" | "multiline" | "boolean" | "combo" | "image" | "value";

/** One row of a node: a place for a link, a widget, or a widget that a link may stand in for. */
export interface Field {
  readonly name: string;
  /** The last part of the name, for people. */
  readonly label: string;
  readonly type: string;
  readonly widget: WidgetKind | null;
  readonly required: boolean;
  readonly options: readonly string[];
  readonly fallback: Json;
  readonly min: number | null;
  readonly max: number | null;
  readonly step: number | null;
  /** A number with a setting for what happens to it after a run. */
  readonly controlled: boolean;
  readonly advanced: boolean;
  readonly doc: string;
  /** Its value decides about the fields behind it. */
  readonly branches: boolean;
}

const WIDGETS: Record<string, WidgetKind> = { INT: "int", FLOAT: "float", STRING: "text", BOOLEAN: "boolean", COMBO: "combo" };
const BRANCHES = "COMFY_DYNAMICCOMBO_V3";
const GROWS = "COMFY_AUTOGROW_V3";

type Specs = Record<string, InputSpec>;
interface Grouped {
  required?: Specs;
  optional?: Specs;
}

/** Every field of a class's node, in order: `values` say which branch was chosen, `used` which grown inputs there are. */
export function fieldsOf(info: NodeInfo, values: Readonly<Record<string, Json>>, used: ReadonlySet<string>): Field[] {
  const fields: Field[] = [];
  visit(info.input as Grouped, info.input_order, "", values, used, true, fields);
  return fields;
}

function visit(
  group: Grouped,
  order: NodeInfo["input_order"],
  prefix: string,
  values: Readonly<Record<string, Json>>,
  used: ReadonlySet<string>,
  needed: boolean,
  fields: Field[],
): void {
  for (const required of [true, false]) {
    const specs = (required ? group.required : group.optional) ?? {};
    const names = (required ? order?.required : order?.optional) ?? Object.keys(specs);
    for (const name of names) {
      const spec = specs[name];
      if (spec !== undefined) add(`${prefix}${name}`, spec, required && needed, values, used, fields);
    }
  }
}

function add(
  name: string,
  spec: InputSpec,
  required: boolean,
  values: Readonly<Record<string, Json>>,
  used: ReadonlySet<string>,
  fields: Field[],
): void {
  const options = spec[1] ?? {};
  if (spec[0] === GROWS) return grow(name, options, required, values, used, fields);
  const field = fieldOf(name, spec, required);
  fields.push(field);
  if (!field.branches) return;
  const branches = listOf(options.options) as { key: string; inputs: Grouped }[];
  const chosen = branches.find(({ key }) => key === values[name]) ?? branches[0];
  if (chosen !== undefined) visit(chosen.inputs, undefined, `${name}.`, values, used, required, fields);
}

/** As many members as there are links or values, those that have to be there, and one more to link. */
function grow(
  name: string,
  options: Record<string, unknown>,
  required: boolean,
  values: Readonly<Record<string, Json>>,
  used: ReadonlySet<string>,
  fields: Field[],
): void {
  const template = (options.template ?? {}) as Record<string, unknown>;
  const spec = Object.values({ ...(template.input as Grouped | undefined)?.required, ...(template.input as Grouped | undefined)?.optional })[0];
  if (spec === undefined) return;
  const listed = Array.isArray(template.names) ? template.names.map(String) : null;
  const most = listed?.length ?? Number(template.max ?? 50);
  const member = (at: number) => `${name}.${listed === null ? `${String(template.prefix ?? "")}${at}` : listed[at]}`;
  const least = Number(template.min ?? 0);
  let last = least - 1;
  for (let at = 0; at < most; at++) {
    if (used.has(member(at)) || values[member(at)] !== undefined) last = Math.max(last, at);
  }
  for (let at = 0; at < Math.min(last + 2, most); at++) {
    // What grows is linked: a widget for each would be a form in itself.
    fields.push({ ...fieldOf(member(at), spec, required && at < least), widget: null });
  }
}

/** The field of one input. */
export function fieldOf(name: string, spec: InputSpec, required: boolean): Field {
  const options = spec[1] ?? {};
  const isList = Array.isArray(spec[0]);
  const branches = spec[0] === BRANCHES;
  const type = isList || branches ? "COMBO" : String(spec[0]);
  const choices = isList ? (spec[0] as unknown[]) : listOf(options.options).map((one) => (branches ? (one as { key: unknown }).key : one));
  const widget = options.forceInput === true ? null : (WIDGETS[type] ?? null);
  const shown = widget === "text" && options.multiline === true ? "multiline" : widget === "combo" && options.image_upload === true ? "image" : widget;
  return {
    name,
    label: name.split(".").at(-1) ?? name,
    type,
    widget: shown,
    required,
    options: choices.map(String),
    fallback: fallbackOf(shown, options, choices),
    min: numberOf(options.min),
    max: numberOf(options.max),
    step: numberOf(options.step),
    controlled: shown === "int" && options.control_after_generate === true,
    advanced: options.advanced === true,
    doc: typeof options.tooltip === "string" ? options.tooltip : "",
    branches,
  };
}

/** A field for a value of which nothing is known but itself. */
export function plainField(name: string, value: Json | undefined, label = name): Field {
  const long = typeof value === "string" && (value.length > 40 || value.includes("\n"));
  const widget: WidgetKind = typeof value === "boolean" ? "boolean" : typeof value === "number" || typeof value === "bigint" ? "float" : long ? "multiline" : typeof value === "string" ? "text" : "value";
  return {
    name, label, type: "*", widget, required: false, options: [], fallback: value ?? null, min: null, max: null, step: null,
    controlled: false, advanced: false, doc: "", branches: false,
  };
}

function fallbackOf(widget: WidgetKind | null, options: Record<string, unknown>, choices: unknown[]): Json {
  if (options.default !== undefined) return options.default as Json;
  switch (widget) {
    case "int":
    case "float":
      return Math.max(0, numberOf(options.min) ?? 0);
    case "boolean":
      return false;
    case "combo":
      return (choices[0] ?? "") as Json;
    case "image":
    case "text":
    case "multiline":
      return "";
    default:
      return null;
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : null;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Names of a node's places that are linked. */
export function linkedNames(sheet: Sheet, node: GraphNode): Set<string> {
  const names = new Set<string>();
  for (const link of sheet.links) {
    const slot = link.to === node.id ? node.inputs[link.in] : undefined;
    if (slot !== undefined) names.add(slot.name);
  }
  return names;
}

/** A widget inside of a subgraph that the subgraph's node shows: the node inside (`-1`: the subgraph's own input), and its name. */
export type Promoted = readonly [inner: string, name: string];

/** What a subgraph's node shows of the widgets inside: those of its own inputs first. */
export function promotedOf(node: GraphNode): Promoted[] {
  const listed = listOf(node.properties.proxyWidgets)
    .filter((entry): entry is [string, string] => Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "string")
    .map(([inner, name]): Promoted => [inner, name]);
  const own = node.inputs.filter((slot) => slot.widget && !listed.some(([, name]) => name === slot.name));
  return [...own.map(({ name }): Promoted => ["-1", name]), ...listed];
}

/** The name under which a promoted widget's value is kept. */
export function promotedName([inner, name]: Promoted): string {
  return inner === "-1" ? name : `${inner}:${name}`;
}

/** The rows of a node of this document. */
export function rowsOf(doc: Doc, sheet: Sheet, node: GraphNode, info: ObjectInfo): Field[] {
  const inner = subgraphOf(doc, node.type);
  if (inner !== null) return subgraphRows(doc, inner, node, info);
  if (isNote(node.type)) return [plainMultiline("#0")];
  if (node.type === "Reroute") return node.inputs.map((slot) => socket(slot.name, slot.type));
  if (node.type === "PrimitiveNode") return [primitiveField(doc, sheet, node, info)];
  const used = linkedNames(sheet, node);
  const known = info[node.type];
  const fields = known === undefined ? plainRows(node) : fieldsOf(known, node.values, used);
  const names = new Set(fields.map(({ name }) => name));
  // A link to an input that the class does not have (any more) is shown, or nobody could remove it.
  const strays = node.inputs.filter((slot) => !names.has(slot.name) && (known === undefined || used.has(slot.name)));
  return [...fields, ...strays.map((slot) => socket(slot.name, slot.type, slot.label))];
}

function plainRows(node: GraphNode): Field[] {
  const names = Object.keys(node.values);
  const slots = node.inputs.filter(({ widget }) => widget);
  return names.map((name, at) => plainField(name, node.values[name], node.named ? name : slots.length === names.length ? (slots[at]?.name ?? name) : `value ${at + 1}`));
}

function subgraphRows(doc: Doc, inner: Sheet, node: GraphNode, info: ObjectInfo): Field[] {
  const promoted = promotedOf(node);
  const rows = node.inputs.filter(({ widget }) => !widget).map((slot) => socket(slot.name, slot.type, slot.label));
  for (const one of promoted) {
    const found = promotedField(doc, inner, one, info, 0);
    const name = promotedName(one);
    rows.push({ ...(found ?? plainField(name, node.values[name])), name, label: labelOf(inner, one, node), required: false });
  }
  return rows;
}

function labelOf(inner: Sheet, [id, name]: Promoted, node: GraphNode): string {
  const slot = node.inputs.find((one) => one.name === name);
  const port = inner.inputs.find((one) => one.name === name);
  if (id === "-1") return slot?.label ?? port?.label ?? name;
  const title = inner.nodes.find((one) => one.id === id)?.title;
  return title === null || title === undefined ? name : `${title} ${name}`;
}

/** The field that a promoted widget is inside, with what it holds there as its fallback. */
function promotedField(doc: Doc, inner: Sheet, [id, name]: Promoted, info: ObjectInfo, depth: number): Field | null {
  if (depth > 16) return null;
  let target = inner.nodes.find((node) => node.id === id);
  let wanted = name;
  if (id === "-1") {
    const port = inner.inputs.findIndex((one) => one.name === name);
    const link = inner.links.find((one) => one.from === "-10" && one.out === port);
    target = inner.nodes.find((node) => node.id === link?.to);
    wanted = target?.inputs[link?.in ?? -1]?.name ?? name;
  }
  if (target === undefined) return null;
  const deeper = subgraphOf(doc, target.type);
  if (deeper !== null) {
    const one = promotedOf(target).find((entry) => entry[1] === wanted);
    return one === undefined ? null : promotedField(doc, deeper, one, info, depth + 1);
  }
  const field = rowsOf(doc, inner, target, info).find((one) => one.name === wanted && one.widget !== null);
  return field === undefined ? null : { ...field, fallback: target.values[wanted] ?? field.fallback };
}

function primitiveField(doc: Doc, sheet: Sheet, node: GraphNode, info: ObjectInfo): Field {
  const link = sheet.links.find((one) => one.from === node.id);
  const target = sheet.nodes.find((one) => one.id === link?.to);
  const name = target?.inputs[link?.in ?? -1]?.name;
  const found = target === undefined || target.id === node.id ? undefined : rowsOf(doc, sheet, target, info).find((field) => field.name === name);
  if (found === undefined || found.widget === null) return plainField("#0", node.values["#0"], "value");
  const numeric = found.widget === "int" || found.widget === "float";
  return { ...found, name: "#0", label: "value", required: false, controlled: numeric, branches: false };
}

function plainMultiline(name: string): Field {
  return { ...plainField(name, ""), widget: "multiline", label: "text" };
}

function socket(name: string, type: string, label: string | null = null): Field {
  return { ...plainField(name, null, label ?? (name === "" ? "input" : name)), type, widget: null };
}
