import type { Constant, Graph, GraphNode, Shape } from "../../graph.ts";
import { inferShapes } from "../../infer-shapes.ts";

/** x ∘ c and c ∘ x as factor · x + offset, of a constant c that is one number for each channel. */
type Form = (c: number) => readonly [factor: number, offset: number];

const forms: Readonly<Record<string, { after: Form; before?: Form }>> = {
  Add: { after: (c) => [1, c], before: (c) => [1, c] },
  Sub: { after: (c) => [1, -c], before: (c) => [-1, c] },
  Mul: { after: (c) => [c, 0], before: (c) => [c, 0] },
  Div: { after: (c) => [1 / c, 0] },
};

/**
 * Factors and shifts of channels that are written as `Mul`, `Add`, `Sub` and `Div` as batch normalizations of mean 0 and
 * variance 1, so that they fold as these do.
 */
export function constantsToNorms(graph: Graph): Graph {
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    const known = node.inputs.findIndex((name) => graph.constants.has(name));
    const { after, before } = forms[node.operator] ?? {};
    const form = known === 1 ? after : before;
    const [input = "", constant = ""] = known === 1 ? node.inputs : [...node.inputs].reverse();
    const values = perChannel(shapes.get(input) ?? [], graph.constants.get(constant));
    if (known === -1 || form === undefined || values === null || graph.constants.has(input)) return node;
    return asNorm(node, input, values.map(form));
  });
  return { ...graph, nodes, constants };

  function asNorm(
    { outputs, path }: GraphNode,
    input: string,
    affine: readonly (readonly [number, number])[],
  ): GraphNode {
    const numbers = {
      factor: affine.map(([factor]) => factor),
      offset: affine.map(([, offset]) => offset),
      mean: affine.map(() => 0),
      variance: affine.map(() => 1),
    };
    const names = Object.entries(numbers).map(([part, data]) => {
      const name = `${outputs[0]}/${part}`;
      constants.set(name, { shape: [data.length], data: Float32Array.from(data) });
      return name;
    });
    return {
      operator: "BatchNormalization",
      inputs: [input, ...names],
      outputs,
      attributes: { epsilon: 0 },
      path,
    };
  }
}

/** A constant's number for each channel of [N, C, …]; null where it differs within a channel, or stretches the axes. */
function perChannel(shape: Shape, constant: Constant | undefined): number[] | null {
  const channels = shape[1];
  if (constant === undefined || typeof channels !== "number" || constant.shape.length > shape.length)
    return null;
  if (constant.data.length === 1) return new Array<number>(channels).fill(Number(constant.data[0]));
  const sizes = [...new Array<number>(shape.length - constant.shape.length).fill(1), ...constant.shape];
  return sizes.every((size, axis) => size === (axis === 1 ? channels : 1))
    ? Array.from(constant.data, Number)
    : null;
}
