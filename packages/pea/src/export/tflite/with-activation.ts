/**
 * A TensorFlow Lite file with another activation in ReLU's place, to ask a compiler what that would cost. It is for that
 * alone: the network was not trained with it, and its numbers mean nothing.
 *
 * @module
 */
import type { IntegerType, Quantization } from "@pea/graph";
import type { TfliteModel, TfliteOperator, TfliteTensor } from "./model.ts";
import { type Builtin, fusedActivations } from "./schema.ts";

/** What is compared with ReLU as a part of the operator before it. */
export const comparedActivations = ["relu-alone", "hardswish", "gelu", "swish", "mish"] as const;
export type ComparedActivation = (typeof comparedActivations)[number];

/** As tables call them, with the operators that stand for them where their name does not tell. */
export const activationTitles: Readonly<Record<"relu" | ComparedActivation, string>> = {
  relu: "ReLU",
  "relu-alone": "ReLU as an operator of its own",
  hardswish: "HardSwish",
  gelu: "GELU",
  swish: "Swish (LOGISTIC, MUL)",
  mish: "Mish (EXP, ADD, LOG, TANH, MUL)",
};

/**
 * Every ReLU and ReLU6 as operators of another activation. Behind an operator that had it as a part of its own, the new operators
 * read a tensor of twice the scale, so that they have to compute something; a RELU or RELU6 that was an operator by itself
 * keeps its input with the scale that it has. Of a network with ReLU6, `relu-alone` leaves the upper bound out, too.
 */
export function withActivation(model: TfliteModel, activation: ComparedActivation): TfliteModel {
  const file = new Rewriting(model.tensors);
  const operators = model.operators.flatMap((operator) => {
    const [output = 0] = operator.outputs;
    const { fused_activation_function: fused = fusedActivations.none } = operator.options;
    if (operator.builtin === "RELU" || operator.builtin === "RELU6")
      return spell[activation](operator.inputs[0] as number, output, file);
    if (fused === fusedActivations.none) return [operator];
    const before = file.like(output, twice);
    const options = { ...operator.options, fused_activation_function: fusedActivations.none };
    return [{ ...operator, outputs: [before], options }, ...spell[activation](before, output, file)];
  });
  return { ...model, tensors: file.tensors, operators };
}

/** Tensors of a file, to which more come. */
class Rewriting {
  readonly tensors: TfliteTensor[];

  constructor(tensors: readonly TfliteTensor[]) {
    this.tensors = [...tensors];
  }

  /** One more, of another's shape. */
  like(place: number, quantization: (own: Quantization) => Quantization): number {
    const { name, shape, type, quantization: own } = this.tensors[place] as TfliteTensor;
    return this.add({
      name: `${name}/${this.tensors.length}`,
      shape,
      type,
      quantization: quantization(own as Quantization),
    });
  }

  /** The number 1, in the integers of a tensor. */
  one(place: number): number {
    const { type } = this.tensors[place] as TfliteTensor;
    const isWide = type === "int16";
    const data = isWide ? Int16Array.of(1) : Int8Array.of(1);
    return this.add({
      name: "one",
      shape: [1],
      type,
      quantization: of(isWide ? "int16" : "int8", 1, 0),
      data,
    });
  }

  private add(tensor: TfliteTensor): number {
    return this.tensors.push(tensor) - 1;
  }
}

const of = (type: IntegerType, scale: number, zeroPoint: number): Quantization => ({
  type,
  scales: Float32Array.of(scale),
  zeroPoints: Int32Array.of(zeroPoint),
});

/** As many numbers below 0 as above, so that nothing is the same as behind ReLU. */
const twice = ({ type, scales: [scale = 1] }: Quantization) => of(type, 2 * scale, 0);

/** By the type: integers of 16 bits are symmetric. */
const either =
  (int8: readonly [scale: number, zeroPoint: number], int16: number) =>
  ({ type }: Quantization): Quantization =>
    type === "int16" ? of(type, int16, 0) : of(type, ...int8);

/** From 0 to 1, as kernels of LOGISTIC want it. */
const unit = either([1 / 256, -128], 1 / 32768);
/** From −1 to 1, as those of TANH. */
const around = either([1 / 128, 0], 1 / 32768);
/** From 0 to 16, for eˣ and its like. */
const positive = either([1 / 16, -128], 1 / 2048);

const plain = { fused_activation_function: fusedActivations.none };

function operator(
  builtin: Builtin,
  inputs: readonly number[],
  output: number,
  options: TfliteOperator["options"] = {},
): TfliteOperator {
  return { builtin, inputs, outputs: [output], options };
}

/** The operators from x to y. */
const spell: Readonly<
  Record<ComparedActivation, (x: number, y: number, file: Rewriting) => TfliteOperator[]>
> = {
  "relu-alone": (x, y) => [operator("RELU", [x], y)],
  hardswish: (x, y) => [operator("HARD_SWISH", [x], y)],
  gelu: (x, y) => [operator("GELU", [x], y, { approximate: false })],
  /** x σ(x). */
  swish(x, y, file) {
    const gate = file.like(x, unit);
    return [operator("LOGISTIC", [x], gate), operator("MUL", [x, gate], y, plain)];
  },
  /** x tanh(ln(1 + eˣ)). */
  mish(x, y, file) {
    const [power, sum, logarithm, gate] = [positive, positive, positive, around].map((quantization) =>
      file.like(x, quantization),
    ) as [number, number, number, number];
    return [
      operator("EXP", [x], power),
      operator("ADD", [power, file.one(x)], sum, { ...plain, pot_scale_int16: false }),
      operator("LOG", [sum], logarithm),
      operator("TANH", [logarithm], gate),
      operator("MUL", [x, gate], y, plain),
    ];
  },
};
