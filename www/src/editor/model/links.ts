/** Which output may go where: kinds of links, and where they come from. */

import type { ObjectInfo } from "../../engine/index";
import { rowsOf } from "./schema";
import { INPUT_NODE, OUTPUT_NODE, type Doc, type GraphNode, type Link, type Sheet } from "./types";

const MAX_HOPS = 200;

/** True if what is of the one kind may be linked to the other. A kind may be several, with commas between. */
export function compatible(given: string, taken: string): boolean {
  const names = (type: string) => type.split(",").map((name) => name.trim().toUpperCase());
  const wanted = names(taken);
  return names(given).some((name) => name === "*" || name === "" || wanted.some((other) => other === "*" || other === "" || other === name));
}

/** The kind of what a node gives; a reroute gives what it is given, a primitive what is asked of it. */
export function outputType(doc: Doc, sheet: Sheet, id: string, out: number, info: ObjectInfo): string {
  let [from, at] = [id, out];
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    if (from === INPUT_NODE) return sheet.inputs[at]?.type ?? "*";
    const node = sheet.nodes.find((one) => one.id === from);
    if (node === undefined) return "*";
    if (node.type === "PrimitiveNode") {
      const link = sheet.links.find((one) => one.from === from);
      return link === undefined ? "*" : inputType(doc, sheet, link.to, link.in, info);
    }
    if (node.type !== "Reroute") return node.outputs[at]?.type ?? "*";
    const link = sheet.links.find((one) => one.to === from);
    if (link === undefined) return takenType(doc, sheet, node, info);
    [from, at] = [link.from, link.out];
  }
  return "*";
}

/** What those want to whom a reroute without a source leads. */
function takenType(doc: Doc, sheet: Sheet, node: GraphNode, info: ObjectInfo, hop = 0): string {
  for (const link of sheet.links) {
    if (link.from !== node.id) continue;
    const target = sheet.nodes.find((one) => one.id === link.to);
    if (target?.type === "Reroute") {
      const type = hop < MAX_HOPS ? takenType(doc, sheet, target, info, hop + 1) : "*";
      if (type !== "*") return type;
    } else {
      return inputType(doc, sheet, link.to, link.in, info);
    }
  }
  return "*";
}

/** The kind that a place of a node takes. */
export function inputType(doc: Doc, sheet: Sheet, id: string, at: number, info: ObjectInfo): string {
  if (id === OUTPUT_NODE) return sheet.outputs[at]?.type ?? "*";
  const node = sheet.nodes.find((one) => one.id === id);
  const slot = node?.inputs[at];
  if (node === undefined || slot === undefined) return "*";
  if (node.type === "Reroute") return outputType(doc, sheet, id, 0, info);
  return rowsOf(doc, sheet, node, info).find(({ name }) => name === slot.name)?.type ?? slot.type;
}

/** True if `to` already leads to `from`, so that a link between them would close a circle. */
export function wouldCircle(sheet: Sheet, from: string, to: string): boolean {
  if (from === to) return true;
  const after = new Map<string, string[]>();
  for (const link of sheet.links) after.set(link.from, [...(after.get(link.from) ?? []), link.to]);
  const seen = new Set([to]);
  const open = [to];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === from) return true;
    for (const next of after.get(id) ?? []) {
      if (!seen.has(next)) open.push(next);
      seen.add(next);
    }
  }
  return false;
}

/** The link that ends at a place. */
export function linkInto(sheet: Sheet, id: string, name: string): Link | undefined {
  const node = sheet.nodes.find((one) => one.id === id);
  return sheet.links.find((link) => link.to === id && (id === OUTPUT_NODE ? String(link.in) === name : node?.inputs[link.in]?.name === name));
}
