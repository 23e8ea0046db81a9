/** `<tintype-image>`: a prompt, a button, a picture. Nothing of the engine is fetched before it is wanted. */

import type { Engine } from "../engine/engine";
import { abortError, isAbort, TintypeError } from "../engine/errors";
import type { GenerateOptions, Settings } from "../engine/generate";
import type { ApiGraph } from "../engine/graph";
import type { EngineEvent, ResultFile } from "../engine/types";
import { ATTRIBUTES, FLAGS, modelAddress, optionsOf, sizeOf, TEXTS } from "./attributes";
import type { ErrorDetail, ProgressDetail, ResultDetail, TintypeImageEvents, TintypeImageProperties } from "./events";
import { lease, type Lease } from "./pool";
import { progressOf } from "./progress";
import { SIZES } from "./sizes";
import { sharedStrings, type Strings } from "./strings";
import { View, type State } from "./view";

/** How long an engine waits for a widget that was taken off the page to come back. */
const LINGER_MILLIS = 5000;

// Importing this file where there are no elements (a server that renders pages) must not throw.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

export class TintypeImage extends Base {
  static readonly formAssociated = true;
  static readonly observedAttributes = ATTRIBUTES;

  #internals = this.attachInternals();
  #view = new View(this.attachShadow({ mode: "open", delegatesFocus: true }));
  #strings: Strings | null = null;
  #state: State = "idle";
  #lease: Lease | null = null;
  #engine: Engine | null = null;
  #abort: AbortController | null = null;
  #running: Promise<ResultDetail | null> | null = null;
  #observer: IntersectionObserver | null = null;
  #workflow: string | object | null = null;
  #progress: ProgressDetail | null = null;
  #problem: ErrorDetail | null = null;
  #value: ResultFile | null = null;
  #url: string | null = null;
  #status = "";
  #warm = false;
  #formDisabled = false;

  constructor() {
    super();
    const { prompt, button, picture } = this.#view;
    button.addEventListener("click", () => this.#press());
    prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.#busy) this.#press();
    });
    picture.addEventListener("error", () => {
      if (this.#value !== null) void this.#view.paint(this.#value).catch(() => {});
    });
  }

  connectedCallback(): void {
    // What a page set before this class was there.
    for (const name of ["prompt", "workflow", "strings", ...Object.keys(TEXTS), ...Object.keys(FLAGS)]) {
      if (!Object.hasOwn(this, name)) continue;
      const own = this as unknown as Record<string, unknown>;
      const value = own[name];
      delete own[name];
      own[name] = value;
    }
    this.#validate();
    this.#render();
    this.#loadWhenWished();
  }

  disconnectedCallback(): void {
    // A move takes the element off the page for a moment.
    queueMicrotask(() => {
      if (!this.isConnected) this.#letGo(LINGER_MILLIS);
    });
  }

