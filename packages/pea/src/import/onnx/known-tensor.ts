/** Tensors of a file whose values are known before it runs: weights, and what its shape arithmetic gives. */
import { PeaError } from "@pea/core";
import { type Constant, elementsOf } from "@pea/graph";
import { elementTypes, type TensorProto } from "../../onnx-file/model.ts";
import { fixed, type Length } from "./length.ts";

/** What the elements are: of floats float32 is left, whatever the file has. */
export type Kind = "float" | "integer" | "boolean";

/** A tensor of known values, row-major. Only integers, and what was made of them, hang on the batch. */
export interface KnownTensor {
  readonly kind: Kind;
  readonly shape: readonly number[];
  readonly values: Float32Array | readonly Length[];
  /** The file's name for the tensor of which this one is made by moving elements alone. */
  readonly key?: string | undefined;
  /**
   * Of places of images in a row of all: how much larger they are for each further image. Shape and values are those of the
   * first one, and the first axis, of length 1, stands for the batch.
   */
  readonly perImage?: number;
}

/** A list of integers. */
export function integersKnown(values: readonly Length[]): KnownTensor {
  return { kind: "integer", shape: [values.length], values };
}

/** As the graph holds it. */
export function constantOf({ kind, shape, values, perImage }: KnownTensor): Constant {
  if (perImage !== undefined)
    throw new PeaError("a number for each image of the batch is no weight", { kind: "usage" });
  if (values instanceof Float32Array) return { shape, data: values };
  const numbers = values.map(fixed);
  if (kind === "float") return { shape, data: Float32Array.from(numbers) };
  return { shape, data: BigInt64Array.from(numbers, (value) => BigInt(Math.trunc(value))) };
}

const { float, double, float16, bfloat16, int64, uint64, bool } = elementTypes;
const bytesEach: Readonly<Record<number, number>> = {
  [float]: 4,
  [elementTypes.uint8]: 1,
  [elementTypes.int8]: 1,
  [elementTypes.uint16]: 2,
  [elementTypes.int16]: 2,
  [elementTypes.int32]: 4,
  [int64]: 8,
  [bool]: 1,
  [float16]: 2,
  [double]: 8,
  [elementTypes.uint32]: 4,
  [uint64]: 8,
  [bfloat16]: 2,
};

/** What the elements of one of ONNX's types are here; undefined for types that hold no weights. */
export function kindOf(elementType: number): Kind | undefined {
  if ([float, double, float16, bfloat16].some((type) => type === elementType)) return "float";
  if (elementType === bool) return "boolean";
  return elementType in bytesEach ? "integer" : undefined;
}

export const typeName = (elementType: number | undefined): string =>
  Object.entries(elementTypes).find(([, type]) => type === elementType)?.[0] ?? `type ${elementType}`;

/**
 * The values of a tensor in a file; float16, bfloat16 and double as float32.
 *
 * @throws PeaError of kind usage for other types; when there are not as many elements as its shape says
 */
export function knownTensorOf({ name, dims, dataType, ...stored }: TensorProto): KnownTensor {
  const type = dataType ?? 0;
  const kind = kindOf(type);
  const refuse = (reason: string): never => {
    throw new PeaError(`the tensor ${name ?? "without a name"} ${reason}`, { kind: "usage" });
  };
  if (kind === undefined) return refuse(`has elements of ${typeName(dataType)}, which no weight here has`);
  if (dims.some((size) => !(size >= 0))) return refuse(`is said to be ${dims.join("×")}`);
  const values = stored.rawData === undefined ? typedValues(type, stored) : rawValues(type, stored.rawData);
  if (values.length !== elementsOf(dims))
    return refuse(
      `is said to be ${dims.join("×")}, but holds ${values.length} elements: the file is damaged`,
    );
  return { kind, shape: dims, values, key: name };
}

type Stored = Omit<TensorProto, "name" | "dims" | "dataType">;

/** Of the field that ONNX wants each type in. */
function typedValues(type: number, stored: Stored): Float32Array | readonly number[] {
  const { floatData, doubleData, int64Data, uint64Data, int32Data } = stored;
  switch (type) {
    case float:
      return Float32Array.from(floatData);
    case double:
      return Float32Array.from(doubleData);
    case float16:
      return Float32Array.from(int32Data, halfToFloat);
    case bfloat16:
      return Float32Array.from(int32Data, brainToFloat);
    case int64:
      return int64Data;
    case elementTypes.uint32:
    case uint64:
      return uint64Data;
    default:
      return int32Data;
  }
}

function rawValues(type: number, bytes: Uint8Array): Float32Array | readonly number[] {
  const each = bytesEach[type] as number;
  const count = Math.floor(bytes.length / each);
  // What is aligned needs no copy.
  if (type === float && bytes.byteOffset % 4 === 0)
    return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = readers[type] as (view: DataView, place: number) => number;
  if (kindOf(type) === "float") {
    const floats = new Float32Array(count);
    for (let i = 0; i < count; i++) floats[i] = read(view, i * each);
    return floats;
  }
  return Array.from({ length: count }, (_, i) => read(view, i * each));
}

const readers: Readonly<Record<number, (view: DataView, place: number) => number>> = {
  [float]: (view, place) => view.getFloat32(place, true),
  [elementTypes.uint8]: (view, place) => view.getUint8(place),
  [elementTypes.int8]: (view, place) => view.getInt8(place),
  [elementTypes.uint16]: (view, place) => view.getUint16(place, true),
  [elementTypes.int16]: (view, place) => view.getInt16(place, true),
  [elementTypes.int32]: (view, place) => view.getInt32(place, true),
  [int64]: (view, place) => Number(view.getBigInt64(place, true)),
  [bool]: (view, place) => view.getUint8(place),
  [float16]: (view, place) => halfToFloat(view.getUint16(place, true)),
  [double]: (view, place) => view.getFloat64(place, true),
  [elementTypes.uint32]: (view, place) => view.getUint32(place, true),
  [uint64]: (view, place) => Number(view.getBigUint64(place, true)),
  [bfloat16]: (view, place) => brainToFloat(view.getUint16(place, true)),
};

/** 1 bit of sign, 5 of exponent, 10 of fraction. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

/** The upper half of a float32. */
function brainToFloat(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] as number;
}
