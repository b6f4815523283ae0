/** TFRecords of labelled images, written for tests with the schema of TensorFlow's example.proto. */
import protobuf from "protobufjs";
import { encodeRecord } from "../../src/common/tfrecord-framing.ts";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message BytesList { repeated bytes value = 1; }
  message FloatList { repeated float value = 1; }
  message Int64List { repeated int64 value = 1; }
  message UnpackedInt64List { repeated int64 value = 1 [packed = false]; }
  message Feature {
    oneof kind {
      BytesList bytes_list = 1;
      FloatList float_list = 2;
      Int64List int64_list = 3;
    }
  }
  message UnpackedFeature { UnpackedInt64List int64_list = 3; }
  message Entry { string key = 1; Feature value = 2; }
  message UnpackedEntry { string key = 1; UnpackedFeature value = 2; }
  // A map is a list of entries: written so, a test chooses their order.
  message Features { repeated Entry feature = 1; }
  message Example { Features features = 1; }
`);
const type = (name: string) => root.lookupType(name);

export type FeatureValue = Uint8Array | string | number | readonly number[] | BigInt64Array;

/**
 * A serialized Example, its features in the order given: text and bytes as bytes, one number or a BigInt64Array as
 * integers, several numbers as floats.
 */
export function encodeExample(
  features: readonly (readonly [key: string, value: FeatureValue])[],
): Uint8Array {
  const feature = features.map(([key, value]) => ({ key, value: featureOf(value) }));
  return type("Example")
    .encode(type("Example").fromObject({ features: { feature } }))
    .finish();
}

function featureOf(value: FeatureValue): object {
  if (typeof value === "number") return { int64List: { value: [value] } };
  if (typeof value === "string") return { bytesList: { value: [Buffer.from(value)] } };
  if (value instanceof Uint8Array) return { bytesList: { value: [value] } };
  if (value instanceof BigInt64Array) return { int64List: { value: Array.from(value, Number) } };
  return { floatList: { value: [...value] } };
}

/** The entry of a map, with integers that are not packed, as a whole Example. Examples can be joined. */
export function encodeUnpacked(key: string, ...value: number[]): Uint8Array {
  const entry = type("UnpackedEntry");
  const bytes = entry.encode(entry.fromObject({ key, value: { int64List: { value } } })).finish();
  const wrap = (inner: Uint8Array) => Buffer.concat([Buffer.of(0x0a, inner.length), inner]);
  return wrap(wrap(bytes));
}

/** As the ImageNet scripts of TensorFlow write it. `label` from 1. */
export function imagenetExample(image: Uint8Array, label: number, synset = `n${label}`): Uint8Array {
  return encodeExample([
    ["image/height", 8],
    ["image/object/bbox/xmin", [0.25, 0.5]],
    ["image/encoded", image],
    ["image/class/synset", synset],
    ["image/class/label", label],
    ["image/colorspace", "RGB"],
  ]);
}

/** The bytes of a file of TFRecords. */
export const tfRecords = (examples: readonly Uint8Array[]): Buffer =>
  Buffer.concat(examples.map(encodeRecord));
