/**
 * Files of TensorFlow Lite, proven by their bytes, and by LiteRT where it is at hand.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import type { QuantizedGraph } from "@pea/graph";
import type { DeployedSession } from "../deployed-session.ts";
import { type QuantaDifference, quantaDifference } from "../quanta.ts";
import type { IntegerSettings, Original } from "../target.ts";
import { openInterpreter } from "./interpreter-session.ts";
import { findLiteRt, openLiteRt } from "./litert.ts";
import { readTflite } from "./read-tflite.ts";
import { describeLiteRt, type LiteRtProof, verifyByLiteRt } from "./verify-by-litert.ts";

/** What is known of a file. */
export interface TfliteProof extends LiteRtProof {
  /** How far the network that its bytes are read back as is from the one that was written. */
  readonly readBack: QuantaDifference;
}

/** Where a folder has the file. */
export const fileIn = (folder: string): string => join(folder, "model.tflite");

/** `model.tflite` of a folder, as it computes: in LiteRT where that is named, or found and runs it, else read back from its bytes. */
export async function openTflite(folder: string, { litert }: IntegerSettings): Promise<DeployedSession> {
  const file = fileIn(folder);
  if (litert !== undefined) return openLiteRt(litert, file);
  const found = await findLiteRt();
  const session = found === undefined ? undefined : await openLiteRt(found, file).catch(noneIfItFails);
  return session ?? openInterpreter(readTflite(await readFile(file)));
}

function noneIfItFails(error: unknown): undefined {
  if (!(error instanceof PeaError)) throw error;
}

/**
 * Reads `model.tflite` of a folder back, and runs it beside the network that was written; in LiteRT as well, where that is named or found.
 *
 * @throws PeaError where either gives other integers; as `readTflite` and `openLiteRt`
 */
export async function verifyTflite(
  folder: string,
  { graph, inputs, settings = {} }: Original<QuantizedGraph>,
): Promise<TfliteProof> {
  const file = fileIn(folder);
  const session = openInterpreter(readTflite(await readFile(file)));
  const readBack = await quantaDifference(session, graph, inputs);
  if (readBack.largest > 0)
    throw new PeaError(
      `read back, it is ${readBack.mean.toFixed(2)} steps on average and ${readBack.largest} at most from the exact integers: ` +
        "please report this network",
    );
  return { readBack, ...(await verifyByLiteRt(file, { graph, inputs, settings })) };
}

/** What was proven, a line each. */
export const describeTflite = ({ readBack, ...litert }: TfliteProof): string[] => [
  `its bytes, read back, compute the exact integers (${readBack.images} images)`,
  ...describeLiteRt(litert),
];
