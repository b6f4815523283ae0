/**
 * One of the networks that are compared.
 *
 * @module
 */
import { alphaAt, type PhasePlan } from "@pea/core";
import { applyPea, type EnsembleSettings, finalize, type PeaHandle } from "@pea/tfjs";
import type * as tf from "@tensorflow/tfjs";

/** With ReLU all along, with PEA, or with the smooth activation all along: the upper limit. */
export type Kind = "relu" | "pea" | "smooth";

export type ContenderSettings = Required<EnsembleSettings>;

/** A network and how its activation moves. */
export class Contender {
  readonly kind: Kind;
  readonly model: tf.LayersModel;
  readonly #pea: PeaHandle | null;

  /** @param model compiled, with ReLUs */
  constructor(kind: Kind, model: tf.LayersModel, settings: ContenderSettings) {
    this.kind = kind;
    this.model = model;
    this.#pea = kind === "relu" ? null : applyPea(model, settings);
  }

  /** ReLU's share. */
  get alpha(): number {
    return this.#pea?.alpha ?? 1;
  }

  /** Trains on one batch; returns the loss. */
  async step(step: number, plan: PhasePlan, images: tf.Tensor, labels: tf.Tensor): Promise<number> {
    if (this.#pea !== null) {
      this.#pea.step = step;
      this.#pea.alpha = this.kind === "pea" ? alphaAt(step, plan) : 0;
    }
    return (await this.model.trainOnBatch(images, labels)) as number;
  }

  /** Lets ReLU alone run while `body` looks at the network. */
  deployed<T>(body: () => T): T {
    if (this.#pea === null) return body();
    this.#pea.view = "deployed";
    try {
      return body();
    } finally {
      this.#pea.view = "current";
    }
  }

  /** After the last step of PEA: plain ReLU in the place of the ensembles. */
  finalize(): void {
    if (this.kind === "pea") finalize(this.model);
  }
}
