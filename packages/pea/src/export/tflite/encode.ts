/** The bytes of a TensorFlow Lite file. */
import type { Quantization } from "@pea/graph";
import { Builder, type Offset } from "flatbuffers";
import { bytesOf } from "./bytes.ts";
import type { OperatorOptions, TfliteModel, TfliteOperator, TfliteTensor } from "./model.ts";
import {
  type Builtin,
  elementTypes,
  fileIdentifier,
  formOf,
  longCodes,
  schemaVersion,
  slots,
} from "./schema.ts";
import { versionOf } from "./versions.ts";

/** Bytes of weights begin at multiples of it, as kernels want them. */
const alignment = 16;

/** A file of these tensors and operators: one subgraph, `main`. */
export function encodeTflite(model: TfliteModel): Uint8Array {
  const { tensors, operators, metadata } = model;
  const builder = new Builder(1 << 16);
  // The first buffer is the empty one of tensors that are computed.
  const buffers: (Uint8Array | undefined)[] = [undefined];
  const keep = (bytes: Uint8Array): number => buffers.push(bytes) - 1;
  const codes = operatorCodes(operators, tensors);
  const subgraph = encodeSubgraph(builder, model, {
    bufferOf: ({ data }) => (data === undefined ? 0 : keep(bytesOf(data))),
    codeOf: (operator) => codes.findIndex((code) => isOf(code, operator, tensors)),
  });
  const notes = Object.entries(metadata).map(([name, text]) =>
    encodeMetadata(builder, name, keep(new TextEncoder().encode(text))),
  );
  const parts = {
    operatorCodes: offsets(
      builder,
      codes.map((code) => encodeCode(builder, code)),
    ),
    subgraphs: offsets(builder, [subgraph]),
    description: builder.createString(model.description),
    buffers: offsets(
      builder,
      buffers.map((bytes) => encodeBuffer(builder, bytes)),
    ),
    metadata: offsets(builder, notes),
  };
  const { model: slot } = slots;
  builder.startObject(slot.count);
  builder.addFieldInt32(slot.version, schemaVersion, 0);
  builder.addFieldOffset(slot.operatorCodes, parts.operatorCodes, 0);
  builder.addFieldOffset(slot.subgraphs, parts.subgraphs, 0);
  builder.addFieldOffset(slot.description, parts.description, 0);
  builder.addFieldOffset(slot.buffers, parts.buffers, 0);
  builder.addFieldOffset(slot.metadata, parts.metadata, 0);
  builder.finish(builder.endObject(), fileIdentifier);
  return builder.asUint8Array();
}

/** An operator in one version. */
interface OperatorCode {
  readonly builtin: Builtin;
  readonly version: number;
}

const isOf = (code: OperatorCode, operator: TfliteOperator, tensors: readonly TfliteTensor[]): boolean =>
  code.builtin === operator.builtin && code.version === versionOf(operator, tensors);

/** Those that are used, each once. */
function operatorCodes(
  operators: readonly TfliteOperator[],
  tensors: readonly TfliteTensor[],
): OperatorCode[] {
  const codes: OperatorCode[] = [];
  for (const operator of operators)
    if (!codes.some((code) => isOf(code, operator, tensors)))
      codes.push({ builtin: operator.builtin, version: versionOf(operator, tensors) });
  return codes;
}

function encodeCode(builder: Builder, { builtin, version }: OperatorCode): Offset {
  const { operatorCode: slot } = slots;
  const { code } = formOf(builtin);
  builder.startObject(slot.count);
  builder.addFieldInt8(slot.shortCode, Math.min(code, longCodes), 0);
  builder.addFieldInt32(slot.version, version, 1);
  builder.addFieldInt32(slot.code, code, 0);
  return builder.endObject();
}

/** Where a subgraph's tensors keep their bytes, and operators their codes. */
interface Places {
  bufferOf(tensor: TfliteTensor): number;
  codeOf(operator: TfliteOperator): number;
}

function encodeSubgraph(
  builder: Builder,
  { tensors, operators, inputs, outputs }: TfliteModel,
  { bufferOf, codeOf }: Places,
): Offset {
  const parts = {
    tensors: offsets(
      builder,
      tensors.map((tensor) => encodeTensor(builder, tensor, bufferOf(tensor))),
    ),
    inputs: ints(builder, inputs),
    outputs: ints(builder, outputs),
    operators: offsets(
      builder,
      operators.map((operator) => encodeOperator(builder, operator, codeOf(operator))),
    ),
    name: builder.createString("main"),
  };
  const { subgraph: slot } = slots;
  builder.startObject(slot.count);
  builder.addFieldOffset(slot.tensors, parts.tensors, 0);
  builder.addFieldOffset(slot.inputs, parts.inputs, 0);
  builder.addFieldOffset(slot.outputs, parts.outputs, 0);
  builder.addFieldOffset(slot.operators, parts.operators, 0);
  builder.addFieldOffset(slot.name, parts.name, 0);
  return builder.endObject();
}

