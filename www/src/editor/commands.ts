/** Everything the editor can do, with ComfyUI's shortcuts where it has one. Menus, keys and the list of shortcuts come from here. */

import { align, borders, distribute, layOut, nearestTo, readingOrder, type Edge } from "./model/arrange";
import { copyText, isCopy, paste } from "./model/clipboard";
import { change, groupAround, inside, isBorder, remove, removeLinks, toggleFlag, toggleMode } from "./model/edit";
import { makeSubgraph, unpack, withoutUnused } from "./model/subgraphs";
import { MODE, subgraphOf, withSheet, type GraphNode } from "./model/types";
import type { EditorState } from "./state/editor.svelte";
import { openDialog, saveApi, saveWorkflow, startAnew } from "./state/files";

export interface Command {
  id: string;
  label: string;
  /** As `KeyboardEvent.key`, after `Mod+`, `Shift+` and `Alt+`. */
  keys: string[];
  group: "run" | "edit" | "node" | "arrange" | "view" | "file";
  /** Missing: always. */
  when?: (editor: EditorState) => boolean;
  run: (editor: EditorState) => unknown;
}

const some = (editor: EditorState) => editor.selected.size > 0;
const several = (editor: EditorState) => nodesOf(editor).length > 1;
const nodesOf = (editor: EditorState): GraphNode[] => editor.sheet.nodes.filter(({ id }) => editor.selected.has(id));
const count = (size: number) => (size === 1 ? "one node" : `${size} nodes`);

/** The text that was copied last, for browsers that let nobody read their clipboard. */
let copied = "";

