/**
 * How the values of a network are rounded while it trains.
 *
 * @module
 */
import { boundsOf, quantizationOf, type Range, type Scheme } from "@pea/graph";
import { amax, amin, fakeQuantize, noGrad, scope, type Tensor } from "@pea/torch";
import type { Ranks } from "../../distributed/ranks.ts";
import type { MethodState } from "../method.ts";

/** A range for each group of values that share one. */
export interface ValueRanges {
  /**
   * A value as its integers will stand for it; as it is where there is no range that could be rounded by.
   *
   * @param training whether the range follows what it holds, or is learned of it
   */
  round(name: string, value: Tensor, options: { training: boolean }): Tensor;
  /** After each forward pass in training. */
  endPass(): void;
  /** Brings together what several ranks know, each of its own images, before the weights are updated. */
  share(ranks: Ranks): Promise<void>;
  /** After each update of the weights. */
  endStep?(learningRate: number): void;
  /** By the names of the sources of each group that has one. */
  read(): Map<string, Range>;
  /** What training goes on with. */
  state(): MethodState;
  /** Goes on with what `state` gave; with an empty one as at first. */
  load(state: MethodState): void;
  dispose?(): void;
}

/** Least and greatest of a value's numbers. */
export function rangeOf(value: Tensor): Range {
  return noGrad(() => scope(() => ({ min: amin(value).item(), max: amax(value).item() })));
}

/** Whether there is a scale for a range. */
export function hasScale({ min, max }: Range): boolean {
  return Number.isFinite(min) && Number.isFinite(max) && max !== min;
}

/** A value rounded by a range; as it is where that has no scale. */
export function roundedValue(value: Tensor, range: Range, scheme: Scheme): Tensor {
  if (!hasScale(range)) return value;
  const { type, scales, zeroPoints } = quantizationOf(range, scheme);
  const [min, max] = boundsOf(type);
  return fakeQuantize(value, scales[0] as number, zeroPoints[0] as number, { min, max });
}
