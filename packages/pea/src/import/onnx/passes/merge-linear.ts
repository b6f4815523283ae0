/**
 * Products and sums with numbers of each channel, as part of the layer before them: a bias that is added, a batch norm
 * that an exporter left as a product and a sum.
 *
 * @module
 */
import {
  type Constant,
  type Graph,
  type GraphNode,
  inferShapes,
  outputAxis,
  readersOf,
  removeDeadNodes,
  type Shape,
  scaledAlong,
  transposed,
} from "@pea/graph";

/** With matrices times constants as `Gemm`, and what is done to each channel behind a layer as part of its weights. */
export function mergeLinear(graph: Graph): Graph {
  return mergeIntoLayers(asGemm(graph));
}

/**
 * A product of rows and a constant matrix is a layer, whose weight has a row for each output. A matrix that something else
 * reads, too, stays as it is.
 */
function asGemm(graph: Graph): Graph {
  const shapes = inferShapes(graph);
  const readers = readersOf(graph);
  const isOfRows = ({ operator, inputs: [input = ""] }: GraphNode) =>
    operator === "MatMul" && shapes.get(input)?.length === 2;
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    const [input, weight = ""] = node.inputs;
    const matrix = graph.constants.get(weight);
    const isForRows = readers.get(weight)?.every((each) => isOfRows(each) && each.inputs[0] !== weight);
    if (!isOfRows(node) || input === weight || matrix?.shape.length !== 2 || !isForRows) return node;
    constants.set(weight, transposed(matrix));
    return { ...node, operator: "Gemm", attributes: { transA: 0, transB: 1, alpha: 1, beta: 1 } };
  });
  return { ...graph, nodes, constants };
}

function mergeIntoLayers(graph: Graph): Graph {
  const shapes = inferShapes(graph);
  const readers = readersOf(graph);
  const constants = new Map(graph.constants);
  // The layers as far as they are merged, by what they compute now.
  const layers = new Map<string, GraphNode>();
  const replaced = new Map<GraphNode, GraphNode>();
  const isReadOnce = (name: string) => readers.get(name)?.length === 1 && !graph.outputs.includes(name);
  for (const node of graph.nodes) {
    const [output = ""] = node.outputs;
    if (outputAxis(node) !== undefined) layers.set(output, node);
    const layer = node.inputs
      .map((name) => (isReadOnce(name) ? layers.get(name) : undefined))
      .find((each) => each);
    const numbers = node.inputs.find((name) => graph.constants.has(name));
    if (layer === undefined || numbers === undefined || node.inputs.length !== 2) continue;
    const isOwn = layer.inputs.slice(1).every((name) => (readers.get(name)?.length ?? 0) <= 1);
    const perChannel = channelNumbers(graph.constants.get(numbers) as Constant, shapes.get(output) ?? []);
    const merged = isOwn && perChannel && merge(layer, node, numbers, perChannel, constants);
    if (!merged) continue;
    layers.set(output, merged);
    const first = [...replaced].find(([, each]) => each === layer)?.[0] ?? layer;
    replaced.set(first, merged);
  }
  const gone = new Set([...replaced.values()].flatMap(({ outputs }) => outputs));
  const nodes = graph.nodes.flatMap((node) => {
    const layer = replaced.get(node);
    // Its place is its own: what it reads is there, and nothing reads it earlier.
    if (layer !== undefined) return [layer];
    return gone.has(node.outputs[0] ?? "") ? [] : [node];
  });
  return removeDeadNodes({ ...graph, nodes, constants });
}

/** The numbers of each channel, where a constant is that and nothing else. */
function channelNumbers({ shape, data }: Constant, of: Shape): Float32Array | undefined {
  if (!(data instanceof Float32Array) || shape.length > of.length || of.length < 2) return undefined;
  const missing = of.length - shape.length;
  const isAlongChannels = shape.every((size, axis) => size === (axis + missing === 1 ? of[1] : 1));
  return isAlongChannels && missing <= 1 ? data : undefined;
}

/** A layer with what a node does to its channels; undefined where that is nothing that a layer can take. */
function merge(
  layer: GraphNode,
  node: GraphNode,
  numbers: string,
  values: Float32Array,
  constants: Map<string, Constant>,
): GraphNode | undefined {
  const { operator, inputs, outputs } = node;
  const isFirst = inputs[0] === numbers;
  const [input = "", weightName = "", biasName = ""] = layer.inputs;
  const weight = constants.get(weightName);
  const bias = constants.get(biasName);
  const { alpha = 1, beta = 1, group = 1 } = layer.attributes;
  if (weight === undefined || (biasName !== "" && bias === undefined) || alpha !== 1 || beta !== 1)
    return undefined;
  if (operator === "Add" || (operator === "Sub" && !isFirst)) {
    const sign = operator === "Sub" ? -1 : 1;
    const name = biasName || numbers;
    const sum = values.map((value, i) => sign * value + Number(bias?.data[i] ?? 0));
    constants.set(name, { shape: [values.length], data: sum });
    return { ...layer, inputs: [input, weightName, name], outputs };
  }
  if (!(operator === "Mul" || (operator === "Div" && !isFirst))) return undefined;
  // A transposed convolution counts its channels within each group.
  if (layer.operator === "ConvTranspose" && group !== 1) return undefined;
  const factors = operator === "Div" ? values.map((value) => 1 / value) : values;
  constants.set(weightName, scaledAlong(weight, outputAxis(layer) ?? 0, factors));
  if (bias !== undefined) constants.set(biasName, scaledAlong(bias, 0, factors));
  return { ...layer, outputs };
}
