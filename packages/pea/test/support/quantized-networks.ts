/** Networks in integers, with weights that are drawn and ranges of images that are. */
import { planIntegers, prepare, type QuantizedGraph, quantize, usualScheme } from "@pea/graph";
import { type Module, manualSeed, noGrad, randn, scope } from "@pea/torch";
import { createModel } from "../../src/models/index.ts";
import { calibrate } from "../../src/quantize/calibrate.ts";
import { traceNetwork } from "../../src/trace/trace.ts";

/** A network as it is made, and the shape of an image. */
export interface NetworkCase {
  readonly name: string;
  readonly shape: readonly number[];
  create(): Module;
}

const named = (
  name: string,
  shape: readonly number[],
  options: Record<string, unknown> = {},
): NetworkCase => ({
  name,
  shape,
  create: () => createModel(name, { inputChannels: shape[0], ...options }),
});

/** Those of the paper, of MLPerf Tiny, and others that are known. */
export const knownNetworks: readonly NetworkCase[] = [
  named("mobilenet-0.25-small", [1, 28, 28], { classes: 10 }),
  named("mobilenet-0.25", [3, 224, 224], { classes: 100 }),
  named("resnet18-0.25", [3, 224, 224], { classes: 100 }),
  named("alexnet-bn-0.25", [3, 224, 224], { classes: 100 }),
  named("erfnet-segmentation-0.5", [3, 128, 256], { classes: 5, init: "torch-default" }),
  named("ds-cnn", [1, 49, 10], {}),
  named("mobilenet-vww", [3, 96, 96], {}),
  named("resnet8", [3, 32, 32], {}),
  named("autoencoder", [640, 1, 1], {}),
  named("mobilenet-v2-0.25", [3, 96, 96], { classes: 10 }),
];

/** A network in integers; batch norms have the statistics of random images. */
export async function quantizedNetwork({ create, shape }: NetworkCase, seed = 1): Promise<QuantizedGraph> {
  manualSeed(seed);
  const model = create();
  try {
    for (let step = 0; step < 3; step++) scope(() => noGrad(() => void model.forward(randn([4, ...shape]))));
    model.eval();
    const { graph } = prepare(traceNetwork(model, shape).graph);
    const plan = planIntegers(graph);
    const { ranges } = await calibrate(plan, [randn([4, ...shape])], { method: "minmax" });
    return quantize(plan, ranges, usualScheme({}));
  } finally {
    model.dispose();
  }
}
