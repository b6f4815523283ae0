/**
 * Protocol buffers, as far as ONNX needs them: a message is described once, by its fields and their numbers, and read
 * from bytes. Nothing is read beyond what the bytes hold, bytes are views on those of the file, and no message is read
 * inside itself, so that memory and depth are bounded by the file.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 * @module
 */
import { PeaError } from "@pea/core";

/** Reads a message from its bytes. */
export type Decode<T> = (bytes: Uint8Array) => T;

/** One field: its number, what it is where the message lacks it, and what it becomes where the message has it. */
export interface Field<T> {
  readonly number: number;
  absent(): T;
  read(wire: Wire, wireType: number, soFar: T): T;
}

type Message<Fields> = { -readonly [Name in keyof Fields]: Fields[Name] extends Field<infer T> ? T : never };

/** A message of these fields; fields of other numbers are skipped. */
export function message<Fields extends Readonly<Record<string, Field<unknown>>>>(
  fields: Fields,
): Decode<Message<Fields>> {
  const byNumber = new Map(Object.entries(fields).map(([name, field]) => [field.number, { name, field }]));
  return (bytes) => {
    const result: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) result[name] = field.absent();
    const wire = new Wire(bytes);
    while (!wire.isAtEnd) {
      const tag = wire.varint();
      const known = byNumber.get(Math.floor(tag / 8));
      if (known === undefined) wire.skip(tag % 8);
      else result[known.name] = known.field.read(wire, tag % 8, result[known.name]);
    }
    return result as Message<Fields>;
  };
}

/** Bytes being read from front to back. */
export class Wire {
  readonly #view: DataView;
  #place = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#place >= this.bytes.length;
  }

  /** An integer of 64 bits, as signed; exact up to 2⁵³. */
  varint(): number {
    let [low, high] = [0, 0];
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.#take(1)] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low += bits * 2 ** shift;
      else high += bits * 2 ** (shift - 28);
      if (byte < 0x80) return signed(low, high);
    }
    throw new PeaError("an integer is longer than 10 bytes");
  }

  /** The bytes of a field that says its length. */
  chunk(): Uint8Array {
    const length = this.varint();
    const from = this.#take(length);
    return this.bytes.subarray(from, from + length);
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#take(8);
    else if (wireType === 2) this.chunk();
    else if (wireType === 5) this.#take(4);
    else throw new PeaError(`a field has the wire type ${wireType}, which there is none of`);
  }

  #take(length: number): number {
    const from = this.#place;
    if (length < 0 || length > this.bytes.length - from)
      throw new PeaError(`${length} bytes are wanted where ${this.bytes.length - from} are left`);
    this.#place += length;
    return from;
  }
}

/** Of 28 and up to 42 bits, two's complement of 64. */
function signed(low: number, high: number): number {
  const value = high * 2 ** 28 + low;
  return high < 2 ** 35 ? value : Number(BigInt.asIntN(64, (BigInt(high) << 28n) + BigInt(low)));
}

const textDecoder = new TextDecoder();

/** A field that stands once; the last one counts. */
function single<T>(number: number, wireType: number, read: (wire: Wire) => T): Field<T | undefined> {
  return {
    number,
    absent: () => undefined,
    read(wire, found, soFar) {
      if (found === wireType) return read(wire);
      wire.skip(found);
      return soFar;
    },
  };
}

/** A field that stands as often as there are values. */
function repeated<T>(number: number, read: Decode<T>): Field<T[]> {
  return {
    number,
    absent: () => [],
    read(wire, found, soFar) {
      if (found === 2) soFar.push(read(wire.chunk()));
      else wire.skip(found);
      return soFar;
    },
  };
}

/** Numbers, one by one or packed. */
function numbers(number: number, wireType: number, read: (wire: Wire) => number): Field<number[]> {
  return {
    number,
    absent: () => [],
    read(wire, found, soFar) {
      if (found === wireType) soFar.push(read(wire));
      else if (found === 2) {
        const packed = new Wire(wire.chunk());
        while (!packed.isAtEnd) soFar.push(read(packed));
      } else wire.skip(found);
      return soFar;
    },
  };
}

export const integer = (number: number) => single(number, 0, (wire) => wire.varint());
export const float = (number: number) => single(number, 5, (wire) => wire.float());
export const bytes = (number: number) => single(number, 2, (wire) => wire.chunk());
export const text = (number: number) => single(number, 2, (wire) => textDecoder.decode(wire.chunk()));
export const integers = (number: number) => numbers(number, 0, (wire) => wire.varint());
export const floats = (number: number) => numbers(number, 5, (wire) => wire.float());
export const doubles = (number: number) => numbers(number, 1, (wire) => wire.double());
export const texts = (number: number) => repeated(number, (chunk) => textDecoder.decode(chunk));
export const chunks = (number: number) => repeated(number, (chunk) => chunk);
export const inside = <T>(number: number, decode: Decode<T>) =>
  single(number, 2, (wire) => decode(wire.chunk()));
export const list = <T>(number: number, decode: Decode<T>) => repeated(number, decode);
