/**
 * The targets there are: the built-in ones, and those of the user's modules.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { nearestName } from "../common/nearest-name.ts";
import { type Need, requireMembers, someFunction, someText } from "../common/require-members.ts";
import { ethosUTargets } from "./ethos-u/ethos-u-target.ts";
import { onnxTarget } from "./onnx/onnx-target.ts";
import { onnxInt8Target } from "./onnx-int8/onnx-int8-target.ts";
import { isIntegerTarget, type Target } from "./target.ts";
import { tfliteTarget } from "./tflite/tflite-target.ts";
import { tflmTarget } from "./tflm/tflm-target.ts";
import { toolchainTargets } from "./toolchains/toolchain-targets.ts";

const builtIn: readonly Target[] = [
  onnxTarget,
  onnxInt8Target,
  tfliteTarget,
  tflmTarget,
  ...ethosUTargets,
  ...toolchainTargets,
];

const targets = new Map<string, Target>(builtIn.map((target) => [target.name, target]));

const needs: Readonly<Record<string, Need>> = {
  title: someText,
  file: someText,
  obstacle: someFunction,
  write: someFunction,
  verify: someFunction,
  describe: someFunction,
};

/** What computes in integers needs besides. */
const integerNeeds: Readonly<Record<string, Need>> = { scheme: someFunction, open: someFunction };

/**
 * Makes a form known to `exportNetwork`, `exportRun` and `pea export --target`.
 *
 * @throws PeaError of kind usage when its name is taken, or none, and for what is missing
 */
export function registerTarget<Proof extends object>(target: Target<Proof>): void {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(target.name))
    throw usage(`a target's name is made of small letters, digits and dashes, not "${target.name}"`);
  if (targets.has(target.name))
    throw usage(`a target named ${target.name} exists already; choose another name`);
  requireMembers(`target ${target.name}`, target, needs);
  if (isIntegerTarget(target)) requireMembers(`target ${target.name}`, target, integerNeeds);
  targets.set(target.name, target);
}

/** Their names, in the order in which they were registered. */
export function targetNames(): string[] {
  return [...targets.keys()];
}

/**
 * The target of a name.
 *
 * @throws PeaError of kind usage where there is none
 */
export function targetNamed(name: string): Target {
  const target = targets.get(name);
  if (target !== undefined) return target;
  const nearest = nearestName(name, targetNames());
  const hint = nearest === null ? `known are ${targetNames().join(", ")}` : `did you mean ${nearest}?`;
  throw usage(`unknown target ${name}; ${hint}`);
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
