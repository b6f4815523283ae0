/**
 * The training method a recipe asks for.
 *
 * @module
 */
import { type ActivationName, PeaError, type ScheduleOptions, type ScheduleShape } from "@pea/core";
import type { Method } from "./method.ts";
import { PeaMethod } from "./pea/pea-method.ts";
import { PlainMethod } from "./plain/plain-method.ts";
import { SwapMethod } from "./swap/swap-method.ts";

/** The keys of a recipe that choose the method. */
export interface MethodSettings {
  /** PEA's variant code, or `none`. */
  pea: string;
  /** Activation of a run without PEA. */
  activation: ActivationName;
  /** When ReLU takes the place of a smooth `activation`; never by default. */
  swapToRelu?: string | number;
  /** Length of PEA's initial phase; default see `PeaMethodOptions`. */
  peaInitial?: string | number;
  /** Shape of PEA's transition. */
  peaSchedule?: ScheduleShape;
  /** Whether PEA's α moves each step or each epoch. */
  peaGranularity?: ScheduleOptions["granularity"];
  /** Whether α is 0 or already 1/T in the first of T transition steps. */
  peaIndexing?: ScheduleOptions["indexing"];
  /** Share of PEA's transition by which the last site begins after the first. */
  peaLag?: number;
}

/**
 * PEA where `pea` holds a variant code, else one activation all along, or one that ReLU takes the place of.
 *
 * @throws PeaError of kind usage for a code or duration that does not parse, for PEA together with a smooth
 *   `activation`, and for a swap without one.
 */
export function createMethod(settings: MethodSettings): Method {
  const { pea, activation, swapToRelu } = settings;
  if (swapToRelu !== undefined) return createSwap(settings, swapToRelu);
  if (pea === "none") return new PlainMethod(activation);
  if (activation !== "relu") {
    throw new PeaError(
      `activation ${activation} does not go with pea ${pea}, whose code names the smooth activation; leave one out`,
      { kind: "usage" },
    );
  }
  return new PeaMethod({
    variant: pea,
    initial: settings.peaInitial,
    shape: settings.peaSchedule,
    granularity: settings.peaGranularity,
    indexing: settings.peaIndexing,
    lag: settings.peaLag,
  });
}

function createSwap({ pea, activation }: MethodSettings, at: string | number): Method {
  if (pea !== "none") {
    throw new PeaError(`swapToRelu ${at} does not go with pea ${pea}, which glides to ReLU; leave one out`, {
      kind: "usage",
    });
  }
  if (activation === "relu") {
    throw new PeaError(
      `swapToRelu ${at} needs a smooth activation to swap for ReLU, such as activation mish; activation is relu`,
      { kind: "usage" },
    );
  }
  return new SwapMethod({ smooth: activation, at });
}
