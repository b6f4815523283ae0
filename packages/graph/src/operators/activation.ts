/** Bends: of each element alone, or, as a Softmax, of a row of them. */
import { broadcastShapes } from "./arithmetic.ts";
import type { AttributeKind, Operator } from "./operator.ts";

/** Of one tensor, whose shape stays. */
const bend = (attributes: Readonly<Record<string, AttributeKind>> = {}): Operator => ({
  role: "activation",
  attributes,
  shapes: (node) => [node.input(0)],
});

/** Of several tensors that are stretched along axes of length 1. */
const compare: Operator = {
  role: "activation",
  attributes: {},
  shapes: (node) => [node.inputs.reduce((all, each) => broadcastShapes(node, all, each))],
};

/** x for x ≥ 0, else slope · x; inputs x, and slope, which is stretched to x. */
const PRelu: Operator = {
  role: "activation",
  attributes: {},
  shapes(node) {
    const [x, slope] = [node.input(0), node.input(1)];
    const stretched = broadcastShapes(node, x, slope);
    if (stretched.length !== x.length || stretched.some((size, axis) => size !== x[axis]))
      node.refuse(`its slope of ${slope.join("×")} does not fit ${x.join("×")}`);
    return [x];
  },
};

/** x to the power of y. */
const Pow: Operator = {
  role: "activation",
  attributes: {},
  shapes: (node) => [broadcastShapes(node, node.input(0), node.input(1))],
};

export const activation = {
  /** max(x, 0). */
  Relu: bend(),
  /** x for x ≥ 0, else alpha · x; alpha is 0.01 where it is left out. */
  LeakyRelu: bend({ alpha: "float" }),
  PRelu,
  /** min(max(x, min), max); ReLU6 is that of 0 and 6. */
  Clip: bend({ min: "float", max: "float" }),
  /** min(max(alpha · x + beta, 0), 1); alpha is 0.2 and beta 0.5 where they are left out. */
  HardSigmoid: bend({ alpha: "float", beta: "float" }),
  /** |x|. */
  Abs: bend(),
  /** The smallest, and the largest, of all inputs. */
  Min: compare,
  Max: compare,
  /** 1 / (1 + e⁻ˣ). */
  Sigmoid: bend(),
  /** x · min(max(x / 6 + 1/2, 0), 1). */
  HardSwish: bend(),
  /** x σ(alpha · x); alpha is 1 where it is left out. */
  Swish: bend({ alpha: "float" }),
  /** x Φ(x), with Φ by erf, or, where `approximate` is `tanh`, as ½ (1 + tanh(√(2/π) (x + 0.044715 x³))). */
  Gelu: bend({ approximate: "string" }),
  /** x tanh(ln(1 + eˣ)). */
  Mish: bend(),
  /** x for x ≥ 0, else alpha · (eˣ − 1); alpha is 1 where it is left out. */
  Elu: bend({ alpha: "float" }),
  Tanh: bend(),
  /** ln(1 + eˣ). */
  Softplus: bend(),
  Erf: bend(),
  Exp: bend(),
  Sqrt: bend(),
  Pow,
  /** eˣ / Σ eˣ along `axis`. */
  Softmax: bend({ axis: "int" }),
  /** Its logarithm. */
  LogSoftmax: bend({ axis: "int" }),
};
