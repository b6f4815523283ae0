/**
 * RandAugment of one image; threads load this module.
 *
 * @module
 */
import type { ChangeImage } from "../../images/transforms/image-change.ts";
import { drawsOfImage } from "../draws.ts";
import { applyOperation, isSigned, operationNames } from "./operations.ts";

/** Settings of RandAugment; N and M of the paper. */
export interface RandAugmentOptions {
  /** Operations on an image, one after the other. */
  operations: number;
  /** Strength of each, a whole number from 0 to 30. */
  magnitude: number;
}

/** Where threads find it. */
export const module = import.meta.url;

/**
 * Applies operations drawn of all with equal probability, at one magnitude and, where they have a direction, in either of the
 * two (Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space", 2019).
 */
export const changeImage: ChangeImage<RandAugmentOptions> = (image, { operations, magnitude }, key) => {
  const draws = drawsOfImage("randaugment", key);
  for (let i = 0; i < operations; i++) {
    const name = operationNames[Math.floor(draws.uniform() * operationNames.length)] ?? "identity";
    const sign = isSigned(name) && draws.uniform() < 0.5 ? -1 : 1;
    applyOperation(image, name, magnitude, sign);
  }
};
