/**
 * A network from an ONNX file, whichever framework wrote it.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { type Graph, removeDeadNodes } from "@pea/graph";
import type { GraphProto, ModelProto } from "../../onnx-file/model.ts";
import { convertNodes } from "./convert.ts";
import { imageInputOf, outputOf } from "./file-inputs.ts";
import { type FileFacts, readModelFile } from "./read-file.ts";

export interface ImportOptions {
  /** Height and width of the images, where the file leaves them open. */
  readonly imageSize?: readonly [number, number];
  /** Which output is meant, where the file has several. */
  readonly output?: string;
}

/** What a file holds. */
export interface ImportedGraph {
  /** Of one image [batch, channels, height, width] and one output, of operators that compute, activations recognized. */
  readonly graph: Graph;
  readonly file: FileFacts;
}

/**
 * Reads a network from an ONNX file.
 *
 * @throws PeaError of kind usage that names what in the file cannot be followed, and the way out
 */
export async function importOnnx(path: string, options: ImportOptions = {}): Promise<ImportedGraph> {
  const { model, facts } = await readModelFile(path);
  try {
    return { graph: importModel(model, options), file: facts };
  } catch (error) {
    if (!(error instanceof PeaError)) throw error;
    throw new PeaError(`${path} cannot be imported: ${error.message}`, { kind: "usage", cause: error });
  }
}

/** Elements that a file may make of known ones beside those that it holds: what shape arithmetic needs. */
const spareElements = 2 ** 20;

function importModel(model: ModelProto, { imageSize, output }: ImportOptions): Graph {
  const file = model.graph as GraphProto;
  const input = imageInputOf(file, imageSize);
  const { graph } = convertNodes(model, input, outputOf(file, output), spareElements + weightsOf(model) * 4);
  return removeDeadNodes(graph);
}

/** Bytes of all weights, wherever they lie. */
function weightsOf({ graph }: ModelProto): number {
  const tensors = [
    ...(graph?.initializer ?? []),
    ...(graph?.node ?? []).flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? [])),
  ];
  return tensors.reduce((sum, { rawData, floatData }) => sum + (rawData?.length ?? 4 * floatData.length), 0);
}
