import { findImages } from "../predict/image-files.ts";
import { type ImagePrediction, predict } from "../predict/predict.ts";
import { openPredictor } from "../predict/predictor.ts";
import { describeSkip } from "../train/progress.ts";
import type { CheckpointName } from "../train/trained-run.ts";
import { type CommonOptions, log, printResult } from "./output.ts";

interface PredictOptions extends CommonOptions {
  checkpoint?: CheckpointName;
  import?: string;
  topK?: number;
  onBadSample: "fail" | "skip";
}

/** `pea predict`: what a network says of images. */
export async function runPredict(
  source: string,
  paths: readonly string[],
  options: PredictOptions,
): Promise<void> {
  const { checkpoint, topK, onBadSample, json } = options;
  const predictor = await openPredictor(source, { checkpoint, import: options.import });
  try {
    const files = await findImages(paths);
    log(predictor.description);
    const skipped: string[] = [];
    const onSkip = (sample: Parameters<typeof describeSkip>[0]) => {
      skipped.push(sample.name);
      log(describeSkip(sample));
    };
    const predictions: ImagePrediction[] = [];
    for await (const prediction of predict(predictor, files, { topK, onBadSample, onSkip })) {
      // One by one: there may be many, and the first ones are of use while the rest is in work.
      if (json) predictions.push(prediction);
      else printResult(options, prediction, () => describe(prediction));
    }
    if (json) printResult(options, { source, model: predictor.description, predictions, skipped }, () => "");
  } finally {
    await predictor.close();
  }
}

const describe = ({ image, top }: ImagePrediction): string =>
  [
    image,
    ...top.map(({ class: name, probability }) => `${(100 * probability).toFixed(2).padStart(8)} %  ${name}`),
  ].join("\n");
