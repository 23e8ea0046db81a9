/** A workflow in a widget: where its prompt and its seed go. */

import { seedInputs } from "../engine/prompts";
import type { ApiGraph } from "../engine/graph";
import { stringify } from "../engine/json";
import type { ObjectInfo } from "../engine/types";

/** What a widget puts in. Left out, the workflow's own stays. */
export interface Filling {
  prompt?: string | undefined;
  negativePrompt?: string | undefined;
  seed?: bigint | undefined;
}

/** The same graph with the widget's prompts in the texts that lead to `positive` and `negative`, and its seed. */
export function fillWorkflow(graph: ApiGraph, info: ObjectInfo, { prompt, negativePrompt, seed }: Filling): ApiGraph {
  const filled = structuredClone(graph);
  for (const [input, text] of [["positive", prompt], ["negative", negativePrompt]] as const) {
    if (text === undefined || text === "") continue;
    for (const node of Object.values(filled)) setText(filled, node.inputs[input], text);
  }
  if (seed !== undefined) {
    for (const node of Object.values(filled)) {
      // A seed that another node gives is that node's.
      for (const input of seedInputs(info[node.class_type])) {
        if (!Array.isArray(node.inputs[input])) node.inputs[input] = seed;
      }
    }
  }
  return filled;
}

/** A workflow as text, every digit of a seed included. */
export function workflowText(workflow: object): string {
  return stringify(workflow);
}

/** Goes up along a link to the first node with a text of its own. */
function setText(graph: ApiGraph, link: unknown, text: string, seen = new Set<string>()): void {
  if (!Array.isArray(link) || typeof link[0] !== "string" || seen.has(link[0])) return;
  seen.add(link[0]);
  const node = graph[link[0]];
  if (node === undefined) return;
  if (typeof node.inputs.text === "string") {
    node.inputs.text = text;
    return;
  }
  for (const input of Object.values(node.inputs)) setText(graph, input, text, seen);
}