export const COMMANDS: readonly Command[] = [
  { id: "run", label: "Run", keys: ["Mod+Enter"], group: "run", run: (e) => void e.runner.run() },
  { id: "run-front", label: "Run before what waits", keys: ["Mod+Shift+Enter"], group: "run", run: (e) => void e.runner.run({ front: true }) },
  { id: "run-to", label: "Run to here", keys: ["Alt+Enter"], group: "run", when: some, run: (e) => void e.runner.run({ only: [...e.selected].filter((id) => !isBorder(id)).map((id) => `${e.prefix}${id}`) }) },
  { id: "stop", label: "Stop", keys: ["Mod+Alt+Enter"], group: "run", when: (e) => e.runner.open > 0, run: (e) => e.runner.stop() },

  { id: "undo", label: "Undo", keys: ["Mod+z"], group: "edit", when: (e) => e.undoable !== null, run: (e) => e.undo() },
  { id: "redo", label: "Redo", keys: ["Mod+y", "Mod+Shift+z"], group: "edit", when: (e) => e.redoable !== null, run: (e) => e.redo() },
  { id: "copy", label: "Copy", keys: ["Mod+c"], group: "edit", when: (e) => some(e) || e.selectedGroups.size > 0, run: copy },
  { id: "cut", label: "Cut", keys: ["Mod+x"], group: "edit", when: some, run: (e) => (copy(e), removeSelected(e)) },
  { id: "paste", label: "Paste", keys: ["Mod+v"], group: "edit", run: (e) => pasteCopied(e, false) },
  { id: "paste-linked", label: "Paste with links", keys: ["Mod+Shift+v"], group: "edit", run: (e) => pasteCopied(e, true) },
  { id: "duplicate", label: "Duplicate", keys: ["Mod+d"], group: "edit", when: some, run: (e) => pasteText(e, copyText(e.doc, e.sheet, e.selected, e.selectedGroups, e.info), false) },
  { id: "all", label: "Select all", keys: ["Mod+a"], group: "edit", run: (e) => (e.select(e.sheet.nodes.map(({ id }) => id), e.sheet.groups.map(({ id }) => id)), e.say(`${count(e.sheet.nodes.length)} selected.`)) },
  { id: "delete", label: "Delete", keys: ["Delete", "Backspace"], group: "edit", when: (e) => some(e) || e.selectedLinks.size > 0 || e.selectedGroups.size > 0, run: removeSelected },

  { id: "add", label: "Add a node", keys: ["n", "/"], group: "node", run: (e) => (e.overlay = { kind: "search", at: e.view?.center() ?? [0, 0], from: null }) },
  { id: "link", label: "Link", keys: ["l"], group: "node", when: (e) => e.selected.size === 1, run: (e) => (e.overlay = { kind: "link", node: [...e.selected][0] ?? "" }) },
  { id: "rename", label: "Rename", keys: ["F2"], group: "node", when: (e) => e.selected.size + e.selectedGroups.size === 1, run: (e) => (e.overlay = { kind: "rename", id: [...e.selected][0] ?? `group ${[...e.selectedGroups][0]}` }) },
  { id: "mute", label: "Mute", keys: ["Mod+m"], group: "node", when: some, run: (e) => mode(e, MODE.muted, "muting") },
  { id: "bypass", label: "Bypass", keys: ["Mod+b"], group: "node", when: some, run: (e) => mode(e, MODE.bypassed, "bypassing") },
  { id: "collapse", label: "Collapse", keys: ["Alt+c"], group: "node", when: some, run: (e) => e.apply("collapsing", (s) => toggleFlag(s, e.selected, "collapsed")) },
  { id: "pin", label: "Pin", keys: ["p"], group: "node", when: some, run: pin },
  { id: "group", label: "Group", keys: ["Mod+g"], group: "node", when: some, run: group },
  { id: "subgraph", label: "Make a subgraph", keys: ["Mod+Shift+e"], group: "node", when: some, run: subgraph },
  { id: "enter", label: "Open the subgraph", keys: ["Mod+ArrowDown"], group: "node", when: isSubgraph, run: (e) => e.enter([...e.selected][0] ?? "") },
  { id: "unpack", label: "Unpack the subgraph", keys: [], group: "node", when: isSubgraph, run: unpackSelected },
  { id: "promote", label: "Show a widget on the subgraph", keys: [], group: "node", when: (e) => e.path.length > 0 && e.selected.size === 1 && !isBorder([...e.selected][0] ?? ""), run: (e) => (e.overlay = { kind: "promote", id: [...e.selected][0] ?? "" }) },
  { id: "leave", label: "Leave the subgraph", keys: ["Mod+ArrowUp"], group: "node", when: (e) => e.path.length > 0, run: leave },

  ...(["left", "right", "top", "bottom", "center", "middle"] as const).map((edge): Command => ({ id: `align-${edge}`, label: { left: "Align left", right: "Align right", top: "Align tops", bottom: "Align bottoms", center: "Align centres", middle: "Align middles" }[edge], keys: [], group: "arrange", when: several, run: (e) => arrange(e, edge) })),
  { id: "spread-x", label: "Spread sideways", keys: [], group: "arrange", when: (e) => e.selected.size > 2, run: (e) => e.apply("spreading", (s) => placeAll(s, distribute(nodesOf(e), 0, e.sizeOf))) },
  { id: "spread-y", label: "Spread downwards", keys: [], group: "arrange", when: (e) => e.selected.size > 2, run: (e) => e.apply("spreading", (s) => placeAll(s, distribute(nodesOf(e), 1, e.sizeOf))) },
  { id: "layout", label: "Lay out", keys: ["Alt+l"], group: "arrange", run: (e) => void arrangeAll(e) },

  { id: "fit", label: "Show all", keys: ["."], group: "view", run: (e) => e.view?.fit(e.selected.size > 0 ? [...e.selected] : undefined) },
  { id: "zoom-in", label: "Nearer", keys: ["Alt+=", "Alt++"], group: "view", run: (e) => e.view?.zoom("in") },
  { id: "zoom-out", label: "Farther", keys: ["Alt+-"], group: "view", run: (e) => e.view?.zoom("out") },
  { id: "next", label: "Next node", keys: ["]"], group: "view", run: (e) => step(e, 1) },
  { id: "previous", label: "Previous node", keys: ["["], group: "view", run: (e) => step(e, -1) },
  ...(["left", "right", "up", "down"] as const).map((to): Command => ({ id: `go-${to}`, label: { left: "Node to the left", right: "Node to the right", up: "Node above", down: "Node below" }[to], keys: [`Alt+Arrow${to[0]?.toUpperCase()}${to.slice(1)}`], group: "view", run: (e) => walk(e, to) })),
  { id: "refresh", label: "Look for new models and files", keys: ["r"], group: "view", run: (e) => (e.refresh(), e.say("Lists are up to date.")) },
  { id: "simple", label: "Simple view", keys: ["Mod+Shift+a"], group: "view", run: (e) => (e.simple = !e.simple) },
  { id: "shortcuts", label: "Shortcuts", keys: ["?"], group: "view", run: (e) => (e.overlay = { kind: "shortcuts" }) },

  { id: "open", label: "Open a file", keys: ["Mod+o"], group: "file", run: openDialog },
  { id: "save", label: "Save", keys: ["Mod+s"], group: "file", run: (e) => saveWorkflow(e) },
  { id: "save-api", label: "Save API JSON", keys: [], group: "file", run: (e) => void saveApi(e) },
  { id: "new", label: "New graph", keys: [], group: "file", run: startAnew },
];

