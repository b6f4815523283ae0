import { PeaError } from "@pea/core";

/** What a member must be, in words, and whether a value is that. */
export type Need = readonly [words: string, holds: (value: unknown) => boolean];

export const someFunction: Need = ["a function", (value) => typeof value === "function"];
export const someText: Need = ["text", (value) => typeof value === "string" && value !== ""];

/**
 * Checks a description that a user's module registers, whose types nobody may have checked.
 *
 * @param what it is, for the message: `method noise`
 * @throws PeaError of kind usage naming the first member that is not as it must be
 */
export function requireMembers(what: string, given: object, needs: Readonly<Record<string, Need>>): void {
  for (const [name, [words, holds]] of Object.entries(needs)) {
    const value = (given as Readonly<Record<string, unknown>>)[name];
    if (holds(value)) continue;
    const is = value === undefined ? "missing" : (JSON.stringify(value) ?? typeof value);
    throw new PeaError(`${name} of ${what} is ${is}, but must be ${words}`, { kind: "usage" });
  }
}
