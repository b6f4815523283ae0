/**
 * MobileNet-V1 of MLPerf Tiny, which sees whether a person is in an image of 96×96 ("visual wake words"): width 0.25, padding
 * and biases as in Keras.
 *
 * @module
 */
import { MobileNet } from "./mobilenet.ts";
import type { NetworkFamily } from "./network-family.ts";

export const mobileNetVww: NetworkFamily = {
  name: "mobilenet-vww",
  listed: [
    {
      name: "mobilenet-vww",
      description: "MobileNet-V1 of MLPerf Tiny at width 0.25, for images of 96×96",
      inputShape: [3, 96, 96],
      classes: 2,
    },
  ],
  ownOptions: [],
  create: (options) =>
    new MobileNet({
      classes: 2,
      width: 0.25,
      ...options,
      padding: "same",
      init: "he",
      bias: true,
      dropout: 0,
    }),
};
