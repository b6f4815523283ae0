/**
 * A network of integers in the form that ONNX's runtimes take: of floats, with each value made integers and floats again
 * where it is rounded. A runtime finds the operators between these pairs and computes them in integers.
 *
 * @module
 */
import {
  type Constant,
  dequantizedConstant,
  type Graph,
  type GraphNode,
  integers,
  type Quantization,
  type QuantizedGraph,
  type TensorData,
  withoutFused,
} from "@pea/graph";

/**
 * The same as floats between `QuantizeLinear` and `DequantizeLinear`. Values keep their names; what is rounded is
 * `NAME/float` before and `NAME/integers` between. Activations stay nodes of their own, so that a reader that leaves the
 * pairs out has the network all the same; every pair names its zero point, 0 too.
 */
export function toQdq(graph: QuantizedGraph): Graph {
  const constants = new Map<string, Constant>();
  const parameters = (name: string): readonly [inputs: string[], attributes: GraphNode["attributes"]] => {
    const { scales, axis, ...others } = quantizationOf(graph, name);
    const shape = axis === undefined ? [] : [scales.length];
    constants.set(`${name}/scale`, { shape, data: scales });
    constants.set(`${name}/zero`, { shape, data: zeroPointsOf(others) });
    return [[`${name}/scale`, `${name}/zero`], axis === undefined ? {} : { axis }];
  };
  const convert = (operator: string, name: string, from: string, to: string): GraphNode => {
    const [inputs, attributes] = parameters(name);
    return { operator, inputs: [from, ...inputs], outputs: [to], attributes, path: name };
  };
  const weights = [...graph.constants].flatMap(([name, constant]) => {
    const quantization = quantizationOf(graph, name);
    // ONNX has no conversion of int64.
    if (quantization.type === "int64") {
      constants.set(name, dequantizedConstant(constant, quantization));
      return [];
    }
    constants.set(`${name}/integers`, constant);
    return [convert("DequantizeLinear", name, `${name}/integers`, name)];
  });
  const rounded = (name: string, from: string, to: string) => [
    convert("QuantizeLinear", name, from, `${name}/integers`),
    convert("DequantizeLinear", name, `${name}/integers`, to),
  ];
  const images = graph.inputs.flatMap(({ name }) => rounded(name, name, `${name}/rounded`));
  const isInput = new Set(graph.inputs.map(({ name }) => name));
  const nodes = withoutFused(graph.nodes).flatMap((node): GraphNode[] => {
    const ofLinear = node.outputs.filter((name) => graph.quantizations.has(name));
    const computed = {
      ...node,
      inputs: node.inputs.map((name) => (isInput.has(name) ? `${name}/rounded` : name)),
      outputs: node.outputs.map((name) => (ofLinear.includes(name) ? `${name}/float` : name)),
    };
    return [computed, ...ofLinear.flatMap((name) => rounded(name, `${name}/float`, name))];
  });
  return {
    inputs: graph.inputs,
    outputs: graph.outputs,
    nodes: [...images, ...weights, ...nodes],
    constants,
  };
}

function quantizationOf({ quantizations }: QuantizedGraph, name: string): Quantization {
  return quantizations.get(name) as Quantization;
}

function zeroPointsOf({ type, zeroPoints }: Omit<Quantization, "scales">): TensorData {
  return integers(type, zeroPoints.length, (i) => zeroPoints[i] as number);
}
