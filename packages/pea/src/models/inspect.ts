/**
 * What a network consists of: parameters, multiplications and activation sites, found by one forward pass.
 *
 * @module
 */
import {
  Conv2d,
  ConvTranspose2d,
  ELU,
  GELU,
  Linear,
  Mish,
  type Module,
  noGrad,
  onForward,
  ReLU,
  ReLU6,
  recordCalls,
  SiLU,
  scope,
  type Tensor,
  zeros,
} from "@pea/torch";

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
}

const activationClasses = [ReLU, ReLU6, GELU, SiLU, Mish, ELU];

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
    .filter(([, module]) => activationClasses.some((activation) => module instanceof activation))
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
  const unhook = [...model.namedModules().values()].map((module) =>
    onForward(module, (input, output) => {
      macs += macsOf(module, input, output);
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
  if (module instanceof Conv2d) return (output.numel * module.weight.numel) / module.outputChannels;
  if (module instanceof ConvTranspose2d) return (input.numel * module.weight.numel) / module.inputChannels;
  return 0;
}

function kindOf(producer = ""): SiteKind {
  if (producer.startsWith("aten::batch_norm")) return "bn-fed";
  if (producer.startsWith("aten::add")) return "post-add";
  if (producer.startsWith("aten::conv")) return "bare-conv";
  return "other";
}
