/**
 * Training with ReLU whose gradients take a smooth slope.
 *
 * @module
 */
import type { SmoothName } from "@pea/core";
import type { EnsembleActOptions } from "@pea/kernels";
import type { Module } from "@pea/torch";
import { createActivation } from "../../activations/index.ts";
import { isReLU, requireReLU } from "../activation-modules.ts";
import { kernelFormOf } from "../kernel-form.ts";
import type { FitContext, Method, MethodState } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { findPlaces, type Place, replaceModules } from "../replace-modules.ts";
import { bSilu } from "./b-silu.ts";
import { SurrogateActivation } from "./surrogate-activation.ts";

/**
 * Puts ReLU with the slope of a smooth function at every site, so that units that are off learn, too (Horuz et al., "The
 * Resurrection of the ReLU", 2025). The network is one of ReLU all along.
 */
export class SugarMethod implements Method {
  readonly #surrogate: SmoothName | typeof bSilu;
  #fitted: { model: Module; places: readonly Place<SurrogateActivation>[] } | null = null;

  constructor({ surrogate }: { surrogate: SmoothName | typeof bSilu }) {
    this.#surrogate = surrogate;
  }

  /** @throws PeaError of kind usage where the network has no ReLU. */
  fit({ model }: FitContext): void {
    requireReLU(model, "sugar");
    const places = replaceModules(
      model,
      findPlaces(model, isReLU),
      ({ module }) => new SurrogateActivation(this.#surrogateForm(), module),
    );
    this.#fitted = { model, places };
  }

  deploy(): void {
    if (this.#fitted === null) return;
    const { model, places } = this.#fitted;
    for (const { path, module } of places) model.replaceModule(path, module.relu);
    this.#fitted = null;
  }

  state(): MethodState {
    return { surrogate: this.#surrogate };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }

  #surrogateForm(): EnsembleActOptions["smooth"] {
    return this.#surrogate === bSilu ? bSilu : kernelFormOf(createActivation(this.#surrogate as SmoothName));
  }
}