function encodeTensor(builder: Builder, tensor: TfliteTensor, buffer: number): Offset {
  const name = builder.createString(tensor.name);
  const shape = ints(builder, tensor.shape);
  const quantization = tensor.quantization && encodeQuantization(builder, tensor.quantization);
  const { tensor: slot } = slots;
  builder.startObject(slot.count);
  builder.addFieldOffset(slot.shape, shape, 0);
  builder.addFieldInt8(slot.type, elementTypes[tensor.type], 0);
  builder.addFieldInt32(slot.buffer, buffer, 0);
  builder.addFieldOffset(slot.name, name, 0);
  if (quantization !== undefined) builder.addFieldOffset(slot.quantization, quantization, 0);
  builder.addFieldInt8(slot.hasRank, 1, 0);
  return builder.endObject();
}

function encodeQuantization(builder: Builder, { scales, zeroPoints, axis = 0 }: Quantization): Offset {
  builder.startVector(4, scales.length, 4);
  for (const scale of scales.toReversed()) builder.addFloat32(scale);
  const scale = builder.endVector();
  builder.startVector(8, zeroPoints.length, 8);
  for (const zeroPoint of zeroPoints.toReversed()) builder.addInt64(BigInt(zeroPoint));
  const zeroPoint = builder.endVector();
  const { quantization: slot } = slots;
  builder.startObject(slot.count);
  builder.addFieldOffset(slot.scale, scale, 0);
  builder.addFieldOffset(slot.zeroPoint, zeroPoint, 0);
  builder.addFieldInt32(slot.axis, axis, 0);
  return builder.endObject();
}

function encodeOperator(builder: Builder, operator: TfliteOperator, code: number): Offset {
  const form = formOf(operator.builtin).options;
  const inputs = ints(builder, operator.inputs);
  const outputs = ints(builder, operator.outputs);
  const options = form.code === 0 ? undefined : encodeOptions(builder, operator.builtin, operator.options);
  const { operator: slot } = slots;
  builder.startObject(slot.count);
  builder.addFieldInt32(slot.code, code, 0);
  builder.addFieldOffset(slot.inputs, inputs, 0);
  builder.addFieldOffset(slot.outputs, outputs, 0);
  if (options !== undefined) {
    builder.addFieldInt8(slot.optionsKind, form.code, 0);
    builder.addFieldOffset(slot.options, options, 0);
  }
  return builder.endObject();
}

function encodeOptions(builder: Builder, builtin: Builtin, options: OperatorOptions): Offset {
  const { fields } = formOf(builtin).options;
  const vectors = new Map(
    Object.entries(options).flatMap(([name, value]) =>
      Array.isArray(value) ? [[name, ints(builder, value as readonly number[])] as const] : [],
    ),
  );
  builder.startObject(Object.keys(fields).length);
  for (const [name, { slot, kind, absent = 0 }] of Object.entries(fields)) {
    const value = options[name];
    if (value === undefined) continue;
    if (kind === "ints") builder.addFieldOffset(slot, vectors.get(name) ?? 0, 0);
    else if (kind === "float") builder.addFieldFloat32(slot, Number(value), absent);
    else if (kind === "int") builder.addFieldInt32(slot, Number(value), absent);
    else builder.addFieldInt8(slot, Number(value), absent);
  }
  return builder.endObject();
}

function encodeBuffer(builder: Builder, bytes: Uint8Array | undefined): Offset {
  let data: Offset | undefined;
  if (bytes !== undefined) {
    builder.prep(alignment, bytes.length);
    data = builder.createByteVector(bytes);
  }
  builder.startObject(slots.buffer.count);
  if (data !== undefined) builder.addFieldOffset(slots.buffer.data, data, 0);
  return builder.endObject();
}

function encodeMetadata(builder: Builder, name: string, buffer: number): Offset {
  const text = builder.createString(name);
  builder.startObject(slots.metadata.count);
  builder.addFieldOffset(slots.metadata.name, text, 0);
  builder.addFieldInt32(slots.metadata.buffer, buffer, 0);
  return builder.endObject();
}

function ints(builder: Builder, values: readonly number[]): Offset {
  builder.startVector(4, values.length, 4);
  for (const value of values.toReversed()) builder.addInt32(value);
  return builder.endVector();
}

function offsets(builder: Builder, values: readonly Offset[]): Offset {
  builder.startVector(4, values.length, 4);
  for (const value of values.toReversed()) builder.addOffset(value);
  return builder.endVector();
}
