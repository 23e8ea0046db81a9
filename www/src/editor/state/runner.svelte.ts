/** Runs of the graph, and what nodes show of them: progress, pictures, texts, complaints. */

import { SvelteMap } from "svelte/reactivity";

import { isAbort, stringify, TintypeError, type ApiGraph, type EngineEvent, type NodeErrors, type Preview, type ResultFile, type RunResult } from "../../engine/index";
import type { RunGraph } from "../run";
import { afterRun } from "../model/seeds";
import { nodeAt } from "../model/app";
import { writeWorkflow } from "../model/write";
import type { EditorState } from "./editor.svelte";

/** A picture that a node made. */
export interface Shown {
  url: string;
  name: string;
}

/** A complaint about a node, or about one of its inputs. */
export interface Complaint {
  text: string;
  hint: string | null;
  input: string | null;
}

/** A failure that belongs to no node. */
export interface Trouble {
  title: string;
  text: string;
  hint: string | null;
  /** Places that pictures would be sent to, which the person has to allow. */
  origins?: string[];
}

/** What a node shows of the last runs. Its path is its id in a run: `57:8` inside of a subgraph. */
export class NodeView {
  state: "idle" | "pending" | "running" | "finished" | "cached" | "error" = $state("idle");
  fraction: number | null = $state(null);
  preview: Preview | null = $state.raw(null);
  pictures: Shown[] = $state.raw([]);
  text: string | null = $state(null);
  complaints: Complaint[] = $state.raw([]);
}

/** In a run to a node that shows nothing itself: what shows its picture. */
const LOOK = "look";

export class Runner {
  /** Runs that were asked for and are not over. */
  open = $state(0);
  trouble: Trouble | null = $state.raw(null);
  /** How many nodes something is wrong with. */
  faults = $state(0);
  /** What is being done, in words, and how far. */
  doing: { text: string; fraction: number | null } | null = $state.raw(null);
  /** A queue to run in; null: the engine's own. */
  execute: RunGraph | null = null;
  onpictures: ((files: ResultFile[]) => void) | null = null;

  #views = new SvelteMap<string, NodeView>();
  #aborts = new Set<AbortController>();
  #editor: EditorState;

  constructor(editor: EditorState) {
    this.#editor = editor;
  }

  /** What the node of this path shows; null if nothing yet. */
  view(path: string): NodeView | null {
    return this.#views.get(path) ?? null;
  }

