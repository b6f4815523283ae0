/** What `pea init` suggests for images of which each is of one class. */
import { isInFiles } from "../../data/sets/dataset-descriptor.ts";
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
export function suggestClassification(facts: DataFacts): RecipeLine[] {
  const { dataset, parts } = facts;
  const { train, validation } = parts.images;
  const hasValidation = validation > 0;
  const { model, comment, imageSize } = networkFor(facts);
  const isLarge = imageSize >= 128;
  const isSmall = imageSize <= 40;
  // The validation part takes at least one image of each class.
  const trained = hasValidation ? train : Math.max(Math.min(train * 0.9, train - parts.classes.length), 1);
  const batchSize = batchFor(trained);
  return [
    ["model", model, comment],
    ...dataLines(facts),
    ...(isInFiles(dataset)
      ? ([
          ["imageSize", imageSize, "Side of the square that images are scaled to."],
          [
            "trainCrop",
            isSmall ? "whole" : "distorted",
            isSmall
              ? "The whole of each training image, and so of each image evaluated (evalCrop); of larger ones random windows\n" +
                "# (distorted, torchvision) help more."
              : "A random window of each training image, as the paper's code; torchvision and whole are others.",
          ],
        ] as RecipeLine[])
      : []),
    ["onBadSample", "fail", "Stop at an image that cannot be read; skip goes on without it and counts it."],
    ...(hasValidation
      ? []
      : ([
          ["valFraction", 0.1, "Share of the training images kept for choosing the best model."],
        ] as RecipeLine[])),
    peaLine,
    ["epochs", epochsFor(train), "Passes over the training images; more help small data sets most."],
    batchLine(batchSize),
    [
      "lr",
      Number(((0.2 * batchSize) / 256).toPrecision(2)),
      "Peak learning rate, in proportion to the batch. Find it with the ReLU baseline; PEA needs no other.",
    ],
    ["lrSchedule", "cosine", "Down to 0 over the run, after a short warm-up."],
    ["labelSmoothing", isLarge ? 0.1 : 0, "Of the training loss; 0.1 is usual for many classes."],
    [
      "flip",
      dataset.flip ?? true,
      "Mirror training images at random. Not for digits, letters and whatever else has a left and a right.",
    ],
    [
      "cropPadding",
      isSmall ? Math.round(imageSize / 8) : 0,
      "Move training images by up to so many pixels at random.",
    ],
    seedLine,
  ];
}

/** A network that fits images of this size, and the size to feed it with. */
function networkFor({ dataset, size }: DataFacts): { model: string; comment: string; imageSize: number } {
  const side = Math.min(size.width, size.height);
  const small = "resnet18-small is larger and more accurate; mobilenet-0.5-small lies between.";
  const comment = (fits: string, others: string) =>
    `A compact network for ${fits}; ${others} See pea models.`;
  if (!isInFiles(dataset) || side <= 40) {
    const imageSize = isInFiles(dataset) ? side : Math.max(size.width, size.height);
    return { model: "mobilenet-0.25-small", comment: comment("small images", small), imageSize };
  }
  if (side < 112)
    return { model: "mobilenet-0.25-small", comment: comment("images of this size", small), imageSize: 64 };
  return {
    model: "mobilenet-0.25",
    comment: comment("large images", "resnet18 is larger and more accurate; mobilenet-0.5 lies between."),
    imageSize: 224,
  };
}

/** The paper's 120 for as many images as ImageNet has and for small sets, fewer for those between. */
function epochsFor(images: number): number {
  if (images >= 500_000) return 120;
  return images >= 20_000 ? 30 : images >= 2_000 ? 60 : 120;
}
