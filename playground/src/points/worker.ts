/**
 * Trains three small networks on points in the plane, in a thread of its own.
 *
 * @module
 */
import { type PhasePlan, phaseAt, planPhases } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { Contender, type ContenderSettings, type Kind } from "../contender.ts";
import { Pausing } from "../pausing.ts";
import type { Point } from "./data.ts";
import { GRID, kinds, type Progress, type Standing, type ToWorker } from "./protocol.ts";

/** Steps between two looks at the networks. */
const LOOK_EVERY = 10;

const pausing = new Pausing();

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "train") void train(data.points, data.steps, data.settings);
  else pausing[data.type]();
});

async function train(points: readonly Point[], steps: number, settings: ContenderSettings): Promise<void> {
  // Small tensors are quickest where JavaScript computes them.
  await tf.setBackend("cpu");
  const xs = tf.tensor2d(points.map(({ x, y }) => [x, y]));
  const ys = tf.tensor2d(points.map(({ kind }) => [kind]));
  const grid = gridPoints();
  const run = { stepsPerEpoch: 1, totalSteps: steps };
  const plan = planPhases(run, { unit: "share", value: 0.75 }, { unit: "share", value: 0.1 });
  const contenders = kinds.map((kind) => new Contender(kind, network(settings.seed), settings));
  for (let step = 0; step < steps; step++) {
    const losses: number[] = [];
    for (const contender of contenders) losses.push(await contender.step(step, plan, xs, ys));
    if (step === 0 || (step + 1) % LOOK_EVERY === 0 || step + 1 === steps)
      report(step, plan, contenders, (contender, i) =>
        look(contender, losses[i] as number, { xs, points, grid }),
      );
    await pausing.turn();
  }
}

/** Two layers of 16, with first weights that follow from the seed. */
function network(seed: number): tf.LayersModel {
  const initializer = (layer: number) => tf.initializers.heNormal({ seed: 3 * seed + layer });
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 16, activation: "relu", inputShape: [2], kernelInitializer: initializer(1) }),
      tf.layers.dense({ units: 16, activation: "relu", kernelInitializer: initializer(2) }),
      tf.layers.dense({ units: 1, activation: "sigmoid", kernelInitializer: initializer(3) }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.02), loss: "binaryCrossentropy" });
  return model;
}

function report(
  step: number,
  plan: PhasePlan,
  contenders: readonly Contender[],
  stand: (contender: Contender, index: number) => Standing,
): void {
  const standings = Object.fromEntries(
    contenders.map((contender, i) => [contender.kind, stand(contender, i)]),
  );
  const progress: Progress = {
    type: "progress",
    step: step + 1,
    alpha: contenders.find(({ kind }) => kind === "pea")?.alpha ?? 0,
    phase: phaseAt(step, plan),
    standings: standings as Record<Kind, Standing>,
    tensors: tf.memory().numTensors,
  };
  postMessage(progress);
}

function look(
  contender: Contender,
  loss: number,
  { xs, points, grid }: { xs: tf.Tensor; points: readonly Point[]; grid: tf.Tensor },
): Standing {
  const answers = (inputs: tf.Tensor) =>
    tf.tidy(() => (contender.model.predict(inputs) as tf.Tensor).dataSync());
  const accuracy = () => {
    const answered = answers(xs);
    return (
      points.filter(({ kind }, i) => Number((answered[i] as number) > 0.5) === kind).length / points.length
    );
  };
  return {
    loss,
    accuracy: accuracy(),
    deployedAccuracy: contender.kind === "smooth" ? Number.NaN : contender.deployed(accuracy),
    regions: Uint8Array.from(answers(grid), (value) => Math.round(255 * value)),
  };
}

/** The middles of the grid's cells, from above. */
function gridPoints(): tf.Tensor2D {
  const at = (index: number) => (2 * index + 1) / GRID - 1;
  return tf.tensor2d(
    Array.from({ length: GRID * GRID }, (_, i) => [at(i % GRID), -at(Math.floor(i / GRID))]),
  );
}
