/**
 * How a network became one of integers, and what that cost.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Scheme, SchemeWishes } from "@pea/graph";
import { counted } from "../common/counted.ts";
import type { CalibrationMethod } from "../quantize/calibration-methods.ts";
import type { LayerNoise } from "../quantize/layer-noise.ts";
import { describeMainScore, mainScore, scoreLabel } from "../tasks/task.ts";
import type { ScoreComparison } from "./compare-scores.ts";
import type { IntegerSettings } from "./target.ts";

/** How a network is to become one of integers; what is left out, the target decides. */
export interface IntegerForm extends SchemeWishes, IntegerSettings {
  /** How ranges are made of the numbers seen; `minmax` by default. */
  calibration?: CalibrationMethod;
}

/** Where ranges come from. */
export interface Calibration {
  /** The training images that they are of; none where they are those that the network trained with. */
  readonly images: number;
  readonly method: CalibrationMethod | "trained";
  /** Whether channels were equalized between layers; left out where they were not. */
  readonly isEqualized?: boolean;
  /** What it trained with, where that was rounded with other steps. */
  readonly trainedFor?: Scheme;
}

/** How a network became one of integers, and what that cost. */
export interface IntegerSummary {
  readonly scheme: Scheme;
  /** The `Softmax` or `Sigmoid` that was taken off the end: what is written gives logits. */
  readonly answer?: string;
  readonly calibration: Calibration;
  /** On the test part, of a run. */
  readonly scores?: ScoreComparison;
  /** What is left of each layer's result, in the network's order. */
  readonly layers: readonly LayerNoise[];
}

/** Layers that are named. */
const named = 3;

/** In lines for people: before and after, and the layers that lose most. */
export function describeIntegers(summary: IntegerSummary): string[] {
  const { answer, scores, layers } = summary;
  const worst = noisiest(layers).slice(0, named);
  return [
    ...(scores === undefined ? [] : [describeComparison(scores)]),
    describeQuantization(summary),
    ...(answer === undefined ? [] : [`the ${answer} at the end is left out: what is written gives logits`]),
    ...(worst.length === 0 ? [] : [`most noise: ${worst.map(describeNoise).join(", ")}`]),
  ];
}

const describeNoise = (layer: LayerNoise) => `${layer.decibels?.toFixed(1)} dB in ${layerName(layer)}`;

/** `uint8 activations, asymmetric; weights per channel; ranges of 1000 training images (minmax)`. */
export function describeQuantization({
  scheme,
  calibration: { images, method, isEqualized, trainedFor },
}: IntegerSummary): string {
  const ranges =
    method === "trained"
      ? "ranges that it trained with"
      : `ranges of ${counted(images, "training image")} (${method})`;
  const other = trainedFor === undefined ? "" : `, since it trained with ${describeScheme(trainedFor)}`;
  const equalized = isEqualized ? "; channels equalized between layers" : "";
  return `${describeScheme(scheme)}; ${ranges}${other}${equalized}`;
}

const describeScheme = ({ activations, scales, weights }: Scheme) =>
  `${activations} activations, ${scales}; weights ${weights}`;

/** Those that lose something, most of it first. */
export function noisiest(layers: readonly LayerNoise[]): LayerNoise[] {
  return layers
    .filter(({ decibels }) => decibels !== null)
    .sort((a, b) => Number(a.decibels) - Number(b.decibels));
}

/** `features.10.dw.conv (Conv)`. */
export function layerName({ name, operator, path }: LayerNoise): string {
  return `${path || name} (${operator})`;
}

/** `top-1 91.20 % in floats, 91.00 % in integers on 10000 test images; the same class for 99.10 %`. */
function describeComparison({ float, deployed, images, sameClass }: ScoreComparison): string {
  return (
    `${describeMainScore(float)} in floats, ${mainScore(deployed).toFixed(2)} % in integers on ${images} test images; ` +
    `the same class for ${sameClass.toFixed(2)} %`
  );
}

/**
 * @param how.isOfSome whether it was scored on some of the test images alone
 * @throws PeaError with the ways out, where more is lost than may be
 */
export function requireSmallLoss(
  { loss, metric, float, deployed, images }: ScoreComparison,
  maxLoss: number,
  {
    scheme,
    calibration,
    isOfSome = false,
  }: Pick<IntegerSummary, "scheme" | "calibration"> & { isOfSome?: boolean },
): void {
  if (loss <= maxLoss) return;
  const ways = [
    ...(isOfSome ? ["score more of the test images (--images)"] : []),
    ...(calibration.method === "trained"
      ? ["train longer with rounded numbers", "calibrate instead (--calibration)"]
      : ["take more training images (--calibration-images)", "another calibration (--calibration)"]),
    ...(scheme.weights === "per tensor" ? ["a scale for each output (leave --per-tensor out)"] : []),
    "allow for more (--max-loss)",
  ];
  throw new PeaError(
    `integers lose ${loss.toFixed(2)} points of ${scoreLabel(metric)} (${mainScore(float).toFixed(2)} to ` +
      `${mainScore(deployed).toFixed(2)} %) on ${counted(images, "test image")}, more than the ${maxLoss} that may be lost: ${ways.slice(0, -1).join(", ")}, or ${ways.at(-1)}`,
  );
}
