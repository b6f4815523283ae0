import { PeaError } from "@pea/core";
import type * as tf from "@tensorflow/tfjs";
import type { EvaluationView } from "./ensemble-state.ts";
import { type EnsemblePlace, findEnsembles } from "./sites.ts";
import { watchTraining } from "./training-scope.ts";

/** α, step and view of all ensembles of a model; see `applyPea` and `resumePea`. */
export class PeaHandle {
  readonly model: tf.LayersModel;
  /** The activation sites, in the order of the model's layers. */
  readonly sites: readonly EnsemblePlace[];

  /** Use `applyPea` or `resumePea`. */
  constructor(model: tf.LayersModel) {
    this.model = model;
    this.sites = findEnsembles(model);
    for (const { layer } of this.sites) watchTraining(layer);
  }

  /** The target's coefficient (weighted) or probability (stochastic), the same for all sites. */
  get alpha(): number {
    return this.sites[0]?.state.alpha ?? 0;
  }

  /** @throws PeaError of kind usage unless `alpha` is a number from 0 to 1 */
  set alpha(alpha: number) {
    for (const { state } of this.sites) state.alpha = alpha;
  }

  /** The training step that the masks are drawn for. */
  get step(): number {
    return this.sites[0]?.state.step ?? 0;
  }

  /** @throws PeaError of kind usage unless `step` is a whole number from 0 to 2^32 − 1 */
  set step(step: number) {
    for (const { state } of this.sites) state.step = step;
  }

  /** `deployed` lets ReLU alone run, whatever α is; for evaluation. */
  get view(): EvaluationView {
    return this.sites[0]?.state.view ?? "current";
  }

  set view(view: EvaluationView) {
    if (view !== "current" && view !== "deployed")
      throw new PeaError(`view must be current or deployed, not ${view}`, { kind: "usage" });
    for (const { state } of this.sites) state.view = view;
  }
}
