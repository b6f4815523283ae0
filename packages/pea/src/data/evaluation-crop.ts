import { type DataName, hasLabelMaps, isStreamed } from "./data-names.ts";
import type { CropName } from "./streaming/crop.ts";

/** The part of an image that an evaluation looks at: of large images the middle, of those with label maps
 * and of small ones all. */
export function evaluationCrop(data: DataName): CropName {
  return isStreamed(data) && !hasLabelMaps(data) ? "central" : "whole";
}
