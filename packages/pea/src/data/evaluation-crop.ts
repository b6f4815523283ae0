import { type DataName, isStreamed } from "./data-names.ts";
import type { CropName } from "./streaming/crop.ts";

/** The part of an image that an evaluation looks at: of large images the middle, small ones are taken as they are. */
export function evaluationCrop(data: DataName): CropName {
  return isStreamed(data) ? "central" : "whole";
}
