/**
 * ONNX files as networks of the registry: the path of a file is its network's name.
 *
 * @module
 */
import { basename } from "node:path";
import { PeaError } from "@pea/core";
import type { Graph } from "@pea/graph";
import type { CreateModelOptions } from "../../models/network-family.ts";
import { registerModel } from "../../models/registry.ts";
import { type ImportedGraph, importOnnx } from "../onnx/import-onnx.ts";
import { addBatchNorms } from "../onnx/passes/add-batch-norms.ts";
import { fitToData } from "./fit-to-data.ts";
import { drawWeights } from "./fresh-weights.ts";
import { GraphNetwork } from "./graph-network.ts";

/** A file as it was read last, by the name its network has. */
const files = new Map<string, ImportedGraph>();

/** Options of a network of a file, beside what the data say. */
export const fileOptions = ["fresh", "addBatchNorm"] as const;

/** A network of a file, fitted to its data. */
export class FileNetwork extends GraphNetwork {
  /** @param remarks what was found in the file and what was done to fit it to the data, line by line */
  constructor(
    graph: Graph,
    readonly remarks: readonly string[],
    /** SHA-256 of the files that it was read from, by name. */
    readonly digests: ReadonlyMap<string, string>,
  ) {
    super(graph);
  }
}

/** How a file is opened. */
export interface ModelFileOptions {
  /** Where it lies, if not at its network's name. */
  readonly path?: string;
  /** SHA-256 that its files must have, by name. */
  readonly digests?: Readonly<Record<string, string>>;
  /** Height and width of images, where the file leaves them open. */
  readonly imageSize?: readonly [height: number, width: number];
}

/** What is taken until the data say another, where a file leaves the size of images open. */
const usualSize = [224, 224] as const;

/**
 * Reads a file and makes its network known as `name`.
 *
 * @throws PeaError of kind usage where it cannot be read or followed, or is another
 */
export async function openModelFile(
  name: string,
  { path = name, digests = {}, imageSize = usualSize }: ModelFileOptions = {},
): Promise<ImportedGraph> {
  const isKnown = files.has(name);
  const imported = await importOnnx(path, { imageSize });
  for (const [file, digest] of imported.file.digests)
    if ((digests[file] ?? digest) !== digest)
      throw new PeaError(`${path}: ${file} is no longer the file that the network came from`, {
        kind: "usage",
      });
  files.set(name, imported);
  if (isKnown) return imported;
  const { inputShape, classes } = shapeOf(imported.graph);
  registerModel({
    name,
    description: `the network of ${basename(name)}`,
    inputShape,
    classes,
    create: (options) => createNetwork(name, options),
  });
  return imported;
}

/** The files that a network was read from, by their paths from its folder: the ONNX file first, then those of its weights. */
export function namesOfFile(name: string): string[] {
  return [...(files.get(name)?.file.digests.keys() ?? [])];
}

/** What the images and answers of a file are. */
function shapeOf({ inputs, constants, nodes }: Graph): {
  inputShape: [number, number, number];
  classes: number;
} {
  const [channels = 0, height = 0, width = 0] = inputs[0]?.shape.slice(1).map(Number) ?? [];
  const head = nodes.findLast(({ operator }) =>
    ["Conv", "ConvTranspose", "Gemm", "MatMul"].includes(operator),
  );
  const weight = constants.get(head?.inputs[1] ?? "")?.shape ?? [];
  const isColumns =
    head?.operator === "ConvTranspose" || (head?.operator !== "Conv" && head?.attributes.transB !== 1);
  return { inputShape: [channels, height, width], classes: weight[isColumns ? 1 : 0] ?? 0 };
}

function createNetwork(name: string, options: CreateModelOptions): FileNetwork {
  const { graph, findings, file } = files.get(name) as ImportedGraph;
  const own = shapeOf(graph);
  const { inputChannels = own.inputShape[0], classes = own.classes, imageSize, ...others } = options;
  const { fresh = false, addBatchNorm = false } = others;
  const [, height, width] = own.inputShape;
  const [imageHeight, imageWidth] = imageSize ?? [height, width];
  const known: readonly string[] = fileOptions;
  const foreign = Object.keys(others).find((option) => !known.includes(option));
  if (foreign !== undefined)
    throw new PeaError(`${name} has no option ${foreign}: a network of a file has ${known.join(", ")}`, {
      kind: "usage",
    });
  const fitted = fitToData(graph, { inputShape: [inputChannels, imageHeight, imageWidth], classes });
  const normalized = addBatchNorm === true ? addBatchNorms(fitted.graph) : fitted.graph;
  const drawn = fresh === true ? drawWeights(normalized) : normalized;
  const remarks = [
    ...findings.sentences,
    ...fitted.remarks,
    ...(fresh === true ? ["all weights are drawn anew"] : []),
  ];
  return new FileNetwork(drawn, remarks, file.digests);
}
