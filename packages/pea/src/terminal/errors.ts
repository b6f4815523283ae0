/** How a command that fails says so. */
import { PeaError } from "@pea/core";
import type { CommonOptions } from "./output.ts";

/** Exit code of a failure that is no mistake of the user's. */
const FAILURE = 1;

/** An error as people read it: its message, or its stack where they ask for that. */
export function describeError({ message, stack }: Error, { debug }: CommonOptions): string {
  return debug ? (stack ?? message) : `pea: ${message}`;
}

/** 1 for a failure, 2 for a user's mistake. */
export const exitCodeOfError = (error: unknown): number =>
  error instanceof PeaError ? error.exitCode : FAILURE;
