import type { Breakdown } from "./breakdown.ts";

/** A table for people, whose first column names the rows. */
export interface BreakdownTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** So many classes are all shown; of more the lowest, and as many pairs and images. */
const ALL_CLASSES = 20;
const FEW = 10;

/**
 * A breakdown as tables; those that would be empty are left out.
 *
 * @param options.classes whether the table of the classes is wanted
 */
export function breakdownTables(breakdown: Breakdown, { classes = true } = {}): BreakdownTable[] {
  const tables = [
    ...(classes ? [classTable(breakdown)] : []),
    ...[pairTable(breakdown), imageTable(breakdown)],
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** The classes, those of which nothing was measured last. */
function classTable(breakdown: Breakdown): BreakdownTable {
  const { unit, score, classes } = inOneForm(breakdown);
  const shown = classes.length <= ALL_CLASSES ? classes.length : FEW;
  const rank = ({ value }: (typeof classes)[number]) => value ?? 101;
  return {
    title: shown < classes.length ? `The ${shown} lowest of ${classes.length} classes` : "Classes",
    columns: ["Class", unit, "Right", `${score}, %`],
    rows: classes
      .toSorted((a, b) => rank(a) - rank(b))
      .slice(0, shown)
      .map(({ name, count, correct, value }) => [name, `${count}`, `${correct}`, percent(value)]),
  };
}

function pairTable(breakdown: Breakdown): BreakdownTable {
  const { unit, pairs } = inOneForm(breakdown);
  return {
    title: "Most often taken for another class",
    columns: ["Class → taken for", unit, "Of the class, %"],
    rows: pairs
      .slice(0, FEW)
      .map(({ label, answer, count, share }) => [`${label} → ${answer}`, `${count}`, percent(share)]),
  };
}

function imageTable(breakdown: Breakdown): BreakdownTable {
  if (breakdown.task === "segmentation")
    return {
      title: "Images with the lowest mIoU",
      columns: ["Image", "mIoU, %"],
      rows: breakdown.worst.slice(0, FEW).map(({ image, miou }) => [image, percent(miou)]),
    };
  return {
    title: "Images with the highest loss",
    columns: ["Image", "Class → taken for", "Probability, %", "Loss"],
    rows: breakdown.worst
      .slice(0, FEW)
      .map(({ image, label, answer, probability, loss }) => [
        ...[image, `${label} → ${answer}`],
        ...[percent(100 * probability), loss.toFixed(2)],
      ]),
  };
}

/** What both kinds have, by the same names. */
function inOneForm(breakdown: Breakdown) {
  if (breakdown.task === "classification") {
    const { classes, confused } = breakdown;
    return {
      unit: "Images",
      score: "Accuracy",
      classes: classes.map(({ images: count, accuracy: value, ...own }) => ({ ...own, count, value })),
      pairs: confused.map(({ images: count, ...pair }) => ({ ...pair, count })),
    };
  }
  const { classes, confused } = breakdown;
  return {
    unit: "Pixels",
    score: "IoU",
    classes: classes.map(({ pixels: count, iou: value, ...own }) => ({ ...own, count, value })),
    pairs: confused.map(({ pixels: count, ...pair }) => ({ ...pair, count })),
  };
}

const percent = (value: number | null): string => (value === null ? "–" : value.toFixed(2));
