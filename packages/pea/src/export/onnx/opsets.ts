/** Versions of ONNX's operators that are written. */
import { PeaError } from "@pea/core";

/** 17: what every runtime of the last years reads. */
export const usualOpset = 17;

/** The version of the file format that came with each opset: a runtime that knows the one reads the other. */
const irVersions: Readonly<Record<number, number>> = {
  11: 6,
  12: 7,
  13: 7,
  14: 7,
  15: 8,
  16: 8,
  17: 8,
  18: 8,
  19: 9,
  20: 9,
  21: 10,
};

/** The opsets that networks of floats are written in. */
export const opsets: readonly number[] = Object.keys(irVersions).map(Number);

/** Those of networks of integers, from the first with a scale for each channel on. */
export const integerOpsets: readonly number[] = opsets.filter((opset) => opset >= 13);

/**
 * Version of the file format for an opset.
 *
 * @throws PeaError of kind usage for an opset that is not written
 */
export function irVersionOf(opset: number): number {
  const version = irVersions[opset];
  if (version !== undefined) return version;
  throw new PeaError(`opset is ${opset}, but must be one of ${Object.keys(irVersions).join(", ")}`, {
    kind: "usage",
  });
}