export const command = (id: string): Command => {
  const found = COMMANDS.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no command \`${id}\``);
  return found;
};

/** Commands that mean the node that has the focus, selected or not. */
export const ON_FOCUS: ReadonlySet<string> = new Set(["run-to", "copy", "cut", "duplicate", "delete", "fit", ...COMMANDS.filter(({ group }) => group === "node").map(({ id }) => id)]);

/** Does a command if it can be done now. */
export function perform(editor: EditorState, id: string): void {
  const found = command(id);
  if (found.when === undefined || found.when(editor)) found.run(editor);
}

function isSubgraph(editor: EditorState): boolean {
  const node = editor.selected.size === 1 ? editor.node([...editor.selected][0] ?? "") : undefined;
  return node !== undefined && subgraphOf(editor.doc, node.type) !== null;
}

function copy(editor: EditorState): void {
  // Where the clipboard may not be written, the copy stays within this page.
  void navigator.clipboard?.writeText(textOfSelected(editor)).catch(() => {});
}

/** What is selected, as text for the clipboard; taken away from the graph if it is cut. */
export function textOfSelected(editor: EditorState, cut = false): string {
  copied = copyText(editor.doc, editor.sheet, editor.selected, editor.selectedGroups, editor.info);
  const size = editor.selected.size;
  if (cut) removeSelected(editor);
  editor.say(`${count(size)} ${cut ? "cut" : "copied"}.`);
  return copied;
}

async function pasteCopied(editor: EditorState, outside: boolean): Promise<void> {
  const text = await (navigator.clipboard?.readText?.() ?? Promise.resolve("")).catch(() => "");
  pasteText(editor, isCopy(text) ? text : copied, outside);
}

/** Puts copied nodes into the sheet, where the person looks. False if the text is no copy. */
export function pasteText(editor: EditorState, text: string, outside: boolean): boolean {
  const pasted = paste(editor.doc, editor.sheet, text, editor.info, { outside });
  if (pasted === null) return false;
  editor.applyDoc("pasting", pasted.doc);
  editor.select(pasted.nodes, pasted.groups);
  focus(editor, pasted.nodes);
  editor.say(`${count(pasted.nodes.length)} pasted.`);
  return true;
}

/** The keyboard goes on with what has just been made. */
function focus(editor: EditorState, ids: readonly string[]): void {
  if (ids[0] !== undefined) void editor.view?.show(ids[0], false);
}

function removeSelected(editor: EditorState): void {
  const { selected, selectedGroups, selectedLinks } = editor;
  const kept = new Set([...selected].filter((id) => !isBorder(id)));
  const gone = kept.size + selectedGroups.size;
  // Who works without a mouse goes on from the node before.
  const focused = document.activeElement?.closest<HTMLElement>(".svelte-flow__node")?.dataset.id;
  const order = readingOrder(editor.sheet).map(({ id }) => id);
  const near = focused !== undefined && kept.has(focused) ? [...order.slice(0, order.indexOf(focused)).reverse(), ...order].find((id) => !kept.has(id)) : undefined;
  editor.applyDoc("deleting", withoutUnused(withSheet(editor.doc, removeLinks(remove(editor.sheet, kept, selectedGroups), selectedLinks))));
  editor.say(gone === 0 ? "The link was removed." : `${kept.size > 0 ? count(kept.size) : "the group"} deleted.`);
  if (near !== undefined) void editor.view?.show(near, false);
}

