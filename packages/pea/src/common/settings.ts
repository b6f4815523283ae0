/**
 * Settings that describe themselves: a schema of zod with a line of help and the values allowed in words, which flags,
 * `--help` and error messages are made from.
 *
 * @module
 */
import { parseDuration } from "@pea/core";
import { z } from "zod";

/** What a key's description says besides its type. */
export interface KeyDescription {
  /** One line for `--help`. */
  help: string;
  /** The values it takes, in words; ends the sentence "… must be". */
  allowed: string;
  /** Placeholder of the flag's value; a key without one is an on/off flag. */
  value?: string;
  /** It only repeats the paper, or another's code, to the letter: `--help` lists it last. */
  letter?: true;
}

/** Marks a setting that only repeats the paper, or another's code, to the letter. */
export function toTheLetter<T extends z.ZodType>(schema: T): T {
  return described(schema, { ...(schema.meta() as unknown as KeyDescription), letter: true });
}

/** Attaches a description; the last call on a schema, since zod drops it when a schema is refined. */
export function described<T extends z.ZodType>(schema: T, description: KeyDescription): T {
  return schema.meta(description as KeyDescription & Record<string, unknown>) as T;
}

export const choice = <const T extends readonly string[]>(choices: T, initial: T[number], help: string) =>
  described(z.enum(choices).default(initial as never), {
    help: `${help}: ${choices.join(", ")}`,
    allowed: choices.join(", "),
    value: "NAME",
  });

const isDuration = (value: string | number): boolean => {
  try {
    parseDuration(value);
    return true;
  } catch {
    return false;
  }
};
export const durationSchema = z.union([z.string(), z.number()]).refine(isDuration);
export const DURATION = 'epochs ("5ep" or 5), a share of the run ("75%" or "0.75dur") or steps ("1200st")';
export const duration = (initial: string, help: string) =>
  described(durationSchema.default(initial), { help, allowed: DURATION, value: "DURATION" });

export const numberFrom = (low: number, initial: number, help: string) =>
  described(z.number().min(low).default(initial), {
    help,
    allowed: `a number of at least ${low}`,
    value: "X",
  });
export const share = (initial: number, help: string) =>
  described(z.number().min(0).lt(1).default(initial), {
    help,
    allowed: "a number from 0 up to but not 1",
    value: "X",
  });
export const countFrom = (low: number, initial: number, help: string) =>
  described(z.int().min(low).default(initial), {
    help,
    allowed: `a whole number of at least ${low}`,
    value: "N",
  });
export const toggle = (initial: boolean, help: string) =>
  described(z.boolean().default(initial), { help, allowed: "true or false" });
