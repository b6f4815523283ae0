/**
 * The targets that a study's runs are exported to, so that it can tell what is left of their differences there.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "@pea/torch";
import { makeDirectory } from "../common/make-directory.ts";
import type { TargetScore } from "../compare/results.ts";
import { exportRun } from "../export/export.ts";
import { type Circumstances, isSame } from "../recipe/recipe-identity.ts";
import { openRunDirectory } from "../run/run-directory.ts";
import { openTrainedNetwork } from "../run/trained-run.ts";
import { mainScore } from "../tasks/task.ts";
import type { StudyTarget } from "./study-file.ts";
import { hasEnded } from "./study-folders.ts";

/** What is known of a run's exports, by the name of the target in the study. */
export type TargetScores = Readonly<Record<string, TargetScore>>;

export interface ScoreTargetsOptions extends Circumstances {
  /** Told of the target that comes next. */
  readonly onTarget?: (name: string) => void;
  /** Between two targets a stop is heard. */
  readonly signal?: AbortSignal;
}

/**
 * Exports the last model of a run that has ended to each target, and notes in its folder what the test part says of it.
 * What has been noted already is not exported again. A run that ends in a smooth activation has no form there: its
 * score is null.
 *
 * @param run folder of the run
 * @throws PeaError as `exportRun`, but not for what is lost: that is what the study asks
 */
export async function scoreTargets(
  run: string,
  targets: readonly StudyTarget[],
  { onTarget, signal, ...circumstances }: ScoreTargetsOptions = {},
): Promise<void> {
  if (targets.length > 0) makeDirectory(folderOf(run));
  for (const target of targets) {
    if (signal?.aborted) return;
    if (isScored(run, target)) continue;
    onTarget?.(target.name);
    const { name, form } = target;
    const score = await scoreOf(run, target, circumstances);
    const scores: TargetScores = { ...readTargetScores(run), [name]: { form, ...score } };
    writeFileAtomically(fileOf(run), [Buffer.from(JSON.stringify(scores))]);
  }
}

/** Has this folder's run ended, and been scored in all targets? */
export function isWhole(run: string, targets: readonly StudyTarget[]): boolean {
  return hasEnded(run) && targets.every((target) => isScored(run, target));
}

/** What has been noted in a run's folder. */
export function readTargetScores(run: string): TargetScores {
  const file = fileOf(run);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

/** Is this the score of a target as the study has it now? */
export function isOfTarget(score: TargetScore | undefined, { form }: StudyTarget): boolean {
  return score !== undefined && isSame(score.form, form);
}

async function scoreOf(
  run: string,
  { name, form }: StudyTarget,
  circumstances: Circumstances,
): Promise<Omit<TargetScore, "form">> {
  if (await endsSmooth(run, circumstances)) return { score: null };
  const out = join(folderOf(run), name.replace(/[^\w.-]+/g, "-"));
  const { integers } = await exportRun(run, {
    ...form,
    ...circumstances,
    checkpoint: "last",
    maxLoss: Number.POSITIVE_INFINITY,
    out,
  });
  const scores = integers?.scores;
  if (scores === undefined) throw new Error(`${name} was written without a score`);
  const { deployed, loss, sameClass, images } = scores;
  return { score: mainScore(deployed), loss, sameClass, images };
}

async function endsSmooth(run: string, circumstances: Circumstances): Promise<boolean> {
  const { model, methods } = await openTrainedNetwork(run, { ...circumstances, checkpoint: "last" });
  try {
    return methods.obstacle !== null;
  } finally {
    methods.dispose();
    model.dispose();
  }
}

const isScored = (run: string, target: StudyTarget) => isOfTarget(readTargetScores(run)[target.name], target);
const folderOf = (run: string) => openRunDirectory(run).targets;
const fileOf = (run: string) => join(folderOf(run), "scores.json");
