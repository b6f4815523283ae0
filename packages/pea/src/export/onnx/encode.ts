/**
 * ONNX files: a graph in, protobuf bytes out.
 * @module
 */
import { PeaError } from "@pea/core";
import {
  at,
  type Constant,
  type Graph,
  type GraphNode,
  inferShapes,
  isOpen,
  operators,
  type Shape,
} from "@pea/graph";
import onnxProto, { type onnx as Onnx } from "onnx-proto";
import { type InputForm, inputForms } from "../../onnx-file/input-forms.ts";
import { lowerToOpset } from "./lower.ts";
import { irVersionOf, usualOpset } from "./opsets.ts";

const { onnx } = onnxProto;
const { AttributeType } = onnx.AttributeProto;
const { DataType } = onnx.TensorProto;

/** What is written beside the graph. */
export interface EncodeOptions {
  /** Of this software. */
  producerVersion: string;
  /** Facts by name. */
  metadata?: Readonly<Record<string, string>>;
  /** By default 17. */
  opset?: number;
}

/**
 * Writes `graph` as an ONNX model; an open batch is an axis named `batch`, constants are initializers under their names.
 *
 * @throws PeaError of kind usage for an opset that is not written; for an opaque node
 */
export function encodeOnnx(
  graph: Graph,
  { producerVersion, metadata = {}, opset = usualOpset }: EncodeOptions,
): Uint8Array {
  const irVersion = irVersionOf(opset);
  const unknown = graph.nodes.find(({ opaque }) => opaque !== undefined)?.opaque;
  if (unknown !== undefined) throw new PeaError(unknown.reason);
  const lowered = lowerToOpset(graph, opset);
  const shapes = inferShapes(lowered);
  const initializers = new Map<string, Onnx.ITensorProto>();
  const node = lowered.nodes.map((each) => {
    for (const name of each.inputs) {
      const constant = lowered.constants.get(name);
      if (constant !== undefined) initializers.set(name, tensorProto(name, constant));
    }
    return nodeProto(each, opset, (name, constant) => initializers.set(name, tensorProto(name, constant)));
  });
  const valueInfo = (name: string) => valueInfoProto(name, shapes.get(name) ?? []);
  const model = {
    irVersion,
    opsetImport: [{ domain: "", version: opset }],
    producerName: "pea",
    producerVersion,
    graph: {
      name: metadata.network ?? "network",
      node,
      initializer: [...initializers.values()],
      input: lowered.inputs.map(({ name }) => valueInfo(name)),
      output: lowered.outputs.map(valueInfo),
    },
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
  return onnx.ModelProto.encode(model).finish();
}

/** @param define takes the constants that hold what the graph has as attributes */
function nodeProto(
  node: GraphNode,
  opset: number,
  define: (name: string, constant: Constant) => void,
): Onnx.INodeProto {
  const [result = ""] = node.outputs;
  const forms = inputForms(node.operator, opset);
  const input = [...node.inputs];
  for (const form of forms) {
    const value = node.attributes[form.attribute];
    if (value === undefined) continue;
    while (input.length < form.place) input.push("");
    input[form.place] = `${result}/${form.attribute}`;
    define(`${result}/${form.attribute}`, constantOf(form, value as number | readonly number[]));
  }
  if (node.operator === "Resize" && opset < 13) {
    // The region of interest, which is none, may not be left out yet.
    input[1] = `${result}/roi`;
    define(`${result}/roi`, { shape: [0], data: new Float32Array() });
  }
  const written = Object.entries(node.attributes).filter(
    ([name]) => !forms.some(({ attribute }) => attribute === name),
  );
  return {
    name: `${result}/${node.operator}`,
    opType: node.operator,
    input,
    output: [...node.outputs],
    attribute: written.map(([name, value]) => attributeProto(node, name, value)),
  };
}

function constantOf({ type }: InputForm, value: number | readonly number[]): Constant {
  const values = [value].flat();
  if (type === "integers") return { shape: [values.length], data: BigInt64Array.from(values, BigInt) };
  return { shape: type === "float" ? [] : [values.length], data: Float32Array.from(values) };
}

function attributeProto(node: GraphNode, name: string, value: unknown): Onnx.IAttributeProto {
  switch (operators.get(node.operator)?.attributes[name]) {
    case "int":
      return { name, type: AttributeType.INT, i: value as number };
    case "ints":
      return { name, type: AttributeType.INTS, ints: [...(value as number[])] };
    case "float":
      return { name, type: AttributeType.FLOAT, f: value as number };
    case "floats":
      return { name, type: AttributeType.FLOATS, floats: [...(value as number[])] };
    case "string":
      return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value as string) };
    default:
      throw new PeaError(`${node.operator}${at(node.path)} has no attribute ${name}`);
  }
}

const dataTypes = new Map<unknown, number>([
  [Float32Array, DataType.FLOAT],
  [Int8Array, DataType.INT8],
  [Uint8Array, DataType.UINT8],
  [Int16Array, DataType.INT16],
  [Int32Array, DataType.INT32],
  [BigInt64Array, DataType.INT64],
]);

function tensorProto(name: string, { shape, data }: Constant): Onnx.ITensorProto {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims: [...shape], dataType: dataTypes.get(data.constructor), rawData };
}

function valueInfoProto(name: string, shape: Shape): Onnx.IValueInfoProto {
  const dim = shape.map((size) => (isOpen(size) ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: DataType.FLOAT, shape: { dim } } } };
}
