import {
  abs,
  add,
  call,
  clamp,
  ELU,
  elu,
  exp,
  GELU,
  Hardswish,
  hardtanh,
  LeakyReLU,
  logSoftmax,
  Mish,
  type Module,
  maximum,
  minimum,
  mul,
  PReLU,
  pow,
  ReLU,
  ReLU6,
  SiLU,
  sigmoid,
  softmax,
  softplus,
  sqrt,
  type Tensor,
  tanh,
} from "@pea/torch";
import { type Layer, type LayerNode, setValues } from "./layer.ts";

/** Makes the module of an activation, which stands at a site of its own, or null where there is none for these settings. */
export type ActivationModule = (node: LayerNode) => (() => Module) | null;

/** Activations that are modules of the network: sites, and what another may be put in the place of. */
export const activationModules: Readonly<Record<string, ActivationModule>> = {
  Relu: () => () => new ReLU(),
  Clip: (node) => (isRelu6(node) ? () => new ReLU6() : null),
  Elu: (node) => (node.float("alpha", 1) === 1 ? () => new ELU() : null),
  Gelu: (node) => () => new GELU({ approximate: node.text("approximate", "none") as "none" | "tanh" }),
  HardSwish: () => () => new Hardswish(),
  LeakyRelu: (node) => () => new LeakyReLU({ negativeSlope: node.float("alpha", 0.01) }),
  Mish: () => () => new Mish(),
  PRelu: (node) => (node.constant(1) === undefined ? null : () => prelu(node)),
  Swish: (node) => (node.float("alpha", 1) === 1 ? () => new SiLU() : null),
};

/** A slope for each channel, or one for all. */
function prelu(node: LayerNode): Module {
  const slope = node.weight(1);
  const numParameters = slope.data.length;
  if (numParameters !== 1 && numParameters !== node.input(0)[1])
    node.refuse(`its ${numParameters} slopes are not one for each channel`);
  const layer = new PReLU({ numParameters });
  setValues(layer.weight, slope);
  return layer;
}

const isRelu6 = (node: LayerNode): boolean =>
  node.float("min", Number.NaN) === 0 && node.float("max", Number.NaN) === 6;

/** min(max(alpha · x + beta, 0), 1). */
const HardSigmoid: Layer = (node) => {
  const [alpha, beta] = [node.float("alpha", 0.2), node.float("beta", 0.5)];
  return (x) => hardtanh(add(mul(x, alpha), beta), { min: 0, max: 1 });
};

const ofTwo =
  (apply: (a: Tensor, b: Tensor) => Tensor): Layer =>
  (node) => {
    if (node.node.inputs.length !== 2 || node.constant(0) || node.constant(1))
      node.refuse("it compares something else than two computed tensors");
    return (a, b) => apply(a, b as Tensor);
  };

const Pow: Layer = (node) => {
  const exponent = node.weight(1).data;
  if (exponent.length !== 1) node.refuse("its exponent is no number");
  return (x) => pow(x, Number(exponent[0]));
};

/** Those of settings without a module, and those that are no sites: gates, answers. */
export const elementwise: Readonly<Record<string, Layer>> = {
  Abs: () => abs,
  Clip: (node) => {
    const { min, max } = node.node.attributes as { min?: number; max?: number };
    if (min !== undefined && max !== undefined) return (x) => hardtanh(x, { min, max });
    return (x) => clamp(x, { min, max });
  },
  Elu: (node) => {
    const alpha = node.float("alpha", 1);
    return (x) => elu(x, { alpha });
  },
  Erf: () => (x) => call<Tensor>("aten::erf", x),
  Exp: () => exp,
  HardSigmoid,
  LogSoftmax: (node) => {
    const axis = node.axis(node.int("axis", -1));
    return (x) => logSoftmax(x, axis);
  },
  Max: ofTwo(maximum),
  Min: ofTwo(minimum),
  Pow,
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
