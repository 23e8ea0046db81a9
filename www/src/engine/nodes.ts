/**
 * Nodes as TypeScript types. Only types: at run time node methods come from `objectInfo`. The built-in
 * classes are in `nodes.gen.ts`, which the engine's own schemas make; any other class works through
 * `graph.add("ItsClass", { … })`, or is declared where the graph is made:
 *
 *     const g = engine.graph<{ MyNode(inputs: { image: In<"IMAGE"> }): Handle<["IMAGE"]> }>();
 */

export type { Nodes, SamplerName, SchedulerName } from "./nodes.gen";

/** One output of a node, to be given to an input. */
export interface Output<T extends string = string> {
  readonly node: string;
  readonly slot: number;
  readonly type: T;
}

/**
 * A node in a graph: the list of its outputs, to be destructured or indexed. A node with exactly one
 * output is that output as well.
 */
export type Handle<Types extends readonly string[] = readonly string[]> = {
  readonly [I in keyof Types]: Output<Types[I]>;
} & { readonly id: string; readonly classType: string } & (Types extends readonly [infer Only extends string]
    ? Output<Only>
    : unknown);

/** What an input of type `T` takes from another node; the type of a `*` output is known only when it runs. */
export type In<T extends string> = Output<T> | Output<"*">;
