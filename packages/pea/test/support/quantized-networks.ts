/** Networks in integers, with weights that are drawn and ranges of images that are. */
import {
  type IntegerPlan,
  planIntegers,
  prepare,
  type QuantizedGraph,
  quantize,
  type Ranges,
  type SchemeWishes,
  usualScheme,
} from "@pea/graph";
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
  named("resnet50-0.25", [3, 64, 64], { classes: 10 }),
  named("alexnet-bn-0.25", [3, 224, 224], { classes: 100 }),
  named("erfnet-0.25", [3, 64, 64], { classes: 10, init: "torch-default" }),
  named("erfnet-segmentation-0.5", [3, 128, 256], { classes: 5, init: "torch-default" }),
  named("ds-cnn", [1, 49, 10], {}),
  named("mobilenet-vww", [3, 96, 96], {}),
  named("resnet8", [3, 32, 32], {}),
  named("autoencoder", [640, 1, 1], {}),
  named("mobilenet-v2-0.25", [3, 96, 96], { classes: 10 }),
];

/** Those of the paper as it has them, for which a run takes long. */
export const fullNetworks: readonly NetworkCase[] = [
  named("alexnet-bn", [3, 224, 224]),
  named("resnet18", [3, 224, 224]),
  named("resnet50", [3, 224, 224]),
  named("erfnet", [3, 224, 224], { init: "torch-default" }),
  named("erfnet-segmentation", [3, 256, 512], { init: "torch-default" }),
];

/** A network as integers will have it, and what its values hold; batch norms have the statistics of random images. */
export async function rangedNetwork(
  { create, shape }: NetworkCase,
  seed = 1,
): Promise<{ plan: IntegerPlan; ranges: Ranges }> {
  manualSeed(seed);
  const model = create();
  try {
    for (let step = 0; step < 3; step++) scope(() => noGrad(() => void model.forward(randn([4, ...shape]))));
    model.eval();
    const plan = planIntegers(prepare(traceNetwork(model, shape).graph).graph);
    const { ranges } = await calibrate(plan, [randn([4, ...shape])], { method: "minmax" });
    return { plan, ranges };
  } finally {
    model.dispose();
  }
}

/** The same in integers. */
export async function quantizedNetwork(
  network: NetworkCase,
  seed = 1,
  wishes: SchemeWishes = {},
): Promise<QuantizedGraph> {
  const { plan, ranges } = await rangedNetwork(network, seed);
  return quantize(plan, ranges, usualScheme(wishes));
}
