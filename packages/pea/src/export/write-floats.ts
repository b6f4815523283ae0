import { PeaError } from "@pea/core";
import { channelsLastInput, fixBatch, foldBatchNorms, type Graph } from "@pea/graph";
import type { Module, Tensor } from "@pea/torch";
import { currentEnvironment } from "../run/run-directory.ts";
import { traceNetwork } from "../trace/trace.ts";
import type { ExportedFile, ExportForm } from "./export-form.ts";
import { exportObstacleOf } from "./export-obstacle.ts";
import { countOperators } from "./onnx/decode.ts";
import { otherActivationsOf } from "./other-activations.ts";
import { requireFolder, requireNoSmoothModule } from "./require-deployable.ts";
import type { FloatTarget } from "./target.ts";
import { writeVerified } from "./write-verified.ts";

export interface WriteOptions extends Omit<ExportForm, "target"> {
  /** Some of what the network is fed with, [count, ...]. */
  readonly inputs: Tensor;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Writes a network as it computes now, and verifies it. */
export async function writeFloats<Proof extends object>(
  model: Module,
  file: string,
  target: FloatTarget<Proof>,
  { inputs, metadata: facts = {}, opset, ...form }: WriteOptions,
): Promise<ExportedFile & Proof> {
  requireFolder(file);
  requireNoSmoothModule(model);
  const graph = inForm(traceNetwork(model, inputs.shape.slice(1)).graph, form);
  const metadata = form.layout === "nhwc" ? { ...facts, layout: form.layout } : facts;
  const obstacle = exportObstacleOf(graph, target);
  if (obstacle !== null) throw new PeaError(obstacle);
  const content = await target.write(graph, { producerVersion: currentEnvironment().pea, metadata, opset });
  const { bytes, verification } = await writeVerified(file, content, (path) =>
    target.verify(path, { graph, model, inputs }),
  );
  return {
    target: target.name,
    file,
    bytes,
    operators: countOperators(graph),
    otherActivations: otherActivationsOf(graph),
    ...verification,
    verified: target.describe(verification),
  };
}

function inForm(
  graph: Graph,
  {
    batch,
    layout,
    foldBatchNorms: isFolded = false,
  }: Pick<ExportForm, "batch" | "layout" | "foldBatchNorms">,
): Graph {
  const folded = isFolded ? foldBatchNorms(graph) : graph;
  const laidOut = layout === "nhwc" ? channelsLastInput(folded) : folded;
  return batch === undefined ? laidOut : fixBatch(laidOut, batch);
}
