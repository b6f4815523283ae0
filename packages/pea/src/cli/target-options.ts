/** Options of the forms that networks leave in. */
import { activationTypes } from "@pea/graph";
import { Option } from "commander";
import { builtInTargets } from "../export/built-in-targets.ts";
import { chips } from "../export/ethos-u/chips.ts";
import { integerOpsets, opsets, usualOpset } from "../export/onnx/opsets.ts";
import { endTypes } from "../export/target.ts";
import { layouts } from "../images/network-input.ts";
import { calibrationMethods } from "../quantize/calibration-methods.ts";
import { decimal, positiveNumber, wholeNumber } from "./options.ts";

const span = (numbers: readonly number[]): string => `${numbers[0]} to ${numbers.at(-1)}`;

/** Of any form. */
export const formOptions = (): Option[] => [
  new Option(
    "--target <NAME>",
    `form of the file: ${builtInTargets.join(", ")}, or a module that registers another (default: that of pea train --target, else ${builtInTargets[0]})`,
  ),
  new Option("--batch <N>", "images the file takes at a time (default: any number)").argParser(
    positiveNumber,
  ),
  new Option(
    "--opset <N>",
    `version of ONNX's operators, ${span(opsets)}, of onnx-int8 ${span(integerOpsets)} (default: ${usualOpset})`,
  ).argParser(wholeNumber),
  new Option(
    "--layout <LAYOUT>",
    `order of the axes of images that an ONNX file takes (default: ${layouts[0]})`,
  ).choices(layouts),
  new Option("--fold-batch-norms", "make batch normalization a part of the weights before it"),
];

/** Of forms in integers. */
export const integerOptions = (): Option[] => [
  activationsOption(),
  new Option("--per-tensor", "one scale for a layer's weights (default: one for each of its outputs)"),
  new Option(
    "--calibration <METHOD>",
    "ranges from all values, from their 0.01th to 99.99th percentile, or of the least error (default: minmax)",
  ).choices(calibrationMethods),
  new Option(
    "--calibration-images <N>",
    "training images that ranges are taken from (default: 1000)",
  ).argParser(positiveNumber),
  new Option("--images <N>", "test images that floats and integers are scored on (default: all)").argParser(
    positiveNumber,
  ),
  new Option(
    "--max-loss <POINTS>",
    "percentage points of the score that may be lost; beyond, nothing is written (default: 0.5)",
  ).argParser(decimal),
  new Option("--input-type <TYPE>", "what a TensorFlow Lite file's input is (default: int8)").choices(
    endTypes,
  ),
  new Option("--output-type <TYPE>", "what its output is (default: int8)").choices(endTypes),
  ...chipOptions(),
  new Option(
    "--litert <PATH>",
    "Python that runs a TensorFlow Lite file, to compare and score it (default: python3, where it has ai-edge-litert)",
  ),
];

/** Of questions to a target. */
export const inspectionOptions = (): Option[] => [
  new Option(
    "--target <NAME>",
    "what a form of pea export, or a module that registers one, makes of the network",
  ),
  activationsOption(),
  ...chipOptions(),
];

const activationsOption = (): Option =>
  new Option(
    "--activations <TYPE>",
    "integers of what layers compute (default: what the target is best at)",
  ).choices(activationTypes);

/** Of NPUs. */
const chipOptions = (): Option[] => [
  new Option(
    "--macs <N>",
    `multiply-accumulates of an Ethos-U in a cycle (default: ${chips.map(({ name, macs }) => `${macs[0]} of ${name.slice("ethos-".length).toUpperCase()}`).join(", ")})`,
  ).argParser(positiveNumber),
  new Option(
    "--vela <PATH>",
    "command of Vela, which compiles for an Ethos-U and tells its cycles (default: vela, where it is installed)",
  ),
  new Option(
    "--system-config <NAME>",
    "system configuration in Vela's Arm/vela.ini, such as Ethos_U55_Deep_Embedded (default: Vela's choice for the chip)",
  ),
  new Option(
    "--memory-mode <NAME>",
    "memory mode there, such as Sram_Only (default: Vela's choice for the chip)",
  ),
];
