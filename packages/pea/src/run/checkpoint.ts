/**
 * Checkpoints: one safetensors file holds everything of one moment, replaced in one step, so that a crash at any
 * time leaves a whole checkpoint and never a mixture of two.
 *
 * The weights lie under the network's own state-dict keys. What else a resumed run needs has a "/" in its name, which
 * no state-dict key has: `optimizer/…` and `rng/cpu`. The rest is JSON under the metadata key `state`, and `sha256` is
 * that of the tensors, so that a damaged file is not gone on with.
 */
import { createHash } from "node:crypto";
import { PeaError } from "@pea/core";
import {
  getRngState,
  type Module,
  type Optimizer,
  readSafetensors,
  type SafetensorsFile,
  scope,
  setRngState,
  type Tensor,
  writeSafetensors,
} from "@pea/torch";
import type { SkippedSample } from "../data/loading/unreadable-images.ts";
import type { MethodState } from "../methods/method.ts";
import type { Sums } from "../tasks/task.ts";
import type { Standing } from "./best-model.ts";

/** The best model so far and what it was chosen by. */
export interface Best extends Standing {
  /** From 1. */
  epoch: number;
  /** Weight updates done. */
  step: number;
}

/** The state of a run besides tensors. */
export interface TrainerState {
  /** Version of this layout. */
  format: 2;
  /** What the run was configured with, see `recipeHash`. */
  recipe: string;
  /** What the optimizer's tensors are of, e.g. `SGD (velocity)`: no other goes on with them. */
  optimizer: string;
  /** Weight updates done. */
  step: number;
  /** Sums over the current epoch, and at its last line of metrics. */
  sums: { now: Sums; logged: Sums };
  best: Best | null;
  method: MethodState;
  /** Training images that could not be read and were left out; missing where an earlier version wrote it. */
  skipped?: readonly SkippedSample[];
  /** Time spent on training steps so far. */
  seconds: number;
  /** `seconds` at the last line of metrics and at the last end of an epoch. */
  clock: { logged: number; epoch: number };
}

const RNG = "rng/cpu";
const OPTIMIZER = "optimizer/";

/** Writes a checkpoint of this moment. */
export function saveCheckpoint(
  path: string,
  model: Module,
  optimizer: Optimizer,
  state: Omit<TrainerState, "format" | "optimizer">,
): void {
  scope(() => {
    const tensors = new Map<string, Tensor>(model.stateDict());
    for (const [key, tensor] of optimizer.state()) tensors.set(OPTIMIZER + key, tensor);
    tensors.set(RNG, getRngState());
    const whole = { format: 2, optimizer: optimizer.kind, ...state } satisfies TrainerState;
    write(path, tensors, whole);
  });
}

/**
 * Brings model, optimizer and the global random generator back to the moment of a checkpoint.
 *
 * @throws PeaError of kind usage for a checkpoint of another optimizer, or of another form of it
 */
export function loadCheckpoint(path: string, model: Module, optimizer: Optimizer): TrainerState {
  return scope(() => {
    const { tensors, metadata } = read(path);
    const state = parseState(path, metadata.state);
    const rng = tensors.get(RNG);
    if (rng === undefined) throw new PeaError(`${path} has no tensor "${RNG}": it is no checkpoint of a run`);
    if (state.optimizer !== optimizer.kind)
      throw new PeaError(
        `${path} holds the state of ${state.optimizer}, which ${optimizer.kind} cannot go on with; train on with the ` +
          "optimizer the run began with",
        { kind: "usage" },
      );
    model.loadStateDict(modelTensors(tensors));
    optimizer.load(new Map([...tensors].flatMap(([key, tensor]) => optimizerEntry(key, tensor))));
    setRngState(rng);
    return state;
  });
}

/** What a file of weights says of the model it holds. */
export type ModelState = Pick<TrainerState, "format" | "step" | "method">;

/** Writes the weights alone, and what the method needs to make the same network of them. */
export function saveWeights(path: string, model: Module, state: ModelState): void {
  scope(() => write(path, model.stateDict(), state));
}

/** The weights in a file: of a run's checkpoint, without what else it holds, or of others. */
export function readModelWeights(path: string): Map<string, Tensor> {
  const { tensors } = read(path);
  for (const [key, tensor] of tensors) if (key.includes("/")) tensor.dispose();
  return modelTensors(tensors);
}

/** Loads the weights of a checkpoint, or of a file of weights alone. */
export function loadWeights(path: string, model: Module): ModelState {
  return scope(() => {
    const { tensors, metadata } = read(path);
    model.loadStateDict(modelTensors(tensors));
    return parseState(path, metadata.state);
  });
}

function write(path: string, tensors: Map<string, Tensor>, state: ModelState): void {
  writeSafetensors(path, tensors, { state: JSON.stringify(state), sha256: digest(tensors) });
}

/** Files of others and of earlier versions have no digest and are taken as they are. */
function read(path: string): SafetensorsFile {
  const file = readSafetensors(path);
  const { sha256 } = file.metadata;
  if (sha256 !== undefined && sha256 !== digest(file.tensors))
    throw new PeaError(
      `${path} is damaged: its tensors are not those that were written. Take another checkpoint or train anew; if they ` +
        "were changed on purpose, leave sha256 out of the file's metadata",
    );
  return file;
}

/** Of names and values, in the order of the names. */
function digest(tensors: ReadonlyMap<string, Tensor>): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    hash.update(name);
    hash.update(new Uint8Array((tensors.get(name) as Tensor).toBytes()));
  }
  return hash.digest("hex");
}

const modelTensors = (tensors: Map<string, Tensor>): Map<string, Tensor> =>
  new Map([...tensors].filter(([key]) => !key.includes("/")));

const optimizerEntry = (key: string, tensor: Tensor): [string, Tensor][] =>
  key.startsWith(OPTIMIZER) ? [[key.slice(OPTIMIZER.length), tensor]] : [];

function parseState(path: string, text: string | undefined): TrainerState {
  const state = text === undefined ? undefined : (JSON.parse(text) as TrainerState);
  if (state?.format !== 2)
    throw new PeaError(
      `${path} is no checkpoint this version can go on from (format ${state?.format ?? "missing"})`,
    );
  return state;
}
