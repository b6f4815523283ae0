/**
 * What of a file ONNX Runtime computes in floats, as it tells itself.
 *
 * @module
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { decodeModel, type NodeProto } from "../../onnx-file/model.ts";

/** How many nodes ONNX Runtime makes of a file, by operator. */
export interface RuntimeNodes {
  /** Those that compute in floats; conversions of integers to floats and back are none. */
  readonly floats: Readonly<Record<string, number>>;
  readonly all: Readonly<Record<string, number>>;
}

/** Has ONNX Runtime optimize a file as it does before it runs it, and counts what it is left with. */
export async function runtimeNodes(path: string): Promise<RuntimeNodes> {
  const folder = await mkdtemp(join(tmpdir(), "pea-optimized-"));
  const optimizedModelFilePath = join(folder, "model.onnx");
  try {
    const session = await InferenceSession.create(path, {
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      optimizedModelFilePath,
    });
    await session.release();
    const { graph } = decodeModel(await readFile(optimizedModelFilePath), path);
    const nodes = graph?.node ?? [];
    const inputs = (graph?.input ?? []).map(({ name }) => name ?? "");
    return { floats: count(floatNodes(nodes, inputs)), all: count(nodes) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The nodes that read floats and are no `QuantizeLinear`. Floats are the inputs, what `DequantizeLinear` gives, and what is
 * computed of floats.
 */
function floatNodes(nodes: readonly NodeProto[], inputs: readonly string[]): NodeProto[] {
  const floats = new Set(inputs);
  return nodes.filter(({ opType = "", input, output }) => {
    const readsFloats = input.some((name) => floats.has(name));
    const computes = readsFloats && opType !== "QuantizeLinear";
    if (computes || opType === "DequantizeLinear") for (const name of output) floats.add(name);
    return computes;
  });
}

function count(nodes: readonly NodeProto[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { opType = "" } of nodes) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}
