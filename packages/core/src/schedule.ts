import { PeaError } from "./error.ts";

/** The three phases of PEA training (paper section 3, Fig. 1). */
export type PhaseName = "initial" | "transition" | "final";

/** The phases of a run in steps (weight updates), whole numbers of at least 0; the final phase is what is left. */
export interface PhasePlan {
  readonly initialSteps: number;
  readonly transitionSteps: number;
  readonly totalSteps: number;
}

/**
 * How α rises over the transition, as a function of its progress p from 0 to 1:
 *
 * - `linear`: p (paper Eq. 2);
 * - `cosine`: (1 − cos πp)/2, gentle at both ends;
 * - `step`: ⌊n·p⌋/n, n equal stairs;
 * - `exponential`: (1 − e^(−5p))/(1 − e^(−5)): the smooth activation's share 1 − α decays exponentially, fast at first.
 */
export type ScheduleShape = "linear" | "cosine" | "step" | "exponential";

/** Details of the schedule. */
export interface ScheduleOptions {
  /** Default `linear`. */
  readonly shape?: ScheduleShape;
  /** Number of stairs n of the shape `step`, at least 1; default 10. */
  readonly stairs?: number;
  /**
   * Progress in the t-th of the T transition steps: (t − 1)/T, `zero-based` (the default), so that α = 1 and the final
   * phase begin together; or t/T, `one-based`, the letter of the paper's Eq. 2 (spec recipes 2.2, readings A and B).
   */
  readonly indexing?: "zero-based" | "one-based";
  /**
   * Whether progress is made each `step` (the default) or each `epoch`, at its start, or as if at its end with
   * `one-based` (spec recipes 2.3).
   */
  readonly granularity?: "step" | "epoch";
  /** Steps of an epoch, which the granularity `epoch` needs. */
  readonly stepsPerEpoch?: number;
}

/** Decay of the exponential shape: at half of the transition, 8 % of the smooth activation are left. */
const EXPONENTIAL_RATE = 5;

/**
 * α, ReLU's coefficient or probability, for a step counted from 0: exactly 0 in the initial phase, exactly 1 in the
 * final phase and after the run, rising in between. It is computed from the step alone, so a resumed run goes on with
 * the α it would have had (spec recipes 2.2). With a transition of 0 steps, α jumps from 0 to 1.
 *
 * @example alphaAt(2, { initialSteps: 1, transitionSteps: 4, totalSteps: 10 }); // 0.25
 * @throws PeaError of kind usage for a step, plan or option that is not what is written above.
 */
export function alphaAt(step: number, plan: PhasePlan, options: ScheduleOptions = {}): number {
  const phase = phaseAt(step, plan);
  if (phase === "initial") return 0;
  if (phase === "final") return 1;
  const { initialSteps, transitionSteps } = plan;
  const done = stepsDone(step, options) - initialSteps;
  // The first and last epoch may reach beyond the transition.
  return rise(Math.min(Math.max(done, 0), transitionSteps), transitionSteps, options);
}

/**
 * The plan of one activation site where deeper sites lag: its transition is shorter than the run's by the share `lag`,
 * and begins the later the deeper it stands. The first site begins with the run's transition, the last ends with it.
 *
 * @param lag share of the transition between the beginnings of the first and the last site, from 0 up to but not 1
 * @param site its place among the sites, from 0
 * @param sites their number
 * @throws PeaError of kind usage for another lag
 */
export function planOfSite(plan: PhasePlan, lag: number, site: number, sites: number): PhasePlan {
  if (!(lag >= 0 && lag < 1))
    throw new PeaError(`lag must be a number from 0 up to but not 1, not ${lag}`, { kind: "usage" });
  // A site alone has none to lag behind.
  const lagSteps = sites > 1 ? Math.floor(lag * plan.transitionSteps) : 0;
  const behind = Math.floor((lagSteps * site) / Math.max(sites - 1, 1));
  return {
    ...plan,
    initialSteps: plan.initialSteps + behind,
    transitionSteps: plan.transitionSteps - lagSteps,
  };
}

/**
 * The phase of a step counted from 0; steps after the run belong to the final phase.
 *
 * @throws PeaError of kind usage unless step and plan hold whole numbers of at least 0 and the phases fit the run.
 */
export function phaseAt(step: number, { initialSteps, transitionSteps, totalSteps }: PhasePlan): PhaseName {
  for (const [name, count] of Object.entries({ step, initialSteps, transitionSteps, totalSteps })) {
    checkCount(name, count, 0);
  }
  if (initialSteps + transitionSteps > totalSteps) {
    throw new PeaError(
      `initial phase and transition take ${initialSteps} + ${transitionSteps} steps, but the run has ${totalSteps}; ` +
        "shorten them or train longer",
      { kind: "usage" },
    );
  }
  if (step < initialSteps) return "initial";
  return step < initialSteps + transitionSteps ? "transition" : "final";
}

/** The steps of the run that count as done at `step`. */
function stepsDone(step: number, options: ScheduleOptions): number {
  const { indexing = "zero-based", granularity = "step", stepsPerEpoch } = options;
  checkChoice("indexing", indexing, ["zero-based", "one-based"]);
  checkChoice("granularity", granularity, ["step", "epoch"]);
  if (granularity === "epoch") checkCount("stepsPerEpoch (needed for granularity epoch)", stepsPerEpoch, 1);
  const unit = granularity === "epoch" ? (stepsPerEpoch as number) : 1;
  return (Math.floor(step / unit) + (indexing === "one-based" ? 1 : 0)) * unit;
}

/** α after `done` of `total` steps; 0 at 0 and 1 at `total` for every shape, without rounding. */
function rise(done: number, total: number, { shape = "linear", stairs = 10 }: ScheduleOptions): number {
  checkChoice("shape", shape, ["linear", "cosine", "step", "exponential"]);
  const progress = done / total;
  switch (shape) {
    case "linear":
      return progress;
    case "cosine":
      return (1 - Math.cos(Math.PI * progress)) / 2;
    case "step":
      checkCount("stairs", stairs, 1);
      return Math.floor((done * stairs) / total) / stairs;
    case "exponential":
      return Math.expm1(-EXPONENTIAL_RATE * progress) / Math.expm1(-EXPONENTIAL_RATE);
  }
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) {
    throw new PeaError(`${name} must be one of ${choices.join(", ")}, not ${value}`, { kind: "usage" });
  }
}

function checkCount(name: string, value: unknown, least: number): void {
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw new PeaError(`${name} must be a whole number of at least ${least}, not ${value}`, {
      kind: "usage",
    });
  }
}
