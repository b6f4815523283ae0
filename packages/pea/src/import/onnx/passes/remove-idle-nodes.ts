/** Nodes that give back what they read. */
import {
  type Constant,
  type Graph,
  type GraphNode,
  inferShapes,
  isOpen,
  producersOf,
  removeDeadNodes,
  type Shape,
} from "@pea/graph";

/** Without identities of any kind: pairs of transpositions, a reshape to the same shape, sums with 0, products with 1. */
export function removeIdleNodes(graph: Graph): Graph {
  const shapes = inferShapes(graph);
  const producers = new Map(producersOf(graph));
  const same = new Map<string, string>();
  const nodes: GraphNode[] = [];
  for (const original of graph.nodes) {
    const inputs = original.inputs.map((name) => same.get(name) ?? name);
    const node = joined({ ...original, inputs }, producers, shapes);
    const [output = ""] = node.outputs;
    const kept = isIdle(node, shapes, graph.constants);
    producers.set(output, node);
    if (kept === undefined || graph.outputs.includes(output)) nodes.push(node);
    else same.set(output, kept);
  }
  return removeDeadNodes({ ...graph, nodes });
}

/** Of two transpositions, or two changes of shape, one. */
function joined(
  node: GraphNode,
  producers: ReadonlyMap<string, GraphNode>,
  shapes: ReadonlyMap<string, Shape>,
): GraphNode {
  const before = producers.get(node.inputs[0] ?? "");
  if (before === undefined) return node;
  if (node.operator === "Transpose" && before.operator === "Transpose") {
    const first = before.attributes.perm as readonly number[];
    const perm = (node.attributes.perm as readonly number[]).map((axis) => first[axis] as number);
    return { ...node, inputs: before.inputs, attributes: { perm } };
  }
  const reshapes = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"];
  if (reshapes.includes(node.operator) && reshapes.includes(before.operator)) {
    const from = shapes.get(before.inputs[0] ?? "") ?? [];
    const to = shapes.get(node.outputs[0] ?? "") ?? [];
    const [batch] = from;
    if (!isOpen(batch) || !isOpen(to[0])) return node;
    const shape = to.map((size) => (isOpen(size) ? (size === batch ? 0 : -1) : size));
    return { ...node, operator: "Reshape", inputs: before.inputs, attributes: { shape } };
  }
  return node;
}

/** The value that a node gives back as it is; undefined where it does something. */
function isIdle(
  { operator, inputs, outputs, attributes, opaque }: GraphNode,
  shapes: ReadonlyMap<string, Shape>,
  constants: ReadonlyMap<string, Constant>,
): string | undefined {
  if (opaque !== undefined) return undefined;
  const [first = "", second = ""] = inputs;
  const isSameShape = (name: string) => shapes.get(name)?.join() === shapes.get(outputs[0] ?? "")?.join();
  const isAll = (name: string, value: number) => {
    const data = constants.get(name)?.data;
    return data?.length === 1 && Number(data[0]) === value;
  };
  switch (operator) {
    case "Identity":
      return first;
    case "Transpose":
      return (attributes.perm as readonly number[]).every((axis, place) => axis === place)
        ? first
        : undefined;
    case "Reshape":
    case "Flatten":
    case "Squeeze":
    case "Unsqueeze":
      return isSameShape(first) ? first : undefined;
    case "Add":
    case "Mul": {
      const neutral = operator === "Add" ? 0 : 1;
      if (isAll(second, neutral) && isSameShape(first)) return first;
      return isAll(first, neutral) && isSameShape(second) ? second : undefined;
    }
    case "Sub":
      return isAll(second, 0) && isSameShape(first) ? first : undefined;
    case "Div":
      return isAll(second, 1) && isSameShape(first) ? first : undefined;
    default:
      return undefined;
  }
}
