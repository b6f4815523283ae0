import { type Module, narrow, scope, type Tensor } from "@pea/torch";
import { layerNoise } from "../quantize/layer-noise.ts";
import type { TrainedIntegers } from "../quantize/trained-integers.ts";
import { currentEnvironment } from "../run/run-directory.ts";
import type { ScoreComparison } from "./compare-scores.ts";
import type { DeployedSession } from "./deployed-session.ts";
import type { ExportedFile } from "./export-form.ts";
import { describeIntegers, type IntegerSummary, requireSmallLoss } from "./integer-summary.ts";
import { countOperators } from "./onnx/decode.ts";
import { otherActivationsOf } from "./other-activations.ts";
import { quantizeNetwork } from "./quantize-network.ts";
import { requireFolder, requireNoSmoothModule } from "./require-deployable.ts";
import { type IntegerTarget, settingsOf } from "./target.ts";
import type { WriteOptions } from "./write-floats.ts";
import { writeVerified } from "./write-verified.ts";

export interface WriteIntegersOptions extends WriteOptions {
  /** Gives batches of training images, standardized, from the first one on: ranges are taken from these. */
  readonly trainingImages: () => AsyncIterable<Tensor> | Iterable<Tensor>;
  /** How it was rounded while it trained. */
  readonly trained?: TrainedIntegers;
  /** Called with the training images done so far. */
  readonly onCalibration?: (images: number) => void;
  /** Scores what was written beside the network of floats. */
  readonly score?: (session: DeployedSession) => Promise<ScoreComparison>;
  /** Whether it scores on some of the test images alone. */
  readonly isOfSome?: boolean;
  /** Points of the task's metric that may be lost; 0.5 by default. */
  readonly maxLoss?: number;
}

/** Images that each layer's noise is measured on. */
const noiseImages = 16;

/**
 * Writes a network in integers, and verifies and scores it.
 *
 * @throws PeaError as `quantizeNetwork`, and where more is lost than may be: nothing is written then
 */
export async function writeIntegers<Proof extends object>(
  model: Module,
  file: string,
  target: IntegerTarget<Proof>,
  {
    inputs,
    metadata = {},
    opset,
    trainingImages,
    trained,
    onCalibration,
    score,
    isOfSome,
    maxLoss = 0.5,
    ...form
  }: WriteIntegersOptions,
): Promise<ExportedFile & Proof> {
  requireFolder(file);
  requireNoSmoothModule(model);
  const { graph, plan, ...how } = await quantizeNetwork(model, target, {
    ...form,
    inputShape: inputs.shape.slice(1),
    images: trainingImages,
    trained,
    onProgress: onCalibration,
  });
  const facts = { ...metadata, quantization: JSON.stringify(how) };
  const settings = settingsOf(form);
  const content = await target.write(graph, {
    producerVersion: currentEnvironment().pea,
    metadata: facts,
    opset,
    samples: { values: inputs.toTypedArray() as Float32Array, shape: inputs.shape },
    ...settings,
  });
  const some = Math.min(noiseImages, inputs.shape[0] as number);
  const { bytes, verification } = await writeVerified(file, content, async (path) => {
    const proof = await target.verify(path, { graph, model, inputs, settings });
    const layers = scope(() => layerNoise(plan, graph, narrow(inputs, 0, 0, some)));
    if (score === undefined) return { proof, layers };
    const session = await target.open(path, graph, settings);
    try {
      const scores = await score(session);
      requireSmallLoss(scores, maxLoss, { ...how, isOfSome });
      return { proof, scores, layers };
    } finally {
      await session.release();
    }
  });
  const { proof, scores, layers } = verification;
  const integers: IntegerSummary = { ...how, ...(scores && { scores }), layers };
  return {
    target: target.name,
    file,
    bytes,
    operators: countOperators(plan.graph),
    otherActivations: otherActivationsOf(plan.graph),
    ...proof,
    integers,
    verified: [...describeIntegers(integers), ...target.describe(proof)],
  };
}
