import { listSkippedParts } from "../data/loading/unreadable-images.ts";
import { type ExportForm, exportRun } from "../export/export.ts";
import { loadTarget } from "../export/load-target.ts";
import { describeActivations } from "../export/other-activations.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import type { CheckpointName } from "../run/trained-run.ts";
import { type CommonOptions, printResult } from "../terminal/output.ts";

interface ExportOptions extends CommonOptions, Circumstances, ExportForm {
  checkpoint?: CheckpointName;
  output?: string;
}

/** `pea export`: the ReLU network of a run as a verified file. */
export async function runExport(path: string, options: ExportOptions): Promise<void> {
  const { checkpoint, dataDir, import: imported, onBadSample, output: out } = options;
  const { target: word = "onnx", batch, opset, foldBatchNorm } = options;
  const form = { target: await loadTarget(word), batch, opset, foldBatchNorm };
  const summary = await exportRun(path, { checkpoint, dataDir, import: imported, onBadSample, out, ...form });
  printResult(options, summary, () =>
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
