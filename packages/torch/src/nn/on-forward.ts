import type { Tensor } from "../tensor.ts";
import type { Module } from "./module.ts";

/** Told of each forward pass of a module: its first input and its output. */
export type ForwardHook = (input: Tensor, output: Tensor) => void;

const hooksOf = new WeakMap<Module, Set<ForwardHook>>();
/** A `forward` of an instance's own, which hooks stand before. */
const ownForwards = new WeakMap<Module, PropertyDescriptor>();
/** Modules in it. */
let hooked = 0;

/**
 * Calls `hook` after every `module.forward`. Without hooks a forward pass costs nothing extra.
 *
 * @returns a function that takes the hook away
 */
export function onForward(module: Module, hook: ForwardHook): () => void {
  const hooks = hooksOf.get(module) ?? install(module);
  // A wrapper of its own per registration lets one function be hooked twice.
  const entry: ForwardHook = (input, output) => hook(input, output);
  hooks.add(entry);
  return () => {
    hooks.delete(entry);
    if (hooks.size > 0 || hooksOf.get(module) !== hooks) return;
    hooksOf.delete(module);
    hooked--;
    const own = ownForwards.get(module);
    ownForwards.delete(module);
    if (own === undefined) Reflect.deleteProperty(module, "forward");
    else Object.defineProperty(module, "forward", own);
  };
}

/** Whether `onForward` watches this module. */
export function hasForwardHooks(module: Module): boolean {
  return hooksOf.has(module);
}

/** Whether `onForward` watches any module. */
export function anyForwardHooks(): boolean {
  return hooked > 0;
}

/** Shadows `forward` by one of the instance that reports to its hooks. */
function install(module: Module): Set<ForwardHook> {
  const hooks = new Set<ForwardHook>();
  const forward = module.forward.bind(module);
  const own = Object.getOwnPropertyDescriptor(module, "forward");
  if (own !== undefined) ownForwards.set(module, own);
  hooksOf.set(module, hooks);
  hooked++;
  Object.defineProperty(module, "forward", {
    configurable: true,
    value: (...inputs: [Tensor, ...Tensor[]]) => {
      const output = forward(...inputs);
      for (const hook of hooks) hook(inputs[0], output);
      return output;
    },
  });
  return hooks;
}
