import { join } from "node:path";
import { PeaError } from "@pea/core";
import { type Advice, type AdviseOptions, advise } from "../advise/advise.ts";
import { writeChosenRecipe } from "../advise/chosen-recipe.ts";
import { nameOfSubject, recipeFileFor } from "../advise/subject.ts";
import { exitCodeOf, stopSignals } from "../common/stop-signals.ts";
import { conclusionOf, fixed, probability, signed } from "../compare/words.ts";
import { createStudyProgress } from "../study/study-progress.ts";
import { type CommonOptions, formatTable, log, printResult } from "../terminal/output.ts";
import { formatSeconds } from "../terminal/time-left.ts";

interface AdviseFlags extends CommonOptions {
  /** In seconds. */
  time: number;
  output?: string;
  runs: string;
}

/**
 * `pea advise`.
 *
 * @returns exit code 0; 130, 143 or 129 when a signal stopped the pilot
 * @throws PeaError where the time was up before there was any advice, and as `advise`
 */
export async function runAdvise(subject: string, flags: AdviseFlags): Promise<number> {
  const name = nameOfSubject(subject);
  const output = flags.output ?? join("advice", name);
  const recipeFile = await recipeFileFor(subject, output);
  const stop = stopSignals((signal) => log(`\n${signal}: the run finishes its step; once more ends at once`));
  const options: AdviseOptions = {
    recipeFile,
    seconds: flags.time,
    output,
    runs: join(flags.runs, name),
    signal: stop.signal,
    onNote: log,
    watch: (stage) => createStudyProgress(stage, process.stderr),
  };
  const advice = await advise(options).finally(() => stop.dispose());
  if ("unfinished" in advice) {
    if (advice.unfinished === "signal") {
      log("stopped; the same command goes on");
      return exitCodeOf(stop.signal.reason);
    }
    throw new PeaError(
      "the time is up before there is any advice; the same command with a longer --time goes on",
    );
  }
  const recipe = writeChosenRecipe(output, recipeFile, advice.choice);
  printResult(flags, { output, recipe, ...advice }, () => describe(advice, recipe, output));
  return 0;
}

function describe(advice: Advice, recipe: string, output: string): string {
  const { candidates, length, full, choice, seconds } = advice;
  return [
    formatTable(
      ["candidate", "seeds", "validation, %"],
      candidates.map(({ name, seeds, validation }) => [name, seeds, validation?.toFixed(2) ?? "diverged"]),
    ),
    "",
    ...describeComparison(advice),
    `measured on runs of ${length.epochs} epochs of ${length.images} images; the recipe's are ${full.epochs} of ${full.images}`,
    `train with ${choice.name}: ${recipe}`,
    `results: ${output}, after ${formatSeconds(seconds)}`,
  ].join("\n");
}

function describeComparison({ best, comparison, pairs }: Advice): string[] {
  const goesOn = "the same command with a longer --time goes on";
  if (comparison === null) return [`there was no time left to compare ${best.name} with ReLU; ${goesOn}`];
  const { seeds, difference, paired, adjustedP, smallestDifference } = comparison;
  const interval =
    paired === null
      ? ""
      : `, 95 % interval ${signed(paired.interval[0])} to ${signed(paired.interval[1])}, p ${probability(adjustedP ?? paired.p)}`;
  return [
    `${best.name} with ReLU on ${seeds.length} new seeds: ${signed(difference.mean)} points on the test images${interval}`,
    comparison.conclusion === "undecided" && smallestDifference !== null
      ? `${conclusionOf(comparison)}; so many runs show differences of ${fixed(smallestDifference)} points and more`
      : conclusionOf(comparison),
    ...(seeds.length < pairs ? [`the time was up before all ${pairs} seeds had ended; ${goesOn}`] : []),
  ];
}
