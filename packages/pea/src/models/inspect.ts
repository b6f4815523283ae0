/**
 * What a network consists of: parameters, multiplications and activation sites, found by one forward pass.
 *
 * @module
 */
import {
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  Linear,
  type Module,
  noGrad,
  onForward,
  recordCalls,
  scope,
  type Tensor,
  zeros,
} from "@pea/torch";
import { isActivation } from "../activations/activation-modules.ts";

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
  /** Multiply-accumulates of convolutions and linear layers for one image, padded taps counted. */
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

/**
 * The layers of a network in the order in which they are defined, measured by running one image of zeros in evaluation
 * mode.
 *
 * @param inputShape channels, height and width of the image.
 * @throws TorchError when the image does not fit the network.
 */
export function listLayers(model: Module, inputShape: readonly number[]): Layer[] {
  const parameters = ownParameters(model);
  const layers: Layer[] = [];
  const unhook: (() => void)[] = [];
  for (const [path, module] of model.namedModules()) {
    const count = parameters.get(path) ?? 0;
    if (count === 0 && module.children().size > 0) continue;
    const layer: Layer = {
      path,
      type: module.constructor.name,
      outputShape: null,
      parameters: count,
      macs: 0,
    };
    layers.push(layer);
    unhook.push(
      onForward(module, (input, output) => {
        layer.outputShape = output.shape.slice(1);
        layer.macs += macsOf(module, input, output);
      }),
    );
  }
  try {
    runImage(model, inputShape);
  } finally {
    for (const remove of unhook) remove();
  }
  return layers;
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

/**
 * The activation sites of a plain network, in the order of execution, found by running one image of zeros in
 * evaluation mode. A module that is called twice comes twice.
 *
 * @param inputShape channels, height and width of the image.
 * @throws TorchError when the image does not fit the network.
 */
export function listSites(model: Module, inputShape: readonly number[]): Site[] {
  const sites: Site[] = [];
  const producers = new WeakMap<Tensor, string>();
  const unhook = [...model.namedModules()]
    .filter(([, module]) => isActivation(module))
    .map(([path, module]) =>
      onForward(module, (input, output) => {
        const [, ...shape] = output.shape;
        const kind = kindOf(producers.get(input));
        sites.push({ index: sites.length, path, kind, shape, elements: output.numel });
      }),
    );
  try {
    recordCalls(
      ({ name, result }) => {
        if (typeof result === "object" && result !== null && !Array.isArray(result))
          producers.set(result, name);
      },
      () => runImage(model, inputShape),
    );
  } finally {
    for (const remove of unhook) remove();
  }
  return sites;
}

/**
 * Parameters, MACs and activation sites of a plain network (rules in spec networks.md 0).
 *
 * @param inputShape channels, height and width of the image.
 * @throws TorchError when the image does not fit the network.
 */
export function modelInfo(model: Module, inputShape: readonly number[]): ModelInfo {
  let macs = 0;
  let outputShape: readonly number[] = [];
  const unhook = [...model.namedModules().values()].map((module) =>
    onForward(module, (input, output) => {
      macs += macsOf(module, input, output);
      if (module === model) outputShape = output.shape.slice(1);
    }),
  );
  let sites: Site[];
  try {
    sites = listSites(model, inputShape);
  } finally {
    for (const remove of unhook) remove();
  }
  return {
    parameters: model
      .parameters()
      .filter(({ requiresGrad }) => requiresGrad)
      .reduce((sum, { numel }) => sum + numel, 0),
    macs,
    sites: sites.length,
    activationElements: sites.reduce((sum, { elements }) => sum + elements, 0),
    outputShape,
  };
}

/** One image of zeros through the network in evaluation mode; the mode of every module is put back. */
function runImage(model: Module, inputShape: readonly number[]): void {
  const modes = [...model.namedModules().values()].map((module) => ({ module, training: module.training }));
  const [parameter] = model.parameters();
  model.eval();
  try {
    scope(() => {
      const image = zeros([1, ...inputShape], { dtype: parameter?.dtype, device: parameter?.device });
      noGrad(() => {
        model.forward(image);
      });
    });
  } finally {
    for (const { module, training } of modes) module.training = training;
  }
}

/** Every output element of a convolution costs its share of the kernel, every input element of a transposed one. */
function macsOf(module: Module, input: Tensor, output: Tensor): number {
  if (module instanceof Linear) return output.numel * module.inputFeatures;
  if (module instanceof Conv1d || module instanceof Conv2d)
    return (output.numel * module.weight.numel) / module.outputChannels;
  if (module instanceof ConvTranspose2d) return (input.numel * module.weight.numel) / module.inputChannels;
  return 0;
}

function kindOf(producer = ""): SiteKind {
  if (producer.startsWith("aten::batch_norm")) return "bn-fed";
  if (producer.startsWith("aten::add")) return "post-add";
  if (producer.startsWith("aten::conv")) return "bare-conv";
  return "other";
}
