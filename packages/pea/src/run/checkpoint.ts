/**
 * Checkpoints: one safetensors file holds everything of one moment, replaced in one step, so that a crash at any
 * time leaves a whole checkpoint and never a mixture of two.
 *
 * The weights lie under the network's own state-dict keys. What else a resumed run needs has a "/" in its name, which
 * no state-dict key has: `optimizer/…`, `methods/…` and `rng/cpu`. The rest is JSON under the metadata key `state`, and `sha256` is
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
import type { SavedMethod } from "../methods/method.ts";
import { methodsOfEarlier } from "../methods/method-state.ts";
import type { Methods } from "../methods/methods.ts";
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
  /** Version of this layout. That before, 2, had one method, `method`. */
  format: 3;
  /** What the run was configured with, see `recipeHash`. */
  recipe: string;
  /** What the optimizer's tensors are of, e.g. `SGD (velocity)`: no other goes on with them. */
  optimizer: string;
  /** Weight updates done. */
  step: number;
  /** Sums over the current epoch, and at its last line of metrics. */
  sums: { now: Sums; logged: Sums };
  best: Best | null;
  methods: readonly SavedMethod[];
  /** Training images that could not be read and were left out; missing where an earlier version wrote it. */
  skipped?: readonly SkippedSample[];
  /** Time spent on training steps so far. */
  seconds: number;
  /** `seconds` at the last line of metrics and at the last end of an epoch. */
  clock: { logged: number; epoch: number };
  /** Processes that trained together; missing where it was one. */
  ranks?: number;
}

const RNG = "rng/cpu";
const OPTIMIZER = "optimizer/";
const METHODS = "methods/";

/** What a checkpoint is of. */
export interface Training {
  model: Module;
  methods: Methods;
  optimizer: Optimizer;
}

/** Writes a checkpoint of this moment. */
export function saveCheckpoint(
  path: string,
  { model, methods, optimizer }: Training,
  state: Omit<TrainerState, "format" | "optimizer" | "methods">,
): void {
  scope(() => {
    const tensors = new Map<string, Tensor>(model.stateDict());
    for (const [key, tensor] of optimizer.state()) tensors.set(OPTIMIZER + key, tensor);
    for (const [key, tensor] of methods.tensors()) tensors.set(METHODS + key, tensor);
    tensors.set(RNG, getRngState());
    const whole: TrainerState = {
      format: 3,
      optimizer: optimizer.kind,
      methods: methods.state(),
      ...state,
    };
    write(path, tensors, whole);
  });
}

/**
 * Brings model, methods, optimizer and the global random generator back to the moment of a checkpoint.
 *
 * @throws PeaError of kind usage for a checkpoint of another optimizer, or of another form of it, or of other methods
 */
export function loadCheckpoint(path: string, { model, methods, optimizer }: Training): TrainerState {
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
    optimizer.load(tensorsUnder(OPTIMIZER, tensors));
    methods.load(state.methods, { steps: state.step, tensors: tensorsUnder(METHODS, tensors) });
    setRngState(rng);
    return state;
  });
}

/** SHA-256 of what is trained: the network, and what the methods keep of it. */
export function digestOf({ model, methods }: Pick<Training, "model" | "methods">): string {
  return scope(() => {
    const tensors = new Map<string, Tensor>(model.stateDict());
    for (const [key, tensor] of methods.tensors()) tensors.set(METHODS + key, tensor);
    return createHash("sha256").update(digest(tensors)).update(JSON.stringify(methods.state())).digest("hex");
  });
}

/** What a file of weights says of the model it holds. */
export type ModelState = Pick<TrainerState, "format" | "step" | "methods">;

/** Writes the weights alone, as they are deployed, and what the methods need to make the same network of them. */
export function saveWeights(
  path: string,
  { model, methods }: Pick<Training, "model" | "methods">,
  step: number,
): void {
  scope(() => write(path, methods.deployedWeights(model), { format: 3, step, methods: methods.state() }));
}

/** The weights in a file: of a run's checkpoint, without what else it holds, or of others. */
export function readModelWeights(path: string): Map<string, Tensor> {
  const { tensors } = read(path);
  for (const [key, tensor] of tensors) if (key.includes("/")) tensor.dispose();
  return modelTensors(tensors);
}

/** Loads the weights of a checkpoint, or of a file of weights alone, as they are there. */
export function loadWeights(path: string, model: Module): void {
  scope(() => model.loadStateDict(modelTensors(read(path).tensors)));
}

/**
 * Brings a network and its methods to the step that the weights in a checkpoint, or in a file of weights alone, are of.
 *
 * @returns weight updates done
 * @throws PeaError of kind usage for weights of other methods
 */
export function loadNetwork(path: string, { model, methods }: Pick<Training, "model" | "methods">): number {
  return scope(() => {
    const { tensors, metadata } = read(path);
    const state = parseState(path, metadata.state);
    // A file of weights alone has the plain network's.
    if (!tensors.has(RNG)) methods.removeStructure();
    model.loadStateDict(modelTensors(tensors));
    methods.load(state.methods, { steps: state.step, tensors: tensorsUnder(METHODS, tensors) });
    return state.step;
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

const tensorsUnder = (prefix: string, tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map(
    [...tensors].flatMap(([key, tensor]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), tensor] as const] : [],
    ),
  );

function parseState(path: string, text: string | undefined): TrainerState {
  const state = text === undefined ? undefined : JSON.parse(text);
  if (state?.format === 2) {
    const { method, ...others } = state;
    return { ...others, format: 3, methods: methodsOfEarlier(method) };
  }
  if (state?.format === 3) return state;
  throw new PeaError(
    `${path} is no checkpoint this version can go on from (format ${state?.format ?? "missing"})`,
  );
}
