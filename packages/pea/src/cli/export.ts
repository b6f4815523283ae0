import { exitCodeOf, type StopSignal, stopSignals } from "../common/stop-signals.ts";
import { listSkippedParts } from "../data/loading/unreadable-images.ts";
import { exportRun, type ExportOptions as Options } from "../export/export.ts";
import { ExportInterrupted } from "../export/export-interrupted.ts";
import { loadTarget } from "../export/load-target.ts";
import { describeActivations } from "../export/other-activations.ts";
import { isIntegerTarget } from "../export/target.ts";
import { targetNamed } from "../export/targets.ts";
import { findLiteRt } from "../export/tflite/litert.ts";
import { openRunDirectory, readRunConfig } from "../run/run-directory.ts";
import { type Counter, createCounter } from "../terminal/counter.ts";
import { type CommonOptions, log, printResult } from "../terminal/output.ts";
import { formatSeconds, secondsLeft } from "../terminal/time-left.ts";

interface ExportOptions extends CommonOptions, Omit<Options, "out" | "onProgress" | "signal"> {
  output?: string;
}

/**
 * `pea export`: the ReLU network of a run as a verified file, or a folder of files.
 *
 * @returns exit code 0, or 130, 143 or 129 when a signal stopped it
 */
export async function runExport(path: string, { json, debug, ...options }: ExportOptions): Promise<number> {
  const { output: out, target: word = trainedFor(path), ...others } = options;
  const target = await loadTarget(word);
  const progress = new ExportProgress(await waysToScoreSooner(target, options));
  const stop = stopSignals((name) => log(`\n${name}: ending with this image; once more ends at once`));
  try {
    const summary = await exportRun(path, {
      ...others,
      target,
      out,
      onProgress: (...counts) => progress.update(...counts),
      signal: stop.signal,
    });
    progress.stop();
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
    return 0;
  } catch (error) {
    progress.stop();
    if (!(error instanceof ExportInterrupted)) throw error;
    log(error.message);
    return exitCodeOf(error.reason as StopSignal);
  } finally {
    stop.dispose();
  }
}

/** The target that a run was trained for, which is told; else ONNX. */
function trainedFor(path: string): string {
  const { target } = readRunConfig(openRunDirectory(path));
  if (target === undefined) return "onnx";
  log(`target: ${target}, which the run was trained for; --target names another`);
  return target;
}

/** What is said where scoring takes long. */
async function waysToScoreSooner(name: string, { litert }: Pick<Options, "litert">): Promise<string> {
  const target = targetNamed(name);
  const takesLiteRt = isIntegerTarget(target) && target.takes?.includes("litert");
  return takesLiteRt && litert === undefined && (await findLiteRt()) === undefined
    ? "--images N scores fewer, --litert PATH runs the file in LiteRT instead of the interpreter"
    : "--images N scores fewer";
}

/** Time that a pass may take before it is said how to have it sooner, in seconds; and that it is watched first. */
const long = { whole: 60, watched: 3 };

/** A counter for each of the two passes over images. */
class ExportProgress {
  #what?: string;
  #counter?: Counter;
  #secondsLeft?: (done: number) => number;
  #start = 0;
  #hasSaid = false;

  constructor(private readonly ways: string) {}

  update(what: string, done: number, total: number): void {
    if (what !== this.#what) {
      this.stop();
      this.#counter = createCounter(total, done);
      this.#secondsLeft = secondsLeft(total, done);
      this.#start = performance.now();
      this.#what = what;
    }
    if (what === "test") this.#sayWhereLong(done);
    this.#counter?.update(done);
  }

  stop(): void {
    this.#counter?.stop();
  }

  #sayWhereLong(done: number): void {
    if (this.#hasSaid || performance.now() - this.#start < 1000 * long.watched) return;
    this.#hasSaid = true;
    const seconds = this.#secondsLeft?.(done) ?? 0;
    if (seconds > long.whole) log(`scoring takes about ${formatSeconds(seconds)}: ${this.ways}`);
  }
}
