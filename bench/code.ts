/**
 * The state of the code that is measured, so that an interrupted run does not go on with another.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Contender, ContenderName } from "./contenders.ts";

export interface CodeState {
  /** The last that changed it; null: this is no checkout of git. */
  commit: string | null;
  /** Whether it holds what is not in the commit. */
  isDirty: boolean;
  /** SHA-256 of the native libraries by contender. */
  libraries: Partial<Record<ContenderName, string>>;
}

/** What is measured and what measures, results aside. */
const CODE = ["packages", "bench", ":!bench/results.json*"];

export function describeCode(contenders: readonly Contender[]): CodeState {
  return {
    commit: git("rev-list", "-1", "HEAD", "--", ...CODE),
    isDirty: Boolean(git("status", "--porcelain", "--", ...CODE)),
    libraries: Object.fromEntries(
      contenders
        .filter(({ libraries }) => libraries.length > 0)
        .map(({ name, libraries }) => [name, digest(libraries)]),
    ),
  };
}

function git(...args: string[]): string | null {
  try {
    const options = { cwd: `${import.meta.dirname}/..`, encoding: "utf8" } as const;
    return execFileSync("git", args, { ...options, stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}

/** Of the contents of files, in their order. */
export function digest(paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(readFileSync(path));
  return hash.digest("hex");
}
