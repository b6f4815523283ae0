import { isGradEnabled } from "../autograd.ts";
import { describe, TorchError } from "../error.ts";
import { flatten } from "../ops/shape.ts";
import type { Tensor } from "../tensor.ts";
import { Module } from "./module.ts";
import { runInTurn } from "./run-in-turn.ts";

/**
 * Modules one after the other, named "0", "1", … Without gradients all that a module makes is freed once the next one is
 * through (see `runInTurn`): what is to outlive that needs `keep`.
 */
export class Sequential extends Module {
  constructor(...modules: Module[]) {
    super();
    take(this, modules);
  }

  forward(input: Tensor): Tensor {
    const modules = [...this.children().values()];
    if (!isGradEnabled()) return runInTurn(input, modules);
    // In training a module may set something aside, for a loss of its own.
    return modules.reduce((output, module) => module.forward(output), input);
  }
}

/** A list of modules, named "0", "1", …, that its owner calls as it likes. */
export class ModuleList extends Module implements Iterable<Module> {
  constructor(modules: Iterable<Module>) {
    super();
    take(this, [...modules]);
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.children().values();
  }

  /** @throws TorchError always: a list has no forward pass */
  forward(): never {
    throw new TorchError("A ModuleList has no forward pass; call its modules, or use Sequential");
  }
}

/** Makes `modules` the children "0", "1", … of a container. */
function take(container: Module, modules: readonly Module[]): void {
  for (const module of modules)
    if (!(module instanceof Module))
      throw new TorchError(
        `${container.constructor.name} takes modules, got ${describe(module)}; write new Sequential(a, b) or ` +
          "new ModuleList([a, b])",
      );
  Object.assign(container, modules);
}

/** Its input. */
export class Identity extends Module {
  forward(input: Tensor): Tensor {
    return input;
  }
}

/** [N, ...] → [N, product of the rest]. */
export class Flatten extends Module {
  forward(input: Tensor): Tensor {
    return flatten(input, { startDim: 1 });
  }
}
