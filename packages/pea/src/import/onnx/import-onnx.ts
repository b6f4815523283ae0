/**
 * A network from an ONNX file, whichever framework wrote it.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type Graph, inferShapes, mergePads } from "@pea/graph";
import { elementTypes, type GraphProto, type ModelProto, type TensorProto } from "../../onnx-file/model.ts";
import { convertNodes } from "./convert.ts";
import { imageInputOf, outputOf } from "./file-inputs.ts";
import { type Findings, findingsOf, unseenBatchNorms } from "./findings.ts";
import { kindOf } from "./known-tensor.ts";
import { isTraced, rootKeys } from "./node-path.ts";
import { channelsFirst } from "./passes/channels-first.ts";
import { mergeLinear } from "./passes/merge-linear.ts";
import { nameParameters } from "./passes/name-parameters.ts";
import { recognizeActivations } from "./passes/recognize-activations.ts";
import { recognizeLayerNorms } from "./passes/recognize-layer-norms.ts";
import { removeIdleNodes } from "./passes/remove-idle-nodes.ts";
import { restoreBiases } from "./passes/restore-biases.ts";
import { countLarge, mostMerged, separateWeights } from "./passes/separate-weights.ts";
import { type FileFacts, type ReadFile, readModelFile } from "./read-file.ts";

export interface ImportOptions {
  /** Height and width of the images, where the file leaves them open. */
  readonly imageSize?: readonly [number, number];
  /** Which output is meant, where the file has several, or the value behind which the network is cut off. */
  readonly output?: string;
}

/** What a file holds. */
export interface ImportedGraph {
  /** Of one image [batch, channels, height, width] and one output, of operators that compute, activations recognized. */
  readonly graph: Graph;
  readonly findings: Findings;
  readonly file: FileFacts;
}

/**
 * Reads a network from an ONNX file.
 *
 * @throws PeaError of kind usage that names what in the file cannot be followed, and the way out
 */
export async function importOnnx(path: string, options: ImportOptions = {}): Promise<ImportedGraph> {
  return importFile(path, await readModelFile(path), options);
}

/** The same of a file that has been read; `path` names it in errors. */
export function importFile(path: string, { model, facts }: ReadFile, options: ImportOptions): ImportedGraph {
  try {
    return { ...importModel(model, facts, options), file: facts };
  } catch (error) {
    if (!(error instanceof PeaError)) throw error;
    throw new PeaError(`${path} cannot be imported: ${error.message}`, { kind: "usage", cause: error });
  }
}

function importModel(model: ModelProto, file: FileFacts, { imageSize, output }: ImportOptions) {
  const { graph: fileGraph } = model as { graph: GraphProto };
  const input = imageInputOf(fileGraph, imageSize);
  const budget = spareElements + 4 * bytesOfWeights(fileGraph);
  const converted = convertNodes(model, input, outputOf(fileGraph, output), budget);
  const namesEqualTensors = isTraced(fileGraph.node) || hasEqualTensors(fileGraph.initializer);
  const separated = separateWeights(converted.graph, { namesEqualTensors });
  const turned = channelsFirst(separated);
  const spelledOut = removeIdleNodes(turned ?? separated);
  const recognized = recognizeLayerNorms(recognizeActivations(spelledOut));
  const merged = mergePads(removeIdleNodes(mergeLinear(recognized)));
  const restored = restoreBiases(merged, converted.lostBiases);
  const graph = nameParameters(restored, converted.origins, rootKeys(fileGraph, file.producer));
  refuseOpaque(graph);
  inferShapes(graph);
  const findings = findingsOf({
    file,
    fileNodes: fileGraph.node.length,
    roundedWeights: fileGraph.initializer.filter(({ dataType = 0 }) => isRounded(dataType)).length,
    converted,
    spelledOut,
    graph,
    untiedWeights: countLarge(separated) - countLarge(converted.graph),
    restoredBiases: restored.constants.size - merged.constants.size,
    unseenBatchNorms: unseenBatchNorms(fileGraph.initializer.map(({ name }) => name ?? "")),
    isChannelsLast: turned !== undefined,
  });
  return { graph, findings };
}

/** Whether a file names small tensors of equal values apart, as PyTorch's default exporter does until it optimizes. */
function hasEqualTensors(tensors: readonly TensorProto[]): boolean {
  const contents = tensors.flatMap(({ dims, dataType = 0, rawData }) => {
    const count = dims.reduce((product, size) => product * size, 1);
    if (rawData === undefined || kindOf(dataType) !== "float" || count < 2 || count > mostMerged) return [];
    return `${dataType} ${dims} ${Buffer.from(rawData).toString("latin1")}`;
  });
  return new Set(contents).size < contents.length;
}

/** Whether a type is one of floats other than float32. */
const isRounded = (type: number): boolean => type !== elementTypes.float && kindOf(type) === "float";

/** @throws PeaError of kind usage that names the first node of which no activation was made */
function refuseOpaque({ nodes }: Graph): void {
  const reason = nodes.find(({ opaque }) => opaque !== undefined)?.opaque?.reason;
  if (reason !== undefined) throw new PeaError(reason, { kind: "usage" });
}

/** Elements that a file may make of known ones beside those that it holds: what shape arithmetic needs. */
const spareElements = 2 ** 20;

/** Bytes of all weights, wherever they lie. */
function bytesOfWeights({ initializer, node }: GraphProto): number {
  const tensors = [...initializer, ...node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []))];
  return tensors.reduce((sum, { rawData, floatData }) => sum + (rawData?.length ?? 4 * floatData.length), 0);
}
