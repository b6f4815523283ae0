/**
 * PEA in a training loop of one's own: a network of 1-D convolutions learns to tell wave forms apart. The loop stops
 * halfway and goes on from a file, and the result is exported as ONNX. See docs/guide-own-network.md.
 */
import { alphaAt } from "@pea/core";
import {
  argmax,
  BatchNorm1d,
  backward,
  Conv1d,
  crossEntropyLoss,
  Linear,
  Module,
  manualSeed,
  mean,
  noGrad,
  ReLU,
  readSafetensors,
  SGD,
  scope,
  type Tensor,
  tensor,
  writeSafetensors,
} from "@pea/torch";
import { applyPea, exportNetwork, finalize, useKernels } from "pea-train";

const waves = {
  sine: (phase: number) => Math.sin(2 * Math.PI * phase),
  square: (phase: number) => (phase % 1 < 0.5 ? 1 : -1),
  sawtooth: (phase: number) => 2 * (phase % 1) - 1,
  triangle: (phase: number) => 4 * Math.abs((phase % 1) - 0.5) - 1,
};
const length = 64;
const batchSize = 64;

class SignalNetwork extends Module {
  readonly conv1 = new Conv1d(1, 16, 7, { padding: 3 });
  readonly bn1 = new BatchNorm1d(16);
  readonly relu1 = new ReLU();
  readonly conv2 = new Conv1d(16, 32, 5, { padding: 2, stride: 2 });
  readonly bn2 = new BatchNorm1d(32);
  readonly relu2 = new ReLU();
  readonly fc1 = new Linear(32, 32);
  readonly relu3 = new ReLU();
  readonly fc2 = new Linear(32, Object.keys(waves).length);

  /** [N, 1, length] → [N, classes]. */
  override forward(signals: Tensor): Tensor {
    const x = this.relu1.forward(this.bn1.forward(this.conv1.forward(signals)));
    const y = this.relu2.forward(this.bn2.forward(this.conv2.forward(x)));
    return this.fc2.forward(this.relu3.forward(this.fc1.forward(mean(y, { dim: [2] }))));
  }
}

/** Signals of all forms with noise: a function of the batch's number alone. */
function makeBatch(number: number): { signals: Tensor; labels: Tensor } {
  let state = number + 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const forms = Object.values(waves);
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % forms.length);
  const signals = new Float32Array(batchSize * length);
  for (const [i, label] of labels.entries()) {
    const [start, cycles] = [random(), 2 + 4 * random()];
    for (let t = 0; t < length; t++) {
      const value = (forms[label] as (phase: number) => number)(start + (cycles * t) / length);
      signals[i * length + t] = value + 0.5 * (random() - 0.5);
    }
  }
  return {
    signals: tensor(signals, { shape: [batchSize, 1, length] }),
    labels: tensor(labels, { dtype: "int64" }),
  };
}

useKernels();

const plan = { initialSteps: 10, transitionSteps: 140, totalSteps: 200 };

/** Trains from the step that `checkpoint` holds, or from the first, up to `endStep`; returns the network. */
function train(checkpoint: string | null, endStep: number, saveTo: string): SignalNetwork {
  manualSeed(0);
  const network = new SignalNetwork();
  // The site between the linear layers stays ReLU throughout; leave `where` out to swap all.
  const handle = applyPea(network, {
    ensemble: "stochastic",
    smooth: "mish",
    seed: 0,
    where: (path) => path !== "relu3",
  });
  const optimizer = new SGD(network.parameters(), { lr: 0.1, momentum: 0.9 });
  let firstStep = 0;
  if (checkpoint !== null) {
    const { tensors, metadata } = readSafetensors(checkpoint);
    const part = (name: string) =>
      new Map(
        [...tensors].flatMap(([key, value]) =>
          key.startsWith(name) ? [[key.slice(name.length), value]] : [],
        ),
      );
    network.loadStateDict(part("network/"));
    optimizer.load(part("optimizer/"));
    firstStep = Number(metadata.step);
  }
  for (let step = firstStep; step < endStep; step++) {
    // α and the masks follow from the step: no state of PEA's is saved.
    handle.alpha = alphaAt(step, plan);
    handle.step = step;
    scope(() => {
      const { signals, labels } = makeBatch(step);
      optimizer.zeroGrad();
      backward(crossEntropyLoss(network.forward(signals), labels));
      optimizer.step();
    });
  }
  const state = [
    ...[...network.stateDict()].map(([key, value]) => [`network/${key}`, value] as const),
    ...[...optimizer.state()].map(([key, value]) => [`optimizer/${key}`, value] as const),
  ];
  writeSafetensors(saveTo, new Map(state), { step: String(endStep) });
  return network;
}

train(null, 80, "signals.safetensors").dispose();
const network = train("signals.safetensors", plan.totalSteps, "signals.safetensors");
finalize(network);

network.eval();
const { signals, labels } = makeBatch(1_000_000);
const predicted = noGrad(() => argmax(network.forward(signals), { dim: 1 })).toTypedArray() as BigInt64Array;
const expected = labels.toTypedArray() as BigInt64Array;
const right = predicted.filter((label, i) => label === expected[i]).length;
console.log(`${right} of ${batchSize} new signals are told apart`);

const { file, operators, largestDifference } = await exportNetwork(network, "signals.onnx", {
  inputs: signals,
});
console.log(
  `${file}: ${Object.entries(operators)
    .map(([type, count]) => `${count} ${type}`)
    .join(", ")}`,
);
console.log(`ONNX Runtime and libtorch differ by at most ${largestDifference.toExponential(0)}`);
