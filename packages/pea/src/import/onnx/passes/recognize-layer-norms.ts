/** Layer normalization, which files up to opset 16 spell out, as the one node that it is. */
import { type Graph, type GraphNode, inferShapes, removeDeadNodes } from "@pea/graph";
import { constant, either, type Formula, GraphView, letter, made, named, number, sum } from "./formula.ts";

const x = letter("x");
const mean = named("mean", made("ReduceMean", [x]));
const centred = made("Sub", [x, mean]);
const square = either(made("Pow", [centred, number(2)]), made("Mul", [centred, centred]));
const variance = named("variance", made("ReduceMean", [square]));
const normalized = made("Div", [centred, made("Sqrt", [sum("epsilon", variance)])]);
const inEitherOrder = (operator: string, a: Formula, b: Formula) =>
  either(made(operator, [a, b]), made(operator, [b, a]));
/** (x − mean) / √(variance + epsilon) · weight + bias */
const layerNorm = inEitherOrder(
  "Add",
  inEitherOrder("Mul", normalized, constant("weight")),
  constant("bias"),
);

/** With each normalization over the last axis as one node, at the place of the last one of its spelling. */
export function recognizeLayerNorms(graph: Graph): Graph {
  const view = new GraphView(graph);
  const shapes = inferShapes(graph);
  const nodes = graph.nodes.map((node): GraphNode => {
    const [found] = layerNorm(view, node.outputs[0] as string, {});
    if (found === undefined) return node;
    const shape = shapes.get(String(found.x)) ?? [];
    const axis = shape.length - 1;
    const isOfLast = ({ attributes }: GraphNode) =>
      `${attributes.axes}` === `${axis}` && attributes.keepdims !== 0;
    const means = [found.mean, found.variance].map((name) => view.producer(String(name)));
    const isRow = [found.weight, found.bias].every(
      (name) => `${graph.constants.get(String(name))?.shape}` === `${shape[axis]}`,
    );
    if (!isRow || !means.every((each) => each !== undefined && isOfLast(each))) return node;
    const inputs = [found.x, found.weight, found.bias].map(String);
    const attributes = { axis, epsilon: Number(found.epsilon) };
    return { operator: "LayerNormalization", inputs, outputs: node.outputs, attributes, path: node.path };
  });
  return removeDeadNodes({ ...graph, nodes });
}
