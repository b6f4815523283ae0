import { call } from "../call.ts";
import { isFloatingPoint } from "../dtype.ts";
import { TorchError } from "../error.ts";
import { type CastOptions, cast } from "../ops/cast.ts";
import { optionsOf } from "../options.ts";
import { keep, scope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { type LoadOptions, type LoadResult, loadStateDict } from "./state-dict.ts";

/**
 * A part of a network: it owns parameters, buffers and other modules, and computes `forward`.
 *
 * Parameters and buffers are registered by name; child modules are the own properties that are modules, in the
 * order of their declaration, and the property name is their name in paths and in the state dict. Arrays are not
 * searched: use `Sequential` or `ModuleList`. A module that stands at two places is listed once.
 *
 * @example
 * class Net extends Module {
 *   readonly conv = new Conv2d(1, 8, 3);
 *   readonly relu = new ReLU();
 *   forward(x: Tensor) {
 *     return this.relu.forward(this.conv.forward(x));
 *   }
 * }
 */
export abstract class Module {
  /** Whether dropout and batch normalization behave as in training; set by `train` and `eval`. */
  training = true;
  readonly #parameters = new Map<string, Tensor>();
  readonly #buffers = new Map<string, Tensor>();

  abstract forward(...inputs: Tensor[]): Tensor;

  /** Registers a trainable tensor: no scope frees it, and it requires a gradient. Returns it. */
  protected parameter(name: string, value: Tensor): Tensor {
    value.requiresGrad = true;
    this.#parameters.set(name, keep(value));
    return value;
  }

  /** Registers a tensor that belongs to the state but is not trained, as running statistics. Returns it. */
  protected buffer(name: string, value: Tensor): Tensor {
    this.#buffers.set(name, keep(value));
    return value;
  }

  /** The modules that this one directly holds, by name. */
  children(): Map<string, Module> {
    const children = new Map<string, Module>();
    for (const [name, value] of Object.entries(this)) if (value instanceof Module) children.set(name, value);
    return children;
  }

  /** This module (path "") and all below it, each before its children, by path such as `layer1.0.conv1`. */
  namedModules(): Map<string, Module> {
    const modules = new Map<string, Module>();
    const seen = new Set<Module>();
    const visit = (path: string, module: Module) => {
      if (seen.has(module)) return;
      seen.add(module);
      modules.set(path, module);
      for (const [name, child] of module.children()) visit(joinPath(path, name), child);
    };
    visit("", this);
    return modules;
  }

  /** All parameters by their state-dict key, in the order of PyTorch: a module's own before its children's. */
  namedParameters(): Map<string, Tensor> {
    return this.#collect((module) => [module.#parameters]);
  }

  /** All buffers by their state-dict key. */
  namedBuffers(): Map<string, Tensor> {
    return this.#collect((module) => [module.#buffers]);
  }

  /** All parameters, each once, for an optimizer. */
  parameters(): Tensor[] {
    return [...new Set(this.namedParameters().values())];
  }

  /** Parameters and buffers themselves (not copies) by key, in PyTorch's order. */
  stateDict(): Map<string, Tensor> {
    return this.#collect((module) => [module.#parameters, module.#buffers]);
  }

  /**
   * Copies values into parameters and buffers in place. A `module.`, `model.` or `_orig_mod.` before all keys, as
   * wrappers of networks put there, is dropped, and missing `num_batches_tracked` are accepted. Nothing changes unless
   * everything fits.
   *
   * @returns the keys that were missing and unexpected, empty unless `strict: false` let them pass
   * @throws TorchError with the first missing keys, unexpected keys and shapes that differ, and a prefix that keeps most
   * keys from fitting
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, options: LoadOptions = {}): LoadResult {
    return loadStateDict(
      this.stateDict(),
      state,
      optionsOf("module.loadStateDict(state, { strict })", options),
    );
  }

  /**
   * The module at a path such as `layer1.0.relu1`; the empty path is this module.
   * @throws TorchError when there is none, naming those that there are
   */
  getModule(path: string): Module {
    let module: Module = this;
    const walked: string[] = [];
    for (const name of path === "" ? [] : path.split(".")) {
      const children = module.children();
      const child = children.get(name);
      if (child === undefined) {
        const place = walked.length === 0 ? "the module" : `"${walked.join(".")}"`;
        const known = children.size === 0 ? "no modules" : [...children.keys()].join(", ");
        throw new TorchError(`No module at "${path}": ${place} holds ${known}, not "${name}"`);
      }
      module = child;
      walked.push(name);
    }
    return module;
  }

  /**
   * Puts another module at a path.
   * @returns the module that was there
   * @throws TorchError when there is none, or for the empty path
   */
  replaceModule(path: string, module: Module): Module {
    const previous = this.getModule(path);
    if (previous === this)
      throw new TorchError("A module cannot replace itself; give the path of one inside it");
    const split = path.lastIndexOf(".");
    const parent = this.getModule(path.slice(0, Math.max(split, 0)));
    Object.assign(parent, { [path.slice(split + 1)]: module });
    return previous;
  }

  /** Sets training or inference behaviour here and in all modules below. Returns this module. */
  train(on = true): this {
    for (const module of this.namedModules().values()) module.training = on;
    return this;
  }

  /** Same as `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Casts all parameters and buffers in place, so that an optimizer made before still holds them. As in PyTorch,
   * `dtype` concerns floating-point tensors, `memoryFormat` those of four dimensions. Returns this module.
   */
  to(options: CastOptions): this {
    const { dtype, device, memoryFormat } = optionsOf("module.to({ dtype, device, memoryFormat })", options);
    scope(() => {
      for (const tensor of this.stateDict().values()) {
        const own: CastOptions = { device };
        if (isFloatingPoint(tensor.dtype)) own.dtype = dtype;
        if (tensor.ndim === 4) own.memoryFormat = memoryFormat;
        call("aten::set_data", tensor, cast(tensor, own));
      }
    });
    return this;
  }

  /** Frees all parameters, their gradients and buffers now; the module cannot be used afterwards. */
  dispose(): void {
    for (const tensor of new Set(this.stateDict().values())) {
      if (tensor.disposed) continue;
      tensor.grad = null;
      tensor.dispose();
    }
  }

  /** The class with its settings, for messages. */
  toString(): string {
    return `${this.constructor.name}()`;
  }

  #collect(registries: (module: Module) => Map<string, Tensor>[]): Map<string, Tensor> {
    const tensors = new Map<string, Tensor>();
    for (const [path, module] of this.namedModules()) {
      for (const registry of registries(module)) {
        for (const [name, tensor] of registry) tensors.set(joinPath(path, name), tensor);
      }
    }
    return tensors;
  }
}

function joinPath(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
