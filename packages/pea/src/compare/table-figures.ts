/**
 * The figures that go into a table: the paper's, and those of a study's runs.
 *
 * @module
 */
import { paperTables, parseVariant, smoothActivations, type Variant } from "@pea/core";
import { baselineName } from "../methods/variant-name.ts";
import type { Comparison } from "./compare.ts";
import { compareRuns, scoreNames } from "./compare-runs.ts";
import { groupBy } from "./group-by.ts";
import type { Score } from "./outcomes.ts";
import type { Result } from "./results.ts";

/** The paper's tables that compare PEA with ReLU. */
export type TableNumber = 2 | 3 | 4 | 5 | 6;

/** Where a figure comes from: the paper; or runs, scored with the best model of the final phase or with the last one. */
export type Source = "paper" | Score;

/** A mean over runs: a score in percent, or a gain over the baseline in points. */
export interface Figure {
  network: string;
  source: Source;
  variant: string;
  mean: number;
  /** Null for one run, and in the paper, which gives none. */
  deviation: number | null;
  /** Number of runs. */
  count: number;
  /** With the baseline, over the seeds both have; null in the paper, and where there is none. */
  comparison: Comparison | null;
}

/** The figures of a network from one source, by variant. */
export interface Entry {
  network: string;
  source: Source;
  figures: ReadonlyMap<string, Figure>;
}

/** Runs of one network on one data set. */
export interface ResultGroup {
  dataset: string;
  network: string;
  metric: Result["metric"];
  results: Result[];
}

/** The parts of a variant code, null for any other name. */
export function variantOf(name: string): Variant | null {
  try {
    return parseVariant(name);
  } catch {
    return null;
  }
}

/** Is this the upper limit, a network with the smooth activation all along? */
export function isUpperLimit(variant: string): boolean {
  return smoothActivations().some(({ name }) => name === variant);
}

/** Groups results by data set and network, in the order of their first runs. */
export function groupResults(results: readonly Result[]): ResultGroup[] {
  const groups = groupBy(results, ({ dataset, network, metric }) =>
    JSON.stringify([dataset, network, metric]),
  );
  return [...groups.values()].map((group) => {
    const { dataset, network, metric } = group[0] as Result;
    return { dataset, network, metric, results: group };
  });
}

/**
 * The figures of a network's runs: of its best models, where there are such, and of its last ones.
 *
 * @param options.gains differences from the baseline, seed by seed, in place of scores
 * @param options.isFinished whether all runs that were planned are there
 */
export function entriesOf(
  { network, results }: ResultGroup,
  { gains, isFinished }: { gains: boolean; isFinished: boolean },
): Entry[] {
  const compared = compareRuns(results, { isFinished });
  return scoreNames.flatMap((source) => {
    const figures = [...compared].flatMap(([variant, scores]): Figure[] => {
      const { sample, comparison } = scores[source];
      const shown = gains ? comparison?.difference : sample;
      return shown ? [{ network, source, variant, ...shown, comparison }] : [];
    });
    return figures.length > 0 ? [toEntry(figures)] : [];
  });
}

/** The paper's figures for one of its tables, network by network in its order. */
export function paperEntries(table: TableNumber): Entry[] {
  const { baselines, stochastic, weighted, best, resnet50, cityscapes } = paperTables;
  const withBaseline = (rows: Readonly<Record<string, Readonly<Record<string, number>>>>) =>
    Object.entries(rows).map(([network, row]) => {
      const { relu } = baselines[network as keyof typeof baselines];
      return paperEntry(network, { [baselineName]: relu, ...row });
    });
  switch (table) {
    case 2:
      return withBaseline(stochastic);
    case 3:
      return withBaseline(weighted);
    case 4:
      return withBaseline(
        Object.fromEntries(
          Object.entries(best).map(([network, { variant, top1, upperLimit }]) => [
            network,
            { [variant]: top1, [upperLimit.activation]: upperLimit.top1 },
          ]),
        ),
      );
    case 5:
      return [paperEntry("resnet50", resnet50.gains)];
    case 6: {
      const { relu, best, smooth } = cityscapes;
      return [paperEntry("erfnet", { [baselineName]: relu, [best.variant]: best.miou, ...smooth })];
    }
  }
}

function paperEntry(network: string, means: Readonly<Record<string, number>>): Entry {
  return toEntry(
    Object.entries(means).map(([variant, mean]) => ({
      network,
      source: "paper",
      variant,
      mean,
      deviation: null,
      count: 5,
      comparison: null,
    })),
  );
}

/** @param figures at least one, all of one network and source */
function toEntry(figures: readonly Figure[]): Entry {
  const { network, source } = figures[0] as Figure;
  return { network, source, figures: new Map(figures.map((figure) => [figure.variant, figure])) };
}
