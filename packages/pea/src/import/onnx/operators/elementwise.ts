/** Element by element. */
import { broadcast } from "@pea/graph";
import { elementTypes } from "../../../onnx-file/model.ts";
import type { FileNode } from "../file-node.ts";
import { kindOf, typeName } from "../known-tensor.ts";
import type { Converter } from "./converter.ts";

const unary: Converter = (node) => node.result(node.operator, [node.input(0)]);
const binary: Converter = (node) => node.result(node.operator, [node.input(0), node.input(1)]);
const several: Converter = (node) => {
  if (node.inputCount === 0) node.refuse("it reads nothing");
  if (node.inputCount === 1) return node.same(node.nameOf(0));
  node.result(node.operator, node.inputs);
};

/** With one attribute that is a number; `absent` is what ONNX takes where it is left out. */
const withNumbers =
  (absent: Readonly<Record<string, number>>): Converter =>
  (node) => {
    const attributes = Object.entries(absent).map(([name, value]) => [name, node.number(name) ?? value]);
    node.result(node.operator, [node.input(0)], Object.fromEntries(attributes));
  };

const Clip: Converter = (node) => {
  const [min, max] = [node.number("min"), node.number("max")];
  if (min === undefined && max === undefined) return node.same(node.nameOf(0));
  node.result("Clip", [node.input(0)], {
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  });
};

/** The slope of each channel, as a file may have it as [C] too, is stretched over the image. */
const PRelu: Converter = (node) => {
  const slope = node.known(1) ?? node.refuse("its slope is computed, which is not followed");
  const [, channels, ...image] = node.shape(0);
  const isOfChannels = slope.values.length === channels;
  if (!isOfChannels && slope.values.length !== 1) return node.result("PRelu", [node.input(0), node.input(1)]);
  const shape = [slope.values.length, ...image.map(() => 1)];
  const name = node.constant("slope", { ...slope, shape });
  node.result("PRelu", [node.input(0), name]);
};

const Cast: Converter = (node) => {
  const type = node.number("to") ?? elementTypes.float;
  if (kindOf(type) === "float") return node.same(node.nameOf(0));
  node.opaque([node.input(0)], node.shape(0), `it makes ${typeName(type)} of what the network computes`);
};

/** And its logarithm. */
const softmax: Converter = (node) => {
  const rank = node.shape(0).length;
  const isOld = node.opset < 13;
  const axis = node.axis(node.number("axis") ?? (isOld ? 1 : -1));
  // Up to opset 12 it runs over all axes from its own on.
  if (
    isOld &&
    axis !== rank - 1 &&
    node
      .shape(0)
      .slice(axis + 1)
      .some((size) => size !== 1)
  )
    node.refuse(
      `it runs over ${node.formatShape(0)} from axis ${axis} on at once: export with opset 13 or higher`,
    );
  node.result(node.operator, [node.input(0)], { axis });
};

/** Booleans, and what is chosen by them: part of some activations' spelling. */
const ofBooleans: Converter = (node) =>
  node.opaque(
    node.inputs,
    broadcast(node.inputs.map((_, place) => node.shape(place))) ??
      node.refuse("its inputs do not fit each other"),
    "it compares or chooses, which is known only as a part of an activation",
  );

const Gelu: Converter = (node) =>
  node.result("Gelu", [node.input(0)], { approximate: node.text("approximate") ?? "none" });

const Swish: Converter = (node) =>
  node.result("Swish", [node.input(0)], { alpha: node.number("alpha") ?? 1 });

/** α (eˣᐟᵅ − 1) below 0. */
const Celu: Converter = (node) => {
  const alpha = node.number("alpha") ?? 1;
  if (alpha === 1) return node.result("Elu", [node.input(0)], { alpha });
  const bent = node.step("Elu", [node.step("Div", [node.input(0), numberOf(node, alpha)])], { alpha: 1 });
  node.result("Mul", [bent, numberOf(node, alpha)]);
};

/** γ times an ELU. */
const Selu: Converter = (node) => {
  const bent = node.step("Elu", [node.input(0)], { alpha: node.number("alpha") ?? 1.6732632 });
  node.result("Mul", [bent, numberOf(node, node.number("gamma") ?? 1.0507009)]);
};

const numberOf = (node: FileNode, value: number): string =>
  node.constant("number", { kind: "float", shape: [], values: Float32Array.of(value) });

/** 1 − erf(x): what a converter writes that knows no better. */
const Erfc: Converter = (node) => node.opaque([node.input(0)], node.shape(0), "ONNX has no such operator");

const same: Converter = (node) => node.same(node.nameOf(0));

export const elementwise: Readonly<Record<string, Converter>> = {
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Pow: binary,
  Min: several,
  Max: several,
  Sum: (node) => {
    const [first = "", ...others] = node.inputs;
    let sum = first;
    others.slice(0, -1).forEach((next) => {
      sum = node.step("Add", [sum, next]);
    });
    const last = others.at(-1);
    if (last === undefined) node.same(node.nameOf(0));
    else node.result("Add", [sum, last]);
  },
  Relu: unary,
  Sigmoid: unary,
  Tanh: unary,
  Erf: unary,
  Erfc,
  Exp: unary,
  Sqrt: unary,
  Abs: unary,
  Neg: unary,
  Softplus: unary,
  Mish: unary,
  HardSwish: unary,
  Gelu,
  Swish,
  LeakyRelu: withNumbers({ alpha: 0.01 }),
  Elu: withNumbers({ alpha: 1 }),
  HardSigmoid: withNumbers({ alpha: 0.2, beta: 0.5 }),
  Celu,
  Selu,
  Clip,
  PRelu,
  Softmax: softmax,
  LogSoftmax: softmax,
  Identity: same,
  Dropout: same,
  Cast,
  CastLike: same,
  Greater: ofBooleans,
  GreaterOrEqual: ofBooleans,
  Less: ofBooleans,
  LessOrEqual: ofBooleans,
  Where: ofBooleans,
};
