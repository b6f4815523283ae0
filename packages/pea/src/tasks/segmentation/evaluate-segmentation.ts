/**
 * Scores of a segmentation network at both resolutions, and its answers as label maps.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import {
  argmax,
  cast,
  type Module,
  narrow,
  noGrad,
  scope,
  squeeze,
  type Tensor,
  tensor,
  upsampleBilinear2d,
} from "@pea/torch";
import type { BatchLoader } from "../../data/loading/loader.ts";
import type { SampleSource } from "../../data/sources/sample-source.ts";
import { decodeClassMap, openImage } from "../../images/decode.ts";
import { classesOfBytes } from "../../images/label-table.ts";
import type { ClassMap } from "../../images/resample.ts";
import type { Size } from "../../images/transforms/crop.ts";
import type { Answers } from "../breakdown.ts";
import { requireImages } from "../evaluate.ts";
import type { ScoreSums, Scores, Task } from "../task.ts";

/** Scores at both resolutions. */
export interface SegmentationScores {
  /** At the network's resolution, against label maps scaled to it by their nearest pixels: as during training. */
  network: Scores;
  /** At the resolution of the label maps, to which the logits are scaled: the official evaluation (spec recipes 3.4). */
  full: Scores;
}

export interface EvaluateSegmentationOptions {
  task: Task;
  device: string;
  /** Whether `loader` turns images by their EXIF orientation, as is the default. */
  exifOrientation?: boolean;
  /** Receives the answer to each image at the image's own resolution. */
  onAnswer?: (index: number, answer: ClassMap) => Promise<unknown>;
  /** Gathers what is said of each image with labels, at full resolution, to be broken down. */
  answers?: Answers;
  /** Called after each batch with the images done so far. */
  onProgress?: (images: number) => void;
}

/**
 * Evaluates `model` in evaluation mode and float32, then puts it back into the mode it had. Answers at full resolution are
 * the largest of the logits, scaled bilinearly.
 *
 * @param source what `loader` goes through, in order
 * @returns null where no image has labels
 */
export async function evaluateSegmentation(
  model: Module,
  loader: BatchLoader,
  source: SampleSource,
  { task, device, exifOrientation = true, answers, onAnswer, onProgress }: EvaluateSegmentationOptions,
): Promise<SegmentationScores | null> {
  const classOf = classesOfBytes(source.labelTable ?? []);
  const wasTraining = model.training;
  const start = () => task.startSums({ device, purpose: "evaluation" });
  const [network, full] = [start(), start()];
  const add = (sums: ScoreSums, logits: Tensor, labels: Tensor) =>
    noGrad(() => sums.add(task.loss(logits, labels), logits, labels));
  let done = 0;
  let hasLabels = false;
  model.eval();
  try {
    for await (const { images, labels, indices } of loader.batches()) {
      using logits = scope(() => noGrad(() => model.forward(images)));
      scope(() => add(network, logits, labels));
      for (const [place, index] of indices.entries()) {
        const { path, labelMap } = source.locate(index);
        const map = labelMap === undefined ? null : await decodeClassMap(await readFile(labelMap), classOf);
        const size = map ?? (await openImage(await readFile(path), { exifOrientation }));
        const answer = scope(() => {
          const scaled = upsampleBilinear2d(narrow(logits, 0, place, 1), [size.height, size.width]);
          if (map) {
            const shape = [1, map.height, map.width];
            const classes = cast(tensor(map.data, { shape }), { dtype: "int64", device });
            add(full, scaled, classes);
            answers?.add(scaled, classes, [index]);
          }
          return onAnswer && toClassMap(scaled, size);
        });
        hasLabels ||= map !== null;
        if (answer) await onAnswer?.(index, answer);
      }
      done += indices.length;
      onProgress?.(done);
    }
    requireImages(done);
    if (!hasLabels) return null;
    return { network: task.scores(network.read()), full: task.scores(full.read()) };
  } finally {
    model.train(wasTraining);
    network.dispose();
    full.dispose();
  }
}

/** The class with the largest logit, of one image [1, classes, H, W]. */
export function toClassMap(logits: Tensor, { height, width }: Size): ClassMap {
  const classes = cast(squeeze(argmax(logits, { dim: 1 }), { dim: 0 }), { dtype: "uint8", device: "cpu" });
  return { data: classes.toTypedArray() as Uint8Array, height, width };
}
