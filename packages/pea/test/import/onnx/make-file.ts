/** Small ONNX files, made for a test. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import onnxProto, { type onnx as Onnx } from "onnx-proto";
import { temporaryFolder } from "../../support/tiny-data.ts";

const { onnx } = onnxProto;
const { AttributeType } = onnx.AttributeProto;

/** A node: operator, inputs, outputs, attributes. */
export type Node = readonly [string, readonly string[], readonly string[], Readonly<Record<string, Value>>?];
type Value = number | readonly number[] | string | Onnx.ITensorProto;

/** What a file holds; an input `x` of [batch, 3, 8, 8] and the last node's first output, where nothing else is said. */
export interface Contents {
  readonly nodes: readonly Node[];
  readonly tensors?: readonly Onnx.ITensorProto[];
  readonly inputs?: readonly (readonly [name: string, shape: readonly (number | string)[]])[];
  readonly outputs?: readonly string[];
  readonly opset?: number;
  readonly domains?: Readonly<Record<string, string>>;
  readonly elementType?: number;
}

/** A tensor of float32; of as many elements of 0.1, 0.2, … as its shape says, where none are given. */
export function floats(name: string, dims: readonly number[], values?: readonly number[]): Onnx.ITensorProto {
  const count = dims.reduce((a, b) => a * b, 1);
  const all = Float32Array.from(values ?? Array.from({ length: count }, (_, i) => (i % 7) / 10 - 0.2));
  return { name, dims: [...dims], dataType: 1, rawData: new Uint8Array(all.buffer) };
}

export function integers(name: string, values: readonly number[]): Onnx.ITensorProto {
  const all = BigInt64Array.from(values, BigInt);
  return { name, dims: [values.length], dataType: 7, rawData: new Uint8Array(all.buffer) };
}

export function modelOf(contents: Contents): Onnx.IModelProto {
  const { nodes, tensors = [], opset = 17, domains = {}, elementType = 1 } = contents;
  const inputs = contents.inputs ?? [["x", ["batch", 3, 8, 8]] as const];
  const outputs = contents.outputs ?? [nodes.at(-1)?.[2][0] ?? ""];
  return {
    irVersion: 8,
    producerName: "test",
    opsetImport: [
      { domain: "", version: opset },
      ...Object.keys(domains).map((domain) => ({ domain, version: 1 })),
    ],
    graph: {
      name: "network",
      node: nodes.map(([opType, input, output, attributes = {}], i) => ({
        opType,
        name: nodes.findIndex(([other]) => other === opType) === i ? `${opType}_node` : `${opType}_node${i}`,
        input: [...input],
        output: [...output],
        domain: Object.entries(domains).find(([, operators]) => operators === opType)?.[0] ?? "",
        attribute: Object.entries(attributes).map(attributeOf),
      })),
      initializer: [...tensors],
      input: inputs.map(([name, shape]) => ({
        name,
        type: {
          tensorType: {
            elemType: elementType,
            shape: {
              dim: shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size })),
            },
          },
        },
      })),
      output: outputs.map((name) => ({ name })),
    },
  };
}

export const bytesOf = (model: Onnx.IModelProto): Uint8Array => onnx.ModelProto.encode(model).finish();

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true }));
let count = 0;

/** Path of a file in a folder of its own, which goes with the tests. */
export function fileOf(contents: Contents | Uint8Array): string {
  const own = join(folder, `${count++}`);
  mkdirSync(own);
  const path = join(own, "network.onnx");
  writeFileSync(path, contents instanceof Uint8Array ? contents : bytesOf(modelOf(contents)));
  return path;
}

function attributeOf([name, value]: [string, Value]): Onnx.IAttributeProto {
  if (typeof value === "string")
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === "number")
    return Number.isInteger(value)
      ? { name, type: AttributeType.INT, i: value }
      : { name, type: AttributeType.FLOAT, f: value };
  if (Array.isArray(value))
    return value.every(Number.isInteger)
      ? { name, type: AttributeType.INTS, ints: [...value] }
      : { name, type: AttributeType.FLOATS, floats: [...value] };
  return { name, type: AttributeType.TENSOR, t: value as Onnx.ITensorProto };
}
