import { PeaError } from "@pea/core";
import type { SkippedSample } from "../data/loading/unreadable-images.ts";
import { describePassedOver, type PassedOver } from "../images/image-names.ts";
import { findImages } from "../predict/image-files.ts";
import { type ImagePrediction, predict, segment } from "../predict/predict.ts";
import { openPredictor, type Predictor } from "../predict/predictor.ts";
import type { Imports } from "../recipe/import-file.ts";
import type { CheckpointName } from "../run/trained-run.ts";
import { answerName, answerWriter } from "../tasks/segmentation/write-answers.ts";
import { type CommonOptions, log, printResult } from "../terminal/output.ts";
import { describeSkippedSample } from "../terminal/progress.ts";

interface PredictOptions extends CommonOptions {
  checkpoint?: CheckpointName;
  import?: Imports;
  topK?: number;
  output?: string;
  onBadSample: "fail" | "skip";
}

/** `pea predict`: what a network says of images. */
export async function runPredict(
  source: string,
  paths: readonly string[],
  options: PredictOptions,
): Promise<void> {
  const { checkpoint, onBadSample } = options;
  const predictor = await openPredictor(source, { checkpoint, import: options.import });
  try {
    let passedOver: PassedOver = new Map();
    const files = await findImages(paths, {
      onPassedOver(counts) {
        passedOver = counts;
        log(describePassedOver(counts) as string);
      },
    });
    log(predictor.description);
    const skipped: string[] = [];
    const onSkip = (sample: SkippedSample) => {
      skipped.push(sample.name);
      log(describeSkippedSample(sample));
    };
    const answer = predictor.labels ? writeLabelMaps : nameClasses;
    const predictions = await answer(predictor, files, { ...options, onBadSample, onSkip });
    if (skipped.length > 0) log(`${skipped.length} of ${files.length} images skipped`);
    if (options.json) {
      const counts = Object.fromEntries(passedOver);
      const document = { source, model: predictor.description, predictions, skipped, passedOver: counts };
      printResult(options, document, () => "");
    }
  } finally {
    await predictor.close();
  }
}

type AnswerOptions = PredictOptions & { onSkip: (sample: SkippedSample) => void };

async function nameClasses(
  predictor: Predictor,
  files: readonly string[],
  { output, ...options }: AnswerOptions,
): Promise<ImagePrediction[]> {
  if (output !== undefined)
    throw usage("this network names the class of an image and draws no label maps; leave --output out");
  const predictions: ImagePrediction[] = [];
  for await (const prediction of predict(predictor, files, options)) {
    // One by one: there may be many, and the first ones are of use while the rest is in work.
    if (options.json) predictions.push(prediction);
    else printResult(options, prediction, () => describe(prediction));
  }
  return predictions;
}

async function writeLabelMaps(
  predictor: Predictor,
  files: readonly string[],
  { output, topK, ...options }: AnswerOptions,
): Promise<{ image: string; labels: string; overlay: string }[]> {
  if (topK !== undefined)
    throw usage("this network names the class of each pixel and ranks none; leave --top-k out");
  if (output === undefined)
    throw usage("this network draws label maps; say where to write them with --output DIR");
  refuseSameNames(files);
  const locate = (index: number) => ({ name: files[index] as string, path: files[index] as string });
  const write = answerWriter(output, { labelTable: predictor.labels, locate }, predictor.input);
  const written: { image: string; labels: string; overlay: string }[] = [];
  for await (const { image, map } of segment(predictor, files, options)) {
    const prediction = { image, ...(await write(files.indexOf(image), map)) };
    if (options.json) written.push(prediction);
    else printResult(options, prediction, () => `${image}: ${prediction.labels}, ${prediction.overlay}`);
  }
  return written;
}

/** Two images of one name in different folders would be answered in one file. */
function refuseSameNames(files: readonly string[]): void {
  const byName = new Map<string, string>();
  for (const file of files) {
    const other = byName.get(answerName(file));
    if (other !== undefined)
      throw usage(
        `the label maps of ${other} and ${file} would have one name; take them one after the other`,
      );
    byName.set(answerName(file), file);
  }
}

const describe = ({ image, top }: ImagePrediction): string =>
  [
    image,
    ...top.map(({ class: name, probability }) => `${(100 * probability).toFixed(2).padStart(8)} %  ${name}`),
  ].join("\n");

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
