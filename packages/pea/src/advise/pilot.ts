/**
 * How long the runs of a pilot may be: as long as lets all of them be trained in the time that is given.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { formatSeconds } from "../terminal/time-left.ts";

/** What a run of a recipe costs, in seconds. */
export interface RunCosts {
  /** Of training on one image once. */
  readonly perImage: number;
  /** Of an epoch's validation. */
  readonly perEpoch: number;
  /** Of its start and its end. */
  readonly perRun: number;
}

/** The recipe that a pilot is short for. */
export interface FullRun {
  readonly epochs: number;
  readonly batchSize: number;
  /** Training images. */
  readonly images: number;
  readonly validationImages: number;
  readonly testImages: number;
}

/** Length of all runs of a pilot. */
export interface PilotLength {
  readonly epochs: number;
  /** Training images. */
  readonly images: number;
}

/** What other candidates, busier hours and colder caches cost more than a run that was timed. */
const CAUTION = 1.15;

/**
 * The costs of runs, by one that was timed. What is neither training nor the start is taken for evaluation, so that its share
 * is more than it costs.
 *
 * @param seconds of its training steps, and of all of it
 * @param length one epoch of so many images
 */
export function costsOf(
  { steps, whole }: { steps: number; whole: number },
  { images }: PilotLength,
  { validationImages, testImages }: FullRun,
): RunCosts {
  const others = CAUTION * (whole - steps);
  // A run validates on no more images than it trains on (`limitTrain`).
  const perScored = others / (Math.min(validationImages, images) + testImages);
  return {
    perImage: (CAUTION * steps) / images,
    perEpoch: perScored * validationImages,
    perRun: others,
  };
}

/** Where there is not time for all images, a run has so many epochs, a quarter of them behind the turn to ReLU. */
const FEW_EPOCHS = 8;
/** Of these the last is wholly behind the turn. */
const FEWEST_EPOCHS = 4;
/** Batches of an epoch below which nothing is learned that could be compared. */
const FEWEST_BATCHES = 10;

/** What a pilot may take. */
export interface PilotTime {
  readonly runs: number;
  /** In seconds. */
  readonly time: number;
  /** Of it, before the first run. */
  readonly spent: number;
}

/**
 * The longest runs of which so many can be trained in a time: more epochs of all images, else fewer images.
 *
 * @throws PeaError (usage) naming the time that the shortest take
 */
export function planPilot(
  { perImage, perEpoch, perRun }: RunCosts,
  { epochs: fullEpochs, batchSize, images }: FullRun,
  { runs, time, spent }: PilotTime,
): PilotLength {
  const forEpochs = (time - spent) / runs - perRun;
  const whole = Math.floor(forEpochs / (perEpoch + images * perImage));
  if (whole >= Math.min(FEW_EPOCHS, fullEpochs))
    return { epochs: Math.max(FEWEST_EPOCHS, Math.min(whole, fullEpochs)), images };
  const epochs = Math.min(FEW_EPOCHS, Math.max(FEWEST_EPOCHS, fullEpochs));
  const batches = Math.floor((forEpochs / epochs - perEpoch) / (batchSize * perImage));
  const fewest = Math.min(FEWEST_BATCHES, Math.floor(images / batchSize));
  if (batches < fewest) {
    const least = spent + runs * (perRun + epochs * (perEpoch + fewest * batchSize * perImage));
    throw new PeaError(
      `${formatSeconds(time)} are too short for ${runs} runs in which anything is learned; take a --time of at least ${Math.ceil(least / 60)}m`,
      { kind: "usage" },
    );
  }
  return { epochs, images: Math.min(images, batches * batchSize) };
}
