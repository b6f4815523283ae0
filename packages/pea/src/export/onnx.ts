/**
 * ONNX files: a traced network in, protobuf bytes out, and back to the few facts the checks need.
 * @module
 */
import { readFile } from "node:fs/promises";
import { PeaError } from "@pea/core";
import onnxProto, { type onnx as Onnx } from "onnx-proto";
import { type Attributes, toOnnxNode } from "./operators.ts";
import type { GraphValue, NetworkGraph } from "./trace.ts";

const { onnx } = onnxProto;
const { AttributeType } = onnx.AttributeProto;
const { DataType } = onnx.TensorProto;

/** ONNX 1.12: what every runtime of the last years reads, and the first opset in which all operators used are stable. */
const irVersion = 8;
const opsetVersion = 17;

/** Writes `graph` as an ONNX model; the batch dimension is dynamic, initializers carry their state-dict keys. */
export function encodeOnnx(
  graph: NetworkGraph,
  producerVersion: string,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const initializers = new Map<string, Onnx.ITensorProto>();
  const node = graph.operations.map((operation) => {
    for (const value of operation.args.flat()) {
      if (isConstant(value)) initializers.set(value.name, floatTensor(value));
    }
    const { opType, inputs, attributes, integerInputs = [] } = toOnnxNode(operation);
    const integerNames = integerInputs.map((values, i) => {
      const name = `${operation.result.name}/integers_${i}`;
      initializers.set(name, integerTensor(name, values));
      return name;
    });
    return {
      name: `${operation.result.name}/${opType}`,
      opType,
      input: [...inputs, ...integerNames],
      output: [operation.result.name],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    };
  });
  const model = {
    irVersion,
    opsetImport: [{ domain: "", version: opsetVersion }],
    producerName: "pea",
    producerVersion,
    graph: {
      name: metadata.network ?? "network",
      node,
      initializer: [...initializers.values()],
      input: [valueInfo(graph.input)],
      output: [valueInfo(graph.output)],
    },
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
  return onnx.ModelProto.encode(model).finish();
}

/** What a file says about itself. */
export interface OnnxSummary {
  /** How many nodes there are of each operator type, by name. */
  operators: Record<string, number>;
  metadata: Record<string, string>;
  /** Names of the stored tensors. */
  initializers: string[];
  opset: number;
}

/**
 * Reads the graph of an ONNX file without running it.
 * @throws PeaError when the file is missing or is not an ONNX model
 */
export async function readOnnx(path: string): Promise<OnnxSummary> {
  const bytes = await readFile(path).catch((cause) => {
    throw new PeaError(`Cannot read ${path}: ${cause.message}`, { cause });
  });
  const model = decode(bytes, path);
  const operators: Record<string, number> = {};
  for (const { opType } of model.graph?.node ?? [])
    operators[opType ?? ""] = (operators[opType ?? ""] ?? 0) + 1;
  if (Object.keys(operators).length === 0)
    throw new PeaError(`${path} is not an ONNX model: it holds no operators.`);
  return {
    operators: Object.fromEntries(Object.entries(operators).sort(([a], [b]) => a.localeCompare(b))),
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key ?? "", value ?? ""])),
    initializers: (model.graph?.initializer ?? []).map(({ name }) => name ?? ""),
    opset: Number(model.opsetImport[0]?.version ?? 0),
  };
}

function decode(bytes: Uint8Array, path: string): Onnx.ModelProto {
  try {
    return onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw new PeaError(`${path} is not an ONNX model or is damaged: ${(cause as Error).message}`, { cause });
  }
}

function isConstant(value: unknown): value is GraphValue & { data: Float32Array } {
  return typeof value === "object" && value !== null && "data" in value;
}

function floatTensor({ name, shape, data }: GraphValue & { data: Float32Array }): Onnx.ITensorProto {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims: [...shape], dataType: DataType.FLOAT, rawData };
}

function integerTensor(name: string, values: readonly number[]): Onnx.ITensorProto {
  return { name, dims: [values.length], dataType: DataType.INT64, int64Data: [...values] };
}

function valueInfo({ name, shape }: GraphValue): Onnx.IValueInfoProto {
  const dim = shape.map((size, axis) => (axis === 0 ? { dimParam: "batch" } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: DataType.FLOAT, shape: { dim } } } };
}

function attribute(name: string, value: Attributes[string]): Onnx.IAttributeProto {
  if (typeof value === "number") return { name, type: AttributeType.INT, i: value };
  if ("float" in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: [...value] };
}
