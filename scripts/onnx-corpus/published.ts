/**
 * What becomes of the files of published_files.py: imported, compared with ONNX Runtime, trained, exported again. Writes the
 * table of docs/import.md.
 *
 * usage: node --conditions=pea-source --import tsx scripts/onnx-corpus/published.ts FOLDER [--renew]
 *   --renew  puts the table into docs/import.md
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Graph, smoothToRelu } from "@pea/graph";
import { useKernels } from "@pea/kernels";
import {
  abs,
  amax,
  backward,
  manualSeed,
  mean,
  mul,
  noGrad,
  randn,
  scope,
  setNumThreads,
  type Tensor,
  tensor,
} from "@pea/torch";
import { exportNetwork } from "../../packages/pea/src/export/export.ts";
import { GraphNetwork } from "../../packages/pea/src/import/network/graph-network.ts";
import { importOnnx } from "../../packages/pea/src/import/onnx/import-onnx.ts";
import {
  largestDifference,
  runOnnx,
  someImages,
  type Values,
} from "../../packages/pea/test/import/onnx/run-graph.ts";

const [folder = ".", renew] = process.argv.slice(2);
const page = fileURLToPath(new URL("../../docs/import.md", import.meta.url));
const ways = { keep: "batch norms kept", new: "default", single: "default, one image" };
type Way = keyof typeof ways;
const steps = ["imported", "equal", "trained", "exported"] as const;

/** How far a file came, and why no farther. */
interface Outcome {
  readonly done: number;
  readonly reason: string;
  readonly milliseconds: number;
}

setNumThreads(1);
useKernels();

async function outcomeOf(path: string, way: Way): Promise<Outcome> {
  manualSeed(1);
  let done = 0;
  const start = performance.now();
  let milliseconds = 0;
  try {
    const { graph } = await importOnnx(path);
    milliseconds = performance.now() - start;
    done = 1;
    const network = new GraphNetwork(graph);
    await requireEqual(network, graph, path, way === "single" ? 1 : 2);
    done = 2;
    requireTrained(network, graph);
    done = 3;
    network.dispose();
    await requireExported(graph, join(folder, "again.onnx~"));
    done = 4;
    return { done, reason: "", milliseconds };
  } catch (error) {
    const reason = (error as Error).message.replace(/^.*( cannot be imported|failed its verification): /, "");
    return { done, reason, milliseconds };
  }
}

const imageOf = ({ inputs }: Graph): number[] => (inputs[0]?.shape.slice(1) ?? []).map(Number);

async function requireEqual(network: GraphNetwork, graph: Graph, path: string, count: number): Promise<void> {
  const images = someImages([count, ...imageOf(graph)]);
  const expected = await runOnnx(path, images);
  const actual = scope(() =>
    valuesOf(noGrad(() => network.eval().forward(tensor(images.data, { shape: images.shape })))),
  );
  const scale = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const difference = largestDifference(actual, expected) / scale;
  if (!(difference <= 1e-5))
    throw new Error(`it differs from ONNX Runtime by ${difference.toExponential(1)}`);
  const two = someImages([2, ...imageOf(graph)]);
  const answers = scope(() =>
    noGrad(() => network.forward(tensor(two.data, { shape: two.shape }))).toTypedArray(),
  );
  const half = answers.length / 2;
  const apart = answers
    .subarray(0, half)
    .some((value, i) => Math.abs(Number(value) - Number(answers[half + i])) > 1e-4 * scale);
  if (!apart) throw new Error("its answers to two images are alike, so that being equal says nothing");
}

const valuesOf = (answer: Tensor): Values => ({
  shape: answer.shape,
  data: answer.toTypedArray() as Float32Array,
});

/** Gradients reach all parameters. */
function requireTrained(network: GraphNetwork, graph: Graph): void {
  scope(() => {
    const answer = network.train().forward(randn([4, ...imageOf(graph)]));
    backward(mean(mul(answer, 1 / largestOf(answer))));
    for (const [key, { grad }] of network.namedParameters())
      if (grad === null || !Number.isFinite(largestOf(grad))) throw new Error(`no gradient reaches ${key}`);
  });
}

async function requireExported(graph: Graph, path: string): Promise<void> {
  const network = new GraphNetwork(smoothToRelu(graph)).eval();
  const images = randn([2, ...imageOf(graph)]);
  // Random weights make answers of any size, and rounding grows with them.
  const size = scope(() => largestOf(noGrad(() => network.forward(images))));
  await exportNetwork(network, path, { inputs: mul(images, 1 / Math.max(1, size)) });
  network.dispose();
}

const largestOf = (tensor: Tensor): number => amax(abs(tensor)).item();

function cellOf(outcome: Outcome | undefined, notes: string[]): string {
  if (outcome === undefined) return "–";
  if (outcome.done === steps.length) return "yes";
  const note = `not ${steps[outcome.done]}: ${kindOf(outcome.reason)}`;
  if (!notes.includes(note)) notes.push(note);
  return `${steps[outcome.done - 1] ?? "no"} (${notes.indexOf(note) + 1})`;
}

/** A reason without the names and numbers of one network. */
function kindOf(reason: string): string {
  if (/^ONNX Runtime and libtorch differ by/.test(reason))
    return "the answers differ by more than a millionth of the largest one, which random weights make large";
  return reason.replace(/^(\w+) (in|behind) \S+ /, "$1 ").replace(/^(\w+) \S+: /, "a $1: ");
}

const files = readdirSync(folder).filter((name) => name.endsWith(".onnx"));
const names = [...new Set(files.map((file) => file.split(".")[0] as string))].sort();
const outcomes = new Map<string, Outcome>();
for (const name of names)
  for (const way of Object.keys(ways) as Way[]) {
    const file = `${name}.${way}.onnx`;
    if (!files.includes(file)) continue;
    const outcome = await outcomeOf(join(folder, file), way);
    outcomes.set(file, outcome);
    console.log(file, outcome.done, `${outcome.milliseconds.toFixed(0)} ms`, outcome.reason);
  }
const notes: string[] = [];
const rows = names.map((name) => {
  const cells = Object.keys(ways).map((way) => cellOf(outcomes.get(`${name}.${way}.onnx`), notes));
  return `| ${[name, ...cells].join(" | ")} |`;
});
const counts = Object.keys(ways).map((way) => {
  const all = [...outcomes].filter(([file]) => file.endsWith(`.${way}.onnx`)).map(([, { done }]) => done);
  return steps.map((_, i) => all.filter((done) => done > i).length).join(", ");
});
const table = [
  `| network | ${Object.values(ways).join(" | ")} |`,
  "|---|---|---|---|",
  ...rows,
  `| of ${names.length} ${steps.join(", ")} | ${counts.join(" | ")} |`,
  "",
  ...notes.map((note, i) => `${i + 1}. ${note}`),
].join("\n");
console.log(table);
console.log(
  `imported in ${[...outcomes.values()].reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000} s`,
);
if (renew === "--renew") {
  const text = readFileSync(page, "utf8");
  const marked = /<!-- published -->.*<!-- end of published -->/s;
  writeFileSync(
    page,
    text.replace(marked, () => `<!-- published -->\n${table}\n<!-- end of published -->`),
  );
}
