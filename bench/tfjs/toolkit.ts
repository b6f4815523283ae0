import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  backward,
  Conv2d,
  crossEntropyLoss,
  Flatten,
  Linear,
  type Module,
  ReLU,
  randn,
  Sequential,
  SGD,
  scope,
  tensor,
} from "@pea/torch";
import { applyPea } from "pea-train";
import { NETWORK, type Variant } from "./steps.ts";

/** Milliseconds of a step of the same network in the toolkit, in each round; its channels_last and kernels at work. */
export function measureToolkit(variant: Variant | null, rounds: number): number[] {
  const { side, classes, batch } = NETWORK;
  const model = network();
  model.to({ memoryFormat: "channels_last" });
  const pea = variant && applyPea(model, variant);
  if (pea) pea.alpha = 0.5;
  const optimizer = new SGD([...model.parameters()], { lr: 0.01, momentum: 0.9 });
  const images = randn([batch, 1, side, side]);
  const labels = tensor(
    Array.from({ length: batch }, (_, i) => i % classes),
    { dtype: "int64" },
  );
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const begin = performance.now();
    scope(() => {
      optimizer.zeroGrad();
      backward(crossEntropyLoss(model.forward(images), labels));
      optimizer.step();
    });
    if (round > 0) times.push(performance.now() - begin);
  }
  return times;
}

function network(): Module {
  const [first, second, third] = NETWORK.filters;
  const block = (from: number, to: number) => [
    new Conv2d(from, to, 3, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(to),
    new ReLU(),
  ];
  return new Sequential(
    ...block(1, first),
    ...block(first, second),
    ...block(second, third),
    new AdaptiveAvgPool2d(1),
    new Flatten(),
    new Linear(third, NETWORK.classes),
  );
}
