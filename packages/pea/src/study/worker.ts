/**
 * The process that trains one run of a study: it begins the run or goes on with it, and tells how far it is. A process
 * of its own keeps the runs apart: each has its threads, and one that crashes takes no other with it.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Graph } from "@pea/graph";
import type { TrainingPlan } from "../run/plan.ts";
import { describeOwner, RunInUse } from "../run/run-lock.ts";
import type { TrainingObserver } from "../run/training-observer.ts";
import { mainScore } from "../tasks/task.ts";
import { resumeTraining, type TrainOptions, train } from "../train/train.ts";
import { TrainingDiverged, TrainingInterrupted } from "../train/trainer.ts";
import { hasEnded, isRun } from "./study-folders.ts";
import { isWhole, requireTargets, scoreTargets } from "./study-targets.ts";
import type { FromWorker, RunProgress, ToWorker } from "./worker-messages.ts";

/** Time between two messages about steps, in milliseconds. */
const QUIET = 250;

const stop = new AbortController();

process.on("message", (message: ToWorker) => {
  if (message.kind === "stop") stop.abort("stop");
  else void work(message);
});
// Without the study nobody waits for the run; it goes on from its last checkpoint another time.
const abandon = () => process.exit(1);
process.on("disconnect", abandon);
// Ctrl-C, and SIGHUP, reach all processes of the terminal: it is for the study to say what happens.
for (const name of ["SIGINT", "SIGHUP"]) process.on(name, () => {});
process.on("SIGTERM", () => stop.abort("SIGTERM"));

async function work({
  recipe,
  directory,
  targets,
  allowChangedData,
}: Extract<ToWorker, { kind: "run" }>): Promise<void> {
  const options: TrainOptions = { signal: stop.signal, observe };
  try {
    const { dataDir, import: imported, onBadSample } = recipe;
    const onNetwork = (graph: Graph, upperLimit: string | null) => {
      if (upperLimit === null) requireTargets(graph, targets);
    };
    const today = { dataDir, import: imported, onBadSample };
    if (!isRun(directory)) await train(recipe, { ...options, onNetwork, runDirectory: directory });
    else if (!hasEnded(directory))
      await resumeTraining(directory, { ...options, ...today, allowChangedData });
    await scoreTargets(directory, targets, {
      ...today,
      onTarget: (name) => tell({ kind: "target", name }),
      signal: stop.signal,
    });
    tell({ kind: stop.signal.aborted && !isWhole(directory, targets) ? "stopped" : "end" });
  } catch (error) {
    if (error instanceof TrainingInterrupted) tell({ kind: "stopped" });
    // By another process, while this one opened the data.
    else if (isWhole(directory, targets)) tell({ kind: "end" });
    else if (error instanceof RunInUse) tell({ kind: "elsewhere", owner: describeOwner(error.owner) });
    else if (error instanceof PeaError)
      tell({ kind: "error", message: error.message, diverged: error instanceof TrainingDiverged });
    else throw error;
  }
  process.off("disconnect", abandon);
  process.disconnect();
}

function observe({ totalSteps, stepsPerEpoch, epochs }: TrainingPlan, firstStep: number): TrainingObserver {
  const progress: RunProgress = {
    step: firstStep,
    steps: totalSteps,
    epoch: Math.ceil(firstStep / stepsPerEpoch),
    epochs,
    phase: "",
    score: null,
  };
  let toldAt = 0;
  const tellProgress = () => {
    tell({ kind: "progress", progress });
    toldAt = performance.now();
  };
  tell({ kind: "start", firstStep });
  return {
    onStep(step) {
      progress.step = step;
      progress.epoch = Math.ceil(step / stepsPerEpoch);
      if (performance.now() - toldAt > QUIET) tellProgress();
    },
    onLog({ phase }) {
      progress.phase = phase;
    },
    onEpoch({ validation }) {
      progress.score = validation.current ? mainScore(validation.current) : null;
      tellProgress();
    },
  };
}

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}
