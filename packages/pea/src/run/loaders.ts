/** The loaders of a run: of its training part, and of the parts it is scored on. */
import { type BatchLoader, Loader, type TrainingOptions } from "../data/loading/loader.ts";
import { StreamingLoader } from "../data/loading/streaming-loader.ts";
import { type DataPart, isInMemory } from "../data/parts/part.ts";
import type { Place } from "../distributed/share.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { ImageSettings, RecipeData } from "./open-data.ts";
import type { TrainingPlan } from "./plan.ts";

/** Images per forward pass of an evaluation: so many small ones, or those that have so many pixels. */
const EVALUATION_BATCH = { images: 500, pixels: 64 * 224 * 224 };

/**
 * A loader of the training part: shuffled, augmented.
 *
 * @param plan.changes what methods do to each image
 * @param place of several processes that share each batch, this one
 */
export function trainingLoader(
  data: RecipeData,
  { batchSize, seed, flip, cropPadding, trainCrop, device }: Recipe,
  { stepsPerEpoch, changes }: Partial<TrainingPlan> & Pick<TrainingOptions, "changes"> = {},
  place?: Place,
): BatchLoader {
  const { train, statistics } = data;
  const training = { seed, stepsPerEpoch, flip, padding: cropPadding, changes };
  const options = { batchSize, statistics, device, place };
  if (isInMemory(train)) return new Loader(train, { ...options, training });
  return new StreamingLoader(train, {
    ...options,
    ...streamingOptions(data),
    training: { ...training, crop: trainCrop },
  });
}

/** A loader of every image of `part` in order, for evaluation; of several processes each gets its `place` in every batch. */
export function evaluationLoader(
  part: DataPart,
  data: ImageSettings,
  device: string,
  place?: Place,
): BatchLoader {
  const { statistics, inputShape } = data;
  const [, height, width] = inputShape;
  const { images, pixels } = EVALUATION_BATCH;
  const batchSize = Math.max(1, Math.min(images, Math.floor(pixels / (height * width))));
  const options = { batchSize, statistics, device, place };
  if (isInMemory(part)) return new Loader(part, options);
  return new StreamingLoader(part, { ...options, ...streamingOptions(data) });
}

function streamingOptions({ inputShape, ...data }: ImageSettings) {
  const { pool, evaluationCrop, exifOrientation, onBadSample, onSkip } = data;
  const [, height, width] = inputShape;
  return { pool, size: { width, height }, evaluationCrop, exifOrientation, onBadSample, onSkip };
}
