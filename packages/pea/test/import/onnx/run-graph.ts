/** What a graph, or a file, makes of images: by ONNX Runtime. */
import { type Graph, type GraphNode, inferShapes } from "@pea/graph";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { encodeOnnx } from "../../../src/export/onnx/encode.ts";

/** A tensor of numbers. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Images that are the same wherever they are made: sin(0.37 i) and a little that is not periodic. */
export function someImages(shape: readonly number[]): Values {
  const count = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: count }, (_, i) => Math.sin(0.37 * i) + Math.sin(0.0011 * i * i));
  return { shape, data };
}

/** Runs a file, or the bytes of one, whose input and output are the only ones. */
export async function runOnnx(file: string | Uint8Array, images: Values, output?: string): Promise<Values> {
  const session = await InferenceSession.create(file as string, {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  try {
    const [input = ""] = session.inputNames;
    const results = await session.run({ [input]: new Tensor("float32", images.data, images.shape) });
    const result = results[output ?? session.outputNames[0] ?? ""] as Tensor;
    return { shape: result.dims, data: result.data as Float32Array };
  } finally {
    await session.release();
  }
}

/** Runs a graph, its activations spelled out by their formulas. */
export function runGraph(graph: Graph, images: Values): Promise<Values> {
  return runOnnx(encodeOnnx(spelledOut(graph), { producerVersion: "0" }), images);
}

/** The largest difference of any element; infinite where shapes differ. */
export function largestDifference(a: Values, b: Values): number {
  if (a.shape.join() !== b.shape.join()) return Infinity;
  return a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b.data[i] as number))), 0);
}

/** Without the operators that opset 17 lacks. */
function spelledOut(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const number = (value: number): string => {
    constants.set(`number ${value}`, { shape: [], data: Float32Array.of(value) });
    return `number ${value}`;
  };
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    const spell = spellings[node.operator];
    if (spell === undefined) return [node];
    const steps: GraphNode[] = [];
    const step: Step = (operator, ...inputs) => {
      const output = `${node.outputs[0]} step ${steps.length}`;
      const names = inputs.map((input) => (typeof input === "number" ? number(input) : input));
      steps.push({ operator, inputs: names, outputs: [output], attributes: {}, path: node.path });
      return output;
    };
    spell(step, node.inputs[0] as string, node);
    return steps.map((each, i) => (i === steps.length - 1 ? { ...each, outputs: node.outputs } : each));
  });
  const spelled = { ...graph, nodes, constants };
  inferShapes(spelled);
  return spelled;
}

type Step = (operator: string, ...inputs: (string | number)[]) => string;

const spellings: Readonly<Record<string, (step: Step, x: string, node: GraphNode) => void>> = {
  Swish: (step, x, { attributes: { alpha = 1 } }) =>
    step("Mul", x, step("Sigmoid", step("Mul", x, Number(alpha)))),
  Mish: (step, x) => step("Mul", x, step("Tanh", step("Softplus", x))),
  Gelu: (step, x, { attributes: { approximate = "none" } }) => {
    if (approximate === "none") {
      step("Mul", step("Mul", x, 0.5), step("Add", 1, step("Erf", step("Mul", x, Math.SQRT1_2))));
    } else {
      const cube = step("Mul", step("Mul", x, x), x);
      const inner = step("Mul", step("Add", x, step("Mul", cube, 0.044715)), Math.sqrt(2 / Math.PI));
      step("Mul", step("Mul", x, 0.5), step("Add", 1, step("Tanh", inner)));
    }
  },
};
