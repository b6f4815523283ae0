/**
 * Options every network of the registry takes.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { BatchNormLayerOptions } from "@pea/torch";

/** Options of every network. */
export interface ModelOptions {
  /** Channels of the input image; default 3. */
  inputChannels?: number;
  /** Height and width of the images, for networks that are made for one size. */
  imageSize?: readonly [height: number, width: number];
  /** Length of the output, in segmentation of each pixel's; default 1000, in segmentation 19. */
  classes?: number;
  /** Factor on the number of channels, see `scaleChannels`; default 1. */
  width?: number;
  /** Added to the variance in batch norm; default 1e-5 or 1e-3, by network (spec networks.md 0). */
  batchNormEps?: number;
  /** Weight of the new batch in the running statistics (PyTorch's sense); default 0.1. */
  batchNormMomentum?: number;
}

/** Names of the options every network takes. */
export const commonOptions = [
  "inputChannels",
  "imageSize",
  "classes",
  "width",
  "batchNormEps",
  "batchNormMomentum",
] as const satisfies readonly (keyof ModelOptions)[];

/**
 * Channels of a layer at a width: `width · channels` truncated to an integer, at least 8 (spec networks.md 4.2).
 */
export function scaleChannels(channels: number, width: number): number {
  return Math.max(8, Math.trunc(width * channels));
}

/** Options of a network's batch norm layers, given the network's own default of eps. */
export function batchNormOptions(
  { batchNormEps, batchNormMomentum = 0.1 }: ModelOptions,
  defaultEps: number,
): BatchNormLayerOptions {
  return { eps: batchNormEps ?? defaultEps, momentum: batchNormMomentum };
}

/**
 * Refuses counts and widths no network can be built with.
 *
 * @throws PeaError of kind usage, naming the option and its value.
 */
export function checkModelOptions({ inputChannels = 3, classes = 1000, width = 1 }: ModelOptions): void {
  for (const [name, value] of Object.entries({ inputChannels, classes })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new PeaError(`${name} must be a whole number of at least 1, not ${value}`, { kind: "usage" });
    }
  }
  if (!Number.isFinite(width) || width <= 0) {
    throw new PeaError(`width must be a number above 0, not ${width}`, { kind: "usage" });
  }
}

/**
 * The entry of `table` an option names.
 *
 * @throws PeaError of kind usage, naming the option, its value and what it may be.
 */
export function choose<T>(option: string, value: string, table: Readonly<Record<string, T>>): T {
  const chosen = Object.hasOwn(table, value) ? table[value] : undefined;
  if (chosen === undefined) {
    throw new PeaError(`${option} must be one of ${Object.keys(table).join(", ")}, not ${value}`, {
      kind: "usage",
    });
  }
  return chosen;
}
