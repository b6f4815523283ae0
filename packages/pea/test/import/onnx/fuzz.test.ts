/**
 * Damaged files: whatever the damage, the import says what is wrong, as a user's mistake, or gives a graph that fits
 * together; it takes no more memory than the file has reason for, and never crashes. `PEA_FUZZ` is the number of files
 * (300 where it is not set), `PEA_FUZZ_SEED` the first seed.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { PeaError } from "@pea/core";
import { inferShapes } from "@pea/graph";
import onnxProto, { type onnx as Onnx } from "onnx-proto";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { fileOf } from "./make-file.ts";

const { onnx } = onnxProto;
const count = Number(process.env.PEA_FUZZ ?? 300);
const firstSeed = Number(process.env.PEA_FUZZ_SEED ?? 1);

const folder = fileURLToPath(new URL("files", import.meta.url));
const originals = readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .sort()
  .map((name) => readFileSync(join(folder, name)));

/** Numbers from 0 to below 1, the same for a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Damage {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** A file with some of its bytes changed, cut out or doubled, or with its contents changed. */
  file(): Uint8Array {
    const original = this.pick(originals);
    return this.below(2) === 0 ? this.#bytes(Uint8Array.from(original)) : this.#contents(original);
  }

  #bytes(bytes: Uint8Array): Uint8Array {
    let damaged = bytes;
    for (let times = 1 + this.below(4); times > 0; times--) {
      const place = this.below(damaged.length);
      switch (this.below(4)) {
        case 0:
          damaged[place] = this.below(256);
          break;
        case 1:
          damaged = damaged.subarray(0, place);
          break;
        case 2:
          damaged = Buffer.concat([damaged.subarray(0, place), damaged.subarray(place + 1 + this.below(40))]);
          break;
        default:
          damaged = Buffer.concat([
            damaged.subarray(0, place),
            damaged.subarray(Math.max(0, place - this.below(200))),
          ]);
      }
      if (damaged.length === 0) break;
    }
    return damaged;
  }

  #contents(original: Uint8Array): Uint8Array {
    const model = onnx.ModelProto.decode(original);
    const graph = model.graph as Onnx.GraphProto;
    for (let times = 1 + this.below(3); times > 0; times--) this.pick(this.#changes)(graph);
    return onnx.ModelProto.encode(model).finish();
  }

  readonly #changes: readonly ((graph: Onnx.GraphProto) => void)[] = [
    // sizes
    ({ initializer }) => {
      const { dims } = this.pick(initializer);
      if (dims?.length) dims[this.below(dims.length)] = this.#number();
    },
    ({ initializer }) => {
      this.pick(initializer).dataType = this.below(24);
    },
    ({ input }) => {
      const dim = this.pick(input).type?.tensorType?.shape?.dim ?? [];
      if (dim.length > 0) dim[this.below(dim.length)] = { dimValue: this.#number() };
    },
    // values of shapes and of all else
    ({ initializer }) => {
      const small = initializer.filter(
        ({ rawData }) => (rawData?.length ?? 0) > 7 && (rawData?.length ?? 0) <= 64,
      );
      if (small.length === 0) return;
      const raw = Uint8Array.from(this.pick(small).rawData as Uint8Array);
      new DataView(raw.buffer).setBigInt64(0, BigInt(Math.trunc(this.#number())), true);
      this.pick(small).rawData = raw;
    },
    // attributes
    ({ node }) => {
      const attribute = this.pick(node).attribute ?? [];
      if (attribute.length > 0) this.#changeAttribute(this.pick(attribute));
    },
    // names: cycles, values computed twice, missing ones
    ({ node }) => {
      const [from, to] = [this.pick(node), this.pick(node)];
      const input = from.input ?? [];
      if (input.length > 0) input[this.below(input.length)] = this.pick(to.output ?? [""]) ?? "";
    },
    ({ node }) => {
      this.pick(node).output = [...(this.pick(node).output ?? [])];
    },
    ({ node }) => {
      node.splice(this.below(node.length), 1);
    },
    ({ node }) => {
      node.splice(this.below(node.length), 0, this.pick(node));
    },
    ({ node }) => {
      const each = this.pick(node);
      each.input = (each.input ?? []).slice(0, this.below((each.input ?? []).length + 1));
    },
    ({ node }) => {
      const each = this.pick(node);
      each.input = [...(each.input ?? []), this.pick(node).output?.[0] ?? ""];
    },
    ({ node }) => {
      this.pick(node).opType = this.pick(node).opType;
    },
    ({ initializer }) => {
      initializer.splice(this.below(initializer.length), 1);
    },
    // weights in other files
    ({ initializer }) => {
      const tensor = this.pick(initializer);
      tensor.dataLocation = 1;
      tensor.externalData = [
        {
          key: "location",
          value: this.pick(["network.onnx", "../network.onnx", "/etc/passwd", "", ".", "none"]),
        },
        { key: "offset", value: `${this.#number()}` },
        { key: "length", value: `${this.#number()}` },
      ];
    },
  ];

  #changeAttribute(attribute: Onnx.IAttributeProto): void {
    if (attribute.ints?.length) attribute.ints[this.below(attribute.ints.length)] = this.#number();
    else if (attribute.i != null && attribute.type === 2) attribute.i = this.#number();
    else if (attribute.type === 1) attribute.f = this.pick([NaN, Infinity, 0, -1, 1e30]);
    else if (attribute.t) attribute.t.dims = [this.#number()];
    else attribute.name = this.pick(["axis", "axes", "pads", "perm", "to"]);
  }

  #number(): number {
    return this.pick([-1, 0, 1, 2, 3, 5, 1e3, 2 ** 31 - 1, -(2 ** 31), 2 ** 40, -9, 64, this.below(100)]);
  }
}

/** Bytes that weights of a graph take, beside those of the file: what is computed of them. */
const mostBytes = (file: number): number => 64 * file + 2 ** 26;

test(`${count} damaged files are refused by name, or understood`, async () => {
  let understood = 0;
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const bytes = new Damage(seed).file();
    const path = fileOf(bytes);
    try {
      const { graph } = await importOnnx(path, { imageSize: [32, 32] });
      inferShapes(graph);
      const weights = [...graph.constants.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
      assert.ok(weights <= mostBytes(bytes.length), `seed ${seed}: ${weights} bytes of weights`);
      understood += 1;
    } catch (error) {
      if (error instanceof PeaError && error.kind === "usage" && error.message.length < 1000) continue;
      if (process.env.PEA_FUZZ_KEEP) writeFileSync(process.env.PEA_FUZZ_KEEP, bytes);
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
  // Damage that hits no part that is read leaves a file as it is: not all are refused.
  assert.ok(understood > 0 && understood < count, `${understood} of ${count} understood`);
});
