/**
 * The operators that compute in integers, and what they ask of scales.
 *
 * @module
 */
import { type Graph, type GraphNode, nameOfNode, type Obstacle } from "../graph.ts";
import type { FusedActivation } from "./quantized-graph.ts";

/** What is to be known of an operator in integers. */
interface IntegerOperator {
  /** Whether all that it reads and computes has one quantization: it moves, chooses or averages numbers. */
  readonly keepsScale?: true;
  /** Whether it can compute an activation before it rounds. */
  readonly fuses?: true;
  /** Whether its result lies from 0 to 1, on a scale that kernels fix. */
  readonly isUnit?: true;
  /** Why this node has no integer form; null where it has. */
  refuse?(node: GraphNode, graph: Graph): string | null;
}

const layer: IntegerOperator = {
  fuses: true,
  refuse: ({ inputs }, { constants }) =>
    inputs.slice(1).every((name) => name === "" || constants.has(name)) ? null : "its weights are computed",
};
const ofTwo: IntegerOperator = { fuses: true };
const moves: IntegerOperator = { keepsScale: true };

const integerOperators: ReadonlyMap<string, IntegerOperator> = new Map(
  Object.entries({
    Conv: layer,
    ConvTranspose: layer,
    Gemm: layer,
    Add: ofTwo,
    Sub: ofTwo,
    Mul: ofTwo,
    Relu: moves,
    Clip: {
      keepsScale: true,
      refuse: (node) => (activationOf(node) === "relu6" ? null : "its bounds are not 0 and 6"),
    },
    LeakyRelu: {},
    Sigmoid: { isUnit: true },
    MaxPool: moves,
    AveragePool: moves,
    GlobalAveragePool: moves,
    GlobalMaxPool: moves,
    ReduceMax: moves,
    Concat: moves,
    Split: moves,
    Slice: moves,
    Pad: {
      keepsScale: true,
      refuse: ({ attributes: { mode = "constant", value = 0 } }) =>
        mode === "constant" && value !== 0 ? `it pads by ${value}, not by 0` : null,
    },
    Reshape: moves,
    Flatten: moves,
    Transpose: moves,
    Squeeze: moves,
    Unsqueeze: moves,
    DepthToSpace: moves,
    SpaceToDepth: moves,
    Resize: moves,
  } satisfies Record<string, IntegerOperator>),
);

/** Whether all values of a node have one quantization. */
export const keepsScale = ({ operator }: GraphNode): boolean =>
  integerOperators.get(operator)?.keepsScale ?? false;

/** Whether a node can compute an activation before it rounds. */
export const fuses = ({ operator }: GraphNode): boolean => integerOperators.get(operator)?.fuses ?? false;

/** Whether a node's result lies from 0 to 1, on a scale that kernels fix. */
export const isUnit = ({ operator }: GraphNode): boolean => integerOperators.get(operator)?.isUnit ?? false;

/** As which activation a node can be a part of the one before it; undefined of all others. */
export function activationOf({ operator, attributes }: GraphNode): FusedActivation | undefined {
  if (operator === "Relu") return "relu";
  const { min, max } = attributes;
  return operator === "Clip" && min === 0 && max === 6 ? "relu6" : undefined;
}

/**
 * The nodes of a graph that have no integer form; none where it can be computed in integers.
 *
 * @param graph as `prepare` makes it
 */
export function integerObstacles(graph: Graph): Obstacle[] {
  return graph.nodes.flatMap((node) => {
    const reason = whyNoInteger(node, graph);
    return reason === null ? [] : [{ node, reason }];
  });
}

/**
 * Why a graph cannot be computed in integers: the first operator without an integer form, and its module.
 *
 * @param graph as `prepare` makes it
 * @returns a sentence; null where it can
 */
export function whyNotIntegers(graph: Graph): string | null {
  return integerObstacles(graph)[0]?.reason ?? null;
}

function whyNoInteger(node: GraphNode, graph: Graph): string | null {
  if (node.opaque !== undefined) return node.opaque.reason;
  const operator = integerOperators.get(node.operator);
  const without = () => `${nameOfNode(graph, node)} has no integer form`;
  if (operator === undefined)
    return `${without()}; those that have are ${[...integerOperators.keys()].join(", ")}`;
  const reason = operator.refuse?.(node, graph) ?? null;
  return reason === null ? null : `${without()}: ${reason}`;
}
