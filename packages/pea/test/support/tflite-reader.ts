/**
 * Reads TensorFlow Lite files from the format's description alone: nothing here is shared with what writes them.
 *
 * A flatbuffer's table begins with the distance back to its list of fields; the list has two bytes for each field, where it
 * lies within the table, 0 for one that is left out. Strings, vectors and tables are reached by the distance ahead.
 */

/** A tensor as it stands in a file. */
export interface ReadTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** `FLOAT32`, `INT8`, … */
  readonly type: string;
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  readonly axis: number;
  /** Of a constant, and where in the file it begins. */
  readonly data?: Uint8Array;
  readonly offset?: number;
}

export interface ReadOperator {
  /** `CONV_2D`, … */
  readonly name: string;
  readonly version: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Bytes, integers and others of its options, by place. */
  option(place: number, kind: "byte" | "int" | "float"): number;
}

export interface ReadModel {
  readonly schema: number;
  readonly description: string;
  readonly tensors: readonly ReadTensor[];
  readonly operators: readonly ReadOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly metadata: ReadonlyMap<string, string>;
}

const typeNames = "FLOAT32 FLOAT16 INT32 UINT8 INT64 STRING BOOL INT16 COMPLEX64 INT8".split(" ");

const operatorNames = new Map([
  [0, "ADD"],
  [1, "AVERAGE_POOL_2D"],
  [2, "CONCATENATION"],
  [3, "CONV_2D"],
  [4, "DEPTHWISE_CONV_2D"],
  [6, "DEQUANTIZE"],
  [14, "LOGISTIC"],
  [17, "MAX_POOL_2D"],
  [18, "MUL"],
  [19, "RELU"],
  [21, "RELU6"],
  [22, "RESHAPE"],
  [28, "TANH"],
  [47, "EXP"],
  [73, "LOG"],
  [150, "GELU"],
  [23, "RESIZE_BILINEAR"],
  [32, "CUSTOM"],
  [34, "PAD"],
  [39, "TRANSPOSE"],
  [41, "SUB"],
  [45, "STRIDED_SLICE"],
  [60, "PADV2"],
  [65, "SLICE"],
  [67, "TRANSPOSE_CONV"],
  [97, "RESIZE_NEAREST_NEIGHBOR"],
  [98, "LEAKY_RELU"],
  [114, "QUANTIZE"],
  [117, "HARD_SWISH"],
]);

/** A table of a flatbuffer. */
class Table {
  constructor(
    private readonly view: DataView,
    private readonly start: number,
  ) {}

  /** Where a field lies; undefined where it is left out. */
  private at(field: number): number | undefined {
    const list = this.start - this.view.getInt32(this.start, true);
    const size = this.view.getUint16(list, true);
    const place = 4 + 2 * field;
    const within = place < size ? this.view.getUint16(list + place, true) : 0;
    return within === 0 ? undefined : this.start + within;
  }

  byte(field: number): number {
    const at = this.at(field);
    return at === undefined ? 0 : this.view.getInt8(at);
  }

  int(field: number, absent = 0): number {
    const at = this.at(field);
    return at === undefined ? absent : this.view.getInt32(at, true);
  }

  float(field: number): number {
    const at = this.at(field);
    return at === undefined ? 0 : this.view.getFloat32(at, true);
  }

  private ahead(at: number): number {
    return at + this.view.getUint32(at, true);
  }

  table(field: number): Table | undefined {
    const at = this.at(field);
    return at === undefined ? undefined : new Table(this.view, this.ahead(at));
  }

  private vector<T>(field: number, size: number, read: (at: number) => T): T[] {
    const at = this.at(field);
    if (at === undefined) return [];
    const start = this.ahead(at);
    return Array.from({ length: this.view.getUint32(start, true) }, (_, i) => read(start + 4 + size * i));
  }

  tables(field: number): Table[] {
    return this.vector(field, 4, (at) => new Table(this.view, this.ahead(at)));
  }

  ints(field: number): number[] {
    return this.vector(field, 4, (at) => this.view.getInt32(at, true));
  }

  longs(field: number): number[] {
    return this.vector(field, 8, (at) => Number(this.view.getBigInt64(at, true)));
  }

  floats(field: number): number[] {
    return this.vector(field, 4, (at) => this.view.getFloat32(at, true));
  }

  bytes(field: number): { data: Uint8Array; offset: number } | undefined {
    const at = this.at(field);
    if (at === undefined) return undefined;
    const start = this.ahead(at);
    const { buffer, byteOffset } = this.view;
    const data = new Uint8Array(buffer, byteOffset + start + 4, this.view.getUint32(start, true));
    return { data, offset: start + 4 };
  }

  text(field: number): string {
    return new TextDecoder().decode(this.bytes(field)?.data ?? new Uint8Array());
  }
}

/** @throws Error where the bytes are no file of version 3 */
export function readTflite(file: Uint8Array): ReadModel {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const identifier = new TextDecoder().decode(file.subarray(4, 8));
  if (identifier !== "TFL3") throw new Error(`the file is marked ${identifier}`);
  const model = new Table(view, view.getUint32(0, true));
  const buffers = model.tables(4).map((buffer) => buffer.bytes(0));
  const codes = model.tables(1);
  const [graph, ...more] = model.tables(2);
  if (graph === undefined || more.length > 0) throw new Error("there is not one subgraph");
  return {
    schema: model.int(0),
    description: model.text(3),
    tensors: graph.tables(0).map((tensor) => readTensor(tensor, buffers)),
    operators: graph.tables(3).map((operator) => readOperator(operator, codes)),
    inputs: graph.ints(1),
    outputs: graph.ints(2),
    metadata: new Map(
      model.tables(6).map((entry) => [entry.text(0), new TextDecoder().decode(buffers[entry.int(1)]?.data)]),
    ),
  };
}

function readTensor(tensor: Table, buffers: readonly ReturnType<Table["bytes"]>[]): ReadTensor {
  const quantization = tensor.table(4);
  const place = tensor.int(2);
  return {
    name: tensor.text(3),
    shape: tensor.ints(0),
    type: typeNames[tensor.byte(1)] ?? `type ${tensor.byte(1)}`,
    scales: quantization?.floats(2) ?? [],
    zeroPoints: quantization?.longs(3) ?? [],
    axis: quantization?.int(6) ?? 0,
    ...(place === 0 ? {} : buffers[place]),
  };
}

function readOperator(operator: Table, codes: readonly Table[]): ReadOperator {
  const code = codes[operator.int(0)];
  const number = code?.int(3) ?? -1;
  if (Math.min(number, 127) !== code?.byte(0)) throw new Error(`operator ${number} has another short code`);
  const options = operator.table(4);
  return {
    name: operatorNames.get(number) ?? `operator ${number}`,
    version: code.int(2, 1),
    inputs: operator.ints(1),
    outputs: operator.ints(2),
    option: (place, kind) => options?.[kind](place) ?? 0,
  };
}
