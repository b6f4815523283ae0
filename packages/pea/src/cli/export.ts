import { listSkippedParts } from "../data/loading/unreadable-images.ts";
import { exportRun } from "../export/export.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import type { CheckpointName } from "../run/trained-run.ts";
import { type CommonOptions, printResult } from "../terminal/output.ts";

interface ExportOptions extends CommonOptions, Circumstances {
  checkpoint?: CheckpointName;
  output?: string;
}

/** `pea export`: the ReLU network of a run as a verified ONNX file. */
export async function runExport(path: string, options: ExportOptions): Promise<void> {
  const { checkpoint, dataDir, import: imported, onBadSample, output: out } = options;
  const summary = await exportRun(path, { checkpoint, dataDir, import: imported, onBadSample, out });
  printResult(options, summary, () =>
    [
      `${summary.file}: ${summary.checkpoint} model, step ${summary.step} (epoch ${summary.epoch}), ${(summary.bytes / 2 ** 20).toFixed(2)} MiB`,
      `operators: ${Object.entries(summary.operators)
        .map(([type, count]) => `${count} ${type}`)
        .join(", ")}`,
      "Relu is the only activation",
      `ONNX Runtime agrees with libtorch on ${summary.images} test images: largest difference ` +
        `${summary.largestDifference.toExponential(1)} (allowed ${summary.allowed.toExponential(1)})`,
      ...listSkippedParts(summary.skipped),
    ].join("\n"),
  );
}
