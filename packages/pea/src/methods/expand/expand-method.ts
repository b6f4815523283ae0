/**
 * Training with convolutions whose kernels are products.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { backward, Conv2d, copyInPlace, type Module, mul, noGrad, scope, sum } from "@pea/torch";
import { drawnApart } from "../drawn-apart.ts";
import type { FitContext, Method, MethodState } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { Expansion } from "./expansion.ts";

const name = "expand";

/** A convolution, and the three that its kernel is the product of. */
interface Site {
  readonly conv: Conv2d;
  readonly expansion: Expansion;
}

/**
 * Trains the factors of each k×k kernel, k above 1, in its place. What the network computes with is their product, so that it is the
 * plain one at any moment: gradients go from the kernel to its factors, and the kernel follows them.
 */
export class ExpandMethod implements Method {
  readonly #rate: number;
  #sites: Site[] = [];

  constructor({ rate }: { rate: number }) {
    this.#rate = rate;
  }

  /** @throws PeaError of kind usage where the network has no such convolution. */
  fit({ model, seed }: FitContext): void {
    const convolutions = [...model.namedModules().values()].filter(isWide);
    if (convolutions.length === 0)
      throw new PeaError(
        `${name} finds no convolution larger than 1×1 in ${model.constructor.name}; leave ${name} out, or take a network ` +
          "such as resnet18",
        { kind: "usage" },
      );
    this.#sites = drawnApart(name, seed, () =>
      convolutions.map((conv) => {
        const expansion = new Expansion(conv, this.#rate);
        Object.assign(conv, { expansion });
        return { conv, expansion };
      }),
    );
  }

  /** By the chain rule: the kernel's gradient G is that of Σ G · product. */
  afterBackward(): void {
    scope(() => {
      for (const { conv, expansion } of this.#sites) {
        const gradient = conv.weight.grad;
        if (gradient === null) continue;
        backward(sum(mul(expansion.kernel(), gradient)));
        conv.weight.grad = null;
      }
    });
  }

  afterStep(): void {
    scope(() =>
      noGrad(() => {
        for (const { conv, expansion } of this.#sites) copyInPlace(conv.weight, expansion.kernel());
      }),
    );
  }

  removeStructure(): void {
    for (const { conv } of this.#sites) Reflect.deleteProperty(conv, "expansion");
  }

  state(): MethodState {
    return { rate: this.#rate };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }

  /** The factors, which averages may hold, too, until now. */
  dispose(): void {
    for (const { expansion } of this.#sites) expansion.dispose();
  }
}

function isWide(module: Module): module is Conv2d {
  return module instanceof Conv2d && module.kernelSize.some((size) => size > 1);
}
