export * from "./sgd.ts";
export { type SGDKernel, type SGDUpdate, setSGDKernel } from "./sgd-kernel.ts";
