/** A workflow that was opened on the page: what it is, what it lacks, and how it is mended. Plain data, no engine. */

import type { ApiGraph, NodeErrors, ObjectInfo } from "../engine/index";

/** A workflow on the page. */
export interface Workflow {
  /** Name of the file it came from. */
  name: string;
  /** What is run; changed when the person mends it. */
  graph: ApiGraph;
  /** The editor's form of it, as it was in the file. */
  source: object | null;
  /** What was read differently than it stands in the file. */
  notices: string[];
  /** What is wrong with it, by node. */
  errors: NodeErrors;
  /** Names of the pictures that were given. */
  given: string[];
  /** Origins it wants to send pictures to, which nobody allowed yet. */
  origins: string[];
}

/** A loader of a model that is not here: which input of which nodes names it. */
export interface MissingModel {
  name: string;
  input: string;
  nodes: string[];
}

const MODEL_INPUTS: Record<string, string> = { CheckpointLoaderSimple: "ckpt_name" };
const IMAGE_INPUTS: Record<string, string> = { LoadImage: "image", LoadImageMask: "image", LoadLatent: "latent" };

/** Checkpoints that the workflow names and nobody has. */
export function missingModels(graph: ApiGraph, info: ObjectInfo): MissingModel[] {
  return missing(graph, MODEL_INPUTS, (classType, input) => optionsOf(info, classType, input));
}

/** Pictures that the workflow names and nobody gave. */
export function missingImages(graph: ApiGraph, given: string[]): MissingModel[] {
  return missing(graph, IMAGE_INPUTS, () => given);
}

function missing(
  graph: ApiGraph,
  places: Record<string, string>,
  known: (classType: string, input: string) => string[],
): MissingModel[] {
  const found = new Map<string, MissingModel>();
  for (const [id, node] of Object.entries(graph)) {
    const input = places[node.class_type];
    const name = input === undefined ? undefined : node.inputs[input];
    if (input === undefined || typeof name !== "string" || known(node.class_type, input).includes(name)) continue;
    const one = found.get(`${input} ${name}`) ?? { name, input, nodes: [] };
    one.nodes.push(id);
    found.set(`${input} ${name}`, one);
  }
  return [...found.values()];
}

/** The graph with another name in place of a missing one. */
export function replaced(graph: ApiGraph, { input, nodes }: MissingModel, name: string): ApiGraph {
  const copy = structuredClone(graph);
  for (const id of nodes) {
    const node = copy[id];
    if (node !== undefined) node.inputs[input] = name;
  }
  return copy;
}

/** Names that an input offers now. */
export function optionsOf(info: ObjectInfo, classType: string, input: string): string[] {
  const node = info[classType];
  const spec = node?.input.required?.[input] ?? node?.input.optional?.[input];
  const list = Array.isArray(spec?.[0]) ? spec[0] : spec?.[1]?.options;
  return Array.isArray(list) ? list.map(String) : [];
}

/** The prompts and sizes in a graph, short, so that a person knows it again. */
export function summary(graph: ApiGraph): string {
  const nodes = Object.values(graph);
  const outputs = nodes.filter(({ class_type }) => /^(Save|Preview|Send)/.test(class_type)).length;
  const prompt = nodes.flatMap(({ class_type, inputs }) =>
    class_type.startsWith("CLIPTextEncode") && typeof inputs.text === "string" && inputs.text.trim() !== "" ? [inputs.text.trim()] : [],
  )[0];
  const count = `${nodes.length} node${nodes.length === 1 ? "" : "s"}, ${outputs} output${outputs === 1 ? "" : "s"}`;
  return prompt === undefined ? count : `${count}: “${prompt.length > 120 ? `${prompt.slice(0, 119)}…` : prompt}”`;
}
