/** What the editor's components show: the document, the sheet that is open, the selection, and words for the person. */

import type { Engine, Json, ObjectInfo } from "../../engine/index";
import { Timeline } from "../model/history";
import { compatible, inputType, outputType, wouldCircle } from "../model/links";
import { connect, place, withSlot } from "../model/edit";
import { readWorkflow } from "../model/read";
import { writeWorkflow } from "../model/write";
import { addPort } from "../model/subgraphs";
import { rowsOf, type Field } from "../model/schema";
import { BUILT_IN } from "../model/make";
import {
  emptyDoc,
  groupNodeName,
  INPUT_NODE,
  MODE,
  OUTPUT_NODE,
  ROOT,
  sheetOf,
  subgraphOf,
  TITLE_HEIGHT,
  withNode,
  withSheet,
  type Doc,
  type GraphNode,
  type Link,
  type Point,
  type Sheet,
} from "../model/types";
import { flowOf, groupIdOf, isGroupId, type FlowEdge, type FlowNode } from "./flow";
import { Runner } from "./runner.svelte";

/** The node of a subgraph that was entered, and the sheet inside. */
export interface Crumb {
  id: string;
  sheet: string;
}

/** An end of a link: an output by number, an input by name. */
export interface End {
  node: string;
  side: "in" | "out";
  /** The name of an input, the number of an output. */
  place: string;
}

/** What the canvas can do; it says so when it is there. */
export interface View {
  center(): Point;
  pointAt(clientX: number, clientY: number): Point;
  fit(ids?: string[]): void;
  /** Brings a node into view and gives it the focus; it becomes the selection unless `select` is false. */
  show(id: string, select?: boolean): Promise<void>;
  zoom(by: "in" | "out" | "one"): void;
}

/** What lies over the canvas. */
export type Overlay =
  | { kind: "search"; at: Point; from: End | null }
  | { kind: "link"; node: string }
  | { kind: "menu"; x: number; y: number; on: "node" | "pane" | "link" }
  | { kind: "rename"; id: string }
  | { kind: "promote"; id: string }
  | { kind: "shortcuts" };

export class EditorState {
  doc: Doc = $state.raw(emptyDoc());
  path: Crumb[] = $state.raw([]);
  nodes: FlowNode[] = $state.raw([]);
  edges: FlowEdge[] = $state.raw([]);
  info: ObjectInfo = $state.raw({});
  name = $state("workflow");
  overlay: Overlay | null = $state.raw(null);
  /** The kind of link that is being drawn, and which end is open. */
  drawing: { type: string; side: "in" | "out"; node: string } | null = $state.raw(null);
  /** The link whose end was taken up, to go elsewhere or away. */
  taken: Link | null = null;
  /** The node whose widgets the Tab key goes through. */
  entered: string | null = $state(null);
  simple = $state(false);
  announcement = $state("");
  notices: string[] = $state.raw([]);
  undoable: string | null = $state(null);
  redoable: string | null = $state(null);
  /** Files that nodes may name. */
  inputs: string[] = $state.raw([]);

  readonly sheet: Sheet = $derived(sheetOf(this.doc, this.path.at(-1)?.sheet ?? ROOT));
  /** In front of the ids of this sheet's nodes in a run. */
  readonly prefix: string = $derived(this.path.map(({ id }) => `${id}:`).join(""));
  readonly selected: ReadonlySet<string> = $derived(new Set(this.nodes.filter(({ selected, id }) => selected === true && !isGroupId(id)).map(({ id }) => id)));
  readonly selectedGroups: ReadonlySet<string> = $derived(new Set(this.nodes.filter(({ selected, id }) => selected === true && isGroupId(id)).map(({ id }) => groupIdOf(id))));
  readonly selectedLinks: ReadonlySet<string> = $derived(new Set(this.edges.filter(({ selected }) => selected === true).map(({ id }) => id)));
  readonly #byId: ReadonlyMap<string, GraphNode> = $derived(new Map(this.sheet.nodes.map((node) => [node.id, node])));

