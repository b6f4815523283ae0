/** What is looked at before anything is computed, where something is asked of Vela. */
import { PeaError } from "@pea/core";
import { encodeTflite } from "../tflite/encode.ts";
import type { TfliteModel, TfliteTensor } from "../tflite/model.ts";
import { compileWithVela, isVelaAsked, type VelaSettings, velaVersion } from "./vela.ts";

/**
 * Checks that Vela is there, and takes the names that are asked of it.
 *
 * @param accelerator as Vela names it, e.g. `ethos-u55-128`
 * @throws PeaError of kind usage where it is not there, or is another program, and with its words where it refuses a name
 */
export async function requireVela(accelerator: string, settings: VelaSettings): Promise<void> {
  if (!isVelaAsked(settings)) return;
  await velaVersion(settings);
  const { systemConfig, memoryMode } = settings;
  if (systemConfig === undefined && memoryMode === undefined) return;
  try {
    await compileWithVela(encodeTflite(oneRelu), accelerator, settings);
  } catch (error) {
    if (!(error instanceof PeaError)) throw error;
    throw new PeaError(`${error.message} (tried on a network of one ReLU)`, { kind: "usage", cause: error });
  }
}

const pixel = (name: string): TfliteTensor => ({
  name,
  shape: [1, 1, 1, 1],
  type: "int8",
  quantization: { type: "int8", scales: Float32Array.of(1), zeroPoints: Int32Array.of(0) },
});

/** The least that Vela compiles: it has no other way to ask whether it knows a name. */
const oneRelu: TfliteModel = {
  tensors: [pixel("input"), pixel("output")],
  operators: [{ builtin: "RELU", inputs: [0], outputs: [1], options: {} }],
  inputs: [0],
  outputs: [1],
  description: "",
  metadata: {},
};
