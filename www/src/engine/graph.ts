/** Graphs of nodes, built by calling node classes as methods, and ComfyUI's API JSON in and out. */

import { TintypeError } from "./errors";
import { JsonValueError, parse, stringify, type Json } from "./json";
import type { Handle, Nodes, Output } from "./nodes";
import type { ObjectInfo } from "./types";

/** A node in ComfyUI's API JSON. Inputs are values, or links `[source id, output index]`. */
export interface ApiNode {
  class_type: string;
  inputs: Record<string, Json>;
  _meta?: { title?: string };
}

/** ComfyUI's API JSON: nodes by id. */
export type ApiGraph = Record<string, ApiNode>;

/** The methods of a graph besides its node classes. */
export class GraphCore {
  /** Node by id, in order of creation; may be changed freely. */
  readonly nodes = new Map<string, ApiNode>();
  readonly #info: ObjectInfo | null;
  #lastId = 0;

  /** Knows the node classes of `info`; without it any class may be added, and each handle has 16 outputs. */
  constructor(info: ObjectInfo | null = null) {
    this.#info = info;
  }

  /** Adds a node of any class. Its result is the list of its outputs. */
  add(classType: string, inputs: Record<string, unknown> = {}): Handle {
    const outputs = this.#outputsOf(classType);
    do this.#lastId += 1;
    while (this.nodes.has(String(this.#lastId)));
    const id = String(this.#lastId);
    const values: Record<string, Json> = {};
    for (const [name, value] of Object.entries(inputs)) {
      if (value !== undefined) values[name] = this.#literal(value, classType, name);
    }
    this.nodes.set(id, { class_type: classType, inputs: values });
    return handle(id, classType, outputs);
  }

  /** The outputs of a node that is already there, for graphs that came from JSON. */
  handle(id: string): Handle {
    const node = this.nodes.get(id);
    if (node === undefined) {
      throw new TintypeError(`the graph has no node \`${id}\``, "unknown_name");
    }
    return handle(id, node.class_type, this.#outputsOf(node.class_type));
  }

  /** ComfyUI's API JSON as an object; seeds stay bigints. `toText` writes it. */
  toJSON(): ApiGraph {
    return Object.fromEntries(this.nodes);
  }

  /** ComfyUI's API JSON as text, every digit of a seed included. */
  toText(): string {
    return apiText(this.toJSON());
  }

  #outputsOf(classType: string): readonly string[] {
    if (this.#info === null) return Array.from({ length: 16 }, () => "*");
    const info = this.#info[classType];
    if (info === undefined) {
      const near = nearest(classType, Object.keys(this.#info));
      throw new TintypeError(`unknown node class \`${classType}\``, "unknown_name", {
        hint: near === null ? "`engine.objectInfo()` lists the node classes." : `Did you mean \`${near}\`?`,
      });
    }
    return info.output;
  }

  #literal(value: unknown, classType: string, input: string): Json {
    if (isHandle(value)) {
      if (value.length !== 1) {
        throw new TintypeError(
          `\`${input}\` of ${classType} was given the node ${value.classType}, which has ${value.length} outputs`,
          "bad_linked_input",
          { hint: `Take one of them: \`const [${value.map((o) => o.type.toLowerCase()).join(", ")}] = …\`.` },
        );
      }
      return this.#link(value[0] as Output, classType, input);
    }
    if (isOutput(value)) return this.#link(value, classType, input);
    // In API JSON a list of two is a link, so literal lists travel in a box.
    if (Array.isArray(value)) return { __value__: value as Json[] };
    return value as Json;
  }

  #link(output: Output, classType: string, input: string): Json {
    if (this.nodes.get(output.node) === undefined) {
      throw new TintypeError(
        `\`${input}\` of ${classType} comes from node ${output.node}, which is not in this graph`,
        "bad_linked_input",
        { hint: "Build the node with the same graph object." },
      );
    }
    return [output.node, output.slot];
  }
}

/** A graph: node classes are its methods. `g.KSampler({ … })` adds a node and returns its outputs. */
export type Graph<More = unknown> = GraphCore & Nodes & More;

/** Makes graphs. */
export const Graph = {
  /** An empty graph that knows the node classes of `info`. */
  create<More = unknown>(info: ObjectInfo | null = null): Graph<More> {
    return new Proxy(new GraphCore(info), {
      get(core, key) {
        if (key in core || typeof key === "symbol") {
          const value: unknown = Reflect.get(core, key, core);
          return typeof value === "function" ? value.bind(core) : value;
        }
        // A promise asks any object for `then`; a graph is not one.
        if (key === "then") return undefined;
        return (inputs: Record<string, unknown> = {}) => core.add(key, inputs);
      },
    }) as unknown as Graph<More>;
  },

  /** The graph that ComfyUI's API JSON (text or object) describes. */
  from<More = unknown>(api: string | object, info: ObjectInfo | null = null): Graph<More> {
    const graph = Graph.create<More>(info);
    for (const [id, node] of Object.entries(readApi(api))) graph.nodes.set(id, node);
    return graph;
  },
};

/** Checks the outer shape of API JSON. What the nodes mean is the engine's to judge. */
export function readApi(api: string | object): ApiGraph {
  const bad = (why: string, hint: string | null = null) => new TintypeError(why, "invalid_prompt", { hint });
  let value: unknown = api;
  if (typeof api === "string") {
    try {
      value = parse(api);
    } catch (error) {
      throw bad(`the graph is not JSON: ${(error as Error).message}`);
    }
  } else if (api instanceof GraphCore) {
    value = api.toJSON();
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad("the graph is not an object of nodes by id");
  }
  const entries = Object.entries(value as Record<string, Partial<ApiNode> | null>);
  if (Array.isArray((value as { nodes?: unknown }).nodes)) {
    throw bad(
      "this is an editor's workflow, not API JSON",
      "In ComfyUI use Workflow → Export (API).",
    );
  }
  for (const [id, node] of entries) {
    if (typeof node?.class_type !== "string" || typeof node.inputs !== "object" || node.inputs === null) {
      throw bad(`node \`${id}\` has no \`class_type\` or no \`inputs\``);
    }
  }
  return Object.fromEntries(
    entries.map(([id, node]) => [id, { ...(node as ApiNode), inputs: { ...(node as ApiNode).inputs } }]),
  );
}

/** API JSON as text. A value that JSON cannot hold is an error that names its node and input. */
export function apiText(api: ApiGraph): string {
  try {
    return stringify(api);
  } catch (error) {
    if (!(error instanceof JsonValueError)) throw error;
    const id = error.path[0] ?? "";
    const input = error.path[2] ?? "value";
    const classType = api[id]?.class_type;
    const hints = {
      not_finite: `Give \`${input}\` an ordinary number.`,
      unsafe_integer: "Write large integers as bigint: `7n`, `BigInt(\"18446744073709551615\")`.",
      not_json: "Inputs are numbers, strings, booleans, or outputs of other nodes.",
    };
    throw new TintypeError(error.message, error.code, {
      node: classType === undefined ? null : { id, class_type: classType },
      hint: hints[error.code],
    });
  }
}

function handle(id: string, classType: string, types: readonly string[]): Handle {
  const outputs = types.map((type, slot) => Object.freeze({ node: id, slot, type }));
  const single = outputs.length === 1 ? outputs[0] : {};
  return Object.freeze(Object.assign(outputs, { id, classType }, single)) as unknown as Handle;
}

function isHandle(value: unknown): value is Handle {
  return Array.isArray(value) && typeof (value as unknown as { classType?: unknown }).classType === "string";
}

function isOutput(value: unknown): value is Output {
  const output = value as Partial<Output> | null;
  return typeof output === "object" && typeof output?.node === "string" && typeof output.slot === "number";
}

/** The id of a node given as a handle, one of its outputs, or the id itself. */
export function nodeId(target: Handle | Output | string): string {
  if (typeof target === "string") return target;
  return isHandle(target) ? target.id : (target as Output).node;
}

/** The known name nearest to `name`, if one is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  const limit = Math.max(name.length, 3) / 2;
  let best: string | null = null;
  let least = limit + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + (a[i] === b[j] ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
