import type { Graph, GraphNode } from "../../graph.ts";
import { foldBatchNormsOr, type LoneNorm, spelledOut } from "../../passes/fold-batch-norms.ts";

/** Batch normalization in the weights before it, or, of images and rows, as a depthwise convolution of kernel 1. */
export function foldNorms(graph: Graph): Graph {
  return foldBatchNormsOr(graph, (norm) => (norm.rank > 2 ? [depthwise(norm)] : spelledOut(norm)));
}

function depthwise({ node, factor, offset, rank, define }: LoneNorm): GraphNode {
  const [input = ""] = node.inputs;
  const channels = factor.length;
  const kernel = new Array<number>(rank - 2).fill(1);
  const weight = define("weight", { shape: [channels, 1, ...kernel], data: Float32Array.from(factor) });
  const bias = define("bias", { shape: [channels], data: Float32Array.from(offset) });
  return {
    ...node,
    operator: "Conv",
    inputs: [input, weight, bias],
    attributes: { kernel_shape: kernel, group: channels },
  };
}
