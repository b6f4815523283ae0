/**
 * In which steps a graph is computed: a node each, but batch normalization together with the activation behind it, and
 * with the residual that is added between them, so that one kernel can compute the three; and a product with a matrix of
 * weights together with the bias that is added to its rows, which are one layer where all that share the two are.
 *
 * @module
 */
import { formatShape, type Graph, type GraphNode, producersOf, readersOf, type Shape } from "@pea/graph";

/** Batch normalization, and what is computed with it. */
export interface NormalizedActivation {
  readonly batchNorm: GraphNode;
  readonly activation: GraphNode;
  /** The value that is added before the activation. */
  readonly residual?: string;
}

/** A product with a matrix of weights, and the sum that adds a bias to it. */
interface Linear {
  readonly product: GraphNode;
  readonly sum: GraphNode;
  readonly bias: string;
}

export type Step = GraphNode | NormalizedActivation;

/** Whether a step is more than a node. */
export function isNormalizedActivation(step: Step): step is NormalizedActivation {
  return "batchNorm" in step;
}

/**
 * The steps in an order in which they can be run.
 *
 * @param isActivation whether a node is to be a module at a site
 */
export function stepsOf(
  graph: Graph,
  shapes: ReadonlyMap<string, Shape>,
  isActivation: (node: GraphNode) => boolean,
): Step[] {
  const place = new Map(graph.nodes.map((node, i) => [node, i]));
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  const onlyReader = (name: string): GraphNode | undefined => {
    const all = readers.get(name) ?? [];
    return all.length === 1 && !graph.outputs.includes(name) ? all[0] : undefined;
  };
  const taken = new Set<GraphNode>();
  const steps = new Map<GraphNode, Step>();
  for (const activation of graph.nodes.filter(isActivation)) {
    const [input = ""] = activation.inputs;
    const before = producers.get(input);
    if (before === undefined || onlyReader(input) !== activation) continue;
    const found = isAddition(before, graph)
      ? ofSum(before)
      : isImageNorm(before)
        ? { batchNorm: before }
        : undefined;
    if (found === undefined) continue;
    for (const node of [found.batchNorm, before]) taken.add(node);
    steps.set(activation, { ...found, activation });
  }
  const linear = graph.nodes.filter(isLinear).flatMap(linearOf);
  for (const { product, sum, bias } of linear.filter(isAlikeForAll)) {
    taken.add(product);
    // As a layer has it: the bias as third input.
    steps.set(sum, { ...product, inputs: [...product.inputs, bias], outputs: sum.outputs });
  }
  return graph.nodes.flatMap((node) => (taken.has(node) ? [] : [steps.get(node) ?? node]));

  function isImageNorm({ operator, inputs }: GraphNode): boolean {
    return operator === "BatchNormalization" && shapes.get(inputs[0] ?? "")?.length === 4;
  }

  function isLinear({ operator, inputs: [, weight = ""] }: GraphNode): boolean {
    return operator === "MatMul" && graph.constants.get(weight)?.shape.length === 2;
  }

  /** A product with the sum behind it, where that adds a bias and is all that reads it. */
  function linearOf(product: GraphNode): Linear[] {
    const sum = onlyReader(product.outputs[0] ?? "");
    const bias = sum && biasOf(sum, product);
    return sum === undefined || bias === undefined ? [] : [{ product, sum, bias }];
  }

  /** Whether weight and bias are read together everywhere, so that layers which share one share both, and are one module. */
  function isAlikeForAll({ product: { inputs }, bias }: Linear): boolean {
    const [, weight = ""] = inputs;
    const pairs = linear.filter(({ product, bias: other }) => product.inputs[1] === weight && other === bias);
    return [weight, bias].every((name) => readers.get(name)?.length === pairs.length);
  }

  /** The constant row that is added to what a product gives. */
  function biasOf({ operator, inputs }: GraphNode, product: GraphNode): string | undefined {
    const [, weight = ""] = product.inputs;
    const length = graph.constants.get(weight)?.shape[1] ?? 0;
    const isRow = (name: string) =>
      formatShape(graph.constants.get(name)?.shape ?? []) === formatShape([length]);
    return operator === "Add" ? inputs.find(isRow) : undefined;
  }

  /** Of the two that are added, the normalization that is computed last, and the other as residual. */
  function ofSum(sum: GraphNode): Omit<NormalizedActivation, "activation"> | undefined {
    const [a = "", b = ""] = sum.inputs;
    if (formatShape(shapes.get(a) ?? []) !== formatShape(shapes.get(b) ?? [])) return undefined;
    const candidates = [a, b].flatMap((name, i) => {
      const batchNorm = producers.get(name);
      const isAlone = batchNorm !== undefined && isImageNorm(batchNorm) && onlyReader(name) === sum;
      return isAlone ? [{ batchNorm, residual: i === 0 ? b : a }] : [];
    });
    return candidates.sort((x, y) => (place.get(y.batchNorm) ?? 0) - (place.get(x.batchNorm) ?? 0))[0];
  }
}

function isAddition({ operator, inputs }: GraphNode, { constants }: Graph): boolean {
  return operator === "Add" && inputs.every((name) => !constants.has(name)) && inputs[0] !== inputs[1];
}
