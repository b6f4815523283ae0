/** What the pipeline of targets finds out, as lines of results/targets/results.jsonl. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { EthosU } from "../../../src/export/ethos-u/chips.ts";
import type { ActivationEstimate } from "../../../src/export/target.ts";

/** The folder that they lie in. */
export const resultsFolder = fileURLToPath(new URL("../../../../../results/targets", import.meta.url));

/** Packages that said so, by their names. */
export interface VersionsRecord {
  readonly kind: "versions";
  readonly versions: Readonly<Record<string, string>>;
}

/** An operator by itself, in one form. */
export interface OperatorRecord {
  readonly kind: "operator";
  readonly name: string;
  /** As TensorFlow Lite's operators. */
  readonly written: readonly string[];
  /** In which other form it is written for an NPU; null: in the same. */
  readonly rewrite: string | null;
  /** `same bytes` as the interpreter, in all forms that it is written in; else what is other, or the runtime's words. */
  readonly litert: string;
  readonly micro: string;
  /** `NPU`, or why it is left to the processor. */
  readonly npu: Readonly<Record<EthosU, string>>;
  /** `integers`, or what ONNX Runtime computes in floats of the same layer in ONNX. */
  readonly onnxRuntime: string;
}

/** An operator that others stand in the place of: what runtimes would give of it, beside the interpreter's bytes. */
export interface UnwrittenRecord {
  readonly kind: "unwritten";
  readonly name: string;
  /** What stands in its place. */
  readonly written: readonly string[];
  readonly litert: string;
  readonly micro: string;
}

/** A convolution with an activation behind it in a runtime: `runs`, or its words. */
export interface ActivationRecord {
  readonly kind: "activation";
  readonly activation: string;
  readonly litert: string;
  readonly micro: string;
}

/** A network on a chip, with one activation after the other. */
export interface NetworkRecord {
  readonly kind: "network";
  readonly network: string;
  /** Where it is from: the paper, or MLPerf Tiny. */
  readonly from: string;
  readonly input: readonly number[];
  readonly device: string;
  /** Vela's version, system configuration and memory mode. */
  readonly by: string;
  readonly activations: readonly ActivationEstimate[];
}

export type TargetRecord =
  | VersionsRecord
  | OperatorRecord
  | UnwrittenRecord
  | ActivationRecord
  | NetworkRecord;

/** All that was recorded. */
export function readRecords(): TargetRecord[] {
  const lines = readFileSync(`${resultsFolder}/results.jsonl`, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as TargetRecord);
}

/** Those of one kind. */
export function recordsOf<K extends TargetRecord["kind"]>(
  records: readonly TargetRecord[],
  kind: K,
): Extract<TargetRecord, { kind: K }>[] {
  return records.filter((record): record is Extract<TargetRecord, { kind: K }> => record.kind === kind);
}
