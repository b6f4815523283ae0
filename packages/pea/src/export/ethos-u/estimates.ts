import { PeaError } from "@pea/core";
import type { ActivationEstimate, Estimates } from "../target.ts";
import { encodeTflite } from "../tflite/encode.ts";
import type { TfliteModel } from "../tflite/model.ts";
import { activationTitles, type ComparedActivation, withActivation } from "../tflite/with-activation.ts";
import { compileWithVela, type VelaReport, type VelaSettings, velaVersion } from "./vela.ts";

/**
 * What Vela says a file costs, and what it would with other activations in ReLU's place.
 *
 * @param accelerator as Vela names it
 * @param settings.compared the others
 * @throws PeaError as `compileWithVela`, for the file as it is, and as `velaVersion`
 */
export async function velaEstimates(
  model: TfliteModel,
  accelerator: string,
  { compared, ...settings }: VelaSettings & { compared: readonly ComparedActivation[] },
): Promise<Estimates> {
  const version = await velaVersion(settings);
  const compile = async (file: TfliteModel) =>
    (await compileWithVela(encodeTflite(file), accelerator, settings)).report;
  const relu = await compile(model);
  const activations: ActivationEstimate[] = [{ activation: activationTitles.relu, cost: costOf(relu) }];
  for (const name of compared) {
    const file = withActivation(model, name);
    activations.push({
      activation: activationTitles[name],
      cost: await compile(file).then(costOf, refusalOf),
    });
  }
  const { accelerator: device, systemConfig, memoryMode } = relu;
  return { by: `Vela ${version} for ${device}, ${systemConfig}, ${memoryMode}`, activations };
}

const costOf = ({ npuCycles, totalCycles, milliseconds, npuOperators, cpuOperators }: VelaReport) => ({
  npuCycles,
  totalCycles,
  milliseconds,
  npuOperators,
  cpuOperators,
});

function refusalOf(error: unknown): { refused: string } {
  if (!(error instanceof PeaError)) throw error;
  return { refused: error.message.replaceAll(/\s*\n\s*/g, "; ") };
}
