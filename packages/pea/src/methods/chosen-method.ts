/**
 * Methods as recipes choose them: by name, with settings.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { z } from "zod";
import { nearestName } from "../common/nearest-name.ts";
import type { KeyDescription } from "../common/settings.ts";
import { type MethodDescriptor, stages } from "./descriptor.ts";
import { methodNamed, methodNames } from "./registry.ts";

/** A method with all of its settings. */
export interface ChosenMethod {
  descriptor: MethodDescriptor;
  settings: Readonly<Record<string, unknown>>;
}

/** As it stands in a recipe: a name with all of its settings. */
export type MethodEntry = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * The method that an entry of a recipe's list names: `ema`, `{ ema: 0.999 }` or `{ ema: { decay: 0.999 } }`.
 *
 * @throws PeaError of kind usage for a method that is not known, and naming the setting that does not hold
 */
export function chooseMethod(entry: string | Readonly<Record<string, unknown>>): ChosenMethod {
  const named = typeof entry === "string" ? { [entry]: {} } : entry;
  const [[name, given] = ["", null], ...others] = Object.entries(named);
  if (name === "" || others.length > 0)
    throw usage(
      `methods has ${JSON.stringify(entry)}, but an entry is one method: its name, or its name with its settings`,
    );
  const descriptor = methodNamed(name);
  if (descriptor === null) throw unknownMethod(name);
  const result = descriptor.settings.safeParse(toSettings(descriptor, given));
  if (!result.success)
    throw usage(describeIssue(descriptor, result.error.issues[0] as z.core.$ZodIssue, given));
  return { descriptor, settings: result.data };
}

/** As a recipe keeps it. */
export function entryOf({ descriptor, settings }: ChosenMethod): MethodEntry {
  return { [descriptor.name]: settings };
}

/** The settings that are not at their defaults: what tells it from the same method chosen by its name alone. */
export function ownSettings({ descriptor, settings }: ChosenMethod): Record<string, unknown> {
  const { shape } = descriptor.settings;
  const initial = (key: string) => shape[key]?.safeParse(undefined).data;
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([key, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(initial(key)),
    ),
  );
}

/** How it is told in words, e.g. `SM75%`, `ema` or `mixup 0.4`. */
export function titleOf(method: ChosenMethod): string {
  const { descriptor, settings } = method;
  const { name, mainSetting } = descriptor;
  if (descriptor.title) return descriptor.title(settings);
  const own = Object.entries(ownSettings(method)).map(([key, value]) => {
    const words = typeof value === "string" ? value : JSON.stringify(value);
    return key === mainSetting ? words : `${key}=${words}`;
  });
  return [name, ...own].join(" ");
}

/**
 * Checks that methods may stand beside one another, in this order.
 *
 * @throws PeaError of kind usage naming two methods that conflict, or the order in which they may stand
 */
export function checkTogether(methods: readonly ChosenMethod[]): void {
  for (const [i, one] of methods.entries())
    for (const other of methods.slice(0, i)) {
      const [name, decides] = [one.descriptor.name, one.descriptor.decides];
      if (other.descriptor.name === name) throw usage(`method ${name} stands there twice; leave one out`);
      const why =
        decides !== undefined && other.descriptor.decides === decides
          ? `both decide ${decides}`
          : (one.descriptor.excludes?.[other.descriptor.name] ?? other.descriptor.excludes?.[name]);
      if (why !== undefined)
        throw usage(
          `methods ${titleOf(other)} and ${titleOf(one)} do not go together: ${why}; leave one out`,
        );
    }
  const place = ({ descriptor }: ChosenMethod) => stages.indexOf(descriptor.stage);
  const ordered = [...methods].sort((a, b) => place(a) - place(b));
  const i = methods.findIndex((method, i) => method !== ordered[i]);
  const [found, first] = [methods[i], ordered[i]];
  if (found === undefined || first === undefined) return;
  throw usage(
    `method ${titleOf(found)}, which acts on the ${found.descriptor.stage}, stands before ${titleOf(first)}, which acts on ` +
      `the ${first.descriptor.stage}; put them in the order ${ordered.map(({ descriptor }) => descriptor.name).join(", ")}`,
  );
}

function toSettings({ name, mainSetting }: MethodDescriptor, given: unknown): Record<string, unknown> {
  if (given === null || given === undefined) return {};
  if (typeof given === "object" && !Array.isArray(given)) return given as Record<string, unknown>;
  if (mainSetting !== undefined) return { [mainSetting]: given };
  throw usage(`method ${name} is ${JSON.stringify(given)}, but takes keys and values`);
}

function unknownMethod(name: string): PeaError {
  const nearest = nearestName(name, methodNames());
  return usage(
    `methods has "${name}", but must be of ${methodNames().join(", ")}, or of those that an imported module registers` +
      (nearest === null ? "" : `; did you mean "${nearest}"?`),
  );
}

function describeIssue(
  { name, mainSetting, settings: { shape } }: MethodDescriptor,
  issue: z.core.$ZodIssue,
  given: unknown,
): string {
  if (issue.code === "unrecognized_keys")
    return `unknown setting "${issue.keys[0]}" of method ${name}; known are ${Object.keys(shape).join(", ") || "none"}`;
  const key = String(issue.path[0]);
  const isPlain = typeof given !== "object" && key === mainSetting;
  const value = isPlain ? given : (given as Record<string, unknown> | null)?.[key];
  const { allowed } = (shape[key]?.meta() ?? {}) as Partial<KeyDescription>;
  const is = `${key} of method ${name} is ${JSON.stringify(value) ?? "missing"}`;
  return allowed === undefined ? `${is}: ${issue.message}` : `${is}, but must be ${allowed}`;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
