// A worker thread of engine.test.ts: trains a little, and reports how often grad mode was as expected.
import { parentPort } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
const { backward, call, isGradEnabled, noGrad, ones, scope } = await import("@pea/torch");

const weight = ones([8, 8], { requiresGrad: true });
let asExpected = 0;
for (let step = 0; step < 200; step++) {
  scope(() => {
    backward(call("aten::sum", call("aten::mm", weight, weight)));
  });
  weight.grad = null;
  if (isGradEnabled() && !noGrad(isGradEnabled)) asExpected++;
}
parentPort.postMessage(asExpected);
