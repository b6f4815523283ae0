/**
 * Files of TensorFlow Lite, proven by LiteRT where it is at hand.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { QuantizedGraph } from "@pea/graph";
import { type QuantaDifference, quantaDifference } from "../quanta.ts";
import type { Original } from "../target.ts";
import { findLiteRt, type LiteRtSession, openLiteRt } from "./litert.ts";

/** What LiteRT's reference kernels compute of a file; none where it was not run. */
export interface LiteRtProof {
  readonly litert?: { readonly version: string; readonly quanta: QuantaDifference };
  /** Why one that was found was not run. */
  readonly whyNoLitert?: string;
}

/**
 * Runs a file in LiteRT's reference kernels, which give the interpreter's very integers; not where LiteRT is neither named nor
 * found.
 *
 * @throws PeaError where they give others; as `openLiteRt`, where it is named
 */
export async function verifyByLiteRt(
  file: string,
  { graph, inputs, settings = {} }: Omit<Original<QuantizedGraph>, "model">,
): Promise<LiteRtProof> {
  const { litert: named } = settings;
  const python = named ?? (await findLiteRt());
  if (python === undefined) return {};
  let session: LiteRtSession;
  try {
    session = await openLiteRt(python, file);
  } catch (error) {
    if (named !== undefined || !(error instanceof PeaError)) throw error;
    return { whyNoLitert: error.message };
  }
  const quanta = await quantaDifference(session, graph, inputs).finally(() => session.release());
  if (quanta.largest > 0)
    throw new PeaError(
      `LiteRT ${session.version} is ${quanta.mean.toFixed(2)} steps on average and ${quanta.largest} at most from the exact integers; ` +
        "its reference kernels should be on them: please report this network",
    );
  return { litert: { version: session.version, quanta } };
}

/** A line of what was proven. */
export function describeLiteRt({ litert, whyNoLitert = "none is found" }: LiteRtProof): string[] {
  if (litert === undefined) return [notRun(whyNoLitert)];
  return [
    `LiteRT ${litert.version}'s reference kernels compute the exact integers (${litert.quanta.images} images)`,
  ];
}

/** What is said of a file that no runtime has run. */
const notRun = (why: string): string =>
  `not run in LiteRT (${why}): --litert PATH names a Python that has it. LiteRT's reference kernels gave the exact integers of each operator where docs/targets.md says so`;
