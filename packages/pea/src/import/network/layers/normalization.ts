import { BatchNorm1d, BatchNorm2d, LayerNorm } from "@pea/torch";
import { type Layer, type LayerNode, setValues } from "./layer.ts";

/** ONNX's momentum is the share of the old statistics, PyTorch's that of the new ones. */
export function batchNormOptions(node: LayerNode): { eps: number; momentum: number } {
  const kept = asWritten(node.float("momentum", 0.9));
  return { eps: epsilonOf(node), momentum: Number((1 - kept).toPrecision(9)) };
}

const epsilonOf = (node: LayerNode): number => asWritten(node.float("epsilon", 1e-5));

/** A file has float32 of what was written in decimals: 0.00001 rather than 0.0000099999997. */
const asWritten = (value: number): number => Number(value.toPrecision(7));

/** Gives a batch normalization the file's numbers. */
export function loadBatchNorm<M extends BatchNorm1d | BatchNorm2d>(node: LayerNode, layer: M): M {
  const { weight, bias, runningMean, runningVar } = layer;
  [weight, bias, runningMean, runningVar].forEach((tensor, i) => {
    setValues(tensor, node.weight(i + 1));
  });
  return layer;
}

const BatchNormalization: Layer = (node) => {
  const [channels = 0] = node.weight(1).shape;
  const isImages = node.input(0).length === 4;
  const place = node.place(() =>
    loadBatchNorm(node, new (isImages ? BatchNorm2d : BatchNorm1d)(channels, batchNormOptions(node))),
  );
  return (input) => place.module.forward(input);
};

const LayerNormalization: Layer = (node) => {
  const shape = node
    .input(0)
    .slice(node.axis(node.int("axis", -1)))
    .map((size) => node.fixed(size));
  const place = node.place(() => {
    const layer = new LayerNorm(shape, { eps: epsilonOf(node) });
    setValues(layer.weight, node.weight(1));
    if (node.hasInput(2)) setValues(layer.bias, node.weight(2));
    return layer;
  });
  return (input) => place.module.forward(input);
};

export const normalization = { BatchNormalization, LayerNormalization };
