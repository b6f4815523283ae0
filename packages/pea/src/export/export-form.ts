/**
 * In which form a network is to leave, and what is told of it when it has left.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { kebab } from "../common/kebab.ts";
import type { Layout } from "../images/network-input.ts";
import type { IntegerForm, IntegerSummary } from "./integer-summary.ts";
import { onnxTarget } from "./onnx/onnx-target.ts";
import type { OtherActivation } from "./other-activations.ts";
import { integerSettings, isIntegerTarget, type Target } from "./target.ts";
import { targetNamed } from "./targets.ts";

/** In which form a network is written; what concerns integers is for targets that compute in them. */
export interface ExportForm extends IntegerForm {
  /** `onnx` by default, or a name of `registerTarget`. */
  target?: string;
  /** Images that the file takes at a time; by default their number is open. */
  batch?: number;
  /** Order of the axes of images that an ONNX file takes: `nchw` by default, or `nhwc`. */
  layout?: Layout;
  /** Version of ONNX's operators; 17 by default. */
  opset?: number;
  /**
   * Make batch normalization a part of the weights before it; by default it stays, and all weights keep their keys. In
   * integers it always is.
   */
  foldBatchNorms?: boolean;
}

/** A file that was written and verified. */
export interface ExportedFile {
  target: string;
  file: string;
  bytes: number;
  /** Nodes by operator. */
  operators: Record<string, number>;
  /** Clips, slopes, gates and normalizations; none where ReLU is the only activation. */
  otherActivations: readonly OtherActivation[];
  /** Of a form in integers: how they were found, and what they cost. */
  integers?: IntegerSummary;
  /** What was proven, in words. */
  verified: readonly string[];
}

/** What concerns integers, whichever the target. */
const integerKeys = ["activations", "perTensor", "calibration", "calibrationImages", "images", "maxLoss"];

/**
 * The target of a form.
 *
 * @throws PeaError of kind usage for an unknown target, an opset or a setting that it has not, and options of integers where it
 *   computes in floats
 */
export function targetOf(form: ExportForm): Target {
  const { target: name = onnxTarget.name, opset } = form;
  const target = targetNamed(name);
  const { title, opsets } = target;
  const idle = integerKeys.find((key) => form[key as keyof ExportForm] !== undefined);
  if (idle !== undefined && !isIntegerTarget(target))
    throw usage(
      `${optionNamed(idle)} is of targets that compute in integers, and ${title} computes in floats; leave it out`,
    );
  const unknown = integerSettings.find(
    (key) => form[key] !== undefined && !(isIntegerTarget(target) && target.takes?.includes(key)),
  );
  if (unknown !== undefined) throw usage(`${title} has no setting ${optionNamed(unknown)}; leave it out`);
  if (form.layout !== undefined && target.hasLayouts !== true)
    throw usage(`${title} has no setting ${optionNamed("layout")}; leave it out`);
  if (opset === undefined || opsets?.includes(opset)) return target;
  const known = opsets && `must be one of ${opsets.join(", ")} for ${title}`;
  throw usage(`opset is ${opset}, but ${known ?? `${title} has none; leave it out`}`);
}

/**
 * The same, once the target has looked at all that is asked of it.
 *
 * @throws PeaError as `targetOf`, and of kind usage for what the target has not, and tools that are not there
 */
export async function checkedTarget(form: ExportForm): Promise<Target> {
  const target = targetOf(form);
  if (isIntegerTarget(target)) target.scheme(form);
  await target.check?.(form);
  return target;
}

/** `maxLoss (--max-loss)`: as programs have it, and as the command line has, where that is another word. */
function optionNamed(key: string): string {
  const flag = kebab(key);
  return flag === key ? key : `${key} (--${flag})`;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
