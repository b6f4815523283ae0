import { type Duration, durationToSteps, formatDuration, type RunLength } from "./duration.ts";
import { PeaError } from "./error.ts";
import type { PhasePlan } from "./schedule.ts";

/**
 * Lays the three phases over a run (paper section 3).
 *
 * @param end where the transition ends, from the run's beginning
 * @param initial length of the initial phase; by default the paper's (section 4.1): 5 epochs where the end is an epoch,
 *   else the same 5 of 120 epochs as a share of the run
 * @param name what messages call the plan, such as its variant code
 * @throws PeaError of kind usage when no step is left for the transition or for the final phase
 */
export function planPhases(
  run: RunLength,
  end: Duration,
  initial: Duration = defaultInitial(end),
  name = "PEA",
): PhasePlan {
  const { totalSteps } = run;
  const endStep = durationToSteps(end, run);
  if (endStep >= totalSteps) {
    const way =
      end.unit === "share"
        ? "an earlier end"
        : "an earlier end (a share, such as 75%, fits longer and shorter runs)";
    throw new PeaError(
      `${name} ends its transition at step ${endStep} of ${totalSteps}, which leaves no final phase; take ${way} or train longer`,
      { kind: "usage" },
    );
  }
  const initialSteps = durationToSteps(initial, run);
  if (initialSteps >= endStep)
    throw new PeaError(
      `${name} ends its transition at step ${endStep} of ${totalSteps}, and the initial phase of ` +
        `${formatDuration(initial)} takes ${initialSteps} steps, which leaves no step for the transition; take a later ` +
        "end, shorten the initial phase or train longer",
      { kind: "usage" },
    );
  return { initialSteps, transitionSteps: endStep - initialSteps, totalSteps };
}

/** The paper's initial phase, see `planPhases`. */
export function defaultInitial({ unit }: Duration): Duration {
  return unit === "epochs" ? { unit: "epochs", value: 5 } : { unit: "share", value: 5 / 120 };
}
