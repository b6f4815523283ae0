/**
 * Comparing what a checkpoint has of methods with the methods of the run.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { MethodState, SavedMethod } from "./method.ts";

/**
 * Refuses a state saved under other settings: a resumed run must go on with the plan it began with. `steps` is how far
 * training has come, so it may differ.
 *
 * @throws PeaError of kind usage, naming every setting that differs.
 */
export function refuseOtherState(own: MethodState, saved: MethodState): void {
  const differing = Object.keys({ ...saved, ...own }).filter(
    (key) => key !== "steps" && own[key] !== saved[key],
  );
  if (differing.length === 0) return;
  const list = differing.map((key) => `${key} (saved ${saved[key]}, now ${own[key]})`).join(", ");
  throw usage(`the saved run used other settings: ${list}; resume with those of its config.yaml`);
}

/**
 * Refuses what other methods have saved.
 *
 * @throws PeaError of kind usage, naming both.
 */
export function refuseOtherMethods(own: readonly string[], saved: readonly SavedMethod[]): void {
  const names = saved.map(({ method }) => method);
  if (`${own}` === `${names}`) return;
  const list = (methods: readonly string[]) => methods.join(", ") || "none";
  throw usage(
    `the saved run used other methods: ${list(names)}, now ${list(own)}; resume with those of its config.yaml`,
  );
}

/**
 * What a checkpoint of an earlier version has of methods, of which a run had one: `baseline` was its name where there is
 * none now, and `upper-limit` that of `activation`.
 */
export function methodsOfEarlier(saved: SavedMethod): SavedMethod[] {
  if (saved.method === "baseline") return [];
  return [saved.method === "upper-limit" ? { ...saved, method: "activation" } : saved];
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
