/**
 * Layer normalization for opsets that have none.
 *
 * @module
 */
import { type Constant, elementsOf, type GraphNode, type Shape } from "@pea/graph";

/**
 * With what is normalized together as the pixels of one channel, which `InstanceNormalization` brings to mean 0 and
 * variance 1; then scaled and shifted.
 *
 * @param from of what is normalized: the batch, then sizes that are known
 * @param define takes the constants that this needs
 */
export function layerNormByInstances(
  { inputs, outputs, attributes, path }: GraphNode,
  from: Shape,
  define: (name: string, constant: Constant) => void,
): GraphNode[] {
  const [input = "", scale = "", bias = ""] = inputs;
  const [output = ""] = outputs;
  const { axis: wanted = -1, epsilon = 1e-5 } = attributes;
  const axis = Number(wanted) < 0 ? Number(wanted) + from.length : Number(wanted);
  const groups = elementsOf(from.slice(1, axis));
  const name = (part: string) => `${output}/${part}`;
  const same = (value: number): Constant => ({
    shape: [groups],
    data: new Float32Array(groups).fill(value),
  });
  define(name("ones"), same(1));
  define(name("zeros"), same(0));
  const steps: Pick<GraphNode, "operator" | "inputs" | "attributes">[] = [
    { operator: "Reshape", inputs: [], attributes: { shape: [0, groups, elementsOf(from.slice(axis))] } },
    { operator: "InstanceNormalization", inputs: [name("ones"), name("zeros")], attributes: { epsilon } },
    { operator: "Reshape", inputs: [], attributes: { shape: [0, ...from.slice(1).map(Number)] } },
    { operator: "Mul", inputs: [scale], attributes: {} },
    ...(bias === "" ? [] : [{ operator: "Add", inputs: [bias], attributes: {} }]),
  ];
  let value = input;
  return steps.map((step, i) => {
    const node = { ...step, inputs: [value, ...step.inputs], path };
    value = i === steps.length - 1 ? output : name(`step${i}`);
    return { ...node, outputs: [value] };
  });
}
