/** What the form holds, its defaults, and how it survives a reload. */

import { DEFAULTS, FAST, FINE, type DeviceWish, type LoraUse, type Settings } from "../engine/index";

/** The form as the visitor left it. Numbers are null while their field is empty. */
export interface Form {
  /** The checkpoint, by its name among the models. */
  model: string;
  prompt: string;
  negativePrompt: string;
  /** Digits; a seed can be larger than a JavaScript number. */
  seed: string;
  newSeedEachTime: boolean;
  steps: number | null;
  cfg: number | null;
  sampler: string;
  scheduler: string;
  width: number | null;
  height: number | null;
  batchSize: number | null;
  /** How far a picture to start from is left, 0 … 1. */
  denoise: number;
  /** Names of the styles that are switched on. */
  styles: string[];
  loras: LoraUse[];
  device: DeviceWish;
}

const KEY = "tintype.form";

/** The form of a first visit. */
export const FIRST: Form = {
  model: DEFAULTS.model,
  prompt: "a robot on a teal background, 3d",
  negativePrompt: DEFAULTS.negativePrompt,
  seed: "7",
  newSeedEachTime: true,
  steps: FAST.steps,
  cfg: FAST.cfg,
  sampler: FAST.sampler,
  scheduler: FAST.scheduler,
  width: DEFAULTS.width,
  height: DEFAULTS.height,
  batchSize: DEFAULTS.batchSize,
  denoise: 0.75,
  styles: [],
  loras: [...FAST.loras],
  device: "auto",
};

/** The two ways in which the bundled model draws: its student in four steps, its teacher in twenty. */
export const WAYS = { fast: FAST, fine: FINE } as const;

export type Way = keyof typeof WAYS;

/** Which of them the form asks for; null if neither. */
export function wayOf(form: Form): Way | null {
  const same = ([name, value]: [string, unknown]) => JSON.stringify(form[name as keyof Form]) === JSON.stringify(value);
  return (Object.keys(WAYS) as Way[]).find((way) => Object.entries(WAYS[way]).every(same)) ?? null;
}

/** Asks for one of them. */
export function goWay(form: Form, way: Way): void {
  Object.assign(form, WAYS[way], { loras: WAYS[way].loras.map((use) => ({ ...use })) });
}

/** Lets go of the bundled model's student, and of how that model is sampled, for one that has no use for it. */
export function leaveStudent(form: Form): void {
  const others = form.loras.filter(({ name }) => !FAST.loras.some((own) => own.name === name));
  const { steps, cfg, sampler, scheduler } = DEFAULTS;
  if (others.length < form.loras.length || wayOf(form) === "fine") Object.assign(form, { steps, cfg, sampler, scheduler, loras: others });
}

/** Prompts that the bundled model has a chance with. */
export const EXAMPLES = [
  "a cat on a blue background, flat",
  "a robot on a teal background, 3d",
  "a face with sunglasses",
  "a fox in the snow, flat",
  "a purple butterfly, sticker, pink background",
  "a ghost at night",
  "three strawberries, 3d",
];

/** The stored form; whatever is missing or of another kind is as on a first visit. */
export function loadForm(): Form {
  const form = { ...FIRST };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, unknown>;
    for (const key of Object.keys(FIRST) as (keyof Form)[]) {
      if (typeof stored[key] === typeof FIRST[key]) Object.assign(form, { [key]: stored[key] });
    }
    const list = (value: unknown) => (Array.isArray(value) ? (value as unknown[]) : []);
    form.styles = list(stored.styles).filter((name) => typeof name === "string");
    form.loras = list(stored.loras ?? FIRST.loras).filter(isUse);
  } catch {
    // Storage is blocked or holds something else: the first visit's form is as good.
  }
  const wish = new URLSearchParams(location.search).get("device");
  if (wish === "cpu" || wish === "webgpu" || wish === "auto") form.device = wish;
  return form;
}

/** Keeps the form for the next visit. */
export function saveForm(form: Form): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(form));
  } catch {
    // Blocked or full: the page works without.
  }
}

/** The form as settings. An empty number becomes NaN, which the engine refuses by name; so does a seed that is none. */
export function optionsOf(form: Form): Settings {
  const number = (value: number | null) => value ?? Number.NaN;
  const seed = form.seed.trim();
  return {
    model: form.model,
    prompt: form.prompt,
    negativePrompt: form.negativePrompt,
    seed: (/^\d+$/.test(seed) ? BigInt(seed) : Number.NaN) as bigint,
    steps: number(form.steps),
    cfg: number(form.cfg),
    sampler: form.sampler as Settings["sampler"],
    scheduler: form.scheduler as Settings["scheduler"],
    width: number(form.width),
    height: number(form.height),
    batchSize: number(form.batchSize),
    loras: form.loras.map((use) => ({ ...use })),
    denoise: form.denoise,
  };
}

function isUse(value: unknown): value is LoraUse {
  const use = value as Partial<LoraUse> | null;
  return typeof use === "object" && use !== null && typeof use.name === "string" && typeof use.strength === "number";
}
