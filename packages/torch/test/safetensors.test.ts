import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import {
  call,
  type DType,
  memoryStats,
  ones,
  scope,
  type Tensor,
  TorchError,
  tensor,
  zeros,
} from "../src/index.ts";
import { readSafetensors, writeSafetensors } from "../src/safetensors.ts";

const directory = mkdtempSync(join(tmpdir(), "safetensors-"));
after(() => rmSync(directory, { recursive: true }));
const path = join(directory, "file.safetensors");

/** A file as its header's JSON (or text) and the bytes behind it. */
function fileOf(header: unknown, buffer: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, buffer]);
}

function read(bytes: Uint8Array) {
  writeFileSync(path, bytes);
  return readSafetensors(path);
}

function written(tensors: Record<string, Tensor>, metadata?: Record<string, string>): Buffer {
  writeSafetensors(path, new Map(Object.entries(tensors)), metadata);
  return readFileSync(path);
}

function headerOf(bytes: Buffer): string {
  return bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString();
}

const f32 = (shape: number[], offsets: number[]) => ({ dtype: "F32", shape, data_offsets: offsets });

describe("the bytes written (spec recipes 6.7)", () => {
  it("of no tensor are the empty object, padded", () => {
    assert.equal(written({}).toString("hex"), "08000000000000007b7d202020202020");
  });

  it("of one float32 tensor are a header of 56 bytes and the values", () => {
    const bytes = written({ w: tensor([1, -2]) });
    assert.equal(headerOf(bytes), '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  ');
    assert.equal(bytes[0], 0x38);
    assert.equal(bytes.subarray(64).toString("hex"), "0000803f000000c0");
  });

  it("go by descending alignment, then by name in UTF-8, whatever the order given", () => {
    const tensors = {
      b: zeros([1]),
      10: zeros([1]),
      flag: zeros([1], { dtype: "bool" }),
      a: zeros([1]),
      half: zeros([1], { dtype: "float16" }),
      n: zeros([1], { dtype: "int64" }),
      "\u{10000}": zeros([1]),
      "\uffff": zeros([1]),
    };
    const bytes = written(tensors, { z: "1", a: "2" });
    const reversed = written(Object.fromEntries(Object.entries(tensors).reverse()), { a: "2", z: "1" });
    assert.deepEqual(reversed, bytes);
    const names = [...headerOf(bytes).matchAll(/"([^"]+)":\{/g)].map(([, name]) => name);
    assert.deepEqual(names, ["__metadata__", "n", "10", "a", "b", "\uffff", "\u{10000}", "half", "flag"]);
    assert.match(headerOf(bytes), /^\{"__metadata__":\{"a":"2","z":"1"\}/);
  });

  it("of a transposed tensor are its rows", () => {
    using x = tensor([
      [1, 2],
      [3, 4],
    ]);
    assert.deepEqual(
      written({ x: call("aten::t", x) }).subarray(-16),
      Buffer.from(new Float32Array([1, 3, 2, 4]).buffer),
    );
  });
});

describe("a round trip", () => {
  const dtypes: DType[] = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "float16",
    "bfloat16",
    "int32",
    "float32",
    "float64",
    "int64",
  ];
  // The first integer and the number of integers that the narrow dtypes hold.
  const ranges: Partial<Record<DType, readonly [number, number]>> = {
    bool: [0, 2],
    uint8: [0, 256],
    int8: [-128, 256],
  };
  const names = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("__proto__", "0", "constructor", 'a"b\\c', ""),
  );
  const shapes = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });

  it("keeps names, dtypes, shapes, bits and metadata of any tensors", () => {
    const files = fc.record({
      tensors: fc.uniqueArray(
        fc.record({
          name: names,
          dtype: fc.constantFrom(...dtypes),
          shape: shapes,
          seed: fc.nat({ max: 255 }),
        }),
        { selector: ({ name }) => name, maxLength: 6 },
      ),
      metadata: fc.dictionary(names, fc.string({ unit: "binary" })),
    });
    fc.assert(
      fc.property(files, ({ tensors, metadata }) =>
        scope(() => {
          const given = new Map(
            tensors.map(({ name, dtype, shape, seed }) => {
              const [from, count] = ranges[dtype] ?? [-40, 2 ** 15];
              const integers = Int32Array.from(
                { length: shape.reduce((a, b) => a * b, 1) },
                (_, i) => from + ((i * seed) % count),
              );
              return [name, tensor(integers, { shape, dtype })];
            }),
          );
          writeSafetensors(path, given, metadata);
          const file = readSafetensors(path);
          assert.deepEqual({ ...file.metadata }, { ...metadata });
          assert.deepEqual([...file.tensors.keys()].sort(), [...given.keys()].sort());
          for (const [name, expected] of given) {
            const actual = file.tensors.get(name) as Tensor;
            assert.equal(actual.dtype, expected.dtype);
            assert.deepEqual(actual.shape, expected.shape);
            assert.deepEqual(actual.toBytes(), expected.toBytes());
          }
        }),
      ),
      { numRuns: 200 },
    );
  });

  it("keeps NaN, infinities and -0", () => {
    const values = new Float64Array([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]);
    const bytes = written({ x: tensor(values) });
    assert.deepEqual(read(bytes).tensors.get("x")?.toTypedArray(), values);
  });

  it("leaves no tensor behind but those returned", () => {
    writeSafetensors(path, new Map([["x", zeros([3])]]));
    const before = memoryStats().tensors;
    for (const x of readSafetensors(path).tensors.values()) x.dispose();
    assert.equal(memoryStats().tensors, before);
  });
});

