import {
  clamp,
  ELU,
  exp,
  GELU,
  hardtanh,
  Mish,
  type Module,
  mul,
  ReLU,
  ReLU6,
  SiLU,
  sigmoid,
  softmax,
  softplus,
  sqrt,
  tanh,
} from "@pea/torch";
import type { Layer, LayerNode } from "./layer.ts";

/** Makes the module of an activation, which stands at a site of its own, or null where there is none for these settings. */
export type ActivationModule = (node: LayerNode) => (() => Module) | null;

/** Activations that are modules of the network: sites, and what another may be put in the place of. */
export const activationModules: Readonly<Record<string, ActivationModule>> = {
  Relu: () => () => new ReLU(),
  Clip: (node) => (isRelu6(node) ? () => new ReLU6() : null),
  Elu: (node) => (node.float("alpha", 1) === 1 ? () => new ELU() : null),
  Gelu: (node) => (node.text("approximate", "none") === "none" ? () => new GELU() : null),
  Mish: () => () => new Mish(),
  Swish: (node) => (node.float("alpha", 1) === 1 ? () => new SiLU() : null),
};

const isRelu6 = (node: LayerNode): boolean =>
  node.float("min", Number.NaN) === 0 && node.float("max", Number.NaN) === 6;

/** Those of settings without a module, and those that are no sites: gates, answers. */
export const elementwise: Readonly<Record<string, Layer>> = {
  Clip: (node) => {
    const { min, max } = node.node.attributes as { min?: number; max?: number };
    if (min !== undefined && max !== undefined) return (x) => hardtanh(x, { min, max });
    return (x) => clamp(x, { min, max });
  },
  Exp: () => exp,
  Sigmoid: () => sigmoid,
  Softmax: (node) => {
    const axis = node.axis(node.int("axis", -1));
    return (x) => softmax(x, axis);
  },
  Softplus: () => softplus,
  Sqrt: () => sqrt,
  Swish: (node) => {
    const alpha = node.float("alpha", 1);
    return (x) => mul(x, sigmoid(mul(x, alpha)));
  },
  Tanh: () => tanh,
};
