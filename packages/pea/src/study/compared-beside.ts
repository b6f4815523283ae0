/**
 * Does a variant's gain over ReLU add to what is trained beside it? Gains beside each, and their difference from the gain alone.
 *
 * @module
 */
import {
  type Comparison,
  type ComparisonOptions,
  compareVariants,
  type Outcome,
} from "../compare/compare.ts";
import { scoreNames } from "../compare/compare-runs.ts";
import { outcomesOf, type Score, type ScoredRun } from "../compare/outcomes.ts";
import { conclusionOf, markdownTable } from "../compare/words.ts";
import { baselineName } from "../methods/variant-name.ts";
import { difference } from "./compared-variants.ts";
import { besideName, type StudyPlan } from "./study-file.ts";

/** A variant beside something, by one kind of score. */
export interface BesideScore {
  /** With ReLU beside the same; null without a pair of one seed that has this score. */
  gain: Comparison | null;
  /** The gain minus the gain alone, by seed; null where it is alone. */
  interaction: Comparison | null;
}

/** A variant beside something, or alone. */
export interface ComparedBeside {
  variant: string;
  /** Null: alone. */
  beside: string | null;
  scores: Readonly<Record<Score, BesideScore>>;
}

/** What gains and interactions are compared with. */
const sameBaseline = `${baselineName} beside the same`;
const alone = "the gain alone";

type Cell = Pick<ComparedBeside, "variant" | "beside">;
type Paired = Required<Pick<Outcome, "seed" | "pair">>;
type Options = Pick<ComparisonOptions, "isFinished">;

/**
 * Compares each variant with ReLU beside the same, and these gains with the gain alone. All gains are corrected together, and
 * so are all interactions.
 *
 * @returns empty where the plan does not ask for it
 */
export function compareBeside(
  runs: readonly ScoredRun[],
  { names, variants }: StudyPlan["beside"],
  options: Options,
): ComparedBeside[] {
  if (names.length === 0) return [];
  const cells = variants
    .filter((variant) => variant !== baselineName)
    .flatMap((variant) => [null, ...names].map((beside): Cell => ({ variant, beside })));
  const scored = (score: Score) => {
    const gains = compareCells(cells, sameBaseline, options, (cell) => gainsBySeed(runs, cell, score));
    const interactions = compareCells(
      cells.filter(({ beside }) => beside !== null),
      alone,
      options,
      ({ variant, beside }) => changesBySeed(gains(nameOf(variant, beside)), gains(variant)),
    );
    return (name: string): BesideScore => ({ gain: gains(name), interaction: interactions(name) });
  };
  const [best, last] = [scored("best"), scored("last")];
  return cells.map(({ variant, beside }) => {
    const name = nameOf(variant, beside);
    return { variant, beside, scores: { best: best(name), last: last(name) } };
  });
}

/** A variant's scores with ReLU's beside the same. */
function gainsBySeed(runs: readonly ScoredRun[], { variant, beside }: Cell, score: Score): Paired[] {
  const [own, baseline] = [nameOf(variant, beside), nameOf(baselineName, beside)];
  const references = new Map(
    runs.filter((run) => run.variant === baseline).map(({ seed, test }) => [seed, test[score]]),
  );
  const both = runs.filter((run) => run.variant === own || run.variant === baseline);
  return outcomesOf(both, score, baseline).flatMap(({ variant, seed, testScore, pair }) => {
    const reference = references.get(seed) ?? null;
    if (variant === baseline || reference === null) return [];
    return [{ seed, pair: pair ?? { own: testScore, reference, isChosenAlike: true } }];
  });
}

/** Gains beside something with those alone. */
function changesBySeed(gains: Comparison | null, gainsAlone: Comparison | null): Paired[] {
  const references = new Map(gainsAlone?.seeds.map((seed, i) => [seed, gainsAlone.differences[i] as number]));
  return (gains?.seeds ?? []).flatMap((seed, i) => {
    const reference = references.get(seed);
    if (reference === undefined) return [];
    return [{ seed, pair: { own: gains?.differences[i] as number, reference, isChosenAlike: true } }];
  });
}

/** Compares all cells with what their pairs hold, corrected together; the result finds a comparison by its name. */
function compareCells(
  cells: readonly Cell[],
  reference: string,
  options: Options,
  pairsOf: (cell: Cell) => readonly Paired[],
): (name: string) => Comparison | null {
  const outcomes = cells.flatMap((cell) =>
    pairsOf(cell).map(({ seed, pair }) => ({
      ...{ variant: nameOf(cell.variant, cell.beside), seed, pair },
      testScore: pair.own,
    })),
  );
  // Each outcome has its partner with it; of the reference itself is asked only which seeds it has.
  const partners = [...new Set(outcomes.map(({ seed }) => seed))].map((seed) => ({
    ...{ variant: reference, seed, testScore: 0 },
  }));
  const compared = compareVariants([...partners, ...outcomes], { ...options, reference });
  return (name) => compared.find(({ variant }) => variant === name) ?? null;
}

const nameOf = (variant: string, beside: string | null): string =>
  beside === null ? variant : besideName(variant, beside);

/** What is said of it below its table. */
export const besideNote =
  `Gain: difference from ${baselineName} that was trained beside the same, on the same seeds, in points. Interaction: that gain minus the gain ` +
  "alone; 0 where what stands beside it takes nothing from it. Each with its 95 % confidence interval; all gains are corrected together by Holm, and all interactions.";

/** Titles of the columns of `besideRows`. */
export function besideHead(rows: readonly ComparedBeside[]): string[] {
  return [
    "Variant",
    "Beside",
    ...shownOf(rows).flatMap((score) => [`Gain, ${score}`, "Interaction", "Conclusion"]),
  ];
}

/** A row of text for each variant and what it was trained beside. */
export function besideRows(rows: readonly ComparedBeside[]): string[][] {
  return rows.map(({ variant, beside, scores }) => [
    variant,
    beside ?? "nothing",
    ...shownOf(rows).flatMap((score) => {
      const { gain, interaction } = scores[score];
      return [difference(gain), difference(interaction), conclusionOfBoth(gain, interaction)];
    }),
  ]);
}

/** The section of `table.md`; empty where there is nothing to say. */
export function besideSection(rows: readonly ComparedBeside[]): string[] {
  if (rows.length === 0) return [];
  return ["### Does it add up?", besideNote, markdownTable(besideHead(rows), besideRows(rows))];
}

const shownOf = (rows: readonly ComparedBeside[]): Score[] =>
  scoreNames.filter((score) => rows.some(({ scores }) => scores[score].gain));

function conclusionOfBoth(gain: Comparison | null, interaction: Comparison | null): string {
  if (gain === null) return "–";
  const words = conclusionOf(gain);
  if (interaction === null || interaction.obstacle !== null || interaction.conclusion === "undecided")
    return words;
  return `${words}, ${conclusionOf(interaction)}`;
}
