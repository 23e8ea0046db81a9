/** What the widget shows: made once, then told what changed. Knows nothing of engines. */

import type { Preview } from "../engine/generate";
import type { Strings } from "./strings";
import { styleSheet } from "./style";

/** Where a widget is. */
export type State = "idle" | "loading" | "ready" | "generating" | "done" | "error";

/** What a view shows at a time. */
export interface Shown {
  state: State;
  strings: Strings;
  disabled: boolean;
  /** The prompt is the page's and cannot be changed here. */
  fixed: boolean;
  size: { width: number; height: number };
  poster: string | null;
  alt: string;
  /** Bytes of a first picture; undefined once the model is here. */
  download: number | null | undefined;
  /** What is being done, and how much of it (0 … 1), null if that is not known. */
  progress: { text: string; fraction: number | null } | null;
  problem: { message: string; hint: string | null } | null;
  /** The last picture. */
  picture: { url: string; name: string } | null;
  status: string;
}

const BUSY: readonly State[] = ["loading", "generating"];

export class View {
  readonly prompt = make("textarea", { part: "prompt", rows: "2", autocapitalize: "sentences", enterkeyhint: "go" });
  readonly button = make("button", { part: "button", class: "draw", type: "button" });
  readonly picture = make("img", { part: "picture" });
  #frame = make("div", { part: "frame", class: "frame" });
  #posterSlot = make("slot", { name: "poster" });
  #poster = make("img", { part: "poster", alt: "" });
  #empty = emptyPlate();
  #preview = make("canvas", { part: "preview", width: "1", "aria-hidden": "true" });
  #resultSlot = make("slot", { name: "result" });
  #label = make("label", { part: "label" });
  #labelText = make("span", {});
  #save = make("a", { part: "download" });
  #progressSlot = make("slot", { name: "progress" });
  #bar = make("progress", { part: "bar", max: "1" });
  #progressText = make("p", { part: "progress-text" });
  #errorSlot = make("slot", { name: "error" });
  #failed = make("strong", {});
  #message = make("span", { part: "error-message" });
  #hint = make("span", { part: "error-hint" });
  #note = make("p", { part: "note" });
  #status = make("p", { part: "status", role: "status" });

  constructor(root: ShadowRoot) {
    root.adoptedStyleSheets = [styleSheet()];
    this.#posterSlot.append(this.#poster, this.#empty);
    this.#resultSlot.append(this.picture);
    this.#frame.append(this.#posterSlot, this.#preview, this.#resultSlot);
    this.#label.append(this.#labelText, this.prompt);
    const progress = make("div", { part: "progress", class: "progress" });
    progress.append(this.#bar, this.#progressText);
    this.#progressSlot.append(progress);
    const error = make("p", { part: "error", class: "error", role: "alert" });
    error.append(this.#failed, this.#message, " ", this.#hint);
    this.#errorSlot.append(error);
    const row = make("div", { part: "controls", class: "row" });
    row.append(this.button, this.#save);
    root.append(this.#frame, this.#label, row, this.#progressSlot, this.#errorSlot, this.#note, this.#status);
  }

  show(shown: Shown): void {
    const { state, strings, progress, problem, picture, download } = shown;
    const busy = BUSY.includes(state);
    this.#frame.style.setProperty("--_width", String(shown.size.width));
    this.#frame.style.setProperty("--_height", String(shown.size.height));

    const drawing = state === "generating" && this.#preview.width > 1;
    this.#posterSlot.hidden = picture !== null || drawing;
    this.#poster.hidden = shown.poster === null;
    this.#empty.toggleAttribute("hidden", shown.poster !== null);
    if (shown.poster !== null && this.#poster.getAttribute("src") !== shown.poster) this.#poster.src = shown.poster;
    this.#preview.hidden = !drawing;
    this.#resultSlot.hidden = picture === null || drawing;
    this.picture.alt = shown.alt;
    if (picture !== null && this.picture.src !== picture.url) this.picture.src = picture.url;

    this.#label.hidden = shown.fixed;
    this.#labelText.textContent = strings.promptLabel;
    this.prompt.placeholder = strings.promptPlaceholder;
    this.prompt.disabled = shown.disabled;
    this.button.disabled = shown.disabled;
    this.button.textContent = busy ? strings.stop : picture === null ? strings.draw : strings.drawAgain;
    this.#save.hidden = picture === null || busy;
    this.#save.textContent = strings.save;
    if (picture !== null) {
      this.#save.href = picture.url;
      this.#save.download = picture.name;
    }

    this.#progressSlot.hidden = progress === null;
    this.#bar.setAttribute("aria-label", strings.progressLabel);
    if (progress?.fraction == null) this.#bar.removeAttribute("value");
    else this.#bar.value = progress.fraction;
    this.#progressText.textContent = progress?.text ?? "";

    this.#errorSlot.hidden = problem === null;
    this.#failed.textContent = problem === null ? "" : strings.failed;
    this.#message.textContent = problem === null ? "" : sentence(problem.message);
    this.#hint.textContent = problem?.hint ?? "";

    const size = download === undefined ? "" : `${strings.firstUse(download)} `;
    this.#note.textContent = size + strings.privacy;
    this.#status.textContent = shown.status;
    this.#status.hidden = shown.status === "";
  }

  /** The picture as it stands. */
  showPreview({ width, height, data }: Preview): void {
    Object.assign(this.#preview, { width, height });
    this.#preview.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
  }

  /** A picture on the canvas, for pages whose policy has no `blob:` in `img-src`. */
  async paint(picture: Blob): Promise<void> {
    const bitmap = await createImageBitmap(picture);
    const canvas = make("canvas", { part: "picture", role: "img", "aria-label": this.picture.alt });
    Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#resultSlot.replaceChildren(canvas);
  }

  clearPreview(): void {
    this.#preview.width = 1;
    this.#resultSlot.replaceChildren(this.picture);
  }
}

/** An error as a sentence of its own. */
function sentence(message: string): string {
  const capital = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function make<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string>): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** What an empty plate shows: a frame with a hill and a sun. */
function emptyPlate(): SVGElement {
  const draw = (tag: string, attributes: Record<string, string>) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const svg = draw("svg", { class: "empty", viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "1", "aria-hidden": "true" });
  svg.append(
    draw("rect", { x: "2.5", y: "3.5", width: "19", height: "17", rx: "2" }),
    draw("circle", { cx: "8", cy: "9", r: "2" }),
    draw("path", { d: "m3 18 5.5-5 4 3.5 3.5-3 5 4.5" }),
  );
  return svg;
}
