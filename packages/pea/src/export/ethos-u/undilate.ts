/** Dilation along one axis, as rows that lie beside each other. */
import { PeaError } from "@pea/core";
import type { QuantizedGraph, QuantizedNode, Shape } from "@pea/graph";
import { convSettings, type Replacement, rewritten } from "./rewrite.ts";

/** Up to it the chip dilates by itself; above, it computes a kernel filled with zeros. */
const cheapDilation = 2;

/**
 * Without the dilations of 3×1 kernels and their like: of H rows every d-th one is read, so that [N, C, H, W] as
 * [N, C, H / d, d · W] has the rows that a kernel reads beneath each other. Those of 1×3 kernels are 3×1 with height and
 * width exchanged. Where d does not divide the height, the layer stays.
 */
export const undilate = (graph: QuantizedGraph): { graph: QuantizedGraph; count: number } =>
  rewritten(graph, undilated);

function undilated(
  node: QuantizedNode,
  graph: QuantizedGraph,
  shapes: ReadonlyMap<string, Shape>,
): Replacement | undefined {
  const settings = convSettings(node, shapes);
  const [, , height, width] = shapes.get(node.inputs[0] ?? "") ?? [];
  if (settings === undefined || typeof height !== "number" || typeof width !== "number") return undefined;
  const { kernel, strides, dilations, pads } = settings;
  if (strides.some((stride) => stride !== 1)) return undefined;
  const along = dilations.findIndex((dilation, axis) => dilation > cheapDilation && kernel[axis] !== 1);
  const across = 1 - along;
  if (along === -1 || kernel[across] !== 1 || pads[across] !== 0 || pads[across + 2] !== 0) return undefined;
  const dilation = dilations[along] as number;
  const size = [height, width][along] as number;
  const [before, after] = [pads[along] as number, pads[along + 2] as number];
  const reach = dilation * ((kernel[along] as number) - 1);
  if (size % dilation !== 0 || before % dilation !== 0 || before + after !== reach) return undefined;
  return spelledOut(node, graph, shapes, {
    isTurned: along === 1,
    kernel: kernel[along] as number,
    dilation,
    pads: [before / dilation, after / dilation],
    rows: size,
    columns: [height, width][across] as number,
  });
}

/** A kernel of one column, once height and width are exchanged where they are. */
interface Column {
  readonly isTurned: boolean;
  readonly kernel: number;
  readonly dilation: number;
  readonly pads: readonly [number, number];
  readonly rows: number;
  readonly columns: number;
}

function spelledOut(
  node: QuantizedNode,
  graph: QuantizedGraph,
  shapes: ReadonlyMap<string, Shape>,
  { isTurned, kernel, dilation, pads: [before, after], rows, columns }: Column,
): Replacement {
  const [input = "", weight = "", ...bias] = node.inputs;
  const [output = ""] = node.outputs;
  const from = graph.quantizations.get(input);
  const to = graph.quantizations.get(output);
  const known = graph.constants.get(weight);
  if (from === undefined || to === undefined || known === undefined)
    throw new PeaError(
      `${node.operator} in ${node.path}: what it reads has no quantization, or its weight is computed`,
    );
  const [, , ...image] = shapes.get(output) ?? [];
  const { path } = node;
  const step = (
    operator: string,
    x: string,
    y: string,
    attributes: QuantizedNode["attributes"],
  ): QuantizedNode => ({
    operator,
    inputs: [x],
    outputs: [y],
    attributes,
    path,
  });
  const exchange = { perm: [0, 1, 3, 2] };
  const name = (what: string) => `${output}/${what}`;
  const upright = isTurned ? name("upright") : input;
  const columnWeight = isTurned ? name("column") : weight;
  const result = isTurned ? name("rows") : output;
  const [out = 0, channels = 0] = known.shape;
  const height = isTurned ? (image[1] as number) : (image[0] as number);
  const nodes: QuantizedNode[] = [
    ...(isTurned ? [step("Transpose", input, upright, exchange)] : []),
    step("Reshape", upright, name("beside"), { shape: [0, 0, rows / dilation, dilation * columns] }),
    {
      ...node,
      inputs: [name("beside"), columnWeight, ...bias],
      outputs: [name("layer")],
      attributes: {
        ...node.attributes,
        kernel_shape: [kernel, 1],
        dilations: [1, 1],
        pads: [before, 0, after, 0],
      },
    },
    step("Reshape", name("layer"), result, { shape: [0, 0, height, columns] }),
    ...(isTurned ? [step("Transpose", result, output, exchange)] : []),
  ];
  const weightQuantization = graph.quantizations.get(weight);
  return {
    nodes,
    constants: new Map([[columnWeight, { shape: [out, channels, kernel, 1], data: known.data }]]),
    quantizations: new Map([
      [name("beside"), from],
      [name("layer"), to],
      ...(isTurned
        ? ([
            [upright, from],
            [result, to],
          ] as const)
        : []),
      ...(weightQuantization === undefined ? [] : ([[columnWeight, weightQuantization]] as const)),
    ]),
  };
}
