import { type Handle, native } from "../binding.ts";
import { TorchError } from "../error.ts";
import { rethrow, Tensor } from "../tensor.ts";

/** Awaits collectives; their errors name the ranks that are the cause. */
export type AwaitCollective = (name: string, start: () => Promise<unknown>) => Promise<unknown>;

/**
 * Sums the gradients of parameters over the ranks of a group, in buckets that go while backward() still makes the gradients of
 * others. All ranks have the same parameters and call the same. A parameter without a gradient on a rank counts as zeros
 * there; where it has none on any it stays without. Gradients lie in the memory of the reducer until those of the next step.
 *
 * @example
 * const reducer = group.reducer(model.parameters());
 * reducer.start(); // before the last backward() of a step
 * backward(loss);
 * await reducer.finish();
 */
export class Reducer {
  /** From which size on a bucket is full: small, so that little is left to wait for after backward(). */
  static readonly bucketBytes = 4 * 2 ** 20;

  readonly #await: AwaitCollective;
  #handle: Handle | null;

  /** By `ProcessGroup.reducer`. */
  constructor(group: Handle, parameters: readonly Tensor[], awaitCollective: AwaitCollective) {
    const handles = parameters.map((parameter) => Tensor.handleOf(parameter, "a parameter"));
    this.#handle = rethrow("reducer", () => native.reducer(group, handles, Reducer.bucketBytes));
    this.#await = awaitCollective;
  }

  /**
   * The next backward() is the last of this step: each bucket goes as soon as its gradients are made. Without it all go in
   * `finish`.
   */
  start(): void {
    rethrow("Reducer.start", () => native.startReducer(this.#live));
  }

  /** Sends the rest, and waits until the sums of all ranks are the gradients. */
  async finish(): Promise<void> {
    await this.#await("Reducer.finish", () => Promise.all(native.finishReducer(this.#live)));
  }

  /** Frees its memory, once no gradient lies there any more. */
  dispose(): void {
    if (this.#handle !== null) native.disposeReducer(this.#handle);
    this.#handle = null;
  }

  get #live(): Handle {
    if (this.#handle === null) throw new TorchError("the reducer was disposed of before this use");
    return this.#handle;
  }
}
