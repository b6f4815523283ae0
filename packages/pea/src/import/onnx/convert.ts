/**
 * The nodes of a file, one after the other, as a graph.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Graph, GraphInput } from "@pea/graph";
import type { GraphProto, ModelProto, NodeProto, TensorProto } from "../../onnx-file/model.ts";
import { fixedBatchOf } from "./file-inputs.ts";
import { FileNode } from "./file-node.ts";
import { fold, foldedOperators } from "./folding/index.ts";
import { GraphMaker } from "./graph-maker.ts";
import { followProbe } from "./image-windows.ts";
import { knownTensorOf } from "./known-tensor.ts";
import { nodesFor } from "./needed-nodes.ts";
import { hasLostBias, isFoldedBatchNorm, pathOf } from "./node-path.ts";
import { converters } from "./operators/index.ts";
import { refuseOperator } from "./unknown-operators.ts";

/** A file's graph before anything in it is recognized. */
export interface Converted {
  readonly graph: Graph;
  /** The file's own name for the tensor that a constant was made of by moving elements alone. */
  readonly origins: ReadonlyMap<string, string>;
  /** Layers into which their exporter has folded a batch norm. */
  readonly foldedBatchNorms: number;
  /** What layers compute that have lost a bias of zeros. */
  readonly lostBiases: ReadonlySet<string>;
}

/**
 * Puts what leads to an output of a file in the graph's words: what hangs on no image is computed, each other node is put
 * by the function for its operator.
 *
 * @param input as the graph is to have it
 * @param output one of the file's outputs
 * @param budget elements that may be computed altogether
 * @throws PeaError of kind usage that names the node where it cannot be followed
 */
export function convertNodes(
  { graph: file, opsets }: ModelProto,
  input: GraphInput,
  output: string,
  budget: number,
): Converted {
  const { initializer, node, sparseInitializer } = file as GraphProto;
  if (sparseInitializer.length > 0)
    throw new PeaError("it has sparse weights: export it with dense ones", { kind: "usage" });
  requireNamedOnce(initializer);
  const maker = new GraphMaker(namesOf(file as GraphProto), budget, fixedBatchOf(file as GraphProto, input));
  const opset = Number(opsets.find(({ domain }) => !domain || domain === "ai.onnx")?.version);
  maker.addInput(input);
  for (const tensor of initializer) maker.define(tensor.name ?? "", knownTensorOf(tensor));
  const given = new Set([input.name, ...initializer.map(({ name }) => name ?? "")]);
  const needed = nodesFor(node, output, given);
  // What is not followed at all comes first: what is computed for it may fail with less of a reason.
  for (const each of needed)
    if (!isFollowed(each)) refuseOperator(each, new FileNode(each, "", opset, maker));
  for (const each of needed) convertNode(each, opset, maker);
  const { origins, foldedBatchNorms, lostBiases } = maker;
  return { graph: maker.build(output), origins, foldedBatchNorms, lostBiases };
}

function convertNode(proto: NodeProto, opset: number, maker: GraphMaker): void {
  const node = new FileNode(proto, pathOf(proto, weightsOf(proto, maker)), opset, maker);
  const convert = converters.get(node.operator);
  try {
    const known = isForeign(proto) ? undefined : fold(node);
    if (known === undefined && !isForeign(proto) && followProbe(node)) return;
    if (known !== undefined) for (const [place, each] of known.entries()) node.define(each, place);
    else if (convert === undefined) refuseOperator(proto, node);
    else convert(node);
    if (isFoldedBatchNorm(proto)) maker.foldedBatchNorms += 1;
    if (hasLostBias(proto)) maker.lostBiases.add(node.outputs[0] ?? "");
  } catch (error) {
    if (!(error instanceof PeaError) || error.message.startsWith(`${node.operator} `)) throw error;
    // Where it was noticed by the graph, the node of the file is not named yet.
    throw new PeaError(node.messageOf(error.message), { kind: "usage", cause: error });
  }
}

/** Whether there is a function for a node's operator: to put it in the graph's words, or to compute it. */
function isFollowed(proto: NodeProto): boolean {
  const { opType = "" } = proto;
  if (isForeign(proto)) return opType === "FusedConv";
  return converters.has(opType) || foldedOperators.includes(opType) || opType === "Constant";
}

/** The file's names of the weights, which are no single numbers, that a node reads after its first input. */
function weightsOf({ input }: NodeProto, maker: GraphMaker): string[] {
  return input.slice(1).flatMap((name) => {
    const known = name === "" ? undefined : maker.known(name);
    return known?.key !== undefined && known.values.length > 1 ? [known.key] : [];
  });
}

/** @throws PeaError of kind usage for two weights of one name */
function requireNamedOnce(weights: readonly TensorProto[]): void {
  const names = new Set<string>();
  for (const { name = "" } of weights) {
    if (names.has(name))
      throw new PeaError(`there are two weights ${name}: the file is damaged`, { kind: "usage" });
    names.add(name);
  }
}

const isForeign = ({ domain }: NodeProto): boolean => Boolean(domain) && domain !== "ai.onnx";

function namesOf({ node, initializer, input }: GraphProto): Set<string> {
  return new Set([
    ...node.flatMap((each) => [...each.input, ...each.output]),
    ...[...initializer, ...input].map(({ name }) => name ?? ""),
  ]);
}
