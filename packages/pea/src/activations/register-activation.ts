/**
 * Activations of the user's own.
 *
 * @module
 */
import { addActivation, PeaError } from "@pea/core";
import type { ElementFunction } from "@pea/kernels";
import { Module, scope, type Tensor } from "@pea/torch";
import { type ActivationClass, setActivationClass } from "./activation-modules.ts";
import { requireElementFunction, slopeAt, valueAt } from "./element-function.ts";

/** What an activation is called besides its name. */
export interface ActivationTitles {
  /** A capital letter for variant codes, e.g. `Q` for `SQ75%`. */
  letter: string;
  /** As reports write it; default: the name. */
  title?: string;
}

/**
 * Makes an activation of the user's own known wherever there is one to choose: in recipes and variant codes, in both
 * ensembles, studies and reports. Ensembles of it are composed of plain operators.
 *
 * @param name small letters, digits and dashes, e.g. `squareplus`
 * @param f a function of each element alone, composed of operators of @pea/torch, whose derivative is theirs; or a module
 * without parameters that computes one
 * @example
 * registerActivation("squareplus", (x) => mul(add(x, sqrt(add(mul(x, x), 4))), 0.5), { letter: "Q" });
 *
 * @throws PeaError of kind usage when name or letter is taken, or the function is none of each element alone, has no
 * derivative, or does not stay finite
 */
export function registerActivation(
  name: string,
  f: ElementFunction | Module,
  titles: ActivationTitles,
): void {
  // The types of a user's module are not checked.
  const { letter, title = name } = { ...titles };
  const compute = elementFunction(name, f);
  requireElementFunction(name, compute);
  addActivation({ name, letter, title, f: (x) => valueAt(compute, x), df: (x) => slopeAt(compute, x) });
  setActivationClass(name, classOf(title, compute));
}

function elementFunction(name: string, f: unknown): ElementFunction {
  if (f instanceof Module) {
    requireNoState(name, f);
    return (x) => f.forward(x);
  }
  if (typeof f === "function") return f as ElementFunction;
  throw usage(`activation ${name} must be a function of a tensor, or a module, not ${typeof f}`);
}

/** A class of its own for each activation, so that what names modules by their class names it. */
function classOf(title: string, f: ElementFunction): ActivationClass {
  const named = {
    [title]: class extends Module {
      override forward(x: Tensor): Tensor {
        // What autograd does not save is freed at once.
        return scope(() => f(x));
      }
    },
  };
  return named[title];
}

function requireNoState(name: string, module: Module): void {
  const [key] = module.stateDict().keys();
  if (key === undefined) return;
  throw usage(
    `activation ${name} holds the tensor ${key}: there is no place for it in the ReLU network that is left in the end; ` +
      "take a function without parameters and buffers",
  );
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
