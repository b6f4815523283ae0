/** Shapes of all values, from those of the inputs. */
import { PeaError } from "@pea/core";
import { at, type Graph, type GraphNode, type Shape } from "./graph.ts";
import { operators } from "./operators/index.ts";
import { NodeReader } from "./operators/operator.ts";

/**
 * The shape of every value by its name.
 *
 * @throws PeaError naming operator and module where an operator is unknown or its inputs do not fit
 */
export function inferShapes({ inputs, constants, nodes }: Graph): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const { name, shape } of inputs) shapes.set(name, shape);
  for (const [name, { shape }] of constants) shapes.set(name, shape);
  for (const node of nodes)
    outputShapes(node, shapes).forEach((shape, i) => {
      const output = node.outputs[i];
      if (output !== undefined) shapes.set(output, shape);
    });
  return shapes;
}

/** Shapes of what one node computes, from those of what it reads. */
export function outputShapes(node: GraphNode, shapes: ReadonlyMap<string, Shape>): readonly Shape[] {
  if (node.opaque !== undefined) return node.opaque.shapes;
  const operator = operators.get(node.operator);
  if (operator === undefined)
    throw new PeaError(
      `${node.operator}${at(node.path)} is an operator the graph does not know; it knows ${[...operators.keys()].join(", ")}`,
    );
  return operator.shapes(new NodeReader(node, shapes));
}
