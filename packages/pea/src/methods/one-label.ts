/**
 * What methods that mix images of different labels ask of a run.
 *
 * @module
 */
import { PeaError } from "@pea/core";

/** @throws PeaError of kind usage where an image has not one label */
export function requireOneLabel(method: string, task = "classification"): void {
  if (task !== "segmentation") return;
  throw new PeaError(
    `${method} does not go with ${task}: it mixes images that have one label each, but here each pixel has its own, and ` +
      `those that do not count differ between the two images; leave ${method} out`,
    { kind: "usage" },
  );
}
