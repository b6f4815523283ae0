export type { Activation, SmoothActivation } from "./activation.ts";
export {
  type ActivationName,
  activationNamed,
  activations,
  addActivation,
  ownLetter,
  type SmoothName,
  smoothActivations,
  smoothNamed,
} from "./registry.ts";
