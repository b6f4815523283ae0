/**
 * The check of a run's images while it trains.
 *
 * @module
 */

import { ImageCheck, type ImagesToCheck } from "../data/loading/image-check.ts";
import type { BatchLoader } from "../data/loading/loader.ts";
import { StreamingLoader } from "../data/loading/streaming-loader.ts";
import { UnreadableImagesError } from "../data/loading/unreadable-images.ts";
import { alone, type Ranks } from "../distributed/ranks.ts";
import { type Place, shareOf } from "../distributed/share.ts";
import type { TrainingPlan } from "../run/plan.ts";

/** Of the parts of a run's data. */
export interface Loaders {
  train: BatchLoader;
  /** The one for `test` where the model is chosen on the test part. */
  validation: BatchLoader | null;
  test: BatchLoader;
}

/**
 * A check of the images that the first epoch does not train on: the other parts, and what it leaves over; of several
 * processes each looks at its share.
 */
export function checkOfImages(
  { train, validation, test }: Loaders,
  {
    plan,
    firstStep,
    onBadSample,
    place,
  }: { plan: TrainingPlan; firstStep: number; onBadSample: "fail" | "skip"; place: Place },
): ImageCheck {
  const { stepsPerEpoch, totalSteps } = plan;
  const epoch = Math.floor(firstStep / stepsPerEpoch);
  // A set: the model may be chosen on the test part.
  const images = [...new Set([validation, test, train])].flatMap((loader): ImagesToCheck[] => {
    if (!(loader instanceof StreamingLoader)) return [];
    const all = Int32Array.from({ length: loader.samplesPerEpoch }, (_, index) => index);
    return [{ loader, indices: shareOf(loader === train ? loader.leftOver(epoch) : all, place) }];
  });
  return new ImageCheck(images, { steps: Math.min(stepsPerEpoch, totalSteps - firstStep), onBadSample });
}

/**
 * All images that cannot be read, as far as the check looks at them, so that they can be mended at once. Where the check
 * itself fails, those found until then: the images are why the run stopped.
 */
export async function nameAll(
  { images, isOfAll }: UnreadableImagesError,
  check: ImageCheck,
  ranks: Ranks = alone,
): Promise<UnreadableImagesError> {
  await check.finish().catch(() => {});
  const found = isOfAll ? (await ranks.gather(check.found)).flat() : check.found;
  const byName = new Map([...images, ...found].map((sample) => [sample.name, sample]));
  return new UnreadableImagesError([...byName.values()], { isOfAll });
}
