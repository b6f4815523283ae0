/**
 * Which values of a network are quantized, and which of them together. Where their ranges come from is another matter:
 * calibration finds them, or training learns them.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type Graph, producersOf, readersOf } from "../graph.ts";
import { outputAxis } from "../weights.ts";
import { activationOf, fuses, isUnit, keepsScale, whyNotIntegers } from "./integer-operators.ts";
import type { QuantizedNode } from "./quantized-graph.ts";

/** Values that have one quantization. */
export interface ValueGroup {
  readonly values: readonly string[];
  /** Those whose range is the group's, computed ones and constants: all others are moved, chosen or averaged from them. */
  readonly sources: readonly string[];
  /** Whether kernels fix the quantization: of numbers from 0 to 1. */
  readonly isUnit: boolean;
}

/** What is computed in integers. */
export interface IntegerPlan {
  /** As `prepare` makes it. */
  readonly graph: Graph;
  /** Its nodes, with activations as a part of the node before them where that can be. */
  readonly nodes: readonly QuantizedNode[];
  /** Every value that is no layer's weight is in one of these. */
  readonly groups: readonly ValueGroup[];
}

/**
 * Plans which values are quantized.
 *
 * @param graph as `prepare` makes it
 * @throws PeaError naming operator and module where one has no integer form
 */
export function planIntegers(graph: Graph): IntegerPlan {
  const reason = whyNotIntegers(graph);
  if (reason !== null) throw new PeaError(reason);
  const nodes = withFused(graph);
  return { graph, nodes, groups: groupsOf({ ...graph, nodes }) };
}

/** With each activation in the node that computes what it bends, where nothing else reads that. */
function withFused(graph: Graph): QuantizedNode[] {
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  const taken = new Map<unknown, QuantizedNode | null>();
  for (const node of graph.nodes) {
    const fused = activationOf(node);
    const [input = ""] = node.inputs;
    const before = producers.get(input);
    if (fused === undefined || before === undefined || !fuses(before)) continue;
    if (readers.get(input)?.length !== 1 || graph.outputs.includes(input)) continue;
    taken.set(before, null);
    taken.set(node, { ...before, outputs: node.outputs, fused });
  }
  return graph.nodes.flatMap((node): QuantizedNode[] => {
    const now = taken.get(node);
    return now === undefined ? [node] : now === null ? [] : [now];
  });
}

/** The values whose ranges `quantize` asks for: all sources that are no constants and have no quantization fixed. */
export function rangedValues({ graph, groups }: IntegerPlan): string[] {
  return groups
    .flatMap(({ isUnit, sources }) => (isUnit ? [] : sources))
    .filter((name) => !graph.constants.has(name));
}

function groupsOf(graph: Graph): ValueGroup[] {
  const groups = new Map<string, Set<string>>();
  const groupOf = (name: string): Set<string> => {
    const group = groups.get(name) ?? new Set([name]);
    groups.set(name, group);
    return group;
  };
  const join = (names: readonly string[]) => {
    const all = new Set(names.flatMap((name) => [...groupOf(name)]));
    for (const name of all) groups.set(name, all);
  };
  const moved = new Set<string>();
  const units = new Set<string>();
  for (const { name } of graph.inputs) groupOf(name);
  for (const node of graph.nodes) {
    // A layer's weight and bias have quantizations of their own.
    const inputs = node.inputs.slice(0, isLayer(node) ? 1 : undefined).filter((name) => name !== "");
    for (const name of [...inputs, ...node.outputs]) groupOf(name);
    if (isUnit(node)) for (const output of node.outputs) units.add(output);
    if (!keepsScale(node)) continue;
    join([...inputs, ...node.outputs]);
    for (const output of node.outputs) moved.add(output);
  }
  return [...new Set(groups.values())].map((group) => {
    const values = [...group];
    const sources = values.filter((name) => !moved.has(name));
    const fixed = sources.filter((name) => units.has(name));
    if (fixed.length > 0 && sources.length > fixed.length)
      throw new PeaError(
        `${fixed[0]} is a Sigmoid's, on a scale that kernels fix, and cannot be joined with ${sources.find((name) => !units.has(name))}`,
      );
    return { values, sources, isUnit: fixed.length > 0 };
  });
}

const isLayer = (node: QuantizedNode): boolean => outputAxis(node) !== undefined;
