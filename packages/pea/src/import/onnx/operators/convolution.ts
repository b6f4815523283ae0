/** Convolutions. */
import type { Attributes } from "@pea/graph";
import type { FileNode } from "../file-node.ts";
import type { Converter } from "./converter.ts";
import { windowAttributes } from "./windows.ts";

/** The bias; none where the file makes zeros in the place of one, as PyTorch's default exporter does until it optimizes. */
function biasOf(node: FileNode): string {
  const bias = node.known(2);
  const isMade = bias !== undefined && bias.key === undefined;
  return isMade && Array.from<unknown>(bias.values).every((value) => value === 0)
    ? ""
    : node.optionalInput(2);
}

const Conv: Converter = (node) => {
  const [, , ...kernel] = node.shape(1);
  const attributes = { ...windowAttributes(node, kernel.map(Number)), group: node.number("group") ?? 1 };
  node.result("Conv", [node.input(0), node.input(1), biasOf(node)], attributes);
};

const ConvTranspose: Converter = (node) => {
  const [, , ...kernel] = node.shape(1);
  const attributes = windowAttributes(node, kernel.map(Number));
  if (node.integers("output_shape") !== undefined)
    node.refuse("it is told the size of its result: export it with pads instead");
  const output = node.integers("output_padding") ?? kernel.map(() => 0);
  node.result("ConvTranspose", [node.input(0), node.input(1), biasOf(node)], {
    ...attributes,
    output_padding: output,
    group: node.number("group") ?? 1,
  });
};

/** ONNX Runtime's convolution with an activation inside. */
const FusedConv: Converter = (node) => {
  const [, , ...kernel] = node.shape(1);
  const attributes = { ...windowAttributes(node, kernel.map(Number)), group: node.number("group") ?? 1 };
  let value = node.step("Conv", [node.input(0), node.input(1), biasOf(node)], attributes);
  if (node.has(3)) value = node.step("Add", [value, node.input(3)]);
  const activation = node.text("activation") ?? "";
  const [first, second] = node.floats("activation_params") ?? [];
  node.result(activation, [value], unfolded(node, activation, first, second));
};

function unfolded(node: FileNode, activation: string, first = 0, second = 0): Attributes {
  if (activation === "Relu" || activation === "Sigmoid" || activation === "Tanh") return {};
  if (activation === "LeakyRelu") return { alpha: first };
  if (activation === "Clip") return { min: first, max: second };
  if (activation === "HardSigmoid") return { alpha: first, beta: second };
  return node.refuse(
    `it hides the activation ${activation || "without a name"}: give the file that ONNX Runtime optimized it from`,
  );
}

export const convolution = { Conv, ConvTranspose, FusedConv };
