/**
 * What a network consists of: parameters, multiplications and activation sites, read off its graph.
 *
 * @module
 */
import { elementsOf, type Graph, inferShapes, measure, producersOf, type Shape } from "@pea/graph";
import type { Module } from "@pea/torch";
import { isActivation } from "../activations/activation-modules.ts";
import { type ModuleCall, traceNetwork } from "../trace/trace.ts";

/**
 * What feeds an activation (spec networks.md 0): batch norm, a sum with a skip connection, a convolution without
 * batch norm, or anything else.
 */
export type SiteKind = "bn-fed" | "post-add" | "bare-conv" | "other";

/** One place where an activation is applied. */
export interface Site {
  /** Place in the order of execution, from 0. */
  index: number;
  /** Path of the activation module, e.g. `layer1.0.relu1`. */
  path: string;
  kind: SiteKind;
  /** Shape of the output for one image, e.g. [64, 56, 56]. */
  shape: readonly number[];
  /** Elements of the output for one image. */
  elements: number;
}

/** Size of a network. */
export interface ModelInfo {
  /** Trainable scalars; running statistics do not count. */
  parameters: number;
  /** Multiply-accumulates of convolutions, linear layers and other products of matrices for one image, padded taps counted. */
  macs: number;
  sites: number;
  /** Output elements of all activation sites for one image. */
  activationElements: number;
  /** Of the answer for one image: [classes], in segmentation [classes, height, width]. */
  outputShape: readonly number[];
}

/** A module that computes something itself: one with parameters of its own, or without modules inside. */
export interface Layer {
  path: string;
  /** Its class. */
  type: string;
  /** Of one image, at its last call, e.g. [64, 56, 56]; null where it is not called. */
  outputShape: readonly number[] | null;
  /** Trainable scalars of its own. */
  parameters: number;
  /** As in `ModelInfo`, over all its calls. */
  macs: number;
}

/** All of it, of one traced forward pass. */
export interface Inspection {
  readonly graph: Graph;
  readonly info: ModelInfo;
  readonly layers: Layer[];
  readonly sites: Site[];
}

/**
 * Looks at a network in evaluation mode; the mode of every module is put back.
 *
 * @param inputShape channels, height and width of one image
 * @throws TorchError when the image does not fit the network
 */
export function inspectNetwork(model: Module, inputShape: readonly number[]): Inspection {
  const { graph, calls } = traceNetwork(model, inputShape);
  const shapes = inferShapes(graph);
  const macs = macsByPath(graph);
  const sites = sitesOf(model, graph, calls, shapes);
  return {
    graph,
    info: {
      parameters: trainable(model.parameters()),
      macs: sum(macs.values()),
      sites: sites.length,
      activationElements: sum(sites.map(({ elements }) => elements)),
      outputShape: imageShape(shapes, graph.outputs[0]),
    },
    layers: layersOf(model, calls, shapes, macs),
    sites,
  };
}

/**
 * The layers of a network in the order in which they are defined.
 *
 * @param inputShape channels, height and width of the image.
 * @throws TorchError when the image does not fit the network.
 */
export function listLayers(model: Module, inputShape: readonly number[]): Layer[] {
  return inspectNetwork(model, inputShape).layers;
}

/**
 * The activation sites of a plain network, in the order of execution. A module that is called twice comes twice.
 *
 * @param inputShape channels, height and width of the image.
 * @throws TorchError when the image does not fit the network.
 */
export function listSites(model: Module, inputShape: readonly number[]): Site[] {
  return inspectNetwork(model, inputShape).sites;
}

/**
 * Parameters, MACs and activation sites of a plain network (rules in spec networks.md 0).
 *
 * @param inputShape channels, height and width of the image.
 * @throws TorchError when the image does not fit the network.
 */
export function modelInfo(model: Module, inputShape: readonly number[]): ModelInfo {
  return inspectNetwork(model, inputShape).info;
}

type Shapes = ReadonlyMap<string, Shape>;

function layersOf(
  model: Module,
  calls: readonly ModuleCall[],
  shapes: Shapes,
  macs: ReadonlyMap<string, number>,
): Layer[] {
  const parameters = ownParameters(model);
  const outputs = new Map(calls.map(({ path, output }) => [path, output]));
  return [...model.namedModules()]
    .filter(([path, module]) => parameters.has(path) || module.children().size === 0)
    .map(([path, module]) => ({
      path,
      type: module.constructor.name,
      outputShape: outputs.has(path) ? imageShape(shapes, outputs.get(path)) : null,
      parameters: parameters.get(path) ?? 0,
      macs: macs.get(path) ?? 0,
    }));
}

function sitesOf(model: Module, graph: Graph, calls: readonly ModuleCall[], shapes: Shapes): Site[] {
  const producers = producersOf(graph);
  return calls
    .filter(({ path }) => isActivation(model.getModule(path)))
    .map(({ path, input, output }, index) => ({
      index,
      path,
      kind: kindOf(producers.get(input)?.operator),
      shape: imageShape(shapes, output),
      elements: elementsOf(shapes.get(output) ?? []),
    }));
}

/** Trainable scalars by the path of the module that holds them. */
function ownParameters(model: Module): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [key, { numel, requiresGrad }] of model.namedParameters()) {
    const path = key.slice(0, Math.max(0, key.lastIndexOf(".")));
    if (requiresGrad) counts.set(path, (counts.get(path) ?? 0) + numel);
  }
  return counts;
}

function trainable(parameters: ReturnType<Module["parameters"]>): number {
  return sum(parameters.filter(({ requiresGrad }) => requiresGrad).map(({ numel }) => numel));
}

/** Over all calls of a module. */
function macsByPath(graph: Graph): Map<string, number> {
  const byPath = new Map<string, number>();
  for (const { node, macs } of measure(graph)) byPath.set(node.path, (byPath.get(node.path) ?? 0) + macs);
  return byPath;
}

/** Of one image. */
function imageShape(shapes: Shapes, value = ""): number[] {
  return (shapes.get(value) ?? []).slice(1).map(Number);
}

function kindOf(operator = ""): SiteKind {
  if (operator === "BatchNormalization") return "bn-fed";
  if (operator === "Add") return "post-add";
  if (operator === "Conv" || operator === "ConvTranspose") return "bare-conv";
  return "other";
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}
