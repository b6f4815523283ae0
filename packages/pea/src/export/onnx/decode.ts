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
import { inputForms } from "../../onnx-file/input-forms.ts";
import {
  type AttributeProto,
  attributeTypes,
  decodeModel,
  elementTypes,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../../onnx-file/model.ts";

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
  const { graph: file, opsets, metadata } = decodeModel(bytes, path);
  if (file === undefined || file.node.length === 0)
    throw new PeaError(`${path} is not an ONNX model: it holds no operators.`);
  const { node, initializer, input, output } = file;
  const foreign = new Set(node.map(({ opType }) => opType ?? "").filter((opType) => !operators.has(opType)));
  if (foreign.size > 0)
    throw new PeaError(
      `${path} holds ${[...foreign].join(", ")}, which pea export does not write: its own files alone are read here; ` +
        "pea inspect and pea train --model read those of other tools",
      { kind: "usage" },
    );
  const opset = opsets[0]?.version ?? 0;
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
    metadata: Object.fromEntries(metadata.map(({ key, value }) => [key ?? "", value ?? ""])),
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

/** What the graph has as attributes comes back from constant inputs. The path is that of the value, which names it. */
function nodeOf(
  { opType, input: inputs, output: outputs, attribute }: NodeProto,
  opset: number,
  constants: ReadonlyMap<string, Constant>,
): GraphNode {
  const operator = opType ?? "";
  const forms = inputForms(operator, opset);
  const attributes: [string, Attributes[string]][] = attribute.map((each) => [
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
  const [path = ""] = outputs;
  return {
    operator,
    inputs: inputs.slice(0, first),
    outputs,
    attributes: Object.fromEntries(attributes),
    path,
  };
}

function attributeOf({ type, i, ints, f, floats, s }: AttributeProto): Attributes[string] {
  switch (type) {
    case attributeTypes.int:
      return i ?? 0;
    case attributeTypes.ints:
      return ints;
    case attributeTypes.float:
      return f ?? 0;
    case attributeTypes.floats:
      return floats;
    default:
      return new TextDecoder().decode(s ?? new Uint8Array());
  }
}

const arrays = new Map<unknown, { new (buffer: ArrayBuffer): TensorData }>([
  [elementTypes.float, Float32Array],
  [elementTypes.int8, Int8Array],
  [elementTypes.uint8, Uint8Array],
  [elementTypes.int16, Int16Array],
  [elementTypes.int32, Int32Array],
  [elementTypes.int64, BigInt64Array],
]);

function constantOf({ name, dims: shape, dataType, rawData, int64Data }: TensorProto): Constant {
  // Earlier versions wrote integers so.
  if (int64Data.length > 0) return { shape, data: BigInt64Array.from(int64Data, BigInt) };
  const TypedArray = arrays.get(dataType);
  if (TypedArray === undefined || rawData === undefined)
    throw new PeaError(`${name} is stored in a way that this package does not write`);
  // A copy begins at an address that any type of number may begin at.
  return { shape, data: new TypedArray(Uint8Array.from(rawData).buffer) };
}

function inputOf({ name, type }: ValueInfoProto): GraphInput {
  const dims = type?.tensorType?.shape?.dim ?? [];
  return { name: name ?? "", shape: dims.map((dim) => (dim.name ? "batch" : (dim.value ?? 0))) };
}
