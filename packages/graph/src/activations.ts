/**
 * The activations of a network, told apart.
 *
 * What counts as one: a node that bends what was computed, be it by its nature or because it multiplies or divides what
 * was computed by what was computed. Sums, products with constants, means, scaling of images and everything that only
 * moves numbers bend nothing. The largest of several (max pooling) counts as no activation. Neither does a `Softmax`,
 * its logarithm or a `Sigmoid` that nothing but the network's output is made of: it is the form of the answer.
 *
 * @module
 */
import { type Graph, type GraphNode, nameOfNode, producersOf, readersOf } from "./graph.ts";
import { operators } from "./operators/index.ts";

/**
 * - `relu`: max(x, 0)
 * - `clip`: straight pieces between bounds or of several tensors: `Clip`, a `HardSigmoid` that is no gate, `Min`, `Max`
 * - `slope`: straight pieces that go on forever: `LeakyRelu`, `PRelu`, `Abs`
 * - `gate`: values of 0 to 1 (or between other bounds) that do nothing but multiply another tensor, as those of
 *   squeeze-and-excitation: a `Sigmoid`, `HardSigmoid`, `Clip`, or a `Softmax` over branches. Where they multiply the
 *   tensor that they are made of, as in x σ(x), they are no gate but a part of a smooth activation.
 * - `normalization`: a division by the tensor's own spread
 * - `smooth`: every other: curves, and products and quotients of what was computed
 */
export type ActivationKind = "relu" | "clip" | "slope" | "gate" | "normalization" | "smooth";

/** An activation of a network. */
export interface ActivationNode {
  readonly node: GraphNode;
  readonly kind: ActivationKind;
}

/** The activations by this module's rule, in the order of the graph. */
export function activationsOf(graph: Graph): ActivationNode[] {
  const view = new GraphView(graph);
  const gates = gatesOf(graph, view);
  const gated = new Set([...gates.values()].flat());
  return graph.nodes.flatMap((node) => {
    if (!view.bends(node) || gated.has(node) || view.isAnswer(node)) return [];
    return [{ node, kind: gates.has(node) ? "gate" : kindOf(node) }];
  });
}

/** The `Softmax`, `LogSoftmax` and `Sigmoid` nodes that nothing but the network's output is made of. */
export function answersOf(graph: Graph): GraphNode[] {
  const view = new GraphView(graph);
  return graph.nodes.filter((node) => view.isAnswer(node));
}

/** Which node it is (`nameOfNode`), and of what is no activation by its nature, why it counts as one. */
export function describeActivation(graph: Graph, node: GraphNode): string {
  const name = nameOfNode(graph, node);
  return roleOf(node.operator) === "multiply"
    ? `${name} multiplies or divides what was computed by what was computed`
    : `${name} is an activation`;
}

const kinds: Readonly<Record<string, ActivationKind>> = {
  Relu: "relu",
  Clip: "clip",
  HardSigmoid: "clip",
  Min: "clip",
  Max: "clip",
  LeakyRelu: "slope",
  PRelu: "slope",
  Abs: "slope",
};

function kindOf({ operator }: GraphNode): ActivationKind {
  return roleOf(operator) === "normalize" ? "normalization" : (kinds[operator] ?? "smooth");
}

const roleOf = (operator: string) => operators.get(operator)?.role;

/** The gates, each with the products that it enters. */
function gatesOf({ nodes }: Graph, view: GraphView): Map<GraphNode, readonly GraphNode[]> {
  const gates = new Map<GraphNode, readonly GraphNode[]>();
  for (const node of nodes) {
    if (!isBounded(node) || !view.bends(node)) continue;
    const products = view.productsOf(node);
    if (products !== null) gates.set(node, products);
  }
  return gates;
}

function isBounded({ operator, attributes }: GraphNode): boolean {
  if (operator === "Clip") return attributes.min !== undefined && attributes.max !== undefined;
  return ["Sigmoid", "HardSigmoid", "Softmax"].includes(operator);
}

/** A graph, asked where values come from and where they go. */
class GraphView {
  readonly #producers: ReadonlyMap<string, GraphNode>;
  readonly #readers: ReadonlyMap<string, readonly GraphNode[]>;
  readonly #outputs: ReadonlySet<string>;
  /** Values that depend on an input; what is made of constants alone is a constant. */
  readonly #computed: ReadonlySet<string>;

  constructor(graph: Graph) {
    this.#producers = producersOf(graph);
    this.#readers = readersOf(graph);
    this.#outputs = new Set(graph.outputs);
    const computed = new Set(graph.inputs.map(({ name }) => name));
    for (const { inputs, outputs, opaque } of graph.nodes)
      if (opaque !== undefined || inputs.some((name) => computed.has(name)))
        for (const name of outputs) computed.add(name);
    this.#computed = computed;
  }

  /** Whether a node bends what was computed. */
  bends(node: GraphNode): boolean {
    const role = roleOf(node.operator);
    const read = this.#computedInputs(node);
    if (role === "activation" || role === "normalize") return read.length > 0;
    if (role !== "multiply") return false;
    return node.operator === "Div" ? this.#computed.has(node.inputs[1] ?? "") : read.length > 1;
  }

  /** Whether a node is a Softmax, its logarithm or a Sigmoid whose result reaches nothing but the output, by arrangement alone. */
  isAnswer(node: GraphNode): boolean {
    const isEnd = ({ outputs }: GraphNode): boolean =>
      outputs.every((output) =>
        (this.#readers.get(output) ?? []).every(
          (reader) => roleOf(reader.operator) === "arrange" && isEnd(reader),
        ),
      );
    return ["Softmax", "LogSoftmax", "Sigmoid"].includes(node.operator) && isEnd(node);
  }

  /**
   * The products with other tensors in which all of a node's result ends; null where some of it goes elsewhere, or
   * multiplies what it was made of.
   */
  productsOf(node: GraphNode): GraphNode[] | null {
    const root = this.#rootOf(node.inputs[0] as string);
    const products: GraphNode[] = [];
    const pending = [...node.outputs];
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      const readers = this.#readers.get(value) ?? [];
      if (readers.length === 0 || this.#outputs.has(value)) return null;
      for (const reader of readers) {
        if (this.#scales(reader)) pending.push(...reader.outputs);
        else if (reader.operator === "Mul" && this.#multipliesAnother(reader, value, root))
          products.push(reader);
        else return null;
      }
    }
    return products;
  }

  /** Whether a product of `value` is one with a tensor of which neither `value` nor its gate was made. */
  #multipliesAnother({ inputs }: GraphNode, value: string, root: string): boolean {
    const [other] = inputs.filter((name) => name !== value).map((name) => this.#rootOf(name));
    return other !== undefined && other !== root && other !== this.#rootOf(value);
  }

  /** What a value is a rearranged, scaled, shifted or resized form of. */
  #rootOf(value: string): string {
    let root = value;
    for (;;) {
      const producer = this.#producers.get(root);
      if (producer === undefined || !this.#scales(producer)) return root;
      [root = ""] = this.#computedInputs(producer);
    }
  }

  /** Whether a node moves, scales, shifts or interpolates all elements of the one tensor that it reads. */
  #scales(node: GraphNode): boolean {
    return scaling.includes(node.operator) && this.#computedInputs(node).length === 1 && !this.bends(node);
  }

  #computedInputs({ inputs }: GraphNode): string[] {
    return inputs.filter((name) => this.#computed.has(name));
  }
}

const scaling = [
  ...["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Resize"],
  ...["Add", "Sub", "Mul", "Div", "Neg"],
];