describe("Python", () => {
  // A reader and a writer of its own, so that both sides can be wrong only in the same way by chance.
  const script = `
import json, struct, sys, torch
dtypes = {"BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16, "F16": torch.float16,
          "BF16": torch.bfloat16, "I32": torch.int32, "F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
source, target = sys.argv[1:]
data = open(source, "rb").read()
n = struct.unpack("<Q", data[:8])[0]
header, buffer = json.loads(data[8:8 + n]), data[8 + n:]
assert (8 + n) % 8 == 0 and header.pop("__metadata__") == {"kind": "é \\" test"}
out, parts, end = {"__metadata__": {"from": "python"}}, [], 0
for name, info in header.items():
    begin, stop = info["data_offsets"]
    x = torch.frombuffer(bytearray(buffer[begin:stop]), dtype=dtypes[info["dtype"]]).reshape(info["shape"])
    x = x.logical_not() if x.dtype == torch.bool else x * 2
    parts.append(x.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    out[name] = dict(info, data_offsets=[end, end + len(parts[-1])])
    end += len(parts[-1])
text = json.dumps(out, indent=1).encode()
open(target, "wb").write(struct.pack("<Q", len(text)) + text + b"".join(parts))
`;
  it("reads what is written here, and is read here", () => {
    const tensors = {
      "layer.0.weight": tensor([
        [0.5, -1.25],
        [3, 1e-30],
      ]),
      'ключ "\n"': tensor(new Float64Array([Math.PI])),
      half: tensor([1.5], { dtype: "bfloat16" }),
      mask: tensor([true, false], { dtype: "bool" }),
      scalar: tensor(7, { dtype: "int64" }),
      bytes: tensor(new Uint8Array([1, 2, 100])),
    };
    const target = join(directory, "python.safetensors");
    written(tensors, { kind: 'é " test' });
    execFileSync("/usr/bin/python3", ["-c", script, path, target]);
    const file = readSafetensors(target);
    assert.deepEqual(file.metadata, { from: "python" });
    const values = Object.fromEntries([...file.tensors].map(([name, x]) => [name, x.toNestedArray()]));
    assert.deepEqual(values, {
      "layer.0.weight": [
        [1, -2.5],
        [6, Math.fround(2e-30)],
      ],
      'ключ "\n"': [2 * Math.PI],
      half: [3],
      mask: [false, true],
      scalar: 14,
      bytes: [2, 4, 200],
    });
  });
});

