/**
 * The training methods known by name.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { z } from "zod";
import { type Need, requireMembers, someFunction } from "../common/require-members.ts";
import { builtIn } from "./built-in.ts";
import { type MethodDescriptor, type Stage, stages } from "./descriptor.ts";

const known = new Map<string, MethodDescriptor>();
for (const descriptor of builtIn) known.set(descriptor.name, descriptor as unknown as MethodDescriptor);

const needs: Readonly<Record<string, Need>> = {
  settings: ["an object of zod, for no settings z.strictObject({})", isZodObject],
  stage: [`one of ${stages.join(", ")}`, (value) => stages.includes(value as Stage)],
  create: someFunction,
};

/** Of whichever copy of zod. */
function isZodObject(value: unknown): boolean {
  const { shape, safeParse } = (value ?? {}) as Partial<z.ZodObject>;
  return typeof shape === "object" && typeof safeParse === "function";
}

/**
 * Makes a method known to recipes, by a module that they import.
 *
 * @example
 * registerMethod({
 *   name: "gradient-noise",
 *   settings: z.strictObject({ scale: z.number().positive().default(0.01) }),
 *   mainSetting: "scale",
 *   stage: "gradients",
 *   create: ({ scale }) => new GradientNoise(scale),
 * });
 *
 * @throws PeaError of kind usage for a name that is taken or is none, for what is missing, or a main setting that is not among the settings
 */
export function registerMethod<Settings extends z.ZodObject>(descriptor: MethodDescriptor<Settings>): void {
  const { name, mainSetting, settings } = descriptor;
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw usage(`"${name}" cannot name a method: a name is of small letters, digits and dashes`);
  if (known.has(name)) throw usage(`there is a method "${name}" already; register yours under another name`);
  requireMembers(`method ${name}`, descriptor, needs);
  if (mainSetting !== undefined && !Object.hasOwn(settings.shape, mainSetting))
    throw usage(
      `the main setting of method "${name}" is "${mainSetting}", but its settings are ${Object.keys(settings.shape).join(", ")}`,
    );
  known.set(name, descriptor as unknown as MethodDescriptor);
}

/** The method of that name, or null. */
export function methodNamed(name: string): MethodDescriptor | null {
  return known.get(name) ?? null;
}

/** The names of all methods. */
export function methodNames(): string[] {
  return [...known.keys()];
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
