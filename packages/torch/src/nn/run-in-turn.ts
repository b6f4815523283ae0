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
  return isRecording() || anyForwardHooks() ? run() : scope(run);
}
