/**
 * The graph as an opset can say it.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { at, type Graph, type GraphNode, inferShapes, isOpen, type Shape } from "@pea/graph";
import { layerNormByInstances } from "./lower-layer-norm.ts";

/**
 * Puts what an opset has no form for into other words.
 *
 * @throws PeaError where there are none
 */
export function lowerToOpset(graph: Graph, opset: number): Graph {
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.flatMap((node) => {
    const shape = shapes.get(node.inputs[0] ?? "") ?? [];
    if (node.operator === "Resize" && node.attributes.scales === undefined)
      return [byScales(node, shape, shapes)];
    if (node.operator.endsWith("Softmax") && opset < 13) return alongLastAxis(node, shape.length);
    if (node.operator === "LayerNormalization" && opset < 17)
      return layerNormByInstances(node, shape, (name, constant) => constants.set(name, constant));
    const since = sinceOpset[node.operator] ?? 1;
    if (since > opset)
      throw new PeaError(
        `${node.operator}${at(node.path)} is none of ONNX's operators in opset ${opset}, but from ${since} on`,
      );
    return [node];
  });
  return { ...graph, nodes, constants };
}

/** The opsets that operators came with, of those that later ones than the first have. */
const sinceOpset: Readonly<Record<string, number>> = { HardSwish: 14, Mish: 18, Gelu: 20, Swish: 24 };

/** Sizes would have to name the batch. */
function byScales(node: GraphNode, from: Shape, shapes: ReadonlyMap<string, Shape>): GraphNode {
  const to = shapes.get(node.outputs[0] ?? "") ?? [];
  const { axes: _axes, sizes: _sizes, ...attributes } = node.attributes;
  const scales = from.map((size, axis) => {
    const wanted = Number(to[axis]);
    if (isOpen(size) || size === wanted) return 1;
    if (attributes.mode !== "nearest") return scaleFor(size, wanted);
    const scale = nearestScaleFor(size, wanted);
    if (scale !== undefined) return scale;
    throw new PeaError(
      `Resize${at(node.path)} cannot be written in ONNX: from ${size} to ${wanted} by nearest pixels: no scale in float32 ` +
        "makes runtimes take the same ones; take a whole factor, or bilinear scaling",
    );
  });
  return { ...node, attributes: { ...attributes, scales } };
}

/** The float32 next to `to / from` that gives `to` where a runtime multiplies in float32 and rounds down. */
export function scaleFor(from: number, to: number): number {
  return scalesNear(to / from).find((scale) => sizeBy(from, scale) === to) as number;
}

/** The same where runtimes, which take element ⌊i / scale⌋, take libtorch's, ⌊i · (from / to)⌋ in float32 too. */
function nearestScaleFor(from: number, to: number): number | undefined {
  const step = Math.fround(from / to);
  const places = Array.from({ length: to }, (_, i) => i);
  const last = (place: number) => Math.min(place, from - 1);
  return scalesNear(to / from).find(
    (scale) =>
      sizeBy(from, scale) === to &&
      places.every(
        (i) => last(Math.floor(Math.fround(i * step))) === last(Math.floor(Math.fround(i / scale))),
      ),
  );
}

function sizeBy(from: number, scale: number): number {
  return Math.floor(Math.fround(from * scale));
}

/** The float32 nearest to a value, and its neighbours from the nearer on. */
function scalesNear(value: number): number[] {
  const [bits = 0] = new Int32Array(Float32Array.of(value).buffer);
  return [0, 1, -1, 2, -2].map((step) => new Float32Array(Int32Array.of(bits + step).buffer)[0] as number);
}

/** Up to opset 12 Softmax runs over all axes from its own on. */
function alongLastAxis(node: GraphNode, rank: number): GraphNode[] {
  const { axis: wanted = -1 } = node.attributes;
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const axis = Number(wanted) < 0 ? Number(wanted) + rank : Number(wanted);
  const last = rank - 1;
  if (axis === last) return [node];
  const perm = Array.from({ length: rank }, (_, i) => (i === axis ? last : i === last ? axis : i));
  const { path } = node;
  const swap = (from: string, to: string): GraphNode => {
    return { operator: "Transpose", inputs: [from], outputs: [to], attributes: { perm }, path };
  };
  const [before, after] = [`${output}/before`, `${output}/after`];
  return [
    swap(input, before),
    { ...node, inputs: [before], outputs: [after], attributes: { axis: last } },
    swap(after, output),
  ];
}
