/**
 * What is checked before a network is written, for all forms.
 *
 * @module
 */
import { dirname } from "node:path";
import { PeaError } from "@pea/core";
import { ClippedReLU, type Module, ReLU, ReLU6 } from "@pea/torch";
import { isActivation } from "../activations/activation-modules.ts";
import { isPassing } from "../activations/passing-activation.ts";
import { isFolder } from "../common/is-folder.ts";

/** Sites have ReLU, or stay straight pieces as ReLU6; what else a network computes, its graph shows. */
export function requireNoSmoothModule(model: Module): void {
  const refuse = (path: string, what: string) => {
    throw new PeaError(`${path} is ${what}: a deployed network has ReLU in its place`, {
      kind: "usage",
    });
  };
  for (const [path, module] of model.namedModules()) {
    if (isPassing(module)) {
      if (module.unfinished !== null) refuse(path, module.unfinished);
    } else if (isActivation(module) && !isStraight(module)) refuse(path, module.constructor.name);
  }
}

const isStraight = (module: Module): boolean =>
  [ReLU, ReLU6, ClippedReLU].some((Activation) => module instanceof Activation);

/** Before the network is traced and data are opened: both take a while. */
export function requireFolder(file: string): void {
  if (!isFolder(dirname(file)))
    throw new PeaError(`cannot write ${file}: there is no folder ${dirname(file)}`, { kind: "usage" });
}
