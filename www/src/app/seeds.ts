/** Seeds of an opened workflow after a run: the editor's “control after generate”. Plain data, no engine. */

import { numberAfter, seedInputs, wholeOf, type ApiGraph, type ObjectInfo } from "../engine/index";

/** What is read of the editor's graph; anything may be missing from a file. */
interface UiGraph {
  nodes?: UiNode[];
  links?: unknown[];
  definitions?: { subgraphs?: (UiGraph & { id?: string })[] };
}

interface UiNode {
  id?: number | string;
  type?: string;
  inputs?: { name?: string; link?: number | null }[];
  widgets_values?: unknown;
}

type Place = [node: string, input: string];

const CONTROLS: unknown[] = ["fixed", "increment", "decrement", "randomize"];

/**
 * The graph, and the editor's form of it, for the run after this one: each number that has a control behind it in the
 * editor's form is drawn anew, counted up or down, or left. `random` gives 0 … 1 as `Math.random` does.
 */
export function nextSeeds(
  graph: ApiGraph,
  source: object,
  info: ObjectInfo,
  random: () => number = Math.random,
): { graph: ApiGraph; source: object } {
  const next = { graph: structuredClone(graph), source: structuredClone(source) };
  const top = next.source as UiGraph;
  const subgraphs = listOf(top.definitions?.subgraphs);

  const change = (values: unknown[], at: number, places: Place[]): void => {
    const live = places.filter(([id, input]) => wholeOf(next.graph[id]?.inputs[input]) !== null);
    const [id, input] = live[0] ?? ["", ""];
    const node = next.graph[id];
    const value = wholeOf(node?.inputs[input]);
    if (node === undefined || value === null) return;
    const spec = { ...info[node.class_type]?.input.required, ...info[node.class_type]?.input.optional }[input];
    const changed = numberAfter(values[at + 1], value, spec?.[1]?.min, spec?.[1]?.max, random);
    values[at] = changed;
    for (const [id, input] of live) next.graph[id]!.inputs[input] = changed;
  };

  const visit = ({ nodes, links }: UiGraph, path: string): void => {
    for (const node of listOf(nodes)) {
      const id = `${path}${node.id}`;
      const inner = subgraphs.find((subgraph) => subgraph.id === node.type);
      // Only where something of it runs: this ends, even if a file nests a subgraph in itself.
      if (inner !== undefined && Object.keys(graph).some((key) => key.startsWith(`${id}:`))) visit(inner, `${id}:`);
      const values = node.widgets_values;
      if (!Array.isArray(values)) continue;
      const controlled = values.flatMap((_, at) => (wholeOf(values[at]) !== null && CONTROLS.includes(values[at + 1]) ? [at] : []));
      if (node.type === "PrimitiveNode") {
        // Its value was written into the nodes that take it.
        if (controlled[0] === 0) change(values, 0, takers(node, listOf(nodes), listOf(links), path));
        continue;
      }
      const inputs = seedInputs(info[node.type ?? ""]);
      controlled.forEach((at, i) => {
        const input = inputs[i];
        const linked = listOf(node.inputs).some(({ name, link }) => name === input && link != null);
        if (input !== undefined && !linked) change(values, at, [[id, input]]);
      });
    }
  };
  visit(top, "");
  return next;
}

/** The inputs that a node's output goes to. */
function takers(from: UiNode, nodes: UiNode[], links: unknown[], path: string): Place[] {
  return links.flatMap((link): Place[] => {
    // A subgraph keeps its links as objects, the outermost graph as lists.
    const { origin_id, target_id, target_slot } = link as Record<string, unknown>;
    const [origin, target, slot] = Array.isArray(link) ? [link[1], link[3], link[4]] : [origin_id, target_id, target_slot];
    const input = nodes.find(({ id }) => id === target)?.inputs?.[Number(slot)]?.name;
    return origin === from.id && input !== undefined ? [[`${path}${target}`, input]] : [];
  });
}

function listOf<T>(list: T[] | undefined): T[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === "object" && item !== null) : [];
}
