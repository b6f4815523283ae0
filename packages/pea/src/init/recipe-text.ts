/**
 * A recipe for a data set, with each setting explained.
 *
 * @module
 */
import { isStreamed } from "../data/sets/data-names.ts";
import { enumerate } from "../data/sources/list-folder.ts";
import { type DataFacts, isSegmentation } from "./find-data.ts";

/** A key, its value and what to know of it. */
type Line = readonly [key: string, value: string | number | boolean, comment: string];

/** The recipe as YAML with comments. */
export function recipeText(facts: DataFacts): string {
  const { parts, size, sizesDiffer } = facts;
  const images = sizesDiffer
    ? `of different sizes, most about ${size.width}×${size.height}`
    : `${size.width}×${size.height}`;
  const lines = isSegmentation(facts) ? segmentationLines(facts) : classificationLines(facts);
  return [
    `# ${parts.images.train} training and ${parts.images.test} test images of ${parts.classes.length} classes, ${images}.`,
    `# Classes: ${enumerate(parts.classes, 10).replaceAll(/\s+/g, " ")}.`,
    "# Check it with:  pea train -c THIS_FILE --dry-run     and train with:  pea train -c THIS_FILE",
    "# All keys: pea help train",
    "",
    ...lines.flatMap(([key, value, comment]) => [`# ${comment}`, `${key}: ${value}`, ""]),
  ].join("\n");
}

function dataLines({ data, folder, labelBase, onMissingShard }: DataFacts): Line[] {
  const lines: Line[] = [
    ["data", data, "The format of the data."],
    ["dataDir", JSON.stringify(folder), "Where they lie."],
  ];
  if (labelBase !== undefined) lines.push(["labelBase", labelBase, "Label of the first class."]);
  if (onMissingShard !== undefined)
    lines.push([
      "onMissingShard",
      onMissingShard,
      "Where files of a numbered set are missing; fail stops there.",
    ]);
  return lines;
}

const peaLine: Line = [
  "pea",
  '"SM75%"',
  "Progressive ensemble activations: stochastic, from Mish to ReLU, ReLU alone from 75 % of the run on (the\n" +
    '# paper has 90 of 120 epochs). "none" is the ReLU baseline to compare with; "WG75%" is weighted, with GELU.',
];

const seedLine: Line = [
  "seed",
  0,
  "Of the weights, the order, the augmentation and the masks. Compare means over several.",
];

function classificationLines(facts: DataFacts): Line[] {
  const { data, parts } = facts;
  const { train, validation } = parts.images;
  const hasValidation = validation > 0;
  const { model, comment, imageSize } = networkFor(facts);
  const isLarge = imageSize >= 128;
  const isSmall = imageSize <= 40;
  const batchSize = batchFor(train * (hasValidation ? 1 : 0.9));
  return [
    ["model", model, comment],
    ...dataLines(facts),
    ...(isStreamed(data)
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
        ] as Line[])
      : []),
    ["onBadSample", "fail", "Stop at an image that cannot be read; skip goes on without it and counts it."],
    ...(hasValidation
      ? []
      : ([["valFraction", 0.1, "Share of the training images kept for choosing the best model."]] as Line[])),
    peaLine,
    ["epochs", epochsFor(train), "Passes over the training images; more help small data sets most."],
    [
      "batchSize",
      batchSize,
      "Images per update of the weights; microBatch: N takes them N at a time where memory is short.",
    ],
    [
      "lr",
      Number(((0.2 * batchSize) / 256).toPrecision(2)),
      "Peak learning rate, in proportion to the batch. Find it with the ReLU baseline; PEA needs no other.",
    ],
    ["lrSchedule", "cosine", "Down to 0 over the run, after a short warm-up."],
    ["labelSmoothing", isLarge ? 0.1 : 0, "Of the training loss; 0.1 is usual for many classes."],
    [
      "flip",
      data !== "idx",
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

function segmentationLines(facts: DataFacts): Line[] {
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
    [
      "batchSize",
      batchSize,
      "Images per update of the weights; microBatch: N takes them N at a time where memory is short.",
    ],
    ["optimizer", "radam", "As the paper; sgd is the other."],
    ["lr", 0.001, "Peak learning rate, for RAdam."],
    ["lrSchedule", "cosine", "Down to 0 over the run, after the warm-up."],
    ["warmup", "1ep", "One epoch, as the paper."],
    ["flip", true, "Mirror training images at random."],
    seedLine,
  ];
}

/** A network that fits images of this size, and the size to feed it with. */
function networkFor({ data, size }: DataFacts): { model: string; comment: string; imageSize: number } {
  const side = Math.min(size.width, size.height);
  const small = "resnet18-small is larger and more accurate; mobilenet-0.5-small lies between.";
  const comment = (fits: string, others: string) =>
    `A compact network for ${fits}; ${others} See pea models.`;
  if (!isStreamed(data) || side <= 40) {
    const imageSize = isStreamed(data) ? side : Math.max(size.width, size.height);
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

/** A power of two, so that an epoch has some tens of updates, from 8 to the paper's 256; less where there are few images. */
function batchFor(images: number): number {
  const wanted = 2 ** Math.floor(Math.log2(Math.max(1, images / 20)));
  return Math.max(1, Math.min(256, Math.max(8, wanted), Math.floor(images)));
}

/** The paper's 120 for as many images as ImageNet has and for small sets, fewer for those between. */
function epochsFor(images: number): number {
  if (images >= 500_000) return 120;
  return images >= 20_000 ? 30 : images >= 2_000 ? 60 : 120;
}

/** A size of about the paper's 256×512 pixels with the ratio of the images, in multiples of 8. */
function scaled({ width, height }: { width: number; height: number }): [height: number, width: number] {
  const factor = Math.min(1, Math.sqrt((256 * 512) / (width * height)));
  const toEights = (side: number) => Math.max(8, 8 * Math.round((side * factor) / 8));
  return [toEights(height), toEights(width)];
}
