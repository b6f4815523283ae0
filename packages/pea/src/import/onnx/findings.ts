/** What was found in a file, and what was done to it. */
import { type Graph, type GraphNode, operators } from "@pea/graph";
import { counted } from "../../common/counted.ts";
import type { Converted } from "./convert.ts";
import type { FileFacts } from "./read-file.ts";

export interface Findings {
  /** How many activations there are of each operator. */
  readonly activations: Readonly<Record<string, number>>;
  /** How many of these were spelled out by several nodes. */
  readonly recognized: Readonly<Record<string, number>>;
  readonly batchNorms: number;
  /** Layers into which the exporter has folded a batch norm. */
  readonly foldedBatchNorms: number;
  /** Biases of zeros that the exporter has left out, and that can be trained again. */
  readonly restoredBiases: number;
  /** Layers that shared weights with one of another kind, stride or bias, and have their own now. */
  readonly untiedWeights: number;
  /** Weights that the file has with more or fewer digits than float32. */
  readonly roundedWeights: number;
  /** Nodes of the file, and of the graph. */
  readonly nodes: { readonly file: number; readonly graph: number };
  /** Whether the file had the channels of its images last. */
  readonly isChannelsLast: boolean;
  /** All that a user should know, in sentences. */
  readonly sentences: readonly string[];
}

/** What there is to say of a file. */
export interface Steps {
  readonly file: FileFacts;
  readonly fileNodes: number;
  readonly roundedWeights: number;
  readonly untiedWeights: number;
  readonly converted: Converted;
  /** Before and after activations were recognized. */
  readonly spelledOut: Graph;
  readonly graph: Graph;
  readonly restoredBiases: number;
  /** Batch norms of which names alone are left. */
  readonly unseenBatchNorms: number;
  readonly isChannelsLast: boolean;
}

/**
 * Layers of TensorFlow whose batch norm was folded: some name in the file tells still.
 *
 * @param names of weights and values
 */
export function unseenBatchNorms(names: Iterable<string>): number {
  const layers = Array.from(names, (name) => /^(.*batch_norm[^/]*)\/batchnorm\//.exec(name)?.[1]);
  return new Set(layers.filter((layer) => layer !== undefined)).size;
}

export function findingsOf(steps: Steps): Findings {
  const { converted, spelledOut, graph, fileNodes } = steps;
  const activations = countedActivations(graph);
  const before = countedActivations(spelledOut);
  const recognized = Object.fromEntries(
    Object.entries(activations)
      .map(([operator, count]) => [operator, count - (before[operator] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
  const numbers = {
    activations,
    recognized,
    batchNorms: graph.nodes.filter(({ operator }) => operator === "BatchNormalization").length,
    foldedBatchNorms: converted.foldedBatchNorms + steps.unseenBatchNorms,
    restoredBiases: steps.restoredBiases,
    untiedWeights: steps.untiedWeights,
    roundedWeights: steps.roundedWeights,
    nodes: { file: fileNodes, graph: graph.nodes.length },
    isChannelsLast: steps.isChannelsLast,
  };
  return { ...numbers, sentences: sentencesOf(numbers, steps.file) };
}

function countedActivations({ nodes }: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operator } of nodes.filter(isActivation)) counts[operator] = (counts[operator] ?? 0) + 1;
  return counts;
}

const isActivation = ({ operator }: GraphNode): boolean => operators.get(operator)?.role === "activation";

function sentencesOf(found: Omit<Findings, "sentences">, file: FileFacts): string[] {
  const { recognized, foldedBatchNorms: folded, restoredBiases, nodes } = found;
  const kinds = Object.entries(recognized).map(([operator, count]) => `${count} ${operator}`);
  return [
    `${nodes.file} nodes of opset ${file.opset}${file.producer && ` by ${file.producer}`} are ${nodes.graph} of the network`,
    ...(kinds.length > 0 ? [`recognized by their formulas: ${kinds.join(", ")}`] : []),
    ...(folded > 0
      ? [`the export has dissolved ${counted(folded, "batch normalization")}: ${wayOut(file)}`]
      : []),
    ...(restoredBiases > 0
      ? [
          `the export has left out ${counted(restoredBiases, "bias", "biases")} of zeros, there again to be trained`,
        ]
      : []),
    ...(found.untiedWeights > 0
      ? [
          `${counted(found.untiedWeights, "layer")} that shared weights with one of another kind, stride or bias: each has its own`,
        ]
      : []),
    ...(found.roundedWeights > 0
      ? [`${counted(found.roundedWeights, "weight")} of another type than float32 became that`]
      : []),
    ...(found.isChannelsLast
      ? ["the file has the channels of its images last; the network has them first"]
      : []),
  ];
}

/** What keeps batch norms at the export. */
function wayOut({ producer }: FileFacts): string {
  if (/^tf2onnx/.test(producer)) return "tf2onnx always does";
  const call = /^pytorch 1\./.test(producer)
    ? "torch.onnx.export(…, training=torch.onnx.TrainingMode.PRESERVE)"
    : "torch.onnx.export(model.eval(), …, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE)";
  return `${call} keeps them`;
}
