import type { PartSizes, PartsDescription } from "../data/parts/describe-parts.ts";
import { enumerate } from "../data/sources/list-folder.ts";
import { partWords } from "../data/sources/part-names.ts";
import { formatTable } from "./output.ts";

/** `81 training, 9 validation and 10 test images`. */
export function countImages({ images: { train, validation, test } }: PartsDescription): string {
  return (
    [`${train} training`, ...(validation > 0 ? [`${validation} validation`] : [])].join(", ") +
    ` and ${test} test images`
  );
}

/** So many classes are told one by one. */
const FEW = 10;

/** The classes of a data set and how many images of each there are, and what else there is to know of it. */
export function describeData(parts: PartsDescription): string[] {
  return [
    ...describeClasses(parts),
    ...parts.notes.map((note) => `note: ${note}`),
    ...parts.warnings.map((warning) => `warning: ${warning}`),
  ];
}

function describeClasses({ images, classes, imagesPerClass }: PartsDescription): string[] {
  const names = `classes: ${enumerate(classes, FEW)}`;
  if (imagesPerClass === null) return [names];
  const columns = (Object.keys(images) as (keyof PartSizes)[]).filter((part) => images[part] > 0);
  if (classes.length <= FEW)
    return [
      formatTable(
        ["class", ...columns.map((part) => partWords[part])],
        Object.entries(imagesPerClass).map(([name, sizes]) => [name, ...columns.map((part) => sizes[part])]),
      ),
    ];
  const ranges = columns.map((part) => {
    const counts = Object.values(imagesPerClass).map((sizes) => sizes[part]);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    return `${least === most ? least : `${least} to ${most}`} ${partWords[part]}`;
  });
  return [names, `images of a class: ${ranges.join(", ")}`];
}
