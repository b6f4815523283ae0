/** The bytes of a TensorFlow Lite file as plain data. */
import { PeaError } from "@pea/core";
import type { Quantization, TensorData } from "@pea/graph";
import { ByteBuffer } from "flatbuffers";
import type { OperatorOptions, TfliteModel, TfliteOperator, TfliteTensor } from "./model.ts";
import {
  type Builtin,
  builtins,
  type ElementType,
  elementTypes,
  fileIdentifier,
  formOf,
  type OptionField,
  slots,
} from "./schema.ts";

/**
 * What `encodeTflite` wrote.
 *
 * @throws PeaError where it is no file of one subgraph, or has operators or elements that are not written here
 */
export function decodeTflite(file: Uint8Array): TfliteModel {
  const bytes = new ByteBuffer(file);
  if (file.length < 8 || !bytes.__has_identifier(fileIdentifier))
    throw new PeaError("it is no TensorFlow Lite file");
  const { model: slot, subgraph, metadata, buffer } = slots;
  const model = new Table(bytes, bytes.readInt32(0));
  const buffers = model.tables(slot.buffers).map((each) => each.bytes(buffer.data));
  const codes = model.tables(slot.operatorCodes).map(builtinOf);
  const [graph, ...more] = model.tables(slot.subgraphs);
  if (graph === undefined || more.length > 0)
    throw new PeaError(`it has ${more.length + (graph === undefined ? 0 : 1)} subgraphs, not one`);
  const textIn = (place: number) => new TextDecoder().decode(buffers[place]);
  return {
    tensors: graph.tables(subgraph.tensors).map((tensor) => decodeTensor(tensor, buffers)),
    operators: graph.tables(subgraph.operators).map((operator) => decodeOperator(operator, codes)),
    inputs: graph.ints(subgraph.inputs),
    outputs: graph.ints(subgraph.outputs),
    description: model.text(slot.description),
    metadata: Object.fromEntries(
      model
        .tables(slot.metadata)
        .map((entry) => [entry.text(metadata.name), textIn(entry.int(metadata.buffer))] as const),
    ),
  };
}

function builtinOf(table: Table): Builtin {
  const { operatorCode: slot } = slots;
  // A byte is kept for readers of old, which codes above it do not fit in.
  const code = Math.max(table.byte(slot.shortCode), table.int(slot.code));
  const names = Object.keys(builtins) as Builtin[];
  const known = names.find((name) => formOf(name).code === code);
  if (known === undefined)
    throw new PeaError(`it has an operator of code ${code}, which is not written here`);
  return known;
}

function decodeTensor(table: Table, buffers: readonly (Uint8Array | undefined)[]): TfliteTensor {
  const { tensor: slot } = slots;
  const names = Object.keys(elementTypes) as ElementType[];
  const code = table.byte(slot.type);
  const name = table.text(slot.name);
  const type = names.find((each) => elementTypes[each] === code);
  if (type === undefined)
    throw new PeaError(`${name} has elements of code ${code}, which are not written here`);
  const quantization = table.table(slot.quantization);
  const data = buffers[table.int(slot.buffer)];
  return {
    name,
    shape: table.ints(slot.shape),
    type,
    ...(quantization && type !== "float32" && { quantization: decodeQuantization(quantization, type) }),
    ...(data && { data: elements[type](new Uint8Array(data).buffer) }),
  };
}

/** The elements of a buffer. */
const elements: Readonly<Record<ElementType, (buffer: ArrayBuffer) => TensorData>> = {
  float32: (buffer) => new Float32Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  int16: (buffer) => new Int16Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  int64: (buffer) => new BigInt64Array(buffer),
};

function decodeQuantization(table: Table, type: Quantization["type"]): Quantization {
  const { quantization: slot } = slots;
  const scales = Float32Array.from(table.floats(slot.scale));
  const zeroPoints = Int32Array.from(table.longs(slot.zeroPoint), Number);
  return { type, scales, zeroPoints, ...(scales.length > 1 && { axis: table.int(slot.axis) }) };
}

function decodeOperator(table: Table, codes: readonly Builtin[]): TfliteOperator {
  const { operator: slot } = slots;
  const builtin = codes[table.int(slot.code)];
  if (builtin === undefined) throw new PeaError("it has an operator without a code");
  const { fields } = formOf(builtin).options;
  const options = table.table(slot.options);
  const known = Object.entries(fields).map(([name, field]) => [name, decodeOption(options, field)] as const);
  return {
    builtin,
    inputs: table.ints(slot.inputs),
    outputs: table.ints(slot.outputs),
    options: Object.fromEntries(known),
  };
}

function decodeOption(
  table: Table | undefined,
  { slot, kind, absent }: OptionField,
): OperatorOptions[string] {
  switch (kind) {
    case "ints":
      return table?.ints(slot) ?? [];
    case "float":
      return table?.float(slot) ?? 0;
    case "int":
      return table?.int(slot, absent) ?? absent ?? 0;
    case "byte":
      return table?.byte(slot) ?? 0;
    case "bool":
      return (table?.byte(slot, absent) ?? absent) === 1;
  }
}

/** A table: which fields it has, and where they lie, stands in the bytes. */
class Table {
  constructor(
    private readonly buffer: ByteBuffer,
    private readonly start: number,
  ) {}

  byte(slot: number, absent = 0): number {
    const place = this.placeOf(slot);
    return place === undefined ? absent : this.buffer.readInt8(place);
  }

  int(slot: number, absent = 0): number {
    const place = this.placeOf(slot);
    return place === undefined ? absent : this.buffer.readInt32(place);
  }

  float(slot: number): number {
    const place = this.placeOf(slot);
    return place === undefined ? 0 : this.buffer.readFloat32(place);
  }

  text(slot: number): string {
    return new TextDecoder().decode(this.bytes(slot));
  }

  table(slot: number): Table | undefined {
    const place = this.placeOf(slot);
    return place === undefined ? undefined : new Table(this.buffer, this.buffer.__indirect(place));
  }

  tables(slot: number): Table[] {
    return this.vector(slot, 4, (place) => new Table(this.buffer, this.buffer.__indirect(place)));
  }

  ints(slot: number): number[] {
    return this.vector(slot, 4, (place) => this.buffer.readInt32(place));
  }

  longs(slot: number): bigint[] {
    return this.vector(slot, 8, (place) => this.buffer.readInt64(place));
  }

  floats(slot: number): number[] {
    return this.vector(slot, 4, (place) => this.buffer.readFloat32(place));
  }

  /** Undefined where there is no vector. */
  bytes(slot: number): Uint8Array | undefined {
    const place = this.placeOf(slot);
    if (place === undefined) return undefined;
    const start = this.buffer.__vector(place);
    return this.buffer.bytes().subarray(start, start + this.buffer.__vector_len(place));
  }

  private vector<T>(slot: number, size: number, read: (place: number) => T): T[] {
    const place = this.placeOf(slot);
    if (place === undefined) return [];
    const start = this.buffer.__vector(place);
    return Array.from({ length: this.buffer.__vector_len(place) }, (_, i) => read(start + size * i));
  }

  /** Where a field lies; undefined where it is left out. */
  private placeOf(slot: number): number | undefined {
    const offset = this.buffer.__offset(this.start, 4 + 2 * slot);
    return offset === 0 ? undefined : this.start + offset;
  }
}
