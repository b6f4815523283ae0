/**
 * `npm run bench:integers`: what the way to integers costs. Calibration of MobileNet-0.25 on 1000 images of 224×224 beside its
 * evaluation in floats on the same, in turns of 50 images in one process, so that what slows the machine slows both; and images a
 * second of the interpreter on MobileNet-0.25 small.
 *
 * @module
 */

import { interpreterOf, planIntegers, prepare, usualScheme } from "@pea/graph";
import { useKernels } from "@pea/kernels";
import { foldBatchNorms, keep, manualSeed, narrow, noGrad, randn, scope, type Tensor } from "@pea/torch";
import { createModel } from "../../packages/pea/src/models/index.ts";
import { calibrate } from "../../packages/pea/src/quantize/calibrate.ts";
import { calibrationMethods } from "../../packages/pea/src/quantize/calibration-methods.ts";
import { equalizeWhereItPays } from "../../packages/pea/src/quantize/equalize-where-it-pays.ts";
import { traceNetwork } from "../../packages/pea/src/trace/trace.ts";
import { knownNetworks, quantizedNetwork } from "../../packages/pea/test/support/quantized-networks.ts";
import { median } from "../statistics.ts";

const IMAGES = 1000;
const TURN = 50;
/** As many as an export looks at to decide on its channels. */
const FEW = 8;
/** Calibration, the decision on channels included, ÷ evaluation, at most; the interpreter's images a second, at least. */
const GOALS = { calibration: 1.5, interpreter: 20 };

const seconds = async (work: () => unknown): Promise<number> => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

/**
 * Its time ÷ that of an evaluation of all images in floats: of each way of calibration, and of finding out on a few images
 * whether channels should be equalized.
 */
async function measureCalibration(): Promise<{ ratios: Record<string, number>; channels: number }> {
  useKernels();
  manualSeed(1);
  const model = createModel("mobilenet-0.25", { classes: 1000 });
  model.to({ memoryFormat: "channels_last" });
  model.eval();
  const { graph } = prepare(traceNetwork(model, [3, 224, 224]).graph);
  const plan = planIntegers(graph);
  using images = randn([TURN, 3, 224, 224]);
  scope(() => foldBatchNorms(model, images));
  const evaluation = () => scope(() => noGrad(() => void model.forward(images)));
  evaluation();
  const ratios: Record<string, number> = {};
  for (const method of calibrationMethods) {
    let evaluated = 0;
    const inTurns = async function* (): AsyncGenerator<Tensor> {
      for (let done = 0; done < IMAGES; done += TURN) {
        evaluated += await seconds(evaluation);
        yield images;
      }
    };
    const both = await seconds(() => calibrate(plan, inTurns(), { method }));
    ratios[method] = (both - evaluated) / evaluated;
  }
  using few = scope(() => keep(narrow(images, 0, 0, FEW)));
  const shares: number[] = [];
  for (let i = 0; i < 5; i++) {
    const evaluated = (await seconds(evaluation)) * (IMAGES / TURN);
    shares.push((await seconds(() => equalizeWhereItPays(graph, few, usualScheme({})))) / evaluated);
  }
  return { ratios, channels: median(shares) };
}

/** Images a second, the median of ten runs of eight images. */
async function measureInterpreter(): Promise<number> {
  const network = knownNetworks.find(({ name }) => name === "mobilenet-0.25-small");
  if (network === undefined) throw new Error("mobilenet-0.25-small is no network of the tests");
  const graph = await quantizedNetwork(network);
  const [{ name = "" } = {}] = graph.inputs;
  const interpreter = interpreterOf(graph);
  using images = randn([8, ...network.shape]);
  const inputs = new Map([[name, images.toTypedArray() as Float32Array]]);
  const run = () => interpreter.run(inputs, graph.outputs);
  run();
  const times: number[] = [];
  for (let i = 0; i < 10; i++) times.push(await seconds(run));
  return 8 / median(times);
}

const { ratios, channels } = await measureCalibration();
const interpreter = await measureInterpreter();
const together = (ratios.minmax ?? Number.NaN) + channels;
for (const [method, ratio] of Object.entries(ratios))
  console.log(`calibration, ${method}: ${ratio.toFixed(2)} of an evaluation`);
console.log(`channels equalized or not, found on ${FEW} images: ${channels.toFixed(2)} of an evaluation`);
console.log(
  `minmax and channels: ${together.toFixed(2)} of an evaluation (goal: at most ${GOALS.calibration})`,
);
console.log(`interpreter: ${interpreter.toFixed(1)} images a second (goal: at least ${GOALS.interpreter})`);
process.exitCode = together <= GOALS.calibration && interpreter >= GOALS.interpreter ? 0 : 1;