  attributeChangedCallback(name: string, before: string | null, value: string | null): void {
    if (before === value) return;
    if (name === "prompt") this.#view.prompt.value = value ?? "";
    if (name === "workflow") this.#workflow = null;
    if (["device", "models", "assets"].includes(name) && this.#lease !== null) this.#letGo(0);
    if (name === "load" && this.isConnected) this.#loadWhenWished();
    this.#validate();
    this.#render();
  }

  formDisabledCallback(disabled: boolean): void {
    this.#formDisabled = disabled;
    this.#render();
  }

  formResetCallback(): void {
    this.cancel();
    this.prompt = this.getAttribute("prompt") ?? "";
    this.#setValue(null);
    this.#setState(this.#engine === null ? "idle" : "ready");
  }

  // ---- what a page sees

  /** What is to be drawn; what a visitor typed is here, too. */
  get prompt(): string {
    return this.#view.prompt.value;
  }

  set prompt(text: string) {
    this.#view.prompt.value = text ?? "";
  }

  /** A workflow instead of the usual graph: its address, its JSON, or API JSON as an object. */
  get workflow(): string | object | null {
    return this.#workflow ?? this.getAttribute("workflow");
  }

  set workflow(workflow: string | object | null) {
    this.#workflow = workflow;
  }

  /** The words it says; what is not given stays. */
  get strings(): Strings {
    return this.#strings ?? sharedStrings();
  }

  set strings(strings: Partial<Strings>) {
    this.#strings = { ...this.strings, ...strings };
    this.#render();
  }

  get state(): State {
    return this.#state;
  }

  /** The last picture, as the form sends it. */
  get value(): ResultFile | null {
    return this.#value;
  }

  /** An address of the last picture for as long as it is shown. */
  get url(): string | null {
    return this.#url;
  }

  /** The engine, which widgets of one page may share; null before `load`. */
  get engine(): Engine | null {
    return this.#engine;
  }

  get form(): HTMLFormElement | null {
    return this.#internals.form;
  }

  get validity(): ValidityState {
    return this.#internals.validity;
  }

  checkValidity(): boolean {
    return this.#internals.checkValidity();
  }

  reportValidity(): boolean {
    return this.#internals.reportValidity();
  }

  /** Fetches engine and model, so that the next picture starts at once. */
  async load(): Promise<Engine> {
    const idle = !this.#busy;
    try {
      const engine = await this.#open();
      if (idle && !this.#warm) await this.#warmUp(engine);
      if (idle) this.#setState(this.#value === null ? "ready" : "done");
      return engine;
    } catch (error) {
      if (idle) this.#fail(error);
      throw error;
    }
  }

  /**
   * Draws. What is given here counts more than the attributes. Gives null if a `beforegenerate` listener prevented it;
   * rejects with what went wrong, or with an `AbortError` after `cancel()`. A picture in the making is given up.
   */
  async generate(options: Partial<GenerateOptions> = {}): Promise<ResultDetail | null> {
    this.cancel();
    await this.#running?.catch(() => {});
    const running = this.#generate(options);
    this.#running = running;
    return await running;
  }

  /** Gives up the picture in the making. */
  cancel(): void {
    this.#abort?.abort();
  }

  /** Frees the engine, if no other widget uses it. The picture stays; the next `generate()` loads anew. */
  dispose(): void {
    this.#letGo(0);
  }

  // ---- how it does that

  get #busy(): boolean {
    return this.#state === "loading" || this.#state === "generating";
  }

  #press(): void {
    // What goes wrong is shown and told by the event; a click has nobody else to tell.
    if (this.#busy) this.cancel();
    else this.generate().catch(() => {});
  }

  async #generate(options: Partial<GenerateOptions>): Promise<ResultDetail | null> {
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const wish = { ...optionsOf(this, this.prompt), ...options };
      const before = new CustomEvent("beforegenerate", { detail: { options: wish }, bubbles: true, composed: true, cancelable: true });
      if (!this.dispatchEvent(before)) return null;
      const { signal = abort.signal } = options;
      signal.addEventListener("abort", () => abort.abort(), { once: true });
      const engine = await orAbort(this.#open(), abort.signal);
      this.#setState("generating");
      const detail = await this.#draw(engine, { ...wish, signal: abort.signal });
      this.#setValue(detail.images[0] ?? null);
      this.#status = this.strings.finished;
      this.#setState("done");
      this.#tell("result", detail);
      return detail;
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      if (this.#abort === abort) this.#abort = null;
    }
  }

  async #draw(engine: Engine, wish: GenerateOptions): Promise<ResultDetail> {
    const onEvent = (event: EngineEvent) => {
      wish.onEvent?.(event);
      this.#hear(event);
    };
    this.#showProgress({ phase: "wait", loaded: 0, total: 0, fraction: null });
    const workflow = this.workflow;
    if (workflow === null) {
      const address = modelAddress(wish.model ?? "", document.baseURI);
      const model = address === null ? {} : { model: await this.#lease!.addModel(address) };
      const { images, settings } = await engine.generate({ ...wish, ...model, onEvent });
      this.#warm = true;
      return { images, settings };
    }
    const { fillWorkflow, workflowText } = await import("./workflow");
    const graph = await this.#readWorkflow(engine, typeof workflow === "string" ? workflow : workflowText(workflow));
    const seed = typeof wish.seed === "number" ? BigInt(wish.seed) : wish.seed;
    const filled = fillWorkflow(graph, engine.objectInfo(), { prompt: wish.prompt, negativePrompt: wish.negativePrompt, seed });
    const { images } = await engine.run(filled, { ...(wish.signal && { signal: wish.signal }), onEvent });
    this.#warm = true;
    return { images, settings: null };
  }

  async #readWorkflow(engine: Engine, workflow: string): Promise<ApiGraph> {
    if (workflow.trimStart().startsWith("{")) return (await engine.read(workflow)).prompt;
    const refuse = (why: string) =>
      new TintypeError(`the workflow \`${workflow}\` could not be fetched (${why})`, "file_not_found", {
        hint: "Correct the attribute `workflow`, or put the file there.",
      });
    const response = await fetch(new URL(workflow, document.baseURI)).catch((cause: unknown) => {
      throw refuse(String(cause));
    });
    if (!response.ok) throw refuse(`HTTP ${response.status}`);
    return (await engine.read(await response.blob())).prompt;
  }