  #viewOf(path: string): NodeView {
    const known = this.#views.get(path);
    if (known !== undefined) return known;
    const view = new NodeView();
    this.#views.set(path, view);
    return view;
  }

  /** The graph as it runs, and what of it does not come through. */
  async prompt(): Promise<{ prompt: ApiGraph; workflow: string; notices: string[] }> {
    const { engine, doc, info } = this.#editor;
    if (engine === null) throw new TintypeError("the engine is not open yet", "closed", { hint: "Wait until it is, then run again." });
    const workflow = stringify(writeWorkflow(doc, info));
    const { prompt, notices } = await engine.read(workflow);
    return { prompt, workflow, notices };
  }

  /** Runs the graph, or as much of it as these nodes (paths) need. */
  async run(options: { only?: string[]; front?: boolean } = {}): Promise<void> {
    const editor = this.#editor;
    if (editor.engine === null) return editor.say("The engine is still starting.");
    const abort = new AbortController();
    this.#aborts.add(abort);
    this.open += 1;
    this.trouble = null;
    this.#clearComplaints();
    editor.say(options.only === undefined ? "Running." : "Running to the selected nodes.");
    try {
      const doc = editor.doc;
      const { prompt, workflow, notices } = await this.prompt();
      editor.notices = notices;
      if (Object.keys(prompt).length === 0) throw new TintypeError("there is nothing to run", "prompt_no_outputs", { hint: "Add nodes, the last one of them a Save Image or Preview Image." });
      const origins = editor.engine.wantsToSendTo(prompt);
      if (origins.length > 0) {
        this.trouble = { title: "This graph sends its pictures away", text: `It wants to send them to ${origins.join(", ")}. Nothing was run.`, hint: null, origins };
        return;
      }
      const outputs = options.only && this.#targets(prompt, options.only);
      const { engine } = editor;
      const execute: RunGraph = this.execute ?? ((graph, { title: _, ...request }) => engine.run(graph, request));
      const running = execute(prompt, {
        title: editor.name,
        workflow,
        dynamicPrompts: true,
        signal: abort.signal,
        ...(outputs && { outputs }),
        ...(options.front === true && { front: true }),
        onEvent: (event) => this.#hear(event),
      });
      // As in ComfyUI, seeds move on as soon as a run is queued, unless the person changed something meanwhile.
      if (editor.doc === doc) editor.replace(afterRun(doc, editor.info));
      const result = await running;
      this.#complain(result.nodeErrors);
      this.#finish(result);
    } catch (error) {
      if (isAbort(error)) editor.say("Stopped.");
      else this.#fail(error);
    } finally {
      this.#aborts.delete(abort);
      this.open -= 1;
      if (this.open === 0) this.#rest();
    }
  }

  /** Lets graphs send pictures to what the last one asked for, and runs it. */
  allow(): void {
    for (const origin of this.trouble?.origins ?? []) this.#editor.engine?.allowSendingTo(origin);
    void this.run();
  }

  /** Ends the running run, and takes back those that wait. */
  stop(): void {
    for (const abort of this.#aborts) abort.abort();
  }

  /** What the person has just changed is not to blame any more. */
  forgive(path: string): void {
    const view = this.#views.get(path);
    if (view === undefined || view.complaints.length === 0) return;
    view.complaints = [];
    if (view.state === "error") view.state = "idle";
    this.faults = this.#count();
  }

  /** Asks what is wrong with the graph, without running it. */
  async check(): Promise<void> {
    const { engine } = this.#editor;
    if (engine === null || this.open > 0) return;
    try {
      const { prompt } = await this.prompt();
      const errors = Object.keys(prompt).length === 0 ? {} : await engine.validate(prompt);
      this.#clearComplaints();
      this.#complain(errors);
    } catch {
      // It is told when it is run.
    }
  }

  /** Everything forgotten, as for another document. */
  clear(): void {
    for (const view of this.#views.values()) for (const { url } of view.pictures) URL.revokeObjectURL(url);
    this.#views.clear();
    this.trouble = null;
    this.faults = 0;
  }

  // An output node runs as it is; of others the pictures are shown, where they make some.
  #targets(prompt: ApiGraph, only: string[]): string[] {
    const { info } = this.#editor;
    return only.flatMap((path) => {
      const inside = Object.keys(prompt).filter((id) => id === path || id.startsWith(`${path}:`));
      return inside.flatMap((id) => {
        const known = info[prompt[id]?.class_type ?? ""];
        if (known?.output_node === true || known === undefined) return [id];
        if (id !== path) return [];
        const slot = known.output.indexOf("IMAGE");
        const look = slot >= 0 ? "PreviewImage" : null;
        if (look === null) return [id];
        prompt[`${LOOK} ${id}`] = { class_type: look, inputs: { images: [id, slot] } };
        return [`${LOOK} ${id}`];
      });
    });
  }

  #hear(event: EngineEvent): void {
    switch (event.type) {
      case "execution_start":
        for (const view of this.#views.values()) if (view.state !== "error") Object.assign(view, { state: "idle", fraction: null, preview: null });
        this.doing = { text: "Starting", fraction: null };
        break;
      case "execution_cached":
        for (const id of event.data.nodes) this.#viewOf(id).state = "cached";
        break;
      case "progress_state":
        for (const [id, { state, value, max }] of Object.entries(event.data.nodes)) this.#progress(id, state, max > 1 ? value / max : null);
        break;
      case "progress": {
        const { node, value, max } = event.data;
        this.doing = { text: `${this.#titleOf(node)}: step ${value} of ${max}`, fraction: max > 0 ? value / max : null };
        break;
      }
      case "executing":
        if (event.data.node !== null) this.doing = { text: this.#titleOf(event.data.node), fraction: null };
        break;
      case "model_progress": {
        const { file, loaded, total, phase } = event.data;
        const what = { fetch: "Fetching", load: "Loading", warmup: "Preparing the graphics card for", keep: "Keeping" }[phase];
        this.doing = { text: `${what} ${file.split("/").slice(-2).join("/")}`, fraction: total > 0 ? loaded / total : null };
        break;
      }
      case "preview": {
        const { node, width, height, rgba } = event.data;
        this.#viewOf(node).preview = { width, height, data: new Uint8ClampedArray(rgba) };
        break;
      }
      case "notice":
        this.#editor.notices = [...new Set([...this.#editor.notices, event.data.message])];
        break;
      default:
        break;
    }
  }

  #progress(id: string, state: NodeView["state"], fraction: number | null): void {
    Object.assign(this.#viewOf(id), { state, fraction });
    // A subgraph's node works while one of those inside does.
    for (let at = id.lastIndexOf(":"); at > 0; at = id.lastIndexOf(":", at - 1)) {
      const outer = this.#viewOf(id.slice(0, at));
      if (state === "running" || state === "finished") Object.assign(outer, { state, fraction: state === "running" ? fraction : null });
    }
  }

  #finish(result: RunResult): void {
    const files = [...result.images];
    for (const [id, output] of Object.entries(result.outputs)) {
      const target = this.#viewOf(id.startsWith(`${LOOK} `) ? id.slice(LOOK.length + 1) : id);
      const own = files.filter((file) => file.node === id);
      target.preview = null;
      if (own.length > 0 || (output.images ?? []).length > 0) {
        for (const { url } of target.pictures) URL.revokeObjectURL(url);
        const named = own.length > 0 ? own : files.filter((file) => (output.images ?? []).some(({ filename }) => filename === file.name));
        target.pictures = named.map((file) => ({ url: URL.createObjectURL(file), name: file.name }));
      }
      const text = output.text ?? output.string;
      target.text = Array.isArray(text) ? text.map(String).join("\n") : typeof text === "string" ? text : null;
    }
    if (this.faults === 0) this.#editor.say(files.length === 0 ? "The run has ended." : `The run has ended with ${files.length === 1 ? "a picture" : `${files.length} pictures`}.`);
    if (files.length > 0) this.onpictures?.(files);
  }

  #fail(error: unknown): void {
    const known = error instanceof TintypeError ? error : null;
    if (known !== null && Object.keys(known.nodeErrors).length > 0) return this.#complain(known.nodeErrors);
    if (known?.node != null) {
      const input = /`([\w.]+)`/.exec(known.message)?.[1] ?? null;
      this.#blame(known.node.id, { text: known.message.replace(/^node \S+ \([^)]*\): /, ""), hint: known.hint, input });
      this.#editor.say(`${this.#titleOf(known.node.id)} failed: ${known.message}`);
      return;
    }
    const text = error instanceof Error ? error.message : String(error);
    this.trouble = { title: "The graph could not be run", text, hint: known?.hint ?? null };
    this.#editor.say(`The graph could not be run: ${text}.`);
  }

  #complain(errors: NodeErrors): void {
    const ids = Object.keys(errors);
    for (const id of ids) {
      for (const { message, details, extra_info } of errors[id]?.errors ?? []) {
        const input = typeof extra_info?.input_name === "string" ? extra_info.input_name : null;
        const hint = typeof extra_info?.hint === "string" ? extra_info.hint : null;
        this.#blame(id, { text: details === "" ? message : details, hint, input });
      }
    }
    const first = ids[0];
    if (first !== undefined) this.#editor.say(`${ids.length === 1 ? "One node" : `${ids.length} nodes`} cannot run. ${this.#titleOf(first)}: ${this.#viewOf(first).complaints[0]?.text ?? ""}`);
  }

  #blame(id: string, complaint: Complaint): void {
    const path = id.startsWith(`${LOOK} `) ? id.slice(LOOK.length + 1) : id;
    const view = this.#viewOf(path);
    view.state = "error";
    view.complaints = [...view.complaints, complaint];
    for (let at = path.lastIndexOf(":"); at > 0; at = path.lastIndexOf(":", at - 1)) {
      const outer = this.#viewOf(path.slice(0, at));
      outer.state = "error";
      outer.complaints = [...outer.complaints, { text: `Inside, ${this.#titleOf(path)}: ${complaint.text}`, hint: complaint.hint, input: null }];
    }
    this.faults = this.#count();
  }

  #clearComplaints(): void {
    for (const view of this.#views.values()) {
      if (view.complaints.length > 0) view.complaints = [];
      if (view.state === "error") view.state = "idle";
    }
    this.faults = 0;
  }

  #count(): number {
    return [...this.#views.values()].filter(({ complaints }) => complaints.length > 0).length;
  }

  /** Paths of nodes that something is wrong with. */
  get faulty(): string[] {
    return [...this.#views].filter(([, view]) => view.complaints.length > 0).map(([path]) => path);
  }

  #titleOf(path: string): string {
    const found = nodeAt(this.#editor.doc, path.startsWith(`${LOOK} `) ? path.slice(LOOK.length + 1) : path);
    return found === null ? `node ${path}` : this.#editor.titleOf(found.node);
  }

  #rest(): void {
    this.doing = null;
    for (const view of this.#views.values()) {
      view.preview = null;
      if (view.state === "running" || view.state === "pending") Object.assign(view, { state: "idle", fraction: null });
    }
  }
}
