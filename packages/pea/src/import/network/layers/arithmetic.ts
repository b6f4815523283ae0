import { elementsOf } from "@pea/graph";
import { add, div, Module, mul, neg, sub, type Tensor, tensor } from "@pea/torch";
import type { Layer, LayerNode } from "./layer.ts";

type Operator = (a: Tensor, b: Tensor | number) => Tensor;

/** Numbers of a network that are no layer's weights, as what a layer's result is multiplied by. */
class Numbers extends Module {
  readonly values: Tensor;

  /** @param name `weight` or `bias` @param trains else they are kept as they are */
  constructor(
    values: Float32Array,
    { shape, name, trains }: { shape: readonly number[]; name: string; trains: boolean },
  ) {
    super();
    const tensors = tensor(values, { shape });
    this.values = trains ? this.parameter(name, tensors) : this.buffer(name, tensors);
  }

  /** The numbers. */
  override forward(): Tensor {
    return this.values;
  }
}

/** a ∘ b, of two computed tensors, or of one and a constant: a number is one, more are the network's. */
function elementByElement(apply: Operator, name: "weight" | "bias"): Layer {
  return (node) => {
    const constants = [0, 1].map((index) => node.constant(index));
    const known = constants.findIndex((constant) => constant !== undefined);
    if (known === -1) return (a, b) => apply(a, b as Tensor);
    const { shape, data } = node.weight(known);
    const computed = 1 - known;
    if (elementsOf(shape) === 1 && known === 1) {
      const [value = 0] = data as Float32Array;
      return (a) => apply(a, value);
    }
    const numbers = numbersOf(node, known, { name, trains: isTrained(node, computed) });
    return known === 1 ? (a) => apply(a, numbers()) : (b) => apply(numbers(), b);
  };
}

/** Under their key in the file, where they have one, else in a module of their own. */
function numbersOf(
  node: LayerNode,
  index: number,
  { name, trains }: { name: "weight" | "bias"; trains: boolean },
): () => Tensor {
  const held = node.hold(index, trains);
  if (held !== undefined) return () => held;
  const { shape, data } = node.weight(index);
  const values = Float32Array.from(data as Float32Array);
  const place = node.place(() => new Numbers(values, { shape, name, trains }));
  return () => place.module.values;
}

/** A factor or shift for each channel learns, once weights lie before it; a number alone and whole maps do not. */
function isTrained(node: LayerNode, computed: number): boolean {
  const constant = node.weight(1 - computed);
  const others = constant.shape.filter((size) => size !== 1).length;
  return others === 1 && node.isAfterWeights(computed);
}

export const arithmetic: Readonly<Record<string, Layer>> = {
  Add: elementByElement(add, "bias"),
  Sub: elementByElement(sub, "bias"),
  Mul: elementByElement(mul, "weight"),
  Div: elementByElement(div, "weight"),
  Neg: () => neg,
};
