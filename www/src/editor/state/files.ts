/** Files in and out: every kind that the engine reads; UI JSON and API JSON out. */

import { isModelName, stringify, TintypeError, type Json } from "../../engine/index";
import { appOf } from "../model/app";
import { layOut } from "../model/arrange";
import { addNode, setValue } from "../model/edit";
import { docFromApi, newNode } from "../model/make";
import { readWorkflow } from "../model/read";
import { emptyDoc, type Doc, type Point } from "../model/types";
import { writeWorkflow } from "../model/write";
import type { EditorState } from "./editor.svelte";
import { remember } from "./given.svelte";
import { keepInput } from "./store";

/** Opens a file: a graph in any form, a picture with one inside or without, a model. What was there can be had back by undoing. */
export async function openFile(editor: EditorState, file: Blob, name: string, at?: Point): Promise<void> {
  const { engine } = editor;
  if (engine === null) return editor.say("The engine is still starting.");
  editor.runner.trouble = null;
  try {
    if (isModelName(name)) {
      const model = await engine.addModel(file, { name });
      editor.refresh();
      return editor.say(`${model.path} was added.`);
    }
    const { prompt, workflow, notices } = await engine.read(file);
    const doc = workflow === null ? docFromApi(prompt, editor.info) : readWorkflow(workflow, editor.info);
    show(editor, workflow === null ? await laidOut(doc, editor) : doc, name.replace(/\.[a-z0-9]+$/i, ""));
    editor.notices = notices;
    const shown = editor.doc;
    await editor.runner.check();
    if (workflow === null && (await measured(editor))) {
      // Laid out by estimate first; now that the nodes have their sizes, with what they complain about, by those. What
      // was edited or opened meanwhile stays as it is.
      const placed = await laidOut(shown, editor);
      if (editor.doc === shown) {
        editor.replace(placed);
        editor.view?.fit();
      }
    }
    editor.say(`${name} is open: ${doc.root.nodes.length} nodes.`);
  } catch (error) {
    // A picture that carries no graph is something to begin one with.
    if (/^image\//.test(file.type) && (await isPicture(file))) return await addPicture(editor, file, name, at);
    const known = error instanceof TintypeError ? error : null;
    editor.runner.trouble = { title: `${name} could not be opened`, text: error instanceof Error ? error.message : String(error), hint: known?.hint ?? null };
  }
}

/** Shows another document. */
export function show(editor: EditorState, doc: Doc, name: string): void {
  editor.path = [];
  editor.nodes = [];
  editor.edges = [];
  editor.name = name;
  editor.runner.clear();
  editor.applyDoc(`opening ${name}`, doc);
  editor.simple = appOf(doc).first;
  requestAnimationFrame(() => editor.view?.fit());
}

/** The document with its nodes where the layouter puts them. */
export async function laidOut(doc: Doc, editor: EditorState): Promise<Doc> {
  const positions = await layOut(doc.root, editor.roomOf);
  return { ...doc, root: { ...doc.root, nodes: doc.root.nodes.map((node) => ({ ...node, pos: positions.get(node.id) ?? node.pos })) } };
}

/** Waits until every node was measured; false if there is no canvas to do that. */
async function measured(editor: EditorState): Promise<boolean> {
  for (let frame = 0; frame < 60 && editor.view !== null && !editor.simple; frame++) {
    await new Promise(requestAnimationFrame);
    if (editor.nodes.every((node) => node.measured?.height !== undefined)) return true;
  }
  return false;
}

export function startAnew(editor: EditorState): void {
  show(editor, emptyDoc(), "workflow");
  editor.notices = [];
  editor.say("A new graph. Undo brings the old one back.");
}

/** Asks for a file. */
export function openDialog(editor: EditorState): void {
  const input = document.createElement("input");
  input.type = "file";
  input.onchange = () => {
    const file = input.files?.[0];
    if (file !== undefined) void openFile(editor, file, file.name);
  };
  input.click();
}

/** The document as text, as ComfyUI's editor opens it. */
export function workflowText(editor: EditorState): string {
  return stringify(writeWorkflow(editor.doc, editor.info));
}

export function saveWorkflow(editor: EditorState): void {
  download(workflowText(editor), `${editor.name}.json`);
  editor.say(`Saved as ${editor.name}.json.`);
}

/** The graph as it runs, for ComfyUI's server and for this package. */
export async function saveApi(editor: EditorState): Promise<void> {
  try {
    const { prompt } = await editor.runner.prompt();
    download(stringify(prompt), `${editor.name}_api.json`);
    editor.say(`Saved as ${editor.name}_api.json.`);
  } catch (error) {
    editor.runner.trouble = { title: "It could not be saved", text: error instanceof Error ? error.message : String(error), hint: error instanceof TintypeError ? error.hint : null };
  }
}

function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Gives the engine a file, and a widget its name. */
export async function giveFile(editor: EditorState, file: Blob, name: string, node: string, widget: string): Promise<void> {
  const given = await putInput(editor, file, name);
  editor.setValue(node, widget, given);
  editor.say(`${given} is chosen.`);
}

/** Gives the engine a file under a name that no other content has. */
async function putInput(editor: EditorState, file: Blob, name: string): Promise<string> {
  const { engine } = editor;
  if (engine === null) throw new TintypeError("the engine is not open yet", "closed");
  await engine.putInput(name, file);
  editor.inputs = engine.inputs;
  remember(editor, name, file);
  await keepInput(name, file);
  return name;
}

async function addPicture(editor: EditorState, file: Blob, name: string, at?: Point): Promise<void> {
  const given = await putInput(editor, file, name);
  const node = newNode(editor.doc, editor.sheet, "LoadImage", at ?? editor.view?.center() ?? [0, 0], editor.info);
  editor.apply("adding a picture", (sheet) => setValue(addNode(sheet, node), node.id, "image", given as Json));
  editor.select([node.id]);
  editor.say(`${name} was added as a Load Image node.`);
}

async function isPicture(file: Blob): Promise<boolean> {
  try {
    (await createImageBitmap(file)).close();
    return true;
  } catch {
    return false;
  }
}
