/** What a sweep can vary, by the names of AUTOMATIC1111's X/Y/Z plot, as changes to a graph. */

import type { ApiGraph, ApiNode } from "../graph";
import type { Json } from "../json";
import { bad, integers, numbers, orders, splitList } from "./values";

/** One value of an axis: how it is called, and what it does to a graph. */
export interface AxisValue {
  label: string;
  /** Changes the graph that it is given. */
  apply(graph: ApiGraph): void;
}

/** One direction of a sweep. */
export interface Axis {
  label: string;
  values: AxisValue[];
  /** How dear a change of value is, 0…1: dear axes change slowest. */
  cost: number;
}

/** An input of a node, or of every node of a class: `{ node: "3", input: "cfg" }`. */
export interface InputPlace {
  node?: string;
  classType?: string;
  input: string;
}

/** The kinds of axis that can be asked for by name. */
export const AXES = [
  "Seed", "Steps", "CFG Scale", "Denoising", "Sampler", "Schedule type", "Clip skip", "Size",
  "Prompt S/R", "Prompt order", "Checkpoint name", "VAE",
] as const;
/** The name of a kind of axis. */
export type AxisName = (typeof AXES)[number];

const SAMPLERS = ["KSampler", "KSamplerAdvanced", "SamplerCustom"];

/**
 * An axis by name, with its values as typed.
 *
 *     axis("Seed", "1-4")    axis("CFG Scale", "3-9 [3]")    axis("Prompt S/R", "dragon, cat, owl")
 */
export function axis(name: AxisName, values: string): Axis {
  const make = MAKERS[name] as ((values: string) => Axis) | undefined;
  if (make === undefined) throw bad(`there is no axis \`${String(name)}\``, `Use one of ${AXES.join(", ")}.`);
  const made = make(values);
  if (made.values.length === 0) throw bad(`the axis \`${name}\` has no values`, "Give at least one, such as `1-4`.");
  return made;
}

/** An axis over any input of a graph. */
export function inputAxis(label: string, place: InputPlace, values: Json[]): Axis {
  return { label, cost: 0, values: values.map((value) => ({ label: show(value), apply: (graph) => set(graph, label, place, value) })) };
}

const MAKERS: Record<AxisName, (values: string) => Axis> = {
  Seed: (text) => samplerAxis("Seed", ["seed", "noise_seed"], integers(text)),
  Steps: (text) => samplerAxis("Steps", ["steps"], integers(text).map(Number)),
  "CFG Scale": (text) => samplerAxis("CFG Scale", ["cfg"], numbers(text)),
  Denoising: (text) => samplerAxis("Denoising", ["denoise"], numbers(text)),
  Sampler: (text) => samplerAxis("Sampler", ["sampler_name"], splitList(text)),
  "Schedule type": (text) => samplerAxis("Schedule type", ["scheduler"], splitList(text)),
  "Clip skip": (text) => over("Clip skip", integers(text), (graph, skip) => clipSkip(graph, Number(skip))),
  Size: (text) =>
    over("Size", splitList(text), (graph, size) => {
      const match = /^(\d+)\s*[x×]\s*(\d+)$/i.exec(size);
      if (match === null) throw bad(`\`${size}\` is no size`, "Write it as 128x192.");
      for (const [input, value] of [["width", match[1]], ["height", match[2]]] as const) {
        set(graph, "Size", { classType: "EmptyLatentImage", input }, Number(value));
      }
    }),
  "Prompt S/R": searchAndReplace,
  "Prompt order": (text) => {
    const entries = splitList(text);
    return over("Prompt order", orders(entries), (graph, order) => reorder(graph, entries, order), (order) => order.join(", "));
  },
  "Checkpoint name": (text) => ({
    ...inputAxis("Checkpoint name", { classType: "CheckpointLoaderSimple", input: "ckpt_name" }, splitList(text)),
    cost: 1,
  }),
  VAE: (text) => ({ ...inputAxis("VAE", { classType: "VAELoader", input: "vae_name" }, splitList(text)), cost: 0.7 }),
};

function over<T>(label: string, values: T[], apply: (graph: ApiGraph, value: T) => void, name: (value: T) => string = String): Axis {
  return { label, cost: 0, values: values.map((value) => ({ label: name(value), apply: (graph) => apply(graph, value) })) };
}

