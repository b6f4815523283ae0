/**
 * ONNX files as this package writes them, back to the graph.
 * @module
 */
import { readFile } from "node:fs/promises";
import { PeaError } from "@pea/core";
import {
  type Attributes,
  type Constant,
  type Graph,
  type GraphInput,
  type GraphNode,
  operators,
  type TensorData,
} from "@pea/graph";
import onnxProto, { type onnx as Onnx } from "onnx-proto";
import { inputForms } from "../../onnx-file/input-forms.ts";

const { onnx } = onnxProto;
const { DataType } = onnx.TensorProto;

/** What a file says about itself. */
export interface OnnxFile {
  graph: Graph;
  /** How many nodes there are of each operator, by name. */
  operators: Record<string, number>;
  metadata: Record<string, string>;
  opset: number;
}

/**
 * Reads an ONNX file without running it.
 * @throws PeaError when the file is missing, is not an ONNX model, or holds an operator that this package does not write
 */
export async function readOnnx(path: string): Promise<OnnxFile> {
  const bytes = await readFile(path).catch((cause) => {
    throw new PeaError(`Cannot read ${path}: ${cause.message}`, { cause });
  });
  const model = decode(bytes, path);
  const { node, initializer, input, output } = onnx.GraphProto.create(model.graph ?? {});
  if (node.length === 0) throw new PeaError(`${path} is not an ONNX model: it holds no operators.`);
  const foreign = new Set(node.map(({ opType }) => opType ?? "").filter((opType) => !operators.has(opType)));
  if (foreign.size > 0)
    throw new PeaError(
      `${path} holds ${[...foreign].join(", ")}: a deployed network has no operator but ${[...operators.keys()].join(", ")}.`,
    );
  const opset = Number(model.opsetImport[0]?.version ?? 0);
  const constants = new Map(initializer.map((tensor) => [tensor.name ?? "", constantOf(tensor)]));
  const nodes = node.map((each) => nodeOf(each, opset, constants));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const graph = {
    inputs: input.map(inputOf),
    outputs: output.map(({ name }) => name ?? ""),
    nodes,
    constants: new Map([...constants].filter(([name]) => read.has(name))),
  };
  return {
    graph,
    operators: countOperators(graph),
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key ?? "", value ?? ""])),
    opset,
  };
}

/** How many nodes there are of each operator, by name. */
export function countOperators({ nodes }: Graph): Record<string, number> {
  const names = nodes.map(({ operator }) => operator).sort((a, b) => a.localeCompare(b));
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function decode(bytes: Uint8Array, path: string): Onnx.ModelProto {
  try {
    return onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw new PeaError(`${path} is not an ONNX model or is damaged: ${(cause as Error).message}`, { cause });
  }
}

/** What the graph has as attributes comes back from constant inputs. The path is that of the value, which names it. */
function nodeOf(
  { opType, input, output, attribute }: Onnx.INodeProto,
  opset: number,
  constants: ReadonlyMap<string, Constant>,
): GraphNode {
  const operator = opType ?? "";
  const forms = inputForms(operator, opset);
  const inputs = input ?? [];
  const attributes: [string, Attributes[string]][] = (attribute ?? []).map((each) => [
    each.name ?? "",
    attributeOf(each),
  ]);
  for (const { attribute: name, place, type } of forms) {
    const values = constants.get(inputs[place] ?? "")?.data;
    if (values === undefined) continue;
    const numbers = Array.from(values, Number);
    attributes.push([name, type === "float" ? (numbers[0] as number) : numbers]);
  }
  const first = Math.min(
    inputs.length,
    operator === "Resize" ? 1 : Infinity,
    ...forms.map(({ place }) => place),
  );
  const [path = ""] = output ?? [];
  return {
    operator,
    inputs: inputs.slice(0, first),
    outputs: output ?? [],
    attributes: Object.fromEntries(attributes),
    path,
  };
}

function attributeOf({ type, i, ints, f, floats, s }: Onnx.IAttributeProto): Attributes[string] {
  const { AttributeType } = onnx.AttributeProto;
  switch (type) {
    case AttributeType.INT:
      return Number(i);
    case AttributeType.INTS:
      return (ints ?? []).map(Number);
    case AttributeType.FLOAT:
      return f ?? 0;
    case AttributeType.FLOATS:
      return floats ?? [];
    default:
      return new TextDecoder().decode(s ?? new Uint8Array());
  }
}

const arrays = new Map<unknown, { new (buffer: ArrayBuffer): TensorData }>([
  [DataType.FLOAT, Float32Array],
  [DataType.INT8, Int8Array],
  [DataType.UINT8, Uint8Array],
  [DataType.INT32, Int32Array],
  [DataType.INT64, BigInt64Array],
]);

function constantOf({ name, dims, dataType, rawData, int64Data }: Onnx.ITensorProto): Constant {
  const shape = (dims ?? []).map(Number);
  // Earlier versions wrote integers so.
  if (int64Data?.length) return { shape, data: BigInt64Array.from(int64Data, (value) => BigInt(`${value}`)) };
  const TypedArray = arrays.get(dataType);
  if (TypedArray === undefined || rawData == null)
    throw new PeaError(`${name} is stored in a way that this package does not write`);
  // A copy begins at an address that any type of number may begin at.
  return { shape, data: new TypedArray(Uint8Array.from(rawData).buffer) };
}

function inputOf({ name, type }: Onnx.IValueInfoProto): GraphInput {
  const dims = type?.tensorType?.shape?.dim ?? [];
  return {
    name: name ?? "",
    shape: dims.map(({ dimParam, dimValue }) => (dimParam ? "batch" : Number(dimValue))),
  };
}