describe("reading refuses", () => {
  const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["a file shorter than a length", Buffer.from("abc"), /has 3 bytes, too few/],
    [
      "a header beyond the limit",
      Buffer.from("ffffffffffffff7f7b7d", "hex"),
      /claims \d+ bytes, the limit is 100000000/,
    ],
    ["a header beyond the file", Buffer.from("09000000000000007b7d", "hex"), /has only 10: is it truncated/],
    ["a header that starts with a space", fileOf(" {}"), /does not start with "\{"/],
    ["an empty header", fileOf(""), /does not start with "\{"/],
    ["broken JSON", fileOf('{"a":'), /not JSON in UTF-8/],
    ["broken UTF-8", Buffer.from("05000000000000007b22ff227d", "hex"), /not JSON in UTF-8/],
    ["text behind the object", fileOf("{}x"), /not JSON in UTF-8/],
    ["one name twice", fileOf('{"a": {}, "\\u0061" :{}}'), /names "a" twice/],
    [
      "one field twice",
      fileOf('{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
      /names "dtype" twice/,
    ],
    ["a tensor that is no object", fileOf({ a: [1] }), /tensor "a" is not described by an object/],
    [
      "an unknown dtype",
      fileOf({ a: { ...f32([0], [0, 0]), dtype: "F31" } }),
      /tensor "a" has the unknown dtype "F31"/,
    ],
    [
      "a dtype without tensors",
      fileOf({ a: { ...f32([0], [0, 0]), dtype: "U64" } }),
      /tensor "a" has dtype U64, for which/,
    ],
    [
      "a missing shape",
      fileOf({ a: { dtype: "F32", data_offsets: [0, 0] } }),
      /tensor "a" has the shape \(none\)/,
    ],
    [
      "a negative size",
      fileOf(`{"a":${JSON.stringify(f32([-1], [0, 0]))}}`),
      /tensor "a" has the shape \[-1\]/,
    ],
    ["a fraction", fileOf({ a: f32([0.5], [0, 2]) }, Buffer.alloc(2)), /tensor "a" has the shape \[0.5\]/],
    [
      "a size beyond 2^53",
      fileOf('{"a":{"dtype":"F32","shape":[18446744073709551617],"data_offsets":[0,4]}}'),
      /tensor "a" has the shape/,
    ],
    [
      "sizes whose product overflows",
      fileOf({ a: f32([2 ** 32, 2 ** 32], [0, 0]) }),
      /tensor "a" .* too large/,
    ],
    [
      "an overflow hidden by a zero",
      fileOf({ a: f32([0, 2 ** 40, 2 ** 40], [0, 0]) }),
      /tensor "a" .* too large/,
    ],
    ["three offsets", fileOf({ a: f32([0], [0, 0, 0]) }), /tensor "a" has the data_offsets \[0,0,0\]/],
    [
      "an end before the begin",
      fileOf({ a: f32([1], [4, 0]) }, Buffer.alloc(4)),
      /tensor "a" has F32\[1\], 4 bytes, but the offsets \[4,0\]/,
    ],
    [
      "a size that is not the shape's",
      fileOf({ a: f32([2], [0, 4]) }, Buffer.alloc(4)),
      /tensor "a" has F32\[2\], 8 bytes, but/,
    ],
    [
      "a hole",
      fileOf({ a: f32([1], [4, 8]) }, Buffer.alloc(8)),
      /tensor "a" begins at byte 4 and leaves a hole/,
    ],
    [
      "an overlap",
      fileOf({ a: f32([1], [0, 4]), b: f32([1], [2, 6]) }, Buffer.alloc(6)),
      /tensor "b" begins at byte 2 and overlaps/,
    ],
    [
      "a truncated buffer",
      fileOf({ a: f32([2], [0, 8]) }, Buffer.alloc(7)),
      /take 8 bytes, but 7 follow .* truncated/,
    ],
    [
      "bytes behind the last tensor",
      fileOf({ a: f32([1], [0, 4]) }, Buffer.alloc(5)),
      /take 4 bytes, but 5 follow/,
    ],
    ["metadata that are no object", fileOf({ __metadata__: "x" }), /__metadata__ is not an object/],
    [
      "metadata that are no strings",
      fileOf({ __metadata__: { epoch: 3 } }),
      /metadata "epoch" is not a string/,
    ],
    [
      "half a surrogate pair",
      fileOf('{"\\ud800":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
      /half a surrogate pair/,
    ],
  ];
  for (const [what, bytes, message] of cases)
    it(what, () => {
      assert.throws(
        () => read(bytes),
        (error: Error) =>
          error instanceof TorchError && error.message.includes(path) && message.test(error.message),
      );
    });

  it("a missing file and a directory", () => {
    assert.throws(() => readSafetensors(join(directory, "none")), {
      name: "TorchError",
      message: /cannot read .*none: ENOENT/,
    });
    assert.throws(() => readSafetensors(directory), { name: "TorchError", message: /cannot read/ });
  });
});

describe("reading accepts", () => {
  it("any order of the tensors, and empty ones between them", () => {
    const header = {
      b: f32([1], [4, 8]),
      empty: f32([0, 3], [4, 4]),
      a: f32([], [0, 4]),
      last: f32([0], [8, 8]),
    };
    const { tensors } = read(fileOf(header, new Uint8Array(new Float32Array([1, 2]).buffer)));
    assert.deepEqual([...tensors.keys()], ["a", "empty", "b", "last"]);
    assert.deepEqual(tensors.get("b")?.toNestedArray(), [2]);
    assert.deepEqual(tensors.get("empty")?.shape, [0, 3]);
  });

  it("a header of any length", () => {
    assert.deepEqual(
      read(fileOf({ a: f32([1], [0, 4]) }, Buffer.alloc(4)))
        .tensors.get("a")
        ?.toNestedArray(),
      [0],
    );
  });
});

it("1,000 damaged files give a TorchError or whole tensors, and take no memory beyond their size", () => {
  const whole = written({ a: tensor([1, 2, 3]), "b.c": tensor([[true]], { dtype: "bool" }) }, { k: "v" });
  const headerEnd = 8 + Number(whole.readBigUInt64LE());
  const edits = fc.array(
    fc.oneof(
      fc.record({ at: fc.nat({ max: headerEnd - 1 }), byte: fc.nat({ max: 255 }) }),
      fc.record({
        at: fc.nat({ max: headerEnd - 1 }),
        text: fc.constantFrom("9", "-", '"', "{", "}", "]", ",", "99999"),
      }),
      fc.record({ cut: fc.nat({ max: whole.length }) }),
      fc.record({ more: fc.uint8Array({ minLength: 1, maxLength: 20 }) }),
    ),
    { minLength: 1, maxLength: 3 },
  );
  let refused = 0;
  fc.assert(
    fc.property(edits, (steps) => {
      let bytes = Buffer.from(whole);
      for (const step of steps) {
        if ("byte" in step) bytes[step.at] = step.byte;
        else if ("text" in step)
          bytes = Buffer.concat([
            bytes.subarray(0, step.at),
            Buffer.from(step.text),
            bytes.subarray(step.at),
          ]);
        else if ("cut" in step) bytes = bytes.subarray(0, step.cut);
        else bytes = Buffer.concat([bytes, step.more]);
      }
      scope(() => {
        try {
          let size = 0;
          for (const x of read(bytes).tensors.values()) size += x.toBytes().byteLength;
          assert.ok(size <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof TorchError && error.message.includes(path), String(error));
          refused++;
        }
      });
    }),
    { numRuns: 1000 },
  );
  assert.ok(refused > 500, `only ${refused} of the damaged files were refused`);
});

describe("writing refuses", () => {
  const cases: [
    what: string,
    tensors: Record<string, Tensor>,
    metadata: Record<string, string>,
    message: RegExp,
  ][] = [
    ["a tensor named as the metadata", { __metadata__: zeros([1]) }, {}, /"__metadata__" cannot be the name/],
    ["half a surrogate pair", { "\udc00": zeros([1]) }, {}, /"\\udc00" has half a surrogate pair/],
    [
      "a dtype that the format lacks",
      { z: call("aten::complex", ones([1]), ones([1])) },
      {},
      /tensor "z" has dtype ComplexFloat, which safetensors cannot hold/,
    ],
    ["what is not a tensor", { x: [1] as unknown as Tensor }, {}, /"x" is not a Tensor/],
    [
      "metadata that are no strings",
      {},
      { epoch: 3 as unknown as string },
      /metadata "epoch" must be a string, got 3/,
    ],
  ];
  for (const [what, tensors, metadata, message] of cases)
    it(what, () => {
      assert.throws(
        () => written(tensors, metadata),
        (error: Error) =>
          error instanceof TorchError && error.message.includes(path) && message.test(error.message),
      );
    });

  it("a disposed tensor, and leaves the old file whole and no other file behind", () => {
    const before = written({ x: tensor([1, 2]) });
    const x = zeros([1]);
    x.dispose();
    assert.throws(() => written({ x }), /tensor "x" was disposed of/);
    assert.deepEqual(readFileSync(path), before);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  it("a folder that does not exist", () => {
    const target = join(directory, "none", "x.safetensors");
    assert.throws(() => writeSafetensors(target, new Map()), {
      name: "TorchError",
      message: /cannot write .*ENOENT/,
    });
  });

  it("a full disk, and leaves the old file whole", () => {
    const before = written({ x: tensor([1, 2]) });
    symlinkSync("/dev/full", `${path}.tmp`);
    assert.throws(() => written({ x: tensor([3, 4]) }), {
      name: "TorchError",
      message: /cannot write .*ENOSPC/,
    });
    assert.deepEqual(readFileSync(path), before);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });
});
