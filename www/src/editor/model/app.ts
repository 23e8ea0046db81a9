/** App mode: which widgets and results of a graph a simple view of it shows, as ComfyUI's `linearData` says. */

import type { Json, ObjectInfo } from "../../engine/index";
import { rowsOf, type Field } from "./schema";
import { ROOT, sheetOf, subgraphOf, type Doc, type GraphNode, type Sheet } from "./types";

/** A widget or a node by ids: `57:8` is node 8 inside of node 57. */
export interface AppData {
  inputs: [id: string, name: string][];
  outputs: string[];
  first: boolean;
}

/** What the document says of its simple view. */
export function appOf(doc: Doc): AppData {
  const data = (doc.extra.linearData ?? {}) as { inputs?: Json; outputs?: Json };
  const inputs = Array.isArray(data.inputs) ? data.inputs : [];
  const outputs = Array.isArray(data.outputs) ? data.outputs : [];
  return {
    inputs: inputs.filter((entry): entry is Json[] => Array.isArray(entry) && entry.length >= 2).map(([id, name]) => [String(id), String(name)]),
    outputs: outputs.map(String),
    first: doc.extra.linearMode === true,
  };
}

/** The document with another simple view. */
export function withApp(doc: Doc, app: AppData): Doc {
  const { linearData: _, linearMode: __, ...extra } = doc.extra;
  if (app.inputs.length + app.outputs.length === 0 && !app.first) return { ...doc, extra };
  return { ...doc, extra: { ...extra, linearMode: app.first, linearData: { inputs: app.inputs, outputs: app.outputs } } };
}

/** Shows a widget in the simple view, or no more. */
export function toggleAppInput(doc: Doc, id: string, name: string): Doc {
  const app = appOf(doc);
  const others = app.inputs.filter((entry) => entry[0] !== id || entry[1] !== name);
  return withApp(doc, { ...app, inputs: others.length === app.inputs.length ? [...app.inputs, [id, name]] : others });
}

/** Shows a node's results in the simple view, or no more. */
export function toggleAppOutput(doc: Doc, id: string): Doc {
  const app = appOf(doc);
  const others = app.outputs.filter((one) => one !== id);
  return withApp(doc, { ...app, outputs: others.length === app.outputs.length ? [...app.outputs, id] : others });
}

/** The node of this path, and the sheet it is on. */
export function nodeAt(doc: Doc, path: string): { sheet: Sheet; node: GraphNode } | null {
  let sheet = sheetOf(doc, ROOT);
  const whole = sheet.nodes.find((node) => node.id === path);
  if (whole !== undefined) return { sheet, node: whole };
  const ids = path.split(":");
  for (const [at, id] of ids.entries()) {
    const node = sheet.nodes.find((one) => one.id === id);
    if (node === undefined) return null;
    if (at === ids.length - 1) return { sheet, node };
    const inner = subgraphOf(doc, node.type);
    if (inner === null) return null;
    sheet = inner;
  }
  return null;
}

/** A widget of the simple view. */
export interface AppField {
  path: string;
  sheet: Sheet;
  node: GraphNode;
  field: Field;
}

/** The widgets that the simple view shows; without a list, prompts and seeds of the outermost sheet. */
export function appFields(doc: Doc, info: ObjectInfo): AppField[] {
  const { inputs } = appOf(doc);
  const wanted = inputs.length > 0 ? inputs : suggested(doc, info);
  return wanted.flatMap(([path, name]) => {
    const found = nodeAt(doc, path);
    const rows = found === null ? [] : rowsOf(doc, found.sheet, found.node, info);
    const field = rows.find((row) => row.widget !== null && (row.name === name || row.name.endsWith(`:${name}`)));
    return found === null || field === undefined ? [] : [{ path, ...found, field }];
  });
}

/** What a person who made no choice is most likely to want: texts, seeds, sizes, pictures. */
function suggested(doc: Doc, info: ObjectInfo): [string, string][] {
  const rank = (field: Field): number => (field.widget === "multiline" ? 0 : field.widget === "image" ? 1 : field.controlled ? 2 : ["width", "height", "steps"].includes(field.name) ? 3 : 9);
  const linked = (node: GraphNode, name: string) => doc.root.links.some((link) => link.to === node.id && node.inputs[link.in]?.name === name);
  const found = doc.root.nodes
    .filter((node) => node.mode === 0 && info[node.type] !== undefined)
    .flatMap((node) => rowsOf(doc, doc.root, node, info).filter((field) => field.widget !== null && rank(field) < 9 && !linked(node, field.name)).map((field) => ({ node, field })));
  return found.sort((a, b) => rank(a.field) - rank(b.field)).map(({ node, field }) => [node.id, field.name]);
}
