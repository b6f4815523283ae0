import { PeaError } from "./error.ts";

/** A length of training: weight updates, epochs, or a share of the whole run (0 to 1). */
export interface Duration {
  readonly unit: "steps" | "epochs" | "share";
  readonly value: number;
}

/** The run a duration is laid over. Both are whole numbers of at least 1. */
export interface RunLength {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

// A number is read as JavaScript prints it, exponent included, so that what `formatDuration` writes is read back.
const pattern = /^(?<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?<suffix>ep|dur|%|st)?$/;

/**
 * Reads a duration: `5ep` or 5 (epochs), `0.75dur` or `75%` (a share of the run), `1200st` (steps).
 *
 * @throws PeaError of kind usage for any other text, a negative or infinite number, part of a step, or a share above 1.
 */
export function parseDuration(text: string | number): Duration {
  const { number, suffix } = pattern.exec(String(text))?.groups ?? {};
  // 62.553 / 100 is not the number nearest to 0.62553; shifting the decimal point is exact.
  const value = Number(suffix === "%" ? `${number}e-2` : number);
  if (!Number.isFinite(value)) throw invalid(text, "cannot be read");
  switch (suffix) {
    case "st":
      if (!Number.isSafeInteger(value)) throw invalid(text, "is not a whole number of steps");
      return { unit: "steps", value };
    case "%":
    case "dur":
      if (value > 1) throw invalid(text, "is more than the whole run");
      return { unit: "share", value };
    default:
      return { unit: "epochs", value };
  }
}

/** Writes a duration as `parseDuration` reads it: `5ep`, `0.75dur` or `1200st`. */
export function formatDuration({ unit, value }: Duration): string {
  return `${value}${{ steps: "st", epochs: "ep", share: "dur" }[unit]}`;
}

/**
 * The duration in steps, rounded to the nearest whole step. It may be longer than the run: an epoch count says nothing
 * of the run's length.
 *
 * @throws PeaError of kind usage unless both lengths of the run are whole numbers of at least 1.
 */
export function durationToSteps({ unit, value }: Duration, { stepsPerEpoch, totalSteps }: RunLength): number {
  for (const [name, length] of Object.entries({ stepsPerEpoch, totalSteps })) {
    if (!Number.isSafeInteger(length) || length < 1) {
      throw new PeaError(`${name} must be a whole number of at least 1, not ${length}`, { kind: "usage" });
    }
  }
  switch (unit) {
    case "steps":
      return value;
    case "epochs":
      return Math.round(value * stepsPerEpoch);
    case "share":
      return Math.round(value * totalSteps);
  }
}

function invalid(text: string | number, problem: string): PeaError {
  return new PeaError(
    `duration ${JSON.stringify(text)} ${problem}; write epochs (5ep), a share of the run (75% or 0.75dur) or ` +
      "steps (1200st)",
    { kind: "usage" },
  );
}
