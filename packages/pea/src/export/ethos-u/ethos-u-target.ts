/**
 * Files for Arm's Ethos-U: a TensorFlow Lite file in the form that costs least there, and, where Vela is at hand, compiled.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { fixBatch, type Graph, type Obstacle, type QuantizedGraph, type Scheme } from "@pea/graph";
import { counted } from "../../common/counted.ts";
import { type IntegerTarget, integerSettings } from "../target.ts";
import { goldenFiles } from "../tflite/golden.ts";
import { assumedIntegers, firstReason, tfliteObstaclesOf } from "../tflite/obstacle.ts";
import { checkTflite, tfliteScheme } from "../tflite/tflite-target.ts";
import { describeTflite, openTflite, type TfliteProof, verifyTflite } from "../tflite/verify-tflite.ts";
import { comparedActivations } from "../tflite/with-activation.ts";
import { lowerToTflite, writeTflite } from "../tflite/write-tflite.ts";
import { chips, type EthosU } from "./chips.ts";
import { velaEstimates } from "./estimates.ts";
import { notCompiled, notPlaced } from "./limits.ts";
import { requireVela } from "./require-vela.ts";
import { undilate } from "./undilate.ts";
import { unstride } from "./unstride.ts";
import { compiledIfPossible, type VelaReport } from "./vela.ts";

/** What is known of the network on the chip. */
export interface NpuProof extends TfliteProof {
  readonly npu: NpuSummary;
}

interface NpuSummary {
  /** As Vela names it, e.g. `ethos-u55-128`. */
  readonly accelerator: string;
  /** Layers that were written in another form, without dilations and without long strides. */
  readonly undilated: number;
  readonly unstrided: number;
  /** Operators that the chip leaves to the processor, as our table has it. */
  readonly notPlaced: readonly string[];
  /** What Vela says, where it compiled; else why it did not. */
  readonly vela?: VelaReport;
  readonly whyNotCompiled?: string;
}

const summaryFile = "npu.json";

function ethosU({ name: chip, title, macs: known }: (typeof chips)[number]): IntegerTarget<NpuProof> {
  return {
    name: chip,
    title,
    file: chip,
    takes: integerSettings,
    scheme: tfliteScheme,
    async check(asked) {
      await checkTflite(asked);
      await requireVela(`${chip}-${macsOf(asked.macs, known, title)}`, asked);
    },
    obstacle: (graph, scheme) => firstReason(() => npuObstacles(graph, scheme, chip)),
    obstacles: (graph, scheme) => npuObstacles(graph, scheme, chip),
    async write(graph, about) {
      const { metadata, producerVersion, samples, inputType, outputType } = about;
      const accelerator = `${chip}-${macsOf(about.macs, known, title)}`;
      const { graph: rewritten, ...counts } = forNpu(graph);
      const form = { inputType, outputType, metadata, description: `pea ${producerVersion}` };
      const model = writeTflite(rewritten, form);
      const compiled = await compiledIfPossible(model, accelerator, about);
      const isCompiled = "model" in compiled;
      const summary: NpuSummary = {
        accelerator,
        ...counts,
        notPlaced: notPlaced(rewritten, chip).map(({ reason }) => reason),
        ...(isCompiled ? { vela: compiled.report } : { whyNotCompiled: compiled.whyNot }),
      };
      return {
        "model.tflite": model,
        "model_vela.tflite": isCompiled ? compiled.model : undefined,
        [summaryFile]: `${JSON.stringify(summary, null, 2)}\n`,
        ...goldenFiles(graph, samples),
      };
    },
    place(graph, { macs }) {
      const { graph: rewritten, ...counts } = forNpu(graph);
      return {
        device: `${chip}-${macsOf(macs, known, title)}`,
        onProcessor: notPlaced(rewritten, chip),
        remarks: describeRewrites(counts),
      };
    },
    estimate(graph, settings, compared = comparedActivations) {
      const model = lowerToTflite(forNpu(graph).graph);
      const accelerator = `${chip}-${macsOf(settings.macs, known, title)}`;
      const others = comparedActivations.filter((name) => compared.includes(name));
      return velaEstimates(model, accelerator, { ...settings, compared: others });
    },
    open: (path, _, settings) => openTflite(path, settings),
    async verify(path, original) {
      const npu = JSON.parse(await readFile(join(path, summaryFile), "utf8")) as NpuSummary;
      return { npu, ...(await verifyTflite(path, original)) };
    },
    describe: ({ npu, ...proof }) => [...describeNpu(npu), ...describeTflite(proof)],
  };
}

