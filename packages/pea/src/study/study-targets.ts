/**
 * The targets that a study's runs are exported to, so that it can tell what is left of their differences there.
 *
 * @module
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Graph, smoothObstacles } from "@pea/graph";
import { writeFileAtomically } from "@pea/torch";
import { makeDirectory } from "../common/make-directory.ts";
import type { TargetScore } from "../compare/results.ts";
import { exportRun } from "../export/export.ts";
import { targetOf } from "../export/export-form.ts";
import { requireTaken } from "../export/inspect-target.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import { openRunDirectory } from "../run/run-directory.ts";
import { lockRun } from "../run/run-lock.ts";
import { openTrainedNetwork } from "../run/trained-run.ts";
import { mainScore } from "../tasks/task.ts";
import { traceNetwork } from "../trace/trace.ts";
import { isOfTarget, type StudyTarget, targetFile } from "./study-file.ts";
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
 * What has been noted already is not exported again. A network that ends in a smooth activation has no form there: its score is
 * null.
 *
 * @param run folder of the run
 * @throws PeaError as `exportRun`, but not for what is lost: that is what the study asks
 */
export async function scoreTargets(
  run: string,
  targets: readonly StudyTarget[],
  { onTarget, signal, ...circumstances }: ScoreTargetsOptions = {},
): Promise<void> {
  if (targets.every((target) => isScored(run, target))) return;
  // Another study may have the same run.
  const lock = lockRun(run);
  try {
    const isSmooth = await endsSmooth(run, circumstances);
    for (const target of targets) {
      if (signal?.aborted) return;
      if (isScored(run, target)) continue;
      onTarget?.(target.name);
      const { name, form } = target;
      const score = isSmooth ? { score: null } : await scoreOf(run, target, circumstances);
      const scores: TargetScores = { ...readTargetScores(run), [name]: { form, ...score } };
      const { targetScores } = openRunDirectory(run);
      writeFileAtomically(targetScores, [Buffer.from(JSON.stringify(scores))]);
    }
  } finally {
    lock.release();
  }
}

/**
 * Refuses a network that a target does not take, before it is trained. One that ends in a smooth activation goes on: it is
 * the upper limit of floats.
 *
 * @param graph of the network as it will be deployed
 * @throws PeaError as `requireTaken`
 */
export function requireTargets(graph: Graph, targets: readonly StudyTarget[]): void {
  if (smoothObstacles(graph).length > 0) return;
  for (const { form } of targets) requireTaken(graph, targetOf(form));
}

/** Has this folder's run ended, and been scored in all targets? */
export function isWhole(run: string, targets: readonly StudyTarget[]): boolean {
  return hasEnded(run) && targets.every((target) => isScored(run, target));
}

/** What has been noted in a run's folder. */
export function readTargetScores(run: string): TargetScores {
  const { targetScores } = openRunDirectory(run);
  return existsSync(targetScores) ? JSON.parse(readFileSync(targetScores, "utf8")) : {};
}

async function scoreOf(
  run: string,
  target: StudyTarget,
  circumstances: Circumstances,
): Promise<Omit<TargetScore, "form">> {
  const { targets } = openRunDirectory(run);
  makeDirectory(targets);
  const out = join(targets, targetFile(target));
  // Under the same name another form may have been a folder, or a file.
  rmSync(out, { recursive: true, force: true });
  const { integers } = await exportRun(run, {
    ...target.form,
    ...circumstances,
    checkpoint: "last",
    maxLoss: Number.POSITIVE_INFINITY,
    out,
  });
  const scores = integers?.scores;
  if (scores === undefined) throw new Error(`${target.name} was written without a score`);
  const { deployed, loss, sameClass, images } = scores;
  return { score: mainScore(deployed), loss, sameClass, images };
}

/** Has the deployed network of a run another activation than ReLU? */
async function endsSmooth(run: string, circumstances: Circumstances): Promise<boolean> {
  const { model, methods, facts } = await openTrainedNetwork(run, { ...circumstances, checkpoint: "last" });
  try {
    model.to({ device: "cpu" });
    const { graph } = traceNetwork(model, facts.inputShape);
    return smoothObstacles(methods.asDeployed(graph)).length > 0;
  } finally {
    methods.dispose();
    model.dispose();
  }
}

const isScored = (run: string, target: StudyTarget) => isOfTarget(readTargetScores(run)[target.name], target);
