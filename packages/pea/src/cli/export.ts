import { listSkippedParts } from "../data/loading/unreadable-images.ts";
import { exportRun, type ExportOptions as Options } from "../export/export.ts";
import { loadTarget } from "../export/load-target.ts";
import { describeActivations } from "../export/other-activations.ts";
import { openRunDirectory, readRunConfig } from "../run/run-directory.ts";
import { type Counter, createCounter } from "../terminal/counter.ts";
import { type CommonOptions, log, printResult } from "../terminal/output.ts";

interface ExportOptions extends CommonOptions, Omit<Options, "out" | "onProgress"> {
  output?: string;
}

/** `pea export`: the ReLU network of a run as a verified file, or a folder of files. */
export async function runExport(path: string, { json, debug, ...options }: ExportOptions): Promise<void> {
  const { output: out, target: word = trainedFor(path), ...others } = options;
  const target = await loadTarget(word);
  const progress = new ExportProgress();
  const summary = await exportRun(path, {
    ...others,
    target,
    out,
    onProgress: (...counts) => progress.update(...counts),
  }).finally(() => progress.stop());
  printResult({ json, debug }, summary, () =>
    [
      `${summary.file}: ${summary.checkpoint} model, step ${summary.step} (epoch ${summary.epoch}), ${(summary.bytes / 2 ** 20).toFixed(2)} MiB`,
      `operators: ${Object.entries(summary.operators)
        .map(([type, count]) => `${count} ${type}`)
        .join(", ")}`,
      describeActivations(summary.otherActivations),
      ...summary.verified,
      ...listSkippedParts(summary.skipped),
    ].join("\n"),
  );
}

/** The target that a run was trained for, which is told; else ONNX. */
function trainedFor(path: string): string {
  const { target } = readRunConfig(openRunDirectory(path));
  if (target === undefined) return "onnx";
  log(`target: ${target}, which the run was trained for; --target names another`);
  return target;
}

/** A counter for each of the two passes over images. */
class ExportProgress {
  #what?: string;
  #counter?: Counter;

  update(what: string, done: number, total: number): void {
    if (what !== this.#what) {
      this.stop();
      this.#counter = createCounter(total);
      this.#what = what;
    }
    this.#counter?.update(done);
  }

  stop(): void {
    this.#counter?.stop();
  }
}