/** Batch norms aside, what the chips in `limits.ts` want: without dilations above 2 and strides above 3. */
export function forNpu(graph: QuantizedGraph): {
  graph: QuantizedGraph;
  undilated: number;
  unstrided: number;
} {
  const single: QuantizedGraph = { ...graph, ...fixBatch(graph, 1) };
  const { graph: flat, count: undilated } = undilate(single);
  const { graph: plain, count: unstrided } = unstride(flat);
  return { graph: plain, undilated, unstrided };
}

/** What has no form in TensorFlow Lite, or where all has one, what Vela does not compile. */
function npuObstacles(graph: Graph, scheme: Scheme, chip: EthosU): Obstacle[] {
  const formless = tfliteObstaclesOf(graph, scheme);
  return formless.length > 0 ? formless : notCompiled(forNpu(assumedIntegers(graph, scheme)).graph, chip);
}

function macsOf(wanted: number | undefined, known: readonly number[], title: string): number {
  const [usual = 0] = known;
  if (wanted === undefined || known.includes(wanted)) return wanted ?? usual;
  const sorted = known.toSorted((a, b) => a - b);
  throw new PeaError(`macs is ${wanted}, but ${title} has ${sorted.join(", ")}`, { kind: "usage" });
}

function describeRewrites({ undilated, unstrided }: Pick<NpuSummary, "undilated" | "unstrided">): string[] {
  const rewrites = [
    ...(undilated > 0 ? [`${counted(undilated, "dilated layer")} as a reshape`] : []),
    ...(unstrided > 0 ? [`${counted(unstrided, "layer")} of long strides over blocks of pixels`] : []),
  ];
  return rewrites.length > 0 ? [`written for the NPU, to the same bytes: ${rewrites.join(", ")}`] : [];
}

function describeNpu(summary: NpuSummary): string[] {
  const { vela } = summary;
  return [
    ...describeRewrites(summary),
    ...(vela === undefined ? describeTable(summary) : describeVela(vela, summary.notPlaced)),
  ];
}

function describeTable({ accelerator, notPlaced, whyNotCompiled }: NpuSummary): string[] {
  const placed =
    notPlaced.length === 0
      ? `${accelerator} takes every operator, as far as our table tells`
      : `${accelerator} leaves to the processor, as far as our table tells: ${notPlaced.join("; ")}`;
  return [placed, `not compiled for the chip, and no cycles told: ${whyNotCompiled}`];
}

function describeVela(report: VelaReport, reasons: readonly string[]): string[] {
  const { npuOperators, cpuOperators, npuCycles, totalCycles, milliseconds } = report;
  const share = (100 * npuOperators) / (npuOperators + cpuOperators);
  return [
    `Vela places ${npuOperators} of ${npuOperators + cpuOperators} operators (${share.toFixed(1)} %) on the NPU`,
    ...reasons.map((reason) => `on the processor: ${reason}`),
    `estimated for ${report.accelerator}, ${report.systemConfig}, ${report.memoryMode}: ` +
      `${Math.round(npuCycles)} cycles of the NPU, ${Math.round(totalCycles)} with memory, ${milliseconds.toFixed(3)} ms`,
  ];
}

export const ethosUTargets: readonly IntegerTarget<NpuProof>[] = chips.map(ethosU);
