/**
 * The autoencoder of MLPerf Tiny, which finds machines that sound wrong: of 640 numbers, five frames of a spectrogram with
 * 128 bands, it makes 8 and of these the 640 again, and what it does not know it gives back badly.
 *
 * @see DCASE 2020, task 2, whose baseline it is
 * @module
 */
import { PeaError } from "@pea/core";
import {
  BatchNorm1d,
  type BatchNormLayerOptions,
  flatten,
  init,
  Linear,
  Module,
  ReLU,
  runInTurn,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, type ModelOptions, scaleChannels } from "./options.ts";

/** Linear layer → batch norm → ReLU, under the names `fc`, `bn` and `act`. */
class LinearUnit extends Module {
  readonly fc: Linear;
  readonly bn: BatchNorm1d;
  act: Module;

  constructor(inputs: number, outputs: number, batchNorm: BatchNormLayerOptions) {
    super();
    this.fc = new Linear(inputs, outputs);
    this.bn = new BatchNorm1d(outputs, batchNorm);
    this.act = new ReLU();
    initializeHead(this.fc, init.glorotUniform);
  }

  override forward(x: Tensor): Tensor {
    return runInTurn(x, [this.fc, this.bn, this.act]);
  }
}

/** Nine linear units, the fifth of 8 outputs and the others of 128, and a linear layer to as many numbers as it reads. */
export class Autoencoder extends Module {
  readonly layers: Sequential;
  readonly fc: Linear;

  /**
   * @param options.classes numbers of the answer: as many as it reads, inputChannels · height · width
   * @throws PeaError of kind usage for a count or width that cannot be, and for another number of classes.
   */
  constructor(options: ModelOptions = {}) {
    super();
    const { inputChannels = 640, imageSize = [1, 1], width = 1 } = options;
    const numbers = inputChannels * imageSize[0] * imageSize[1];
    const { classes = numbers } = options;
    checkModelOptions({ ...options, inputChannels, classes });
    if (classes !== numbers)
      throw new PeaError(
        `autoencoder gives back the ${numbers} numbers that it reads, not one for each of ${classes} classes: it is for pea inspect, ` +
          "targets and programs of your own; take another network for images with classes",
        { kind: "usage" },
      );
    const wide = scaleChannels(128, width);
    const widths = [numbers, wide, wide, wide, wide, scaleChannels(8, width), wide, wide, wide, wide];
    const norm = batchNormOptions(options, 1e-3);
    const units = widths.slice(1).map((outputs, i) => new LinearUnit(widths[i] as number, outputs, norm));
    this.layers = new Sequential(...units);
    this.fc = new Linear(wide, numbers);
    initializeHead(this.fc, init.glorotUniform);
  }

  /** (N, inputChannels, height, width) → the same numbers, (N, classes). */
  override forward(x: Tensor): Tensor {
    return runInTurn(flatten(x, { startDim: 1 }), [this.layers, this.fc]);
  }
}

export const autoencoder: NetworkFamily = {
  name: "autoencoder",
  listed: [
    {
      name: "autoencoder",
      description: "autoencoder of MLPerf Tiny, for spectrograms; no classifier",
      inputShape: [640, 1, 1],
      classes: 640,
    },
  ],
  ownOptions: [],
  create: (options) => new Autoencoder(options),
};
