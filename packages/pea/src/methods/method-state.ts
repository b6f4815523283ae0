/**
 * Comparing a saved method state with a method.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { MethodState } from "./method.ts";

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
  throw new PeaError(`the saved run used other settings: ${list}; resume with those of its config.yaml`, {
    kind: "usage",
  });
}
