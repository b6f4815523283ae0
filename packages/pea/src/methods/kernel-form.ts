import { type EnsembleActOptions, hasKernel } from "@pea/kernels";
import { activationNameOf, type Module } from "@pea/torch";

/** A smooth activation as kernels take it: by name, or as a function where it has none. */
export function kernelFormOf(module: Module): EnsembleActOptions["smooth"] {
  const name = activationNameOf(module);
  return name !== undefined && hasKernel(name) ? name : (x) => module.forward(x);
}