function samplerAxis(label: string, inputs: string[], values: Json[]): Axis {
  return over(label, values, (graph, value) => {
    const places = Object.values(graph).flatMap((node) =>
      SAMPLERS.includes(node.class_type) ? inputs.filter((input) => input in node.inputs).map((input) => ({ node, input })) : [],
    );
    if (places.length === 0) throw missing(label, `a sampler with \`${inputs[0] ?? ""}\``);
    for (const { node, input } of places) node.inputs[input] = value;
  }, show);
}

/** The first entry is searched for; each entry, the first included, takes its place. */
function searchAndReplace(text: string): Axis {
  const entries = splitList(text);
  const search = entries[0] ?? "";
  return over("Prompt S/R", entries, (graph, replacement) => {
    const found = texts(graph).filter(({ text: prompt }) => prompt.includes(search));
    if (search === "" || found.length === 0) throw bad(`no prompt contains \`${search}\``, "Let the list begin with words of the prompt.");
    for (const { node, input, text: prompt } of found) node.inputs[input] = prompt.replaceAll(search, replacement);
  });
}

/** The entries in the places they have in the prompt, in another order. */
function reorder(graph: ApiGraph, entries: string[], order: string[]): void {
  const holder = texts(graph).find(({ text }) => entries.every((entry) => entry !== "" && text.includes(entry)));
  if (holder === undefined) throw bad(`no prompt contains all of \`${entries.join(", ")}\``, "List words as they stand in the prompt.");
  const places = entries.map((entry) => ({ entry, at: holder.text.indexOf(entry) })).sort((a, b) => a.at - b.at);
  let [out, end] = ["", 0];
  places.forEach(({ entry, at }, i) => {
    if (at < end) throw bad(`\`${entry}\` overlaps the entry before it`, "List words that stand apart in the prompt.");
    out += holder.text.slice(end, at) + (order[i] ?? "");
    end = at + entry.length;
  });
  holder.node.inputs[holder.input] = out + holder.text.slice(end);
}

/** Sets the layer where a CLIPSetLastLayer is, and puts one behind each loader where none is. */
function clipSkip(graph: ApiGraph, skip: number): void {
  if (skip < 1) throw bad(`clip skip ${skip} is not possible`, "Use 1 for the last layer, 2 for the one before it.");
  const layer = -skip;
  const there = Object.values(graph).filter((node) => node.class_type === "CLIPSetLastLayer");
  for (const node of there) node.inputs.stop_at_clip_layer = layer;
  if (there.length > 0) return;
  const loaders = Object.keys(graph).filter((id) => graph[id]?.class_type === "CheckpointLoaderSimple");
  if (loaders.length === 0) throw missing("Clip skip", "CheckpointLoaderSimple");
  for (const loader of loaders) {
    const id = `${loader}:clip_skip`;
    for (const node of Object.values(graph)) {
      for (const [input, value] of Object.entries(node.inputs)) {
        if (Array.isArray(value) && value[0] === loader && value[1] === 1) node.inputs[input] = [id, 0];
      }
    }
    graph[id] = { class_type: "CLIPSetLastLayer", inputs: { clip: [loader, 1], stop_at_clip_layer: layer } };
  }
}

function set(graph: ApiGraph, label: string, { node: id, classType, input }: InputPlace, value: Json): void {
  const nodes = Object.entries(graph).filter(([key, node]) =>
    (id === undefined || key === id) && (classType === undefined || node.class_type === classType) && (id !== undefined || input in node.inputs),
  );
  if (nodes.length === 0) throw missing(label, `${classType ?? `node ${id ?? ""}`} with \`${input}\``);
  for (const [, node] of nodes) node.inputs[input] = value;
}

/** Prompts of a graph that are written in it. */
function texts(graph: ApiGraph): { node: ApiNode; input: string; text: string }[] {
  return Object.values(graph).flatMap((node) =>
    Object.entries(node.inputs).flatMap(([input, text]) =>
      node.class_type.startsWith("CLIPTextEncode") && typeof text === "string" ? [{ node, input, text }] : [],
    ),
  );
}

function show(value: Json): string {
  return typeof value === "string" ? value : typeof value === "bigint" ? value.toString() : JSON.stringify(value);
}

function missing(label: string, what: string) {
  return bad(`the axis \`${label}\` finds no ${what} in the graph`, "Take another axis, or name the node's input yourself.");
}
