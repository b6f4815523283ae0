/**
 * ONNX files as networks of the registry: the path of a file is its network's name.
 *
 * @module
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { PeaError } from "@pea/core";
import type { Graph, GraphInput } from "@pea/graph";
import { counted } from "../../common/counted.ts";
import type { CreateModelOptions } from "../../models/network-family.ts";
import { registerModel } from "../../models/registry.ts";
import { type ImportedGraph, type ImportOptions, importFile } from "../onnx/import-onnx.ts";
import { addBatchNorms } from "../onnx/passes/add-batch-norms.ts";
import { separateRelus } from "../onnx/passes/separate-relus.ts";
import { digestOfAll, type ReadFile, readModelFile } from "../onnx/read-file.ts";
import { classesOf, fitToData } from "./fit-to-data.ts";
import { drawWeights } from "./fresh-weights.ts";
import { GraphNetwork } from "./graph-network.ts";

/** A file as it was read last, by the name its network has. */
const files = new Map<string, OpenedFile>();

interface OpenedFile extends ImportedGraph {
  readonly options: ImportOptions;
}

/** Options of a network of a file, beside what the data say. */
const fileOptions: readonly string[] = ["fresh", "addBatchNorm", "separateRelus"];

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
export interface ModelFileOptions extends ImportOptions {
  /** Where it lies, if not at its network's name. */
  readonly path?: string;
  /** SHA-256 that its files must have, by name. */
  readonly digests?: Readonly<Record<string, string>>;
}

/** What is taken until the data say another, where a file leaves the size of images open. */
const usualSize = [224, 224] as const;

/**
 * Makes the network of an ONNX file known by a name, as `registerModel` does one written in TypeScript. Options of the
 * network are `fresh`, `addBatchNorm` and `separateRelus`.
 *
 * @param file a path, or a URL such as `new URL("network.onnx", import.meta.url)`, beside the module that calls it
 * @throws PeaError of kind usage where the file cannot be read or followed, or the name is taken
 */
export async function registerModelFile(
  name: string,
  file: string | { readonly href: string },
  options: ImportOptions = {},
): Promise<void> {
  await openModelFile(name, { ...options, path: typeof file === "string" ? file : fileURLToPath(file.href) });
}

/**
 * Reads a file and makes its network known as `name`. What has been imported already is not imported again.
 *
 * @throws PeaError of kind usage where it cannot be read or followed, or is another
 */
export async function openModelFile(
  name: string,
  { path = name, digests = {}, imageSize = usualSize, output }: ModelFileOptions = {},
): Promise<ImportedGraph> {
  const options = { imageSize, output };
  const file = await readModelFile(path);
  for (const [each, digest] of file.facts.digests)
    if ((digests[each] ?? digest) !== digest)
      throw new PeaError(`${path}: ${each} is no longer the file that the network came from`, {
        kind: "usage",
      });
  const known = files.get(name);
  if (known !== undefined && isSame(known, file, options)) return known;
  const imported = importFile(path, file, options);
  files.set(name, { ...imported, options });
  if (known !== undefined) return imported;
  try {
    registerModel({
      name,
      description: `the network of ${basename(path)}`,
      inputShape: imageShapeOf(imported.graph),
      classes: classesOf(imported.graph),
      create: (options) => createNetwork(name, options),
    });
  } catch (error) {
    files.delete(name);
    throw error;
  }
  return imported;
}

function isSame(known: OpenedFile, { facts }: ReadFile, { imageSize, output }: ImportOptions): boolean {
  return (
    digestOfAll(known.file) === digestOfAll(facts) &&
    known.options.output === output &&
    `${known.options.imageSize}` === `${imageSize}`
  );
}

/** The files that a network was read from, by their paths from its folder: the ONNX file first, then those of its weights. */
export function namesOfFile(name: string): string[] {
  return [...(files.get(name)?.file.digests.keys() ?? [])];
}

/** Channels, height and width of the images that a file takes. */
function imageShapeOf({ inputs }: Graph): [channels: number, height: number, width: number] {
  const [, channels, height, width] = (inputs[0] as GraphInput).shape.map(Number);
  return [channels, height, width] as [number, number, number];
}

function createNetwork(name: string, options: CreateModelOptions): FileNetwork {
  const { graph, findings, file } = files.get(name) as OpenedFile;
  const [channels, ...size] = imageShapeOf(graph);
  const { inputChannels = channels, classes = classesOf(graph), imageSize = size, ...own } = options;
  const foreign = Object.keys(own).find((option) => !fileOptions.includes(option));
  if (foreign !== undefined)
    throw new PeaError(
      `${name} has no option ${foreign}: a network of a file has ${fileOptions.join(", ")}`,
      {
        kind: "usage",
      },
    );
  const { fresh, addBatchNorm } = own;
  const sites = own.separateRelus ? separateRelus(graph) : graph;
  const fitted = fitToData(sites, { inputShape: [inputChannels, ...imageSize], classes });
  const normalized = addBatchNorm ? addBatchNorms(fitted.graph) : fitted.graph;
  const drawn = fresh ? drawWeights(normalized) : normalized;
  const added = normalized.nodes.length - fitted.graph.nodes.length;
  const remarks = [
    ...findings.sentences,
    ...fitted.remarks,
    ...(addBatchNorm ? [`batch norm is put behind ${counted(added, "convolution")} that had none`] : []),
    ...(fresh ? ["all weights are drawn anew"] : []),
  ];
  return new FileNetwork(drawn, remarks, file.digests);
}
