import { alexNet } from "./alexnet.ts";
import { erfNetClassifier, erfNetSegmentation } from "./erfnet.ts";
import { mobileNet } from "./mobilenet.ts";
import type { NetworkFamily } from "./network-family.ts";
import { resNet18, resNet50 } from "./resnet.ts";

/** The networks of this package, in the order in which lists show them. */
export const builtIn: readonly NetworkFamily[] = [
  alexNet,
  resNet18,
  resNet50,
  mobileNet,
  erfNetClassifier,
  erfNetSegmentation,
];
