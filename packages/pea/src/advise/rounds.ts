/**
 * Successive halving: after each round the better half goes on, with twice as many seeds. What remains is compared with
 * ReLU on seeds that had no part in the choice.
 *
 * @module
 */

import { PeaError } from "@pea/core";
import { meanOf } from "../common/mean.ts";
import type { Result } from "../compare/results.ts";
import { baselineName } from "../methods/variant-name.ts";

/** Seeds of the first round. */
const FIRST_SEEDS = 2;
/** Rounds of the choice. */
export const ROUNDS = 2;
/** Pairs below which nothing is concluded, and above which there is little to gain. */
export const pairs = { fewest: 3, usual: 6, most: 16 } as const;

/** A candidate by what the runs of a round say of it. */
export interface Standing {
  readonly name: string;
  readonly seeds: number;
  /** Mean score of the best models on the validation part, in percent; null where the loss of a run diverged. */
  readonly validation: number | null;
}

/** The seeds of a round, from 0; those of rounds before are among them. */
export const seedsOf = (round: number): number[] => range(0, FIRST_SEEDS * 2 ** round);

/** The seeds of the comparison, behind all of the choice. */
export function confirmingSeeds(count: number): number[] {
  const first = FIRST_SEEDS * 2 ** (ROUNDS - 1);
  return range(first, first + count);
}

/** Runs that a round of so many candidates adds to those of the rounds before. */
export function newRuns(round: number, candidates: number): number {
  return candidates * (seedsOf(round).length - (round === 0 ? 0 : seedsOf(round - 1).length));
}

/** Runs of a pilot of so many candidates, each trained once however many rounds it is in. */
export function countRuns(candidates: number): number {
  let runs = 0;
  let left = candidates;
  for (let round = 0; round < ROUNDS; round++) {
    runs += newRuns(round, left);
    left = Math.ceil(left / 2);
  }
  return runs + 2 * pairs.usual;
}

/**
 * The candidates of a round, the best first; equals in their order.
 *
 * @param diverged names of those of which a run diverged
 */
export function standings(
  results: readonly Result[],
  candidates: readonly string[],
  diverged: ReadonlySet<string> = new Set(),
): Standing[] {
  const order = ({ validation }: Standing) => validation ?? Number.NEGATIVE_INFINITY;
  return candidates
    .map((name) => {
      const scores = results.flatMap(({ variant, selected }) =>
        variant === name && selected ? [selected.validation] : [],
      );
      return { name, seeds: scores.length, validation: diverged.has(name) ? null : meanOf(scores) };
    })
    .toSorted((a, b) => (order(a) === order(b) ? 0 : order(b) - order(a)));
}

/** Names of those that go on. */
export const betterHalf = (standing: readonly Standing[]): string[] =>
  standing
    .slice(0, Math.ceil(standing.length / 2))
    .filter(isTrained)
    .map(({ name }) => name);

/**
 * Name of the one to compare with ReLU.
 *
 * @throws PeaError (usage) where all but ReLU diverged
 */
export function bestChange(standing: readonly Standing[]): string {
  const best = standing.find((one) => one.name !== baselineName && isTrained(one));
  if (best === undefined)
    throw new PeaError(
      "all ways to train but ReLU diverged: their losses were no numbers any more; lower lr or lengthen warmup, and give another --output",
      { kind: "usage" },
    );
  return best.name;
}

const isTrained = ({ validation }: Standing): boolean => validation !== null;

const range = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i);
