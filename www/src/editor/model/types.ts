/**
 * A document of the editor: what ComfyUI's UI JSON (schemas 0.4 and 1.0) holds, with widget values by name and links
 * as a list. Nothing here is ever changed in place: a command gives a new document that shares what stayed, so that
 * undoing is going back to the old one.
 */

import type { Json } from "../../engine/index";

/** Members of a file that nothing here understands; they are written back as they came. */
export type More = Readonly<Record<string, Json>>;

/** x and y, or width and height, in pixels of the canvas. */
export type Point = readonly [number, number];

/** What happens to a number after a run. */
export type Control = "fixed" | "increment" | "decrement" | "randomize";

/** Takes part, is left out, or lets its input through. */
export const MODE = { active: 0, muted: 2, bypassed: 4 } as const;

/** A place of a node where a link may end. */
export interface Slot {
  readonly name: string;
  readonly type: string;
  /** It stands in for a widget of this name. */
  readonly widget: boolean;
  readonly label: string | null;
  readonly more: More;
}

/** What a node gives. */
export interface Out {
  readonly name: string;
  readonly type: string;
  readonly label: string | null;
  readonly more: More;
}

export interface GraphNode {
  readonly id: string;
  /** A class, or the id of a subgraph. */
  readonly type: string;
  readonly title: string | null;
  readonly pos: Point;
  readonly size: Point;
  readonly mode: number;
  readonly collapsed: boolean;
  readonly pinned: boolean;
  readonly color: string | null;
  readonly bgcolor: string | null;
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Out[];
  /** By widget; `#0`, `#1` … where nothing says what a value is for. */
  readonly values: Readonly<Record<string, Json>>;
  readonly controls: Readonly<Record<string, Control>>;
  /** The file keeps its values by name, as some classes' files do. */
  readonly named: boolean;
  /** Values behind those of the widgets. */
  readonly tail: readonly Json[];
  readonly properties: More;
  readonly more: More;
}

export interface Link {
  readonly id: string;
  readonly from: string;
  readonly out: number;
  readonly to: string;
  readonly in: number;
  readonly type: string;
  readonly more: More;
}

export interface Group {
  readonly id: string;
  readonly title: string;
  readonly pos: Point;
  readonly size: Point;
  readonly color: string | null;
  readonly more: More;
}

/** What a subgraph takes or gives. */
export interface Port {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly label: string | null;
  readonly more: More;
}

/** One canvas: the whole file, or the inside of a subgraph. */
export interface Sheet {
  readonly id: string;
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly links: readonly Link[];
  readonly groups: readonly Group[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly inputPos: Point;
  readonly outputPos: Point;
  readonly more: More;
}

export interface Doc {
  readonly root: Sheet;
  readonly subgraphs: readonly Sheet[];
  readonly extra: More;
  readonly more: More;
}

/** The id of the outermost sheet. */
export const ROOT = "";
/** Links from here come from outside of a subgraph. */
export const INPUT_NODE = "-10";
/** Links to here leave a subgraph. */
export const OUTPUT_NODE = "-20";
/** LiteGraph's `pos` is below the title. */
export const TITLE_HEIGHT = 30;

/** The sheet of this id; the outermost one if there is none. */
export function sheetOf(doc: Doc, id: string): Sheet {
  return doc.subgraphs.find((sheet) => sheet.id === id) ?? doc.root;
}

/** The subgraph that a node of this type is, if it is one. */
export function subgraphOf(doc: Doc, type: string): Sheet | null {
  return doc.subgraphs.find((sheet) => sheet.id === type) ?? null;
}

/** The document with another sheet in the place of the one of this id. */
export function withSheet(doc: Doc, sheet: Sheet): Doc {
  if (sheet.id === ROOT) return { ...doc, root: sheet };
  return { ...doc, subgraphs: doc.subgraphs.map((one) => (one.id === sheet.id ? sheet : one)) };
}

/** The sheet with one node changed. */
export function withNode(sheet: Sheet, id: string, change: (node: GraphNode) => GraphNode): Sheet {
  return { ...sheet, nodes: sheet.nodes.map((node) => (node.id === id ? change(node) : node)) };
}

/** A node that is only there for the person at the canvas. */
export function isNote(type: string): boolean {
  return type === "Note" || type === "MarkdownNote";
}

/** The name of an old group node, `workflow/NAME`, that the file defines; null for any other type. The engine knows them. */
export function groupNodeName(doc: Doc, type: string): string | null {
  const name = /^workflow[/>](.*)$/s.exec(type)?.[1];
  const defined = doc.extra.groupNodes;
  return name !== undefined && typeof defined === "object" && defined !== null && name in defined ? name : null;
}

/** A document without anything. */
export function emptyDoc(): Doc {
  return { root: emptySheet(ROOT, ""), subgraphs: [], extra: {}, more: {} };
}

/** A sheet without anything. */
export function emptySheet(id: string, name: string): Sheet {
  return {
    id,
    name,
    nodes: [],
    links: [],
    groups: [],
    inputs: [],
    outputs: [],
    inputPos: [0, 0],
    outputPos: [600, 0],
    more: {},
  };
}
