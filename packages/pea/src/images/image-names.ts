/**
 * Which files are images, by the endings of their names, and what is told of the others.
 *
 * @module
 */

/** Of formats that are decoded here. What a file is in truth is found by its content. */
const endings = ["jpg", "jpeg", "jpe", "jfif", "png", "gif", "webp", "tif", "tiff", "avif"];
/** Of images, too, but in formats that are not read. */
const foreignEndings = [
  "heic",
  "heif",
  "bmp",
  "ppm",
  "pgm",
  "pbm",
  "pnm",
  "jxl",
  "jp2",
  "dng",
  "cr2",
  "nef",
  "arw",
];
/** What file managers leave behind. */
const litter = ["thumbs.db", "desktop.ini"];

/** The endings, for messages. */
export const imageEndings = `${endings
  .slice(0, -1)
  .map((ending) => `.${ending}`)
  .join(", ")} or .${endings.at(-1)}`;

/** Whether a file's name is that of an image that is read. */
export function isImageName(name: string): boolean {
  return endings.includes(endingOf(name));
}

/** How many files were no images to be read, by their endings in lower case; `""` for none. */
export type PassedOver = ReadonlyMap<string, number>;

/** Counts files by their endings, without those that file managers leave behind. */
export function countEndings(names: readonly string[]): PassedOver {
  const counts = new Map<string, number>();
  for (const name of names) {
    const ending = endingOf(name);
    if (!litter.includes(name.toLowerCase())) counts.set(ending, (counts.get(ending) ?? 0) + 1);
  }
  return counts;
}

/** Several counts as one. */
export function sumCounts(all: readonly PassedOver[]): PassedOver {
  const sum = new Map<string, number>();
  for (const counts of all)
    for (const [ending, count] of counts) sum.set(ending, (sum.get(ending) ?? 0) + count);
  return sum;
}

/** `passed over: 3 .heic, 1 .txt, 1 without ending`, the most frequent first; undefined where there was nothing. */
export function describePassedOver(counts: PassedOver): string | undefined {
  if (counts.size === 0) return undefined;
  const words = [...counts]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([ending, count]) => (ending === "" ? `${count} without ending` : `${count} .${ending}`));
  const foreign = foreignEndings.filter((ending) => counts.has(ending)).map((ending) => `.${ending}`);
  const remedy =
    foreign.length === 0 ? "" : ` (${foreign.join(", ")}: not read here; convert them, e.g. to JPEG or PNG)`;
  return `passed over: ${words.join(", ")}${remedy}`;
}

/** What follows the last dot, in lower case; nothing where there is none. */
function endingOf(name: string): string {
  return /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
}
