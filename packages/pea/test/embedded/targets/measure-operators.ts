/** Operators by themselves: which runtime gives the bytes of the interpreter, and which chip runs them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Quantization, QuantizedGraph } from "@pea/graph";
import type { EthosU } from "../../../src/export/ethos-u/chips.ts";
import { forNpu } from "../../../src/export/ethos-u/ethos-u-target.ts";
import { notPlaced } from "../../../src/export/ethos-u/limits.ts";
import { compileWithVela } from "../../../src/export/ethos-u/vela.ts";
import { encodeOnnx } from "../../../src/export/onnx/encode.ts";
import { runtimeNodes } from "../../../src/export/onnx-int8/float-nodes.ts";
import { toQdq } from "../../../src/export/onnx-int8/to-qdq.ts";
import { encodeTflite } from "../../../src/export/tflite/encode.ts";
import {
  activationTitles,
  comparedActivations,
  withActivation,
} from "../../../src/export/tflite/with-activation.ts";
import { lowerToTflite, writeTflite } from "../../../src/export/tflite/write-tflite.ts";
import { singleOperators } from "../../support/quantized-cases.ts";
import { fileInputs, interpretedBytes, type QuantizedRun, runOf } from "../../support/quantized-runs.ts";
import { dilatedRuns, stridedRuns } from "../../support/rewrite-cases.ts";
import { type Computed, runModels } from "../runtimes.ts";
import type { ActivationRecord, OperatorRecord } from "./records.ts";

export const accelerators = {
  "ethos-u55": "ethos-u55-128",
  "ethos-u65": "ethos-u65-256",
  "ethos-u85": "ethos-u85-256",
} as const satisfies Record<EthosU, string>;

const rewrittenRuns = [...dilatedRuns, ...stridedRuns].map((run) => ({ ...run, name: `Conv ${run.name}` }));

const operatorRuns: readonly QuantizedRun[] = [
  ...Object.entries(singleOperators).map(([name, make], place) => runOf(name, make(), 2, place + 1)),
  ...rewrittenRuns,
];

/**
 * Runs every operator in both runtimes and compiles it for every chip.
 *
 * @throws Error where Vela places something else than the table in src/export/ethos-u/limits.ts has
 */
export async function measureOperators(vela: string): Promise<OperatorRecord[]> {
  const forms = operatorRuns.map((run) => [run.graph, forNpu(run.graph).graph] as const);
  const computed = runModels(
    operatorRuns.flatMap((run, place) =>
      (forms[place] ?? []).map((graph) => ({ model: writeTflite(graph), inputs: fileInputs(run) })),
    ),
  );
  const records: OperatorRecord[] = [];
  for (const [place, run] of operatorRuns.entries()) {
    const expected = interpretedBytes(run);
    const both = computed.slice(2 * place, 2 * place + 2);
    const verdict = (runtime: keyof Computed) =>
      both.map((each) => verdictOf(each[runtime], expected)).find((each) => each !== same) ?? same;
    records.push({
      kind: "operator",
      name: run.name,
      written: lowerToTflite(run.graph).operators.map(({ builtin }) => builtin),
      rewrite: rewriteOf(run.graph),
      litert: verdict("litert"),
      micro: verdict("micro"),
      npu: {
        "ethos-u55": await placeOf(run.graph, "ethos-u55", vela),
        "ethos-u65": await placeOf(run.graph, "ethos-u65", vela),
        "ethos-u85": await placeOf(run.graph, "ethos-u85", vela),
      },
      onnxRuntime: await floatsOf(run.graph),
    });
  }
  return records;
}

/** Runs a convolution with ReLU, and with each of the others in its place, in both runtimes. */
export function measureActivations(): ActivationRecord[] {
  const run = runOf("activation", (singleOperators["Conv with ReLU"] as () => QuantizedGraph)(), 1, 1);
  const model = lowerToTflite(run.graph);
  const names = ["relu", ...comparedActivations] as const;
  const files = names.map((name) => (name === "relu" ? model : withActivation(model, name)));
  const computed = runModels(files.map((file) => ({ model: encodeTflite(file), inputs: fileInputs(run) })));
  const told = (result: Uint8Array | string | undefined) =>
    typeof result === "string" ? `refuses: ${lastLine(result)}` : "runs";
  return names.map((name, place) => ({
    kind: "activation",
    activation: activationTitles[name],
    litert: told(computed[place]?.litert),
    micro: told(computed[place]?.micro),
  }));
}

const same = "same bytes";

/** What a runtime gave, beside the bytes that it should. */
export function verdictOf(result: Uint8Array | string, expected: Uint8Array): string {
  if (typeof result === "string") return `refuses: ${lastLine(result)}`;
  const others = expected.filter((byte, place) => byte !== result[place]).length;
  return others === 0 ? same : `${((100 * others) / expected.length).toFixed(2)} % other bytes`;
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

function rewriteOf(graph: QuantizedGraph): string | null {
  const { undilated, unstrided } = forNpu(graph);
  return undilated > 0 ? "without dilation" : unstrided > 0 ? "without strides" : null;
}

async function placeOf(graph: QuantizedGraph, chip: EthosU, vela: string): Promise<string> {
  const { graph: written } = forNpu(graph);
  const left = notPlaced(written, chip);
  const { report } = await compileWithVela(writeTflite(written), accelerators[chip], { vela });
  if (report.cpuOperators !== left.length)
    throw new Error(
      `Vela leaves ${report.cpuOperators} operators to the processor of a ${chip}, our table ${left.length}: ${JSON.stringify(left)}`,
    );
  return left.length === 0 ? "NPU" : left.map(({ reason }) => reason.replace(/^.*?: /, "")).join("; ");
}

/** The layer in uint8, as `onnx-int8` writes it. */
async function floatsOf(graph: QuantizedGraph): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pea-targets-"));
  const path = join(folder, "model.onnx");
  try {
    await writeFile(
      path,
      encodeOnnx(toQdq(inBytes(graph)), { metadata: {}, producerVersion: "0", opset: 17 }),
    );
    const { floats } = await runtimeNodes(path);
    const names = Object.keys(floats);
    return names.length === 0 ? "integers" : `floats: ${names.join(", ")}`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Values of int8 as uint8; constants stay. */
function inBytes(graph: QuantizedGraph): QuantizedGraph {
  const asBytes = ([name, own]: readonly [string, Quantization]): readonly [string, Quantization] =>
    own.type !== "int8" || graph.constants.has(name)
      ? [name, own]
      : [name, { ...own, type: "uint8", zeroPoints: own.zeroPoints.map((zeroPoint) => zeroPoint + 128) }];
  return { ...graph, quantizations: new Map([...graph.quantizations].map(asBytes)) };
}
