import { existsSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { type ActivationType, type Graph, smoothToRelu, whySmooth } from "@pea/graph";
import { type Module, TorchError } from "@pea/torch";
import { counted } from "../common/counted.ts";
import { kebab } from "../common/kebab.ts";
import { isModelFile } from "../common/model-file-name.ts";
import { exportObstacleOf } from "../export/export-obstacle.ts";
import {
  describeActivations,
  type OtherActivation,
  otherActivationsOf,
} from "../export/other-activations.ts";
import { whyNoClasses } from "../import/network/fit-to-data.ts";
import { FileNetwork, openModelFile } from "../import/network/model-file.ts";
import { recognizeActivations } from "../import/onnx/passes/recognize-activations.ts";
import {
  createModel,
  findModel,
  type Inspection,
  inspectNetwork,
  type Layer,
  type Site,
} from "../models/index.ts";
import { type Imports, importFiles } from "../recipe/import-file.ts";
import { createNetwork } from "../run/create-network.ts";
import { openTrainedNetwork, readNetwork, weightFiles } from "../run/trained-run.ts";
import { type CommonOptions, formatTable, mebibytes, printResult } from "../terminal/output.ts";
import { isOutOfMemory, peakOfNetwork } from "../train/peak-memory.ts";
import { askTarget, describeInspection } from "./inspect-target.ts";

interface InspectOptions extends CommonOptions {
  /** Images of a training step whose memory is asked for. */
  batch?: number;
  /** As `3x224x224`. */
  input?: string;
  classes?: number;
  /** Of an ONNX file. */
  output?: string;
  /** Module with the user's own networks. */
  import?: Imports;
  /** Of a target, or a module that registers one. */
  target?: string;
  activations?: ActivationType;
  macs?: number;
  vela?: string;
  systemConfig?: string;
  memoryMode?: string;
}

/** A network to look at. */
interface Subject {
  name: string;
  inputShape: readonly number[];
  classes: number;
  model: Module;
  /** Why it is none for another number of classes. */
  whyNoClasses?: string | null;
}

/**
 * `pea inspect`: what a network consists of, or what a target makes of it.
 *
 * @returns exit code 0; 1 where the target does not take the network
 */
export async function runInspect(source: string, options: InspectOptions): Promise<number> {
  const { target: word, activations: type, macs, vela, systemConfig, memoryMode } = options;
  const settings = { activations: type, macs, vela, systemConfig, memoryMode };
  const [idle] = Object.entries(settings).find(([, value]) => value !== undefined) ?? [];
  if (word === undefined && idle !== undefined)
    throw usage(`--${kebab(idle)} is of a target: name one with --target`);
  const { model, ...subject } = await openSubject(source, options);
  try {
    const { name, inputShape, classes, whyNoClasses: whyNot = null } = subject;
    // Before anything else takes memory.
    const { batch } = options;
    const peak =
      batch === undefined
        ? undefined
        : await fitting(subject, () => peakOfNetwork(model, inputShape, batch), batch);
    const inspection = await fitting(subject, () => inspectNetwork(model, inputShape));
    const { parameters, ...info } = inspection.info;
    const { graph, layers, sites: activations } = inspection;
    // What libtorch computes in steps, as GELU, is named as what it is.
    const recognized = recognizeActivations(graph);
    const remarks = model instanceof FileNetwork ? model.remarks : [];
    const target = word === undefined ? undefined : await askTarget(graph, word, settings);
    const document = {
      network: name,
      input: inputShape,
      classes,
      whyNoClasses: whyNot,
      params: parameters,
      ...info,
      remarks,
      exportObstacle: whySmooth(recognized) ?? exportObstacleOf(graph),
      otherActivations: otherActivationsOf(graph),
      ...(target && { target }),
      layers,
      activations,
      keys: [...model.stateDict().keys()],
      ...(peak !== undefined && { training: { batch, peakMemory: peak } }),
    };
    const answer =
      whyNot === null ? counted(classes, "class", "classes") : `answers ${info.outputShape.join("×")}`;
    printResult(options, document, () =>
      [
        `${name}: input ${inputShape.join("×")}, ${answer}`,
        ...(whyNot === null ? [] : [whyNot]),
        ...remarks,
        "",
        ...(target === undefined
          ? describeLayers(inspection, { ...document, recognized })
          : describeInspection(target)),
        ...(peak === undefined
          ? []
          : [
              `training             ${mebibytes(peak)} at most, in steps of ${counted(batch as number, "image", "images")}`,
            ]),
      ].join("\n"),
    );
    return (target?.refused ?? []).length > 0 ? 1 : 0;
  } finally {
    model.dispose();
  }
}

function describeLayers(
  { info, layers, sites }: Inspection,
  {
    keys,
    recognized,
    exportObstacle,
    otherActivations,
  }: {
    keys: readonly string[];
    recognized: Graph;
    exportObstacle: string | null;
    otherActivations: readonly OtherActivation[];
  },
): string[] {
  return [
    layerTable(layers, sites),
    "",
    `parameters           ${grouped(info.parameters)}`,
    `MACs                 ${grouped(info.macs)}`,
    `activation sites     ${info.sites === 0 ? "none" : `${info.sites}  (${describeKinds(sites)})`}`,
    `activation elements  ${grouped(info.activationElements)}`,
    `state-dict keys      ${keys.length}`,
    `export to ONNX       ${describeExport(recognized, exportObstacle, otherActivations)}`,
  ];
}

/** The result of `work`, which may find that the network does not take such images, or memory not so many. */
async function fitting<T>(
  { name, inputShape }: Omit<Subject, "model">,
  work: () => T | Promise<T>,
  batch?: number,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TorchError)) throw error;
    if (batch !== undefined && isOutOfMemory(error))
      throw new PeaError(
        `training by ${counted(batch, "image", "images")} does not fit into memory: ${error.message}`,
        {
          kind: "usage",
          cause: error,
        },
      );
    throw new PeaError(`${name} does not take images of ${inputShape.join("×")}: ${error.message}`, {
      kind: "usage",
      cause: error,
    });
  }
}