  readonly runner = new Runner(this);
  view: View | null = null;
  engine: Engine | null = $state.raw(null);
  #timeline = new Timeline();

  /** The same with room for the pictures that an output node will show. */
  readonly roomOf = (node: GraphNode): Point => {
    const [width, height] = this.sizeOf(node);
    const shows = this.info[node.type]?.output_node === true && node.inputs.some(({ type }) => type === "IMAGE") && !node.collapsed;
    const waits = shows && (this.runner.view(`${this.prefix}${node.id}`)?.pictures.length ?? 0) === 0;
    return [width, waits ? height + width : height];
  };

  /** Another engine, or the same with more classes and files. */
  connectEngine(engine: Engine | null): void {
    this.engine = engine;
    this.refresh();
  }

  /** Asks the engine anew which classes, models and files there are. */
  refresh(): void {
    const before = this.info;
    this.info = this.engine?.objectInfo() ?? {};
    this.inputs = this.engine?.inputs ?? [];
    // Values of classes that were not known are kept by position; now they can be told apart.
    const all = [this.doc.root, ...this.doc.subgraphs].flatMap(({ nodes }) => nodes);
    if (all.some(({ type }) => before[type] === undefined && this.info[type] !== undefined)) this.replace(readWorkflow(writeWorkflow(this.doc, before), this.info));
  }

  node(id: string): GraphNode | undefined {
    return this.#byId.get(id);
  }

  rows(node: GraphNode): Field[] {
    return rowsOf(this.doc, this.sheet, node, this.info);
  }

  /** What a node is called. */
  titleOf(node: GraphNode): string {
    return node.title ?? this.info[node.type]?.display_name ?? subgraphOf(this.doc, node.type)?.name ?? BUILT_IN[node.type]?.title ?? groupNodeName(this.doc, node.type) ?? node.type;
  }

