/**
 * The training method a recipe asks for.
 *
 * @module
 */
import { type ActivationName, PeaError, type ScheduleShape } from "@pea/core";
import type { Method } from "./method.ts";
import { PeaMethod } from "./pea/pea-method.ts";
import { PlainMethod } from "./plain/plain-method.ts";

/** The keys of a recipe that choose the method. */
export interface MethodSettings {
  /** PEA's variant code, or `none`. */
  pea: string;
  /** Activation of a run without PEA. */
  activation: ActivationName;
  /** Length of PEA's initial phase; default see `PeaMethodOptions`. */
  peaInitial?: string | number;
  /** Shape of PEA's transition. */
  peaSchedule?: ScheduleShape;
}

/**
 * PEA where `pea` holds a variant code, else one activation all along.
 *
 * @throws PeaError of kind usage for a code that does not parse, or for PEA together with a smooth `activation`.
 */
export function createMethod({ pea, activation, peaInitial, peaSchedule }: MethodSettings): Method {
  if (pea === "none") return new PlainMethod(activation);
  if (activation !== "relu") {
    throw new PeaError(
      `activation ${activation} does not go with pea ${pea}, whose code names the smooth activation; leave one out`,
      { kind: "usage" },
    );
  }
  return new PeaMethod({ variant: pea, initial: peaInitial, shape: peaSchedule });
}
