/** What was found in a file, and what was done to it. */
import { type Graph, type GraphNode, operators } from "@pea/graph";
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
  readonly converted: Converted;
  /** Before and after activations were recognized. */
  readonly spelledOut: Graph;
  readonly graph: Graph;
  readonly restoredBiases: number;
  readonly isChannelsLast: boolean;
}

export function findingsOf(steps: Steps): Findings {
  const { converted, spelledOut, graph, fileNodes } = steps;
  const activations = counted(graph);
  const before = counted(spelledOut);
  const recognized = Object.fromEntries(
    Object.entries(activations)
      .map(([operator, count]) => [operator, count - (before[operator] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
  const numbers = {
    activations,
    recognized,
    batchNorms: graph.nodes.filter(({ operator }) => operator === "BatchNormalization").length,
    foldedBatchNorms: converted.foldedBatchNorms,
    restoredBiases: steps.restoredBiases,
    nodes: { file: fileNodes, graph: graph.nodes.length },
    isChannelsLast: steps.isChannelsLast,
  };
  return { ...numbers, sentences: sentencesOf(numbers, steps.file) };
}

function counted({ nodes }: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { operator } of nodes.filter(isActivation)) counts[operator] = (counts[operator] ?? 0) + 1;
  return counts;
}

const isActivation = ({ operator }: GraphNode): boolean => operators.get(operator)?.role === "activation";

function sentencesOf(found: Omit<Findings, "sentences">, file: FileFacts): string[] {
  const { recognized, foldedBatchNorms, restoredBiases, nodes } = found;
  const kinds = Object.entries(recognized).map(([operator, count]) => `${count} ${operator}`);
  return [
    `${nodes.file} nodes of opset ${file.opset}${file.producer && ` by ${file.producer}`} are ${nodes.graph} of the network`,
    ...(kinds.length > 0 ? [`recognized by their formulas: ${kinds.join(", ")}`] : []),
    ...(foldedBatchNorms > 0
      ? [
          `${foldedBatchNorms} batch normalizations were folded into convolutions at the export; ${keepingCall(file)} keeps them ` +
            "(docs/import.md)",
        ]
      : []),
    ...(restoredBiases > 0
      ? [`${restoredBiases} biases of zeros that the export left out are there again, to be trained`]
      : []),
    ...(found.isChannelsLast
      ? ["the file has the channels of its images last; the network has them first"]
      : []),
  ];
}

/** What to call so that batch norms stay. */
function keepingCall({ producer }: FileFacts): string {
  if (/pytorch 1\./.test(producer)) return "torch.onnx.export(…, training=torch.onnx.TrainingMode.PRESERVE)";
  return "torch.onnx.export(model.eval(), …, dynamo=False, training=torch.onnx.TrainingMode.PRESERVE)";
}
