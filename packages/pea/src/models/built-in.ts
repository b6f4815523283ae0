import { alexNet } from "./alexnet.ts";
import { autoencoder } from "./autoencoder.ts";
import { dsCnn } from "./ds-cnn.ts";
import { efficientNetLite0 } from "./efficientnet-lite.ts";
import { erfNetClassifier, erfNetSegmentation } from "./erfnet.ts";
import { mobileNet } from "./mobilenet.ts";
import { mobileNetV2 } from "./mobilenet-v2.ts";
import { mobileNetVww } from "./mobilenet-vww.ts";
import type { NetworkFamily } from "./network-family.ts";
import { regNetX200MF, regNetX400MF } from "./regnet.ts";
import { resNet18, resNet50 } from "./resnet.ts";
import { resNet8 } from "./resnet8.ts";
import { shuffleNetV2 } from "./shufflenet-v2.ts";
import { uNet } from "./unet.ts";

/** The networks of this package, in the order in which lists show them. */
export const builtIn: readonly NetworkFamily[] = [
  alexNet,
  resNet18,
  resNet50,
  regNetX200MF,
  regNetX400MF,
  mobileNet,
  mobileNetV2,
  shuffleNetV2,
  efficientNetLite0,
  resNet8,
  dsCnn,
  mobileNetVww,
  autoencoder,
  erfNetClassifier,
  erfNetSegmentation,
  uNet,
];