async function openSubject(
  source: string,
  { input, classes, output, import: imported, target }: InspectOptions,
): Promise<Subject> {
  if (existsSync(join(source, "config.yaml"))) {
    if (input !== undefined || classes !== undefined || output !== undefined)
      throw usage(
        `${source} is a run, whose images and classes are given; leave --input, --classes and --output out`,
      );
    const { run, recipe, facts } = await readNetwork(source, { import: imported });
    const shape = { inputShape: facts.inputShape, classes: facts.classes.length };
    const model = createNetwork(recipe, shape);
    // Layers and sizes are the same with any weights; those of a target's integers, and the memory that they take, are not.
    const isTrained = Object.values(weightFiles(run)).some((file) => existsSync(file));
    if (target !== undefined && isTrained) await loadDeployedWeights(model, source, imported);
    return { name: recipe.model, ...shape, model };
  }
  if (!isModelFile(source)) {
    if (existsSync(source) || /[/\\]/.test(source))
      throw usage(
        `${source} is no run (it has no config.yaml); give the folder of a run, an ONNX file, whose name ends in .onnx, or a name pea models lists`,
      );
    if (output !== undefined)
      throw usage(`${source} is no ONNX file, of whose outputs one is chosen; leave --output out`);
  }
  const file = isModelFile(source)
    ? await openModelFile(source, { imageSize: imageSizeOf(input), output })
    : undefined;
  await importFiles(imported);
  const entry = findModel(source);
  const inputShape = input === undefined ? entry.inputShape : parseShape(input);
  const count = classes ?? entry.classes;
  const [inputChannels, height, width] = inputShape as [number, number, number];
  const model = createModel(source, { inputChannels, imageSize: [height, width], classes: count });
  const whyNot = file === undefined ? null : whyNoClasses(file.graph);
  return { name: source, inputShape, classes: count, model, whyNoClasses: whyNot };
}

/** Gives the plain network what a run has trained: as it is deployed, or would be if it were now. */
async function loadDeployedWeights(
  plain: Module,
  source: string,
  imported: Imports | undefined,
): Promise<void> {
  const { model, methods } = await openTrainedNetwork(source, { import: imported });
  try {
    if (methods.obstacle === null) methods.deploy();
    plain.loadStateDict(methods.deployedWeights(model));
  } finally {
    methods.dispose();
    model.dispose();
  }
}

function imageSizeOf(input: string | undefined): [number, number] | undefined {
  return input === undefined ? undefined : (parseShape(input).slice(-2) as [number, number]);
}

function parseShape(text: string): number[] {
  const shape = text.split(/[x×,]/).map(Number);
  if (shape.length < 2 || shape.length > 3 || shape.some((size) => !Number.isInteger(size) || size < 1))
    throw usage(`--input is "${text}", but must be channels, height and width, e.g. 3x224x224`);
  return shape;
}

/** Paths are cut in front, where they differ least, so that a row keeps to a terminal of 100 columns. */
const PATH_WIDTH = 34;

function layerTable(layers: readonly Layer[], sites: readonly Site[]): string {
  const kinds = new Map(sites.map(({ path, kind }) => [path, kind]));
  return formatTable(
    ["layer", "type", "output", "params", "MACs", "site"],
    layers.map(({ path, type, outputShape, parameters, macs }) => [
      path.length > PATH_WIDTH ? `…${path.slice(1 - PATH_WIDTH)}` : path || "(network)",
      type,
      outputShape?.join("×") ?? "not called",
      parameters,
      macs,
      kinds.get(path) ?? "",
    ]),
  );
}

function describeExport(
  recognized: Graph,
  obstacle: string | null,
  others: readonly OtherActivation[],
): string {
  if (obstacle !== null) {
    // Where nothing but smooth sites is in the way.
    const isSmooth = exportObstacleOf(smoothToRelu(recognized)) === null;
    return `not possible: ${obstacle}${isSmooth ? "; it has ReLU in the end with PEA, as --pea WO75%" : ""}`;
  }
  return others.length === 0 ? "possible" : `possible; ${describeActivations(others)}`;
}

function describeKinds(sites: readonly Site[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of sites) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
}

/** 11689512 as 11,689,512. */
const grouped = (count: number): string => count.toLocaleString("en-US");

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
