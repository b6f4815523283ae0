import { isRecording } from "../call.ts";
import { scope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import type { Module } from "./module.ts";
import { anyForwardHooks } from "./on-forward.ts";

/**
 * The last module's output of modules run one after the other. All that they make on the way is freed as soon as the
 * next one is through, but for what autograd saves; nothing before the end where `recordCalls` listens or any module has
 * an `onForward` hook.
 */
export function runInTurn(input: Tensor, modules: readonly Module[]): Tensor {
  const last = modules.at(-1);
  if (last === undefined) return input;
  const run = () => last.forward(runInTurn(input, modules.slice(0, -1)));
  return keepsIntermediates() ? run() : scope(run);
}

/**
 * Whether what a network makes on the way must outlive its forward pass: `recordCalls` listens, or a module has an
 * `onForward` hook. Else it may be freed as soon as it has been read, in training too: autograd keeps what it needs.
 */
export function keepsIntermediates(): boolean {
  return isRecording() || anyForwardHooks();
}
