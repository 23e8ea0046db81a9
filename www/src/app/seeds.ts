/** Seeds of an opened workflow after a run: the editor's “control after generate”. Plain data, no engine. */

import { seedInputs, type ApiGraph, type InputSpec, type ObjectInfo } from "../engine/index";

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
const MOST = 2n ** 64n - 1n;
/** The editor draws no larger numbers. */
const MOST_DRAWN = 2n ** 50n;

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
    const changed = changedBy(values[at + 1], value, spec, random);
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

function changedBy(control: unknown, value: bigint, spec: InputSpec | undefined, random: () => number): number | bigint {
  const [least, most] = [limit(spec?.[1]?.min, 0n), limit(spec?.[1]?.max, MOST)];
  switch (control) {
    case "increment":
      return shortest(value < most ? value + 1n : most);
    case "decrement":
      return shortest(value > least ? value - 1n : least);
    case "randomize": {
      const from = least < -MOST_DRAWN ? -MOST_DRAWN : least;
      const to = most > MOST_DRAWN ? MOST_DRAWN : most;
      return shortest(from + BigInt(Math.floor(random() * Number(to - from + 1n))));
    }
    default:
      return shortest(value);
  }
}

/** A limit of an input. As a number 2^64 − 1 has become 2^64. */
function limit(value: unknown, otherwise: bigint): bigint {
  const whole = typeof value === "number" && Number.isInteger(value) ? BigInt(value) : (wholeOf(value) ?? otherwise);
  return whole > MOST ? MOST : whole;
}

function wholeOf(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : null;
}

/** As `parse` of engine/json.ts would give it. */
function shortest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function listOf<T>(list: T[] | undefined): T[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === "object" && item !== null) : [];
}
