/** Long strides, as more channels. */
import type { Constant, QuantizedGraph, QuantizedNode, Shape } from "@pea/graph";
import { convSettings, type Replacement, rewritten } from "./rewrite.ts";

/** The longest stride that every chip takes. */
export const longestStride = 3;

/**
 * Without strides above 3: the pixels of blocks of s × s become channels, and a kernel of k × k one of ⌈k / s⌉ × ⌈k / s⌉ of
 * stride 1 over them, with zeros where it is larger. Layers of several groups or dilated ones stay.
 */
export const unstride = (graph: QuantizedGraph): { graph: QuantizedGraph; count: number } =>
  rewritten(graph, unstrided);

function unstrided(
  node: QuantizedNode,
  graph: QuantizedGraph,
  shapes: ReadonlyMap<string, Shape>,
): Replacement | undefined {
  const settings = convSettings(node, shapes);
  const [input = "", weight = "", ...bias] = node.inputs;
  const [output = ""] = node.outputs;
  const [, , ...image] = shapes.get(input) ?? [];
  const [, , ...out] = shapes.get(output) ?? [];
  const known = graph.constants.get(weight);
  const quantization = graph.quantizations.get(input);
  const weightQuantization = graph.quantizations.get(weight);
  if (
    settings === undefined ||
    known === undefined ||
    quantization === undefined ||
    weightQuantization === undefined
  )
    return undefined;
  const { kernel, strides, dilations, pads, group } = settings;
  const [stride = 1] = strides;
  const isPlain = group === 1 && strides[1] === stride && dilations.every((dilation) => dilation === 1);
  if (stride <= longestStride || !isPlain) return undefined;
  const blocks = kernel.map((size) => Math.ceil(size / stride));
  // What the last window reaches, in whole blocks: more than there is, or less, which no window reads.
  const after = [0, 1].map(
    (axis) =>
      stride * ((out[axis] as number) - 1 + (blocks[axis] as number)) -
      (image[axis] as number) -
      (pads[axis] as number),
  );
  const name = (what: string) => `${output}/${what}`;
  const [before = 0, left = 0] = pads;
  const { path } = node;
  const nodes: QuantizedNode[] = [];
  let from = input;
  const add = (operator: string, to: string, attributes: QuantizedNode["attributes"]) => {
    nodes.push({ operator, inputs: [from], outputs: [to], attributes, path });
    from = to;
  };
  const ends = image.map((size, axis) => (size as number) + Math.min(0, after[axis] as number));
  if (after.some((size) => size < 0)) add("Slice", name("read"), { starts: [0, 0], ends, axes: [2, 3] });
  const around = [0, 0, before, left, 0, 0, ...after.map((size) => Math.max(0, size))];
  if (around.some((size) => size > 0)) add("Pad", name("padded"), { pads: around });
  add("SpaceToDepth", name("blocks"), { blocksize: stride });
  return {
    nodes: [
      ...nodes,
      {
        ...node,
        inputs: [name("blocks"), name("weight"), ...bias],
        attributes: {
          kernel_shape: blocks,
          strides: [1, 1],
          pads: [0, 0, 0, 0],
          dilations: [1, 1],
          group: 1,
        },
      },
    ],
    constants: new Map([[name("weight"), inBlocks(known, stride, blocks as [number, number])]]),
    quantizations: new Map([
      ...nodes.map(({ outputs: [to = ""] }) => [to, quantization] as const),
      [name("weight"), weightQuantization],
    ]),
  };
}

/** Weight [out, C, rows, columns] as [out, s² · C, blocks, blocks]; channel (y · s + x) · C + c has pixel (y, x) of each block. */
function inBlocks(
  { shape, data }: Constant,
  stride: number,
  [rows, columns]: readonly [number, number],
): Constant {
  const [out = 1, channels = 1, height = 1, width = 1] = shape;
  const result = new Int8Array(out * channels * stride ** 2 * rows * columns);
  let from = 0;
  for (let o = 0; o < out; o++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const channel = ((y % stride) * stride + (x % stride)) * channels + c;
          const row = Math.floor(y / stride);
          const column = Math.floor(x / stride);
          const place = ((o * channels * stride ** 2 + channel) * rows + row) * columns + column;
          result[place] = Number(data[from++]);
        }
  return { shape: [out, channels * stride ** 2, rows, columns], data: result };
}
