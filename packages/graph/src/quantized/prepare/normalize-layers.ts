import type { Constant, Graph, GraphNode } from "../../graph.ts";
import { inferShapes } from "../../infer-shapes.ts";
import { outputAxis, scaledAlong, transposed } from "../../weights.ts";

/**
 * One form for each kind of layer: products with matrices of weights as `Gemm` with weights [outputs, inputs] and without
 * factors, means of whole channels as `GlobalAveragePool`, and a bias for each layer.
 */
export function normalizeLayers(graph: Graph): Graph {
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const rank = (name = "") => shapes.get(name)?.length ?? 0;
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    if (node.opaque !== undefined) return [node];
    if (node.operator === "ReduceMean") return asPooling(node, rank(node.inputs[0]));
    const layer = asGemm(node);
    return [outputAxis(layer) === undefined ? layer : withBias(layer)];
  });
  return { ...graph, nodes, constants };

  function asGemm(node: GraphNode): GraphNode {
    const [input = "", weight = "", bias = ""] = node.inputs;
    const known = constants.get(weight);
    const isProduct = node.operator === "MatMul" && rank(input) === 2 && known?.shape.length === 2;
    const { transA = 0, transB = 0, alpha = 1, beta = 1 } = node.attributes;
    if ((!isProduct && node.operator !== "Gemm") || known === undefined || transA === 1) return node;
    const name = node.outputs[0] as string;
    const define = (part: string, constant: Constant): string => {
      constants.set(`${name}/${part}`, constant);
      return `${name}/${part}`;
    };
    const turned = transB === 1 ? known : transposed(known);
    const isScaled = alpha !== 1;
    const used =
      turned === known && !isScaled
        ? weight
        : define("weight", isScaled ? scaledAlong(turned, 0, [Number(alpha)]) : turned);
    const added = constants.get(bias);
    const inputs =
      added === undefined
        ? [bias]
        : [
            added.data.length > 1 && beta === 1
              ? bias
              : define("bias", spread(added, turned.shape[0] ?? 0, Number(beta))),
          ];
    return {
      ...node,
      operator: "Gemm",
      attributes: { transB: 1 },
      inputs: [input, used, ...inputs.filter((each) => each !== "")],
    };
  }

  function withBias(layer: GraphNode): GraphNode {
    const [input = "", weight = "", bias = ""] = layer.inputs;
    const shape = constants.get(weight)?.shape;
    if (bias !== "" || shape === undefined) return layer;
    const group = layer.operator === "ConvTranspose" ? Number(layer.attributes.group ?? 1) : 1;
    const outputs = (shape[outputAxis(layer) ?? 0] ?? 0) * group;
    const name = `${layer.outputs[0]}/bias`;
    constants.set(name, { shape: [outputs], data: new Float32Array(outputs) });
    return { ...layer, inputs: [input, weight, name] };
  }
}

/** A bias of one number is added to all. */
function spread({ data }: Constant, length: number, factor: number): Constant {
  const values = Float32Array.from({ length }, (_, i) => Number(data[data.length === 1 ? 0 : i]) * factor);
  return { shape: [length], data: values };
}

/** The mean over all axes behind the channels; others stay. */
function asPooling(node: GraphNode, rank: number): readonly GraphNode[] {
  const { axes, keepdims = 1 } = node.attributes as { axes?: readonly number[]; keepdims?: number };
  const places = new Set((axes ?? []).map((axis) => (axis < 0 ? axis + rank : axis)));
  const isWhole = rank > 2 && places.size === rank - 2 && !places.has(0) && !places.has(1);
  if (!isWhole) return [node];
  const [output = ""] = node.outputs;
  const pooled = keepdims === 1 ? output : `${output}/pooled`;
  const pool: GraphNode = { ...node, operator: "GlobalAveragePool", attributes: {}, outputs: [pooled] };
  if (keepdims === 1) return [pool];
  return [pool, { ...node, operator: "Flatten", attributes: { axis: 1 }, inputs: [pooled] }];
}
