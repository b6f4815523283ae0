/**
 * Run by random-arguments.test.ts in a process of its own: calls every ATen operator that src/ops uses with random
 * arguments, mostly of the type that the schema asks for, and runs backward where it can. Exits with 1 when anything
 * but a TorchError is thrown. Each call is written to the file of the second argument before it is made, so that the
 * parent can say which one ended the process.
 */
import { openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { inspect } from "node:util";
import {
  backward,
  call,
  type DType,
  ones,
  schema,
  scope,
  sum,
  Tensor,
  TorchError,
  type Value,
} from "@pea/torch";
import fc from "fast-check";

const [seed, log] = [Number(process.argv[2]), openSync(String(process.argv[3]), "w")];
const source = new URL("../src/ops/", import.meta.url);
const operators = readdirSync(source)
  .flatMap((file) => [...readFileSync(new URL(file, source), "utf8").matchAll(/"(aten::[\w.]+)"/g)])
  .map((match) => String(match[1]));

/** A tensor is drawn as a description and made when it is used, so that what is drawn is plain data. */
interface TensorPlan {
  shape: number[];
  dtype: DType;
  requiresGrad: boolean;
  disposed: boolean;
}
type Drawn = TensorPlan | Exclude<Value, Tensor | readonly Value[]> | Drawn[];

const dtypes: DType[] = ["float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8", "bool"];
const tensorPlan = fc.record(
  {
    shape: fc.array(fc.constantFrom(0, 1, 2, 3, 3, 4, 8), { maxLength: 5 }),
    dtype: fc.oneof({ weight: 3, arbitrary: fc.constant<DType>("float32") }, fc.constantFrom(...dtypes)),
    requiresGrad: fc.boolean(),
    disposed: fc.integer({ min: 0, max: 40 }).map((n) => n === 0),
  },
  { noNullPrototype: true },
);
// Sizes are small, or so large that no allocation can succeed; between the two lies only exhausting the machine.
const integer = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: -3, max: 6 }) },
  fc.constantFrom(2 ** 53, -(2 ** 53), 2 ** 53 - 1),
);
const fraction = fc.oneof(
  fc.double({ min: -2, max: 2 }),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -0),
);
const word = fc.constantFrom(
  "",
  "none",
  "tanh",
  "constant",
  "reflect",
  "floor",
  "channels_last",
  "cuda",
  "float32",
  "é",
);
const anything: fc.Arbitrary<Drawn> = fc.oneof(
  tensorPlan,
  integer,
  fraction,
  word,
  fc.boolean(),
  fc.constantFrom(null, undefined, 7n, 2n ** 64n),
  fc.array(fc.oneof(integer, tensorPlan, fc.constant(null), fc.array(integer)), { maxLength: 4 }),
);

function plausible(type: string): fc.Arbitrary<Drawn> {
  if (type.endsWith("?")) return fc.oneof(fc.constant(null), plausible(type.slice(0, -1)));
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (list) {
    const size = list[2] === "" ? { maxLength: 5 } : { maxLength: Number(list[2]) };
    return fc.array(plausible(String(list[1])), size);
  }
  if (type === "Tensor") return tensorPlan;
  if (type === "int" || type === "SymInt") return integer;
  if (type === "float" || type === "Scalar" || type === "number") return fc.oneof(integer, fraction);
  if (type === "bool") return fc.boolean();
  if (type === "ScalarType") return fc.constantFrom(...dtypes);
  if (type === "MemoryFormat") return fc.constantFrom("contiguous", "channels_last", "preserve");
  if (type === "Device") return fc.constantFrom("cpu", "cuda", "meta");
  return anything;
}

/** The types in `aten::conv2d(Tensor input, int[2] stride=[1, 1], …) -> Tensor`. */
function argumentTypes(name: string): string[] {
  const text = schema(name)
    .replace(/\([a-z]!?( -> \*)?\)/g, "")
    .replace(/=\[[^\]]*\]/g, "");
  const inside = text.slice(text.indexOf("(") + 1, text.lastIndexOf(") -> "));
  return inside
    .split(", ")
    .filter((part) => part !== "*")
    .map((part) => String(part.split(" ")[0]));
}

const operatorCall = fc.constantFrom(...operators).chain((name) =>
  fc.record({
    name: fc.constant(name),
    args: fc
      .tuple(
        ...argumentTypes(name).map((type) =>
          fc.oneof({ weight: 12, arbitrary: plausible(type) }, { weight: 1, arbitrary: anything }),
        ),
      )
      .chain((args) => fc.integer({ min: 0, max: 6 }).map((cut) => (cut === 0 ? args.slice(0, 1) : args))),
  }),
);

function make(drawn: Drawn): Value {
  if (Array.isArray(drawn)) return drawn.map(make);
  if (drawn === null || typeof drawn !== "object") return drawn;
  const { shape, dtype, requiresGrad, disposed } = drawn;
  const made = ones(shape, { dtype, requiresGrad: requiresGrad && /float/.test(dtype) });
  if (disposed) made.dispose();
  return made;
}

function attempt(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof TorchError)) throw error;
  }
}

function run(name: string, args: Drawn[]): void {
  const result = call<Tensor | Tensor[]>(name, ...args.map(make));
  for (const output of [result].flat()) {
    // A view may repeat one element more often than anybody could sum.
    if (output instanceof Tensor && output.requiresGrad && output.numel < 2 ** 24) backward(sum(output));
  }
}

for (const { name, args } of fc.sample(operatorCall, { seed, numRuns: 4000 })) {
  writeSync(log, `${name} ${inspect(args, { depth: 9, breakLength: Infinity, compact: true })}\n`);
  scope(() => attempt(() => run(name, args)));
}