  /** The engine, opened; told what comes in on the way. */
  async #open(): Promise<Engine> {
    if (this.#engine !== null) return this.#engine;
    this.#problem = null;
    this.#setState("loading");
    this.#showProgress({ phase: "engine", loaded: 0, total: 0, fraction: null });
    const folder = (name: string) => this.getAttribute(name);
    const [device, models, assets] = [folder("device"), folder("models"), folder("assets")];
    const held = (this.#lease ??= lease({
      ...(device !== null && { device: device as "auto" | "cpu" | "webgpu" }),
      ...(models !== null && { modelsUrl: new URL(models, document.baseURI).href }),
      ...(assets !== null && { assetsUrl: new URL(assets, document.baseURI).href }),
    }));
    let quiet = () => {};
    try {
      const engine = await held.engine;
      quiet = engine.on("engine_progress", (data) => this.#hear({ type: "engine_progress", data }));
      await engine.ready();
      if (this.#lease !== held) throw abortError();
      this.#engine = engine;
      this.#tell("ready", { device: engine.device });
      return engine;
    } catch (error) {
      // Another try starts anew.
      held.release(0);
      if (this.#lease === held) this.#lease = null;
      throw error;
    } finally {
      quiet();
    }
  }

  /** A picture of one step, small and shown to nobody: it fetches the model and makes the device ready. */
  async #warmUp(engine: Engine): Promise<void> {
    const { model } = optionsOf(this, "");
    const address = modelAddress(model ?? "", document.baseURI);
    if (this.workflow === null) {
      const name = address === null ? model : await this.#lease!.addModel(address);
      await engine.generate({
        prompt: "",
        steps: 1,
        seed: 0,
        width: 64,
        height: 64,
        ...(name !== undefined && { model: name }),
        onEvent: (event) => {
          if (event.type === "model_progress") this.#hear(event);
        },
      });
    }
    this.#warm = true;
  }

  #hear(event: EngineEvent): void {
    if (event.type === "preview") {
      const { width, height, rgba } = event.data;
      const preview = { width, height, data: new Uint8ClampedArray(rgba) };
      this.#view.showPreview(preview);
      this.#tell("preview", preview);
      this.#render();
    }
    const progress = progressOf(event);
    if (progress !== null) this.#showProgress(progress);
  }

  #showProgress(progress: ProgressDetail): void {
    this.#progress = progress;
    this.#tell("progress", progress);
    this.#render();
  }

  #fail(error: unknown): void {
    this.#view.clearPreview();
    if (isAbort(error)) {
      this.#status = this.strings.stopped;
      this.#setState(this.#value !== null ? "done" : this.#engine !== null ? "ready" : "idle");
      return;
    }
    const known = error instanceof TintypeError ? error : null;
    const complaints = Object.values(known?.nodeErrors ?? {}).flatMap(({ class_type, errors }) =>
      errors.map(({ message, details }) => `${class_type}: ${message}${details ? ` (${details})` : ""}`),
    );
    const message = complaints.length > 0 ? complaints.join("; ") : error instanceof Error ? error.message : String(error);
    this.#problem = { error, message, hint: known?.hint ?? null, code: known?.code ?? "unknown" };
    this.#setState("error");
    this.#tell("error", this.#problem);
  }

  #setState(state: State): void {
    const before = this.#state;
    if (state !== "error") this.#problem = null;
    if (!["loading", "generating"].includes(state)) this.#progress = null;
    else this.#status = "";
    this.#state = state;
    if (before !== state) {
      for (const name of ["idle", "loading", "ready", "generating", "done", "error"]) this.#internals.states?.delete(name);
      this.#internals.states?.add(state);
      this.#tell("statechange", { state, before });
    }
    this.#render();
  }

  #setValue(value: ResultFile | null): void {
    if (this.#url !== null) URL.revokeObjectURL(this.#url);
    this.#view.clearPreview();
    this.#value = value;
    this.#url = value === null ? null : URL.createObjectURL(value);
    this.#internals.setFormValue(value);
    this.#validate();
  }

  #validate(): void {
    const missing = this.hasAttribute("required") && this.#value === null;
    if (missing) this.#internals.setValidity({ valueMissing: true }, this.strings.missing, this.#view.button);
    else this.#internals.setValidity({});
  }

  #loadWhenWished(): void {
    this.#observer?.disconnect();
    this.#observer = null;
    const wish = this.getAttribute("load");
    // A visitor who saves data is asked by the button.
    const saving = (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true;
    if (saving || (wish !== "eager" && wish !== "visible") || this.#engine !== null) return;
    const start = () => void this.load().catch(() => {});
    if (wish === "eager") return start();
    this.#observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      this.#observer?.disconnect();
      start();
    });
    this.#observer.observe(this);
  }

  #letGo(lingerMillis: number): void {
    this.cancel();
    this.#observer?.disconnect();
    this.#lease?.release(lingerMillis);
    this.#lease = null;
    this.#engine = null;
    this.#warm = false;
    if (!this.#busy) this.#setState(this.#value === null ? "idle" : "done");
  }

  #tell<T extends keyof TintypeImageEvents>(type: T, detail: TintypeImageEvents[T]["detail"]): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  #render(): void {
    if (!this.isConnected) return;
    const { strings } = this;
    const progress = this.#progress;
    this.#view.show({
      state: this.#state,
      strings,
      disabled: this.#formDisabled || this.hasAttribute("disabled"),
      fixed: this.hasAttribute("fixed"),
      size: this.#shownSize(),
      poster: this.getAttribute("poster"),
      alt: this.getAttribute("alt") ?? this.prompt,
      download: this.#warm || this.#value !== null ? undefined : this.#download(),
      progress: progress === null ? null : { text: progressText(progress, strings), fraction: progress.fraction },
      problem: this.#problem,
      picture: this.#value === null || this.#url === null ? null : { url: this.#url, name: this.#value.name },
      status: this.#status,
    });
  }

  /** A size that makes no sense is told when it is drawn. */
  #shownSize(): { width: number; height: number } {
    try {
      return sizeOf(this);
    } catch {
      return { width: 1, height: 1 };
    }
  }

  #download(): number | null {
    const model = SIZES?.models[this.getAttribute("model") ?? "sprite"];
    if (SIZES === null || model === undefined || this.workflow !== null) return null;
    // Which engine it will be is decided when it is loaded: the larger one, unless the page chose the CPU.
    return model + (this.getAttribute("device") === "cpu" ? SIZES.engines.cpu : SIZES.engines.webgpu);
  }
}

