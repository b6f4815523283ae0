/** Of each element alone, or of a channel's. */
import type { Operator } from "./operator.ts";

/** The shape stays. */
const shapes: Operator["shapes"] = (node) => [node.input(0)];

/** scale · (x − mean) / √(variance + epsilon) + bias, each of a channel; inputs x, scale, bias, mean, variance. */
const BatchNormalization: Operator = { role: "linear", attributes: { epsilon: "float" }, shapes };

const Identity: Operator = { role: "arrange", attributes: {}, shapes };

/** max(x, 0). */
const Relu: Operator = { role: "activation", attributes: {}, shapes };

/** min(max(x, min), max); ReLU6 is that of 0 and 6. */
const Clip: Operator = { role: "activation", attributes: { min: "float", max: "float" }, shapes };

/** 1 / (1 + e⁻ˣ). */
const Sigmoid: Operator = { role: "activation", attributes: {}, shapes };

/** eˣ / Σ eˣ along `axis`. */
const Softmax: Operator = { role: "activation", attributes: { axis: "int" }, shapes };

export const elementwise = { BatchNormalization, Identity, Relu, Clip, Sigmoid, Softmax };
