/** Three training steps on fixed data, and everything that happened in them. */
import {
  backward,
  contiguous,
  crossEntropyLoss,
  type MemoryFormat,
  type Module,
  SGD,
  scope,
  type Tensor,
  type TypedArray,
  tensor,
} from "@pea/torch";
import { decayGroups } from "../../src/models/index.ts";
import { goldenInput } from "../models/golden-fill.ts";

export interface TraceOptions {
  /** Shape of one image. */
  image: readonly [number, number, number];
  batch: number;
  /** Of the images; default contiguous. */
  memoryFormat?: MemoryFormat;
  /** Called before the forward pass of each step. */
  onStep?: (step: number) => void;
}

/** `logits.0` … `loss.2`, `gradient.<key>` of the first step, `state.<key>` after the last, row-major. */
export type Trace = Map<string, TypedArray>;

/** Trains a model, filled before, for three steps of SGD with momentum, weight decay and label smoothing. */
export function traceTraining(
  model: Module,
  { image, batch, memoryFormat = "contiguous", onStep }: TraceOptions,
): Trace {
  const trace: Trace = new Map();
  const { decayed, notDecayed } = decayGroups(model);
  const optimizer = new SGD([{ parameters: decayed, weightDecay: 2e-4 }, { parameters: notDecayed }], {
    lr: 0.001,
    momentum: 0.9,
  });
  model.train();
  scope(() => {
    const dtype = model.parameters()[0]?.dtype;
    const input = contiguous(goldenInput([batch, ...image], { dtype }), { memoryFormat });
    for (let step = 0; step < 3; step++) {
      onStep?.(step);
      const logits = model.forward(input);
      const loss = crossEntropyLoss(logits, labelsFor(logits), { labelSmoothing: 0.1 });
      optimizer.zeroGrad();
      backward(loss);
      trace.set(`logits.${step}`, logits.toTypedArray());
      trace.set(`loss.${step}`, loss.toTypedArray());
      if (step === 0) {
        for (const [key, parameter] of model.namedParameters()) {
          trace.set(`gradient.${key}`, (parameter.grad as Tensor).toTypedArray());
        }
      }
      optimizer.step();
    }
  });
  for (const [key, value] of model.stateDict()) trace.set(`state.${key}`, value.toTypedArray());
  optimizer.dispose();
  return trace;
}

/** Classes in turn: one for each image, or for each pixel where the logits are [N, classes, H, W]. */
function labelsFor({ shape: [batch = 0, classes = 0, ...pixels] }: Tensor): Tensor {
  const shape = [batch, ...pixels];
  const length = shape.reduce((product, size) => product * size, 1);
  return tensor(
    BigInt64Array.from({ length }, (_, i) => BigInt(i % classes)),
    { shape },
  );
}
