/**
 * An ONNX file as it lies on the disk: its messages, none of which is understood yet.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @module
 */
import { PeaError } from "@pea/core";
import {
  bytes,
  chunks,
  type Decode,
  doubles,
  float,
  floats,
  inside,
  integer,
  integers,
  list,
  message,
  text,
  texts,
} from "./protobuf.ts";

/** A name with a text. */
const entry = message({ key: text(1), value: text(2) });

/** What the elements of a tensor are. */
export const elementTypes = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

/** What an attribute holds. */
export const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

const tensor = message({
  dims: integers(1),
  dataType: integer(2),
  floatData: floats(4),
  int32Data: integers(5),
  int64Data: integers(7),
  name: text(8),
  rawData: bytes(9),
  doubleData: doubles(10),
  uint64Data: integers(11),
  externalData: list(13, entry),
  /** 1 where the elements lie in another file. */
  dataLocation: integer(14),
});

const attribute = message({
  name: text(1),
  f: float(2),
  i: integer(3),
  s: bytes(4),
  t: inside(5, tensor),
  /** A graph inside the node, as bytes: none is looked into. */
  g: bytes(6),
  floats: floats(7),
  ints: integers(8),
  strings: texts(9),
  graphs: chunks(11),
  type: integer(20),
  sparseTensor: bytes(22),
});

const node = message({
  input: texts(1),
  output: texts(2),
  name: text(3),
  opType: text(4),
  attribute: list(5, attribute),
  domain: text(7),
  metadata: list(9, entry),
});

const dimension = message({ value: integer(1), name: text(2) });
const tensorType = message({
  elementType: integer(1),
  shape: inside(2, message({ dim: list(1, dimension) })),
});
const valueInfo = message({
  name: text(1),
  type: inside(2, message({ tensorType: inside(1, tensorType) })),
  metadata: list(4, entry),
});

const graph = message({
  node: list(1, node),
  name: text(2),
  initializer: list(5, tensor),
  input: list(11, valueInfo),
  output: list(12, valueInfo),
  values: list(13, valueInfo),
  sparseInitializer: chunks(15),
});

const model = message({
  irVersion: integer(1),
  producerName: text(2),
  producerVersion: text(3),
  graph: inside(7, graph),
  opsets: list(8, message({ domain: text(1), version: integer(2) })),
  metadata: list(14, entry),
});

type Decoded<T> = T extends Decode<infer Message> ? Message : never;
export type TensorProto = Decoded<typeof tensor>;
export type AttributeProto = Decoded<typeof attribute>;
export type NodeProto = Decoded<typeof node>;
export type ValueInfoProto = Decoded<typeof valueInfo>;
export type GraphProto = Decoded<typeof graph>;
export type ModelProto = Decoded<typeof model>;

/**
 * Reads the messages of an ONNX file. Tensors are views on `content`.
 *
 * @param path for messages
 * @throws PeaError of kind usage when the bytes are no ONNX model
 */
export function decodeModel(content: Uint8Array, path: string): ModelProto {
  try {
    return model(content);
  } catch (cause) {
    if (!(cause instanceof PeaError)) throw cause;
    throw new PeaError(`${path} is not an ONNX model or is damaged: ${cause.message}`, {
      kind: "usage",
      cause,
    });
  }
}
