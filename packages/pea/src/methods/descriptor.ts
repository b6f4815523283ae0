/**
 * What a training method is, apart from its hooks: all that recipes, checks, names and help derive from.
 *
 * @module
 */
import type { Scheme, SchemeWishes } from "@pea/graph";
import type { z } from "zod";
import type { Method } from "./method.ts";

/** What a method acts on, in the order in which the methods of a run stand. */
export const stages = [
  "network",
  "layers",
  "precision",
  "images",
  "batch",
  "loss",
  "gradients",
  "weights",
] as const;
export type Stage = (typeof stages)[number];

/** A training method, built in or registered by a user's module (`registerMethod`). */
export interface MethodDescriptor<Settings extends z.ZodObject = z.ZodObject> {
  /** What recipes call it: small letters, digits and dashes. */
  readonly name: string;
  /** Its settings with their defaults; `described` in the project's own gives error messages their words. */
  readonly settings: Settings;
  /** The setting that a plain value stands for: with `decay`, `{ ema: 0.999 }` is `{ ema: { decay: 0.999 } }`. */
  readonly mainSetting?: keyof z.output<Settings> & string;
  /** What it acts on. In a run's list methods stand by their stages; within one in any order. */
  readonly stage: Stage;
  /** What it decides alone, ending the sentence "both decide …": two methods with the same words conflict. */
  readonly decides?: string;
  /** Other methods that it does not go with, by their names, and why, ending the sentence "… do not go together: …". */
  readonly excludes?: Readonly<Record<string, string>>;
  /** How reports, tables and variants tell it; default: its name, and the settings that are not at their defaults. */
  title?(settings: z.output<Settings>): string;
  /**
   * Its settings in a run for a form of export that computes in integers.
   *
   * @param schemeOf how that form wants numbers quantized; throws for wishes that it has not
   * @throws PeaError of kind usage for settings that the form has not
   */
  forIntegers?(settings: z.output<Settings>, schemeOf: (wishes: SchemeWishes) => Scheme): z.output<Settings>;
  /**
   * Its hooks, for one run. Where they need the engine their module is best imported here: recipes are read without.
   *
   * @throws PeaError of kind usage for settings that no schema can refuse.
   */
  create(settings: z.output<Settings>): Method | Promise<Method>;
}
