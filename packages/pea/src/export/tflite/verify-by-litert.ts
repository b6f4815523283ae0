/**
 * Files of TensorFlow Lite, proven by LiteRT where it is at hand.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { QuantizedGraph } from "@pea/graph";
import { type QuantaDifference, quantaDifference } from "../quanta.ts";
import type { Original } from "../target.ts";
import { openLiteRt } from "./litert.ts";

/** What LiteRT's reference kernels compute of a file; none where it was not run. */
export interface LiteRtProof {
  readonly litert?: { readonly version: string; readonly quanta: QuantaDifference };
}

/**
 * Runs a file in LiteRT's reference kernels, which give the interpreter's very integers; not where LiteRT is not named.
 *
 * @throws PeaError where they give others; as `openLiteRt`
 */
export async function verifyByLiteRt(
  file: string,
  { graph, inputs, settings = {} }: Omit<Original<QuantizedGraph>, "model">,
): Promise<LiteRtProof> {
  const { litert: python } = settings;
  if (python === undefined) return {};
  const session = await openLiteRt(python, file);
  const quanta = await quantaDifference(session, graph, inputs).finally(() => session.release());
  if (quanta.largest > 0)
    throw new PeaError(
      `LiteRT ${session.version} is ${quanta.mean.toFixed(2)} steps on average and ${quanta.largest} at most from the exact integers; ` +
        "its reference kernels should be on them: please report this network",
    );
  return { litert: { version: session.version, quanta } };
}

/** A line of what was proven. */
export function describeLiteRt({ litert }: LiteRtProof): string[] {
  if (litert === undefined) return [notRun];
  return [
    `LiteRT ${litert.version}'s reference kernels compute the exact integers (${litert.quanta.images} images)`,
  ];
}

/** What is said of a file that no runtime was asked to run. */
const notRun =
  "not run in LiteRT: --litert PATH does so. LiteRT's reference kernels gave the exact integers of each operator where docs/targets.md says so";
