/** The words of the widget. A page gives its own with `element.strings = { … }` or, for all, `setStrings({ … })`. */

import { sizeInWords } from "./sizes";

/** Every sentence the widget says itself. What an error says comes from the engine, in English. */
export interface Strings {
  promptLabel: string;
  promptPlaceholder: string;
  draw: string;
  drawAgain: string;
  stop: string;
  save: string;
  /** Before the first picture; `bytes` is null where the size is not known. */
  firstUse: (bytes: number | null) => string;
  privacy: string;
  progressLabel: string;
  loadingEngine: (percent: number | null) => string;
  loadingModel: (percent: number | null) => string;
  preparing: string;
  waiting: string;
  step: (done: number, of: number) => string;
  finished: string;
  stopped: string;
  failed: string;
  /** Why a form cannot be sent yet. */
  missing: string;
}

const percentOf = (percent: number | null) => (percent === null ? "" : `, ${percent} %`);

export const ENGLISH: Strings = {
  promptLabel: "What to draw",
  promptPlaceholder: "a red dragon",
  draw: "Draw",
  drawAgain: "Draw again",
  stop: "Stop",
  save: "Save",
  firstUse: (bytes) =>
    bytes === null
      ? "The first picture downloads the model; it is kept for the next visit."
      : `The first picture downloads up to ${sizeInWords(bytes)}; it is kept for the next visit.`,
  privacy: "Drawn on your device. Nothing is sent.",
  progressLabel: "Progress",
  loadingEngine: (percent) => `Loading the engine${percentOf(percent)}`,
  loadingModel: (percent) => `Loading the model${percentOf(percent)}`,
  preparing: "Preparing",
  waiting: "Waiting for another picture",
  step: (done, of) => `Step ${done} of ${of}`,
  finished: "The picture is ready.",
  stopped: "Stopped.",
  failed: "The picture could not be made.",
  missing: "Draw a picture first.",
};

let shared: Strings = ENGLISH;

/** Words for every widget of the page that are made from now on. */
export function setStrings(strings: Partial<Strings>): void {
  shared = { ...shared, ...strings };
}

export function sharedStrings(): Strings {
  return shared;
}
