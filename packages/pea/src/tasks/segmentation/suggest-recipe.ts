/** What `pea init` suggests for images of which each pixel has a class. */
import type { Size } from "../../images/transforms/crop.ts";
import type { DataFacts } from "../../recipe/data-facts.ts";
import {
  batchFor,
  batchLine,
  dataLines,
  peaLine,
  type RecipeLine,
  seedLine,
} from "../../recipe/recipe-lines.ts";

/** The lines of a recipe for these data. */
export function suggestSegmentation(facts: DataFacts): RecipeLine[] {
  const { parts, size } = facts;
  const [height, width] = scaled(size);
  const batchSize = Math.min(25, batchFor(parts.images.train * 0.9));
  return [
    ["model", "erfnet-segmentation", "The paper's network for segmentation: a class for each pixel."],
    ...dataLines(facts),
    ["imageSize", `${height}x${width}`, "Height and width that images are scaled to, multiples of 8."],
    ["valFraction", 0.1, "Share of the training images kept for choosing the best model."],
    peaLine,
    ["epochs", 500, "Passes over the training images, as the paper."],
    batchLine(batchSize),
    ["optimizer", "radam", "As the paper; sgd, adam and adamw are others."],
    ["lr", 0.001, "Peak learning rate, for RAdam."],
    ["lrSchedule", "cosine", "Down to 0 over the run, after the warm-up."],
    ["warmup", "1ep", "One epoch, as the paper."],
    ["flip", true, "Mirror training images at random."],
    seedLine,
  ];
}

/** A size of about the paper's 256×512 pixels with the ratio of the images, in multiples of 8. */
function scaled({ width, height }: Size): [height: number, width: number] {
  const factor = Math.min(1, Math.sqrt((256 * 512) / (width * height)));
  const toEights = (side: number) => Math.max(8, 8 * Math.round((side * factor) / 8));
  return [toEights(height), toEights(width)];
}
