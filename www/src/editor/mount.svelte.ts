/** The editor in an element of any page, without that page knowing of Svelte. */

import { flushSync, mount, unmount } from "svelte";

import { stringify, type ApiGraph, type Engine, type ResultFile } from "../engine/index";
import Editor from "./Editor.svelte";
import type { RunGraph } from "./run";

/** A graph to open: a file of any kind that the engine reads, its text, or the object that the text would be. */
export type GraphFile = Blob | string | object;

/** What an editor is made with; all of it can be left out. */
export interface EditorOptions {
  /** The engine that knows the node classes and runs graphs. Without one nothing is shown until `setEngine`. */
  engine?: Engine | null;
  /** What is shown at first. */
  graph?: GraphFile | null;
  /** Its name, for saving. */
  name?: string;
  /** Keep the work in this browser, for the next visit. False if left out. */
  keep?: boolean;
  /** Graphs to begin with, offered while there is none. */
  examples?: readonly { name: string; url: string }[];
  /** Runs graphs in a queue of the page; the engine's own if left out. */
  run?: RunGraph;
  /** Hears of the pictures of each run. */
  onPictures?: (files: ResultFile[]) => void;
}

/** An editor on a page. */
export interface MountedEditor {
  /** Gives it an engine, or another one; what is edited stays. */
  setEngine(engine: Engine | null): void;
  /** Opens a graph in place of the one that is shown; undo brings that back. Needs an engine. */
  open(graph: GraphFile, name?: string): Promise<void>;
  /** The graph as ComfyUI's editor saves it. */
  workflow(): string;
  /** The graph as it runs. Rejects while there is no engine. */
  prompt(): Promise<ApiGraph>;
  /** Runs the graph; what goes wrong is shown at its nodes. */
  run(): Promise<void>;
  /** Stops what runs, and takes the editor off the page. The engine stays open. */
  destroy(): Promise<void>;
}

/** The methods that the component has for this file. */
interface Inside {
  openGraph(file: Blob, name: string): Promise<void>;
  graphText(): string;
  graphPrompt(): Promise<ApiGraph>;
  runGraph(): Promise<void>;
}

/** Puts an editor into an element, which says how large it is. */
export function mountEditor(target: Element, options: EditorOptions = {}): MountedEditor {
  const { engine = null, graph = null, name = "workflow", keep = false, examples = [], run = null, onPictures = null } = options;
  const root = target.ownerDocument.createElement("div");
  root.className = "tintype-editor";
  target.append(root);
  const document = graph === null ? null : { file: fileOf(graph), name };
  const props = $state({ engine, document, keep, examples, run, onpictures: onPictures });
  const component = mount(Editor, { target: root, props });
  const inside = component as unknown as Inside;
  flushSync();
  return {
    setEngine: (next) => {
      props.engine = next;
      flushSync();
    },
    open: (next, title = "workflow") => inside.openGraph(fileOf(next), title),
    workflow: () => inside.graphText(),
    prompt: () => inside.graphPrompt(),
    run: () => inside.runGraph(),
    destroy: async () => {
      await unmount(component);
      root.remove();
    },
  };
}

function fileOf(graph: GraphFile): Blob {
  if (graph instanceof Blob) return graph;
  return new Blob([typeof graph === "string" ? graph : stringify(graph)]);
}
