/**
 * The proof that ReLU is the only activation of a network.
 *
 * What counts as an activation: a node that bends what was computed: `Relu`; `Clip` (ReLU6 among them), `Sigmoid` and
 * `Softmax`; and a product or quotient of two computed values, which no weight is part of. Sums, products with constants,
 * means, scaling of images and everything that only moves numbers bend nothing. The largest of several (max pooling)
 * counts as no activation. Neither does a `Softmax` or `Sigmoid` that nothing but the network's output is made of: it is
 * the form of the answer.
 *
 * @module
 */
import { at, type Graph, type GraphNode, readersOf } from "./graph.ts";
import { operators } from "./operators/index.ts";

/** The nodes that are activations by this module's rule, in the order of the graph. */
export function activationsOf(graph: Graph): GraphNode[] {
  const computed = new Set(graph.inputs.map(({ name }) => name));
  const isAnswer = answersOf(graph);
  return graph.nodes.filter((node) => {
    const read = node.inputs.filter((name) => computed.has(name));
    // What is made of constants alone is a constant.
    if (read.length > 0 || node.opaque !== undefined) for (const name of node.outputs) computed.add(name);
    const role = operators.get(node.operator)?.role;
    if (role === "activation") return read.length > 0 && !isAnswer(node);
    return (
      role === "multiply" &&
      (isDivision(node) ? computed.has(node.inputs[1] ?? "") : factors(node, computed) > 1)
    );
  });
}

/**
 * Why ReLU is not the only activation; null where it is.
 *
 * @returns a sentence that names the first other one, and its module; or the first operator that is none of the
 * vocabulary, of which nothing can be said
 */
export function whyNotReluOnly(graph: Graph): string | null {
  const unknown = graph.nodes.find(({ opaque }) => opaque !== undefined);
  if (unknown?.opaque !== undefined) return unknown.opaque.reason;
  const other = activationsOf(graph).find(({ operator }) => operator !== "Relu");
  if (other === undefined) return null;
  return `${describe(other)}: a deployed network has no activation but Relu`;
}

function describe({ operator, path }: GraphNode): string {
  const name = `${operator}${at(path)}`;
  if (operator === "Clip" || operators.get(operator)?.role === "activation")
    return `${name} is an activation`;
  return `${name} multiplies or divides what was computed by what was computed`;
}

const isDivision = ({ operator }: GraphNode): boolean => operator === "Div";

const factors = ({ inputs }: GraphNode, computed: ReadonlySet<string>): number =>
  inputs.slice(0, 2).filter((name) => computed.has(name)).length;

/** Whether a node is a Softmax or Sigmoid whose result reaches nothing but the output, by arrangement alone. */
function answersOf(graph: Graph): (node: GraphNode) => boolean {
  const readers = readersOf(graph);
  const isEnd = ({ outputs }: GraphNode): boolean =>
    outputs.every((output) =>
      (readers.get(output) ?? []).every(
        (reader) => operators.get(reader.operator)?.role === "arrange" && isEnd(reader),
      ),
    );
  return (node) => ["Softmax", "Sigmoid"].includes(node.operator) && isEnd(node);
}
