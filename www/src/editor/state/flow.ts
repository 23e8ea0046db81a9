/** The sheet as Svelte Flow draws it. Objects of what did not change are taken over, so that nothing is drawn anew. */

import type { Edge, Node } from "@xyflow/svelte";

import { colourOf } from "../colours";
import { INPUT_NODE, isNote, OUTPUT_NODE, TITLE_HEIGHT, type GraphNode, type Group, type Sheet } from "../model/types";

export type FlowNode = Node<{ node?: GraphNode; group?: Group; sheet?: Sheet }>;
export type FlowEdge = Edge<{ type: string }>;

const GROUP = "group ";

export function isGroupId(id: string): boolean {
  return id.startsWith(GROUP);
}

export function groupIdOf(id: string): string {
  return id.slice(GROUP.length);
}

interface Selection {
  nodes: ReadonlySet<string>;
  groups: ReadonlySet<string>;
}

export function flowOf(sheet: Sheet, inside: boolean, oldNodes: readonly FlowNode[], oldEdges: readonly FlowEdge[], labelOf: (node: GraphNode) => string, selection: Selection | undefined): { nodes: FlowNode[]; edges: FlowEdge[] } {
  const before = new Map(oldNodes.map((node) => [node.id, node]));
  const nodes: FlowNode[] = [];
  const add = (fresh: FlowNode, same: (old: FlowNode) => boolean): void => {
    const old = before.get(fresh.id);
    const selected = selection === undefined ? old?.selected === true : isGroupId(fresh.id) ? selection.groups.has(groupIdOf(fresh.id)) : selection.nodes.has(fresh.id);
    if (old !== undefined && old.selected === selected && old.position.x === fresh.position.x && old.position.y === fresh.position.y && same(old)) nodes.push(old);
    else nodes.push({ ...fresh, selected, ...(old?.measured && { measured: old.measured }) });
  };
  for (const group of sheet.groups) {
    const [width, height] = group.size;
    add(
      { id: `${GROUP}${group.id}`, type: "frame", position: { x: group.pos[0], y: group.pos[1] }, data: { group }, width, height, zIndex: -1, dragHandle: ".frame-title", ariaLabel: `Group ${group.title}` },
      (old) => old.data.group === group,
    );
  }
  for (const node of sheet.nodes) {
    const type = isNote(node.type) ? "note" : node.type === "Reroute" ? "reroute" : "box";
    const width = type === "reroute" ? undefined : node.collapsed ? 180 : Math.max(node.size[0], 220);
    add(
      {
        id: node.id,
        type,
        position: { x: node.pos[0], y: node.pos[1] - TITLE_HEIGHT },
        data: { node },
        ariaLabel: labelOf(node),
        ...(width !== undefined && { width }),
        draggable: !node.pinned,
        dragHandle: type === "reroute" ? ".reroute" : ".box-title",
      },
      (old) => old.data.node === node && old.ariaLabel === labelOf(node),
    );
  }
  if (inside) {
    const border = (id: string, [x, y]: readonly [number, number]): FlowNode => ({ id, type: "border", position: { x, y }, data: { sheet }, ariaLabel: id === INPUT_NODE ? "Inputs of the subgraph" : "Outputs of the subgraph" });
    add(border(INPUT_NODE, sheet.inputPos), (old) => old.data.sheet?.inputs === sheet.inputs && old.data.sheet.inputPos === sheet.inputPos);
    add(border(OUTPUT_NODE, sheet.outputPos), (old) => old.data.sheet?.outputs === sheet.outputs && old.data.sheet.outputPos === sheet.outputPos);
  }
  const known = new Map(oldEdges.map((edge) => [edge.id, edge]));
  const byId = new Map(sheet.nodes.map((node) => [node.id, node]));
  const edges = sheet.links.map((link): FlowEdge => {
    const targetHandle = link.to === OUTPUT_NODE ? `in:${link.in}` : `in:${byId.get(link.to)?.inputs[link.in]?.name ?? ""}`;
    const sourceHandle = `out:${link.out}`;
    const old = known.get(link.id);
    const selected = selection === undefined && old?.selected === true;
    if (old !== undefined && old.source === link.from && old.sourceHandle === sourceHandle && old.target === link.to && old.targetHandle === targetHandle && (old.selected === true) === selected) return old;
    const type = link.type;
    return { id: link.id, type: "link", source: link.from, sourceHandle, target: link.to, targetHandle, data: { type }, selected, style: `stroke: ${colourOf(type)}` };
  });
  return { nodes, edges };
}
