import { type Module, ReLU, ReLU6 } from "@pea/torch";
import { choose } from "./options.ts";

/** Option of networks that were made with ReLU6. */
export interface ActivationOption {
  /** `relu6` is the original's activation, for comparison with its published accuracy; default `relu`. */
  activation?: "relu" | "relu6";
}

/** Makes a module of the activation that is chosen. */
export function activationOf({ activation = "relu" }: ActivationOption): () => Module {
  return choose("activation", activation, { relu: () => new ReLU(), relu6: () => new ReLU6() });
}