for (const [property, attribute] of Object.entries(TEXTS)) {
  Object.defineProperty(TintypeImage.prototype, property, {
    get(this: Element) {
      return this.getAttribute(attribute);
    },
    set(this: Element, value: unknown) {
      if (value === null || value === undefined) this.removeAttribute(attribute);
      else this.setAttribute(attribute, String(value));
    },
    enumerable: true,
    configurable: true,
  });
}
for (const [property, attribute] of Object.entries(FLAGS)) {
  Object.defineProperty(TintypeImage.prototype, property, {
    get(this: Element) {
      return this.hasAttribute(attribute);
    },
    set(this: Element, value: unknown) {
      this.toggleAttribute(attribute, Boolean(value));
    },
    enumerable: true,
    configurable: true,
  });
}

// For the compiler, which does not see the properties defined above.
export interface TintypeImage extends TintypeImageProperties {
  addEventListener<T extends keyof TintypeImageEvents>(
    type: T,
    listener: (this: TintypeImage, event: TintypeImageEvents[T]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

export type { Settings };

function progressText({ phase, loaded, total, fraction }: ProgressDetail, strings: Strings): string {
  const percent = fraction === null ? null : Math.round(fraction * 100);
  switch (phase) {
    case "engine":
      return strings.loadingEngine(percent);
    case "model":
      return strings.loadingModel(percent);
    case "step":
      return strings.step(loaded, total);
    case "wait":
      return strings.waiting;
    case "prepare":
      return strings.preparing;
  }
}

function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(abortError());
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject);
  });
}