function mode(editor: EditorState, to: number, label: string): void {
  editor.apply(label, (sheet) => toggleMode(sheet, editor.selected, to));
  const now = nodesOf(editor)[0]?.mode;
  editor.say(now === MODE.muted ? "Muted." : now === MODE.bypassed ? "Bypassed." : "Takes part again.");
}

function pin(editor: EditorState): void {
  editor.apply("pinning", (sheet) => toggleFlag(sheet, editor.selected, "pinned"));
  editor.say(nodesOf(editor)[0]?.pinned === true ? "Pinned." : "Not pinned any more.");
}

function group(editor: EditorState): void {
  editor.apply("grouping", (sheet) => groupAround(sheet, nodesOf(editor), editor.sizeOf, "Group"));
  editor.say("Grouped.");
}

function subgraph(editor: EditorState): void {
  const made = makeSubgraph(editor.doc, editor.sheet, editor.selected, "Subgraph", editor.sizeOf, editor.info);
  editor.applyDoc("making a subgraph", made.doc);
  editor.select([made.id]);
  focus(editor, [made.id]);
  editor.say("A subgraph was made.");
}

function unpackSelected(editor: EditorState): void {
  const id = [...editor.selected][0] ?? "";
  const unpacked = unpack(editor.doc, editor.sheet, id);
  if (unpacked === null) return;
  editor.applyDoc("unpacking", unpacked.doc);
  editor.select(unpacked.nodes);
  focus(editor, unpacked.nodes);
  editor.say(`Unpacked: ${count(unpacked.nodes.length)}.`);
}

function leave(editor: EditorState): void {
  const from = editor.path.at(-1)?.id ?? "";
  editor.go(editor.path.slice(0, -1));
  editor.select([from]);
}

function arrange(editor: EditorState, edge: Edge): void {
  editor.apply("aligning", (sheet) => placeAll(sheet, align(nodesOf(editor), edge, editor.sizeOf)));
}

function placeAll(sheet: EditorState["sheet"], positions: ReturnType<typeof align>): EditorState["sheet"] {
  return change(sheet, new Set(positions.keys()), (node) => (node.pinned ? node : { ...node, pos: positions.get(node.id) ?? node.pos }));
}

/** Lays out the selected nodes, or all. */
export async function arrangeAll(editor: EditorState): Promise<void> {
  const only = editor.selected.size > 1 ? editor.selected : null;
  const { sheet } = editor;
  const positions = await layOut(sheet, editor.roomOf, only);
  if (editor.sheet !== sheet) return;
  editor.apply("laying out", (before) => {
    const after = placeAll(before, positions);
    return editor.path.length > 0 && only === null ? { ...after, ...borders(after, editor.sizeOf) } : after;
  });
  editor.view?.fit();
  editor.say("Laid out.");
}

function step(editor: EditorState, by: 1 | -1): void {
  const order = readingOrder(editor.sheet);
  const at = order.findIndex(({ id }) => editor.selected.has(id));
  const next = order[at < 0 ? (by > 0 ? 0 : order.length - 1) : (at + by + order.length) % order.length];
  if (next !== undefined) void editor.view?.show(next.id);
}

function walk(editor: EditorState, to: "left" | "right" | "up" | "down"): void {
  const from = nodesOf(editor)[0];
  if (from === undefined) return step(editor, 1);
  const next = nearestTo(editor.sheet.nodes, from, to, editor.sizeOf);
  if (next === null) editor.say("There is no node that way.");
  else void editor.view?.show(next.id);
}

/** The nodes that go with a group when it is dragged. */
export function insideOf(editor: EditorState, id: string): string[] {
  const found = editor.sheet.groups.find((one) => one.id === id);
  return found === undefined ? [] : inside(editor.sheet, found, editor.sizeOf).map((node) => node.id);
}
