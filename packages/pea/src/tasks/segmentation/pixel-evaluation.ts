import type { SampleSource } from "../../data/sources/sample-source.ts";
import type { TaskEvaluation } from "../task.ts";
import { describeViews } from "../task-evaluation.ts";
import { evaluateSegmentation } from "./evaluate-segmentation.ts";
import { answerWriter } from "./write-answers.ts";

/** Scores at the network's resolution and at that of the label maps; answers as label maps and overlays. */
export const pixelEvaluation: TaskEvaluation = {
  givesMaps: true,
  tellsClasses: true,
  async score(model, loader, part, { output, reading, ...options }) {
    // Label maps stay in files.
    const source = part as SampleSource;
    const found = await evaluateSegmentation(model, loader, source, {
      ...options,
      exifOrientation: reading.exifOrientation,
      onAnswer: output === undefined ? undefined : answerWriter(output, source, reading),
    });
    return { scores: found?.network ?? null, fullResolution: found?.full ?? null };
  },
  describe({ scores = {}, fullResolution = {} }, [, height, width]) {
    const last = Object.keys(scores).at(-1);
    if (last === undefined) return [];
    const [atNetwork, atFull] = [`${height}×${width}`, "full resolution"];
    const percent = (value: number | null | undefined) => (value == null ? "–" : value.toFixed(2));
    const rows = Object.entries(fullResolution[last]?.classIou ?? {}).map(([name, iou]) => [
      name,
      percent(scores[last]?.classIou?.[name]),
      percent(iou),
    ]);
    return [
      `at ${atNetwork}, the network's resolution:`,
      ...describeViews(scores),
      "at full resolution, logits scaled bilinearly:",
      ...describeViews(fullResolution),
      "",
      { columns: [`IoU, %, ${last}`, atNetwork, atFull], rows },
    ];
  },
};
