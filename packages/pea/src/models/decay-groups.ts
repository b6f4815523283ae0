/**
 * Which parameters weight decay acts on.
 *
 * @module
 */
import {
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  Linear,
  type Module,
  type Tensor,
} from "@pea/torch";

/** Parameters of a model in two groups for the optimizer. */
export interface DecayGroups {
  decayed: Tensor[];
  notDecayed: Tensor[];
}

/**
 * Splits the parameters (spec networks.md 0, recipes.md 1.4): kernels of convolutions and linear layers decay, and so
 * does the bias of the last linear layer. Depthwise kernels, all other biases and batch norm do not.
 */
export function decayGroups(model: Module): DecayGroups {
  const decaying = new Set<Tensor>();
  let lastLinear: Linear | null = null;
  for (const module of model.namedModules().values()) {
    if (module instanceof ConvTranspose1d || module instanceof ConvTranspose2d) decaying.add(module.weight);
    if ((module instanceof Conv1d || module instanceof Conv2d) && !isDepthwise(module))
      decaying.add(module.weight);
    if (module instanceof Linear) {
      decaying.add(module.weight);
      lastLinear = module;
    }
  }
  if (lastLinear?.bias) decaying.add(lastLinear.bias);
  const groups: DecayGroups = { decayed: [], notDecayed: [] };
  for (const parameter of model.parameters()) {
    (decaying.has(parameter) ? groups.decayed : groups.notDecayed).push(parameter);
  }
  return groups;
}

/** Several input channels, and one of them per group. */
function isDepthwise({ inputChannels, weight }: Conv1d | Conv2d): boolean {
  return inputChannels > 1 && weight.shape[1] === 1;
}