  readonly #labelOf = (node: GraphNode): string => {
    const states = [node.mode === MODE.muted && "muted", node.mode === MODE.bypassed && "bypassed", node.collapsed && "folded", node.pinned && "pinned"];
    return [this.titleOf(node), `node ${node.id}`, ...states.filter(Boolean)].join(", ");
  };

  /** Width and height below the title, as they are on the canvas. */
  readonly sizeOf = (node: GraphNode): Point => {
    const measured = this.nodes.find(({ id }) => id === node.id)?.measured;
    return measured?.width === undefined || measured.height === undefined ? node.size : [measured.width, Math.max(0, measured.height - TITLE_HEIGHT)];
  };

  /** Does something that can be undone. `key` joins steps of one kind that follow each other. */
  apply(label: string, change: (sheet: Sheet) => Sheet, key: string | null = null): void {
    this.applyDoc(label, withSheet(this.doc, change(this.sheet)), key);
  }

  applyDoc(label: string, doc: Doc, key: string | null = null): void {
    if (doc === this.doc) return;
    this.#timeline.record(this.doc, label, key);
    this.replace(doc);
  }

  /** Another document without a step to undo. */
  replace(doc: Doc): void {
    this.doc = doc;
    // The sheet that is open may be gone.
    const kept: Crumb[] = [];
    let sheet = doc.root;
    for (const crumb of this.path) {
      const inner = subgraphOf(doc, crumb.sheet);
      if (inner === null || !sheet.nodes.some(({ id, type }) => id === crumb.id && type === crumb.sheet)) break;
      kept.push(crumb);
      sheet = inner;
    }
    if (kept.length !== this.path.length) this.path = kept;
    this.undoable = this.#timeline.undoable;
    this.redoable = this.#timeline.redoable;
    this.sync();
  }

  undo(): void {
    const step = this.#timeline.undo(this.doc);
    if (step === null) return this.say("There is nothing to undo.");
    this.replace(step.doc);
    this.say(`Undone: ${step.label}.`);
  }

  redo(): void {
    const step = this.#timeline.redo(this.doc);
    if (step === null) return this.say("There is nothing to redo.");
    this.replace(step.doc);
    this.say(`Done again: ${step.label}.`);
  }

  /** Brings what the canvas draws in line with the document; what did not change stays the same object. */
  sync(select?: { nodes?: Iterable<string>; groups?: Iterable<string> }): void {
    const selection = select && { nodes: new Set(select.nodes), groups: new Set(select.groups) };
    const { nodes, edges } = flowOf(this.sheet, this.path.length > 0, this.nodes, this.edges, this.#labelOf, selection);
    this.nodes = nodes;
    this.edges = edges;
  }

  /** Opens a subgraph, or goes back to one of those around it. */
  go(path: Crumb[]): void {
    this.path = path;
    this.nodes = [];
    this.edges = [];
    this.entered = null;
    this.sync({ nodes: [] });
    this.say(path.length === 0 ? "The whole graph." : `Inside of ${this.sheet.name}: ${this.sheet.nodes.length} nodes.`);
  }

  enter(id: string): void {
    const node = this.node(id);
    const inner = node === undefined ? null : subgraphOf(this.doc, node.type);
    if (inner !== null) this.go([...this.path, { id, sheet: inner.id }]);
  }

  select(ids: Iterable<string>, groups: Iterable<string> = []): void {
    this.sync({ nodes: ids, groups });
  }

  /** Takes over where nodes were dragged or moved to. */
  commitPositions(): void {
    const moved = new Map<string, Point>();
    let sheet = this.sheet;
    for (const { id, position } of this.nodes) {
      const pos: Point = [Math.round(position.x), Math.round(position.y) + (isGroupId(id) || id === INPUT_NODE || id === OUTPUT_NODE ? 0 : TITLE_HEIGHT)];
      if (id === INPUT_NODE) sheet = differs(sheet.inputPos, pos) ? { ...sheet, inputPos: pos } : sheet;
      else if (id === OUTPUT_NODE) sheet = differs(sheet.outputPos, pos) ? { ...sheet, outputPos: pos } : sheet;
      else if (isGroupId(id)) {
        const group = sheet.groups.find((one) => one.id === groupIdOf(id));
        if (group !== undefined && differs(group.pos, pos)) sheet = { ...sheet, groups: sheet.groups.map((one) => (one === group ? { ...one, pos } : one)) };
      } else if (differs(this.node(id)?.pos ?? pos, pos)) moved.set(id, pos);
    }
    if (moved.size > 0) sheet = place(sheet, moved);
    if (sheet !== this.sheet) this.apply("moving", () => sheet, "move");
  }

  /** The kind of what an end gives or takes. */
  typeAt(end: End): string {
    const { doc, sheet, info } = this;
    if (end.node === INPUT_NODE) return sheet.inputs[Number(end.place)]?.type ?? "*";
    if (end.node === OUTPUT_NODE) return sheet.outputs[Number(end.place)]?.type ?? "*";
    if (end.side === "out") return outputType(doc, sheet, end.node, Number(end.place), info);
    const node = this.node(end.node);
    const at = node?.inputs.findIndex(({ name }) => name === end.place) ?? -1;
    if (at >= 0) return inputType(doc, sheet, end.node, at, info);
    return (node === undefined ? undefined : this.rows(node).find(({ name }) => name === end.place)?.type) ?? "*";
  }

  /** True if a link may go from one end to the other. */
  canConnect(from: End, to: End): boolean {
    if (from.side !== "out" || to.side !== "in" || from.node === to.node) return false;
    if (from.node === INPUT_NODE && to.node === OUTPUT_NODE) return false;
    // A primitive is a widget's value, and nothing else.
    if (this.node(from.node)?.type === "PrimitiveNode" && !this.#isWidget(to)) return false;
    return compatible(this.typeAt(from), this.typeAt(to)) && !wouldCircle(this.sheet, from.node, to.node);
  }

  /** Links two ends; the free place of a subgraph's border becomes a port first. */
  connect(from: End, to: End, key: string | null = null): boolean {
    if (!this.canConnect(from, to)) return false;
    const type = this.typeAt(from);
    let [doc, out, into] = [this.doc, from.place, to.place];
    if (from.node === INPUT_NODE && out === "new") {
      const added = addPort(doc, this.sheet, "in", to.place.split(".").at(-1) ?? "value", this.typeAt(to));
      [doc, out] = [added.doc, String(added.at)];
    }
    if (to.node === OUTPUT_NODE && into === "new") {
      const name = this.node(from.node)?.outputs[Number(from.place)]?.name ?? type.toLowerCase();
      const added = addPort(doc, this.sheet, "out", name, type);
      [doc, into] = [added.doc, String(added.at)];
    }
    let sheet = sheetOf(doc, this.sheet.id);
    let at = Number(into);
    if (to.node !== OUTPUT_NODE) {
      const node = this.node(to.node);
      const field = node === undefined ? undefined : this.rows(node).find(({ name }) => name === to.place);
      const slot = node?.inputs.findIndex(({ name }) => name === to.place) ?? -1;
      if (field === undefined && slot < 0) return false;
      if (slot >= 0) at = slot;
      else if (field !== undefined) ({ sheet, at } = withSlot(sheet, to.node, field));
    }
    sheet = this.#withPrimitive(sheet, from, to);
    sheet = connect(sheet, { from: from.node, out: Number(out), to: to.node, in: at, type });
    this.applyDoc("linking", withSheet(doc, sheet), key);
    this.runner.forgive(`${this.prefix}${to.node}`);
    this.say(`Linked ${this.#nameOf(from)} to ${this.#nameOf(to)}.`);
    return true;
  }

  #isWidget({ node, place }: End): boolean {
    const found = this.node(node);
    return found !== undefined && (found.type === "Reroute" || this.rows(found).some(({ name, widget }) => name === place && widget !== null));
  }

  /** A primitive that has no value yet takes over that of the widget it is linked to. */
  #withPrimitive(sheet: Sheet, from: End, to: End): Sheet {
    const [primitive, target] = [this.node(from.node), this.node(to.node)];
    if (primitive?.type !== "PrimitiveNode" || primitive.values["#0"] !== undefined || target === undefined) return sheet;
    const field = this.rows(target).find(({ name }) => name === to.place);
    if (field === undefined || field.widget === null) return sheet;
    const numeric = field.widget === "int" || field.widget === "float";
    return withNode(sheet, primitive.id, (node) => ({ ...node, values: { "#0": target.values[to.place] ?? field.fallback }, controls: numeric ? { "#0": "fixed" } : {} }));
  }

  setValue(id: string, name: string, value: Json): void {
    this.apply(`changing ${name}`, (sheet) => ({ ...sheet, nodes: sheet.nodes.map((node) => (node.id === id ? { ...node, values: { ...node.values, [name]: value } } : node)) }), `value ${this.sheet.id} ${id} ${name}`);
    this.runner.forgive(`${this.prefix}${id}`);
  }

  #nameOf({ node, side, place }: End): string {
    if (node === INPUT_NODE || node === OUTPUT_NODE) return "the border";
    const found = this.node(node);
    if (found === undefined) return node;
    return `${this.titleOf(found)}, ${side === "in" ? place : (found.outputs[Number(place)]?.name ?? place)}`;
  }

  /** Tells a screen reader, and whoever looks at the line below. */
  say(text: string): void {
    // The same words twice are no change, and would not be read.
    this.announcement = text === this.announcement ? `${text}\u200b` : text;
  }
}

function differs(a: Point, b: Point): boolean {
  return Math.abs(a[0] - b[0]) > 0.5 || Math.abs(a[1] - b[1]) > 0.5;
}
