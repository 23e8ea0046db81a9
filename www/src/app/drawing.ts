/** What can be put into the queue: the form, an upscaled picture, a repainted one. */

import {
  fillGraph,
  fillRepaint,
  fillUpscale,
  hasFlags,
  type Engine,
  type GenerateOptions,
  type Graph,
  type Repainting,
  type Settings,
} from "../engine/index";
import { optionsOf } from "./form";
import type { Job, Picture } from "./runs.svelte";
import { handOver, nameOf, type Begun } from "./start.svelte";
import type { Studio } from "./studio.svelte";
import { styled, stylesFor } from "./styles";
import { optionsOf as choicesIn } from "./workflow";

/** What the form says now, for work that runs later. */
export function taken(studio: Studio) {
  const here = choicesIn(studio.info, "LoraLoader", "lora_name");
  const form = optionsOf(studio.form);
  form.loras = form.loras.filter(({ name }) => here.includes(name));
  const { styles } = studio.form;
  const chosen = stylesFor(studio.models.sideOf(form.model) === null).filter(({ name }) => styles.includes(name));
  const start = studio.start.now;
  /** The graph of these settings; over the picture to start from, if there is one. */
  const graphOf = async (engine: Engine, settings: Settings): Promise<Graph> => {
    const source = start === null ? null : await handOver(engine, start, settings, studio.gallery.keepInput);
    const graph = engine.graph();
    fillGraph(graph, { settings, source });
    return graph;
  };
  const before = start === null || start.pad !== null ? null : start.picture.file;
  return { form, chosen, over: start !== null, graphOf, about: { note: noteOf(start), before } };
}

/** Draws the form as it is now. A MidJourney prompt may stand for several runs, and its flags go before the form. */
export function formJob(studio: Studio): Job {
  const { form, chosen, over, graphOf, about } = taken(studio);
  return {
    title: form.prompt.trim() || "without words",
    run: async ({ engine, draw, show }) => {
      const prompts = hasFlags(form.prompt) ? await engine.midjourney(form.prompt, form) : [{ options: form, notices: [] }];
      for (const { options, notices } of prompts) {
        studio.notice(notices);
        const negative = [...new Set([form.negativePrompt, options.negativePrompt])].filter(Boolean).join(", ");
        const settings = settingsOf(form, options, over);
        Object.assign(settings, styled(options.prompt, negative, chosen));
        const drawn = "dynamicPrompts" in options ? settings : await drawWords(engine, settings);
        const { images } = await draw(await graphOf(engine, drawn));
        show(images.map((file) => ({ file, title: drawn.prompt, settings, ...about })));
      }
    },
  };
}

/** What a prompt says goes before the form. */
export function settingsOf(form: Settings, said: GenerateOptions, over: boolean): Settings {
  const { seed, steps = form.steps, width = form.width, height = form.height, batchSize = form.batchSize } = said;
  const denoise = over ? form.denoise : 1;
  // A number that is no seed goes on as it is: it is refused by name when the graph is written.
  const whole = (typeof seed === "number" && Number.isSafeInteger(seed) ? BigInt(seed) : seed) as bigint | undefined;
  return { ...form, steps, width, height, batchSize, denoise, seed: whole ?? form.seed };
}

/** The settings with the choices in both prompts drawn, the negative one with the seed after. */
export async function drawWords(engine: Engine, settings: Settings): Promise<Settings> {
  const { prompt, negativePrompt, seed } = settings;
  if (typeof seed !== "bigint") return settings;
  const [positive, negative] = [await engine.expandPrompt(prompt, { seed }), await engine.expandPrompt(negativePrompt, { seed: seed + 1n })];
  return { ...settings, prompt: positive.text, negativePrompt: negative.text };
}

function noteOf(start: Begun | null): string | null {
  if (start === null) return null;
  if (start.pad !== null) return "A picture was extended";
  return start.mask === null ? "A picture was drawn over" : "A part of a picture was redrawn";
}

/** The upscaler that is used: the bundled one, or the first there is. */
export function upscalerOf(studio: Studio): string | null {
  const all = choicesIn(studio.info, "UpscaleModelLoader", "model_name");
  return all.find((name) => name.startsWith("realesr-animevideov3-x4")) ?? all[0] ?? null;
}

/** A finished picture, on the page or in the gallery. */
export type Finished = Pick<Picture, "title" | "settings"> & { file: Blob };

/** Enlarges a finished picture with an upscaler. */
export function upscaleJob(studio: Studio, picture: Finished, upscaler: string): Job {
  return changeJob(studio, picture, "upscaled", `Upscaled with ${plain(upscaler)}`, (graph, name) => fillUpscale(graph, upscaler, name));
}

/** Pictures with less on their shorter side are enlarged before they are repainted. */
const LEAST_TO_PAINT = 384;

/** Repaints a finished picture. */
export function repaintJob(studio: Studio, picture: Finished, how: Omit<Repainting, "upscaler">): Job {
  const note = `Repainted in style ${how.style} of ${plain(how.network)}`;
  return changeJob(studio, picture, "repainted", note, async (graph, name) => {
    const { width, height } = await createImageBitmap(picture.file);
    fillRepaint(graph, { ...how, upscaler: Math.min(width, height) < LEAST_TO_PAINT ? upscalerOf(studio) : null }, name);
  });
}

function changeJob(
  studio: Studio,
  { file, title, settings }: Finished,
  done: string,
  note: string,
  fill: (graph: Graph, name: string) => void | Promise<void>,
): Job {
  return {
    title: `${title}, ${done}`,
    run: async ({ engine, draw, show }) => {
      const name = await nameOf(file, "picture");
      await engine.putInput(name, file);
      await studio.gallery.keepInput(name, file);
      const graph = engine.graph();
      await fill(graph, name);
      const { images } = await draw(graph);
      show(images.map((image) => ({ file: image, title, settings, before: file, note })));
    },
  };
}

const plain = (name: string) => name.replace(/\.safetensors$/, "");
