/** What the widget tells: its events by name, and the properties that are its attributes. */

import type { GenerateOptions, Preview, Settings } from "../engine/generate";
import type { DeviceInfo, DeviceWish, ResultFile } from "../engine/types";
import type { State } from "./view";

/** How far it is. `total` is 0 and `fraction` null where the end is not known. */
export interface ProgressDetail {
  /** `wait` for other pictures of the page; `engine` and `model` in bytes; `prepare` the device; `step` in steps. */
  phase: "wait" | "engine" | "model" | "prepare" | "step";
  loaded: number;
  total: number;
  fraction: number | null;
}

/** What was drawn. */
export interface ResultDetail {
  /** PNG files with their settings inside. */
  images: ResultFile[];
  /** What they were drawn with, the seed that was drawn included; null for a workflow. */
  settings: Settings | null;
}

/** What went wrong. */
export interface ErrorDetail {
  error: unknown;
  message: string;
  /** The next step, where there is one. */
  hint: string | null;
  code: string;
}

/** The events, all of which bubble and leave shadow trees. */
export interface TintypeImageEvents {
  /** The engine is open. */
  ready: CustomEvent<{ device: DeviceInfo }>;
  /** Before a picture is drawn: `preventDefault()` stops it, a change of `detail.options` changes it. */
  beforegenerate: CustomEvent<{ options: GenerateOptions }>;
  progress: CustomEvent<ProgressDetail>;
  /** The picture as it stands after a step. */
  preview: CustomEvent<Preview>;
  result: CustomEvent<ResultDetail>;
  error: CustomEvent<ErrorDetail>;
  statechange: CustomEvent<{ state: State; before: State }>;
}

/** Attributes as properties; null where the attribute is not there. Numbers may be given, too. */
export interface TintypeImageProperties {
  negativePrompt: string | null;
  /** A bundled model's name, or the address of a `.safetensors` file. */
  model: string | null;
  steps: string | number | null;
  cfg: string | number | null;
  /** A whole number; left out, each picture draws its own. */
  seed: string | number | bigint | null;
  width: string | number | null;
  height: string | number | null;
  /** `192x128` or `192`, instead of `width` and `height`. */
  size: string | null;
  sampler: string | null;
  scheduler: string | null;
  /** The attribute `load`: `click` (also if left out), `visible` or `eager`. */
  loading: "click" | "visible" | "eager" | (string & {}) | null;
  /** A picture to show before there is one. */
  poster: string | null;
  /** What the picture shows, for those who do not see it; the prompt if left out. */
  alt: string | null;
  device: DeviceWish | (string & {}) | null;
  /** The folder with the models. */
  models: string | null;
  /** A folder with the package's files. */
  assets: string | null;
  /** The name of the picture in a form. */
  name: string | null;
  disabled: boolean;
  /** A form is not sent before there is a picture. */
  required: boolean;
  /** The prompt is the page's: no field for it is shown. */
  fixed: boolean;
}
