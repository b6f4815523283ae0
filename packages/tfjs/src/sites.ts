/**
 * Where a model has its activations.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import type { TargetName } from "./elementwise/index.ts";
import { EnsembleActivation, EnsembleFunction } from "./ensemble-activation.ts";
import type { EnsembleState } from "./ensemble-state.ts";

/** A layer that has an activation, which tfjs's types do not tell of. */
export interface ActivationHost extends tf.layers.Layer {
  activation: { apply(x: tf.Tensor): tf.Tensor; getClassName(): string };
}

/** Where an activation stands: in a layer of its own, or as the activation of one that does something before. */
export interface Place {
  /** Names of the layer and of the models and wrappers around it, joined by slashes. */
  readonly path: string;
  readonly layer: tf.layers.Layer;
}

/** A ReLU or ReLU6. */
export interface ReLUPlace extends Place {
  readonly target: TargetName;
  /** Why PEA cannot stand here; null where it can. */
  readonly obstacle: string | null;
}

/** An ensemble. */
export interface EnsemblePlace extends Place {
  readonly state: EnsembleState;
}

/** Where ReLU and ReLU6 stand in a model, in the order of its layers; nested models and wrapped layers included. */
export function findReLUs(model: tf.LayersModel): ReLUPlace[] {
  return layersOf(model).flatMap(({ path, layer, shared }) => {
    const found = reluOf(layer);
    if (found === null) return [];
    const obstacle = found.obstacle ?? shared;
    return [{ path, layer, target: found.target, obstacle }];
  });
}

/** Where ensembles stand in a model, in the order of its layers. */
export function findEnsembles(model: tf.LayersModel): EnsemblePlace[] {
  return layersOf(model).flatMap(({ path, layer }) => {
    if (layer instanceof EnsembleActivation) return [{ path, layer, state: layer.state }];
    const { activation } = layer as Partial<ActivationHost>;
    return activation instanceof EnsembleFunction ? [{ path, layer, state: activation.state }] : [];
  });
}

/** The layers of a model that have weights of their own, in order; nested models are looked into. */
export function weightedLayers(model: tf.LayersModel): Place[] {
  return layersOf(model).filter(({ layer }) => innerLayers(layer).length === 0 && layer.weights.length > 0);
}

/** Whether a model has a layer of one of these classes. */
export function hasLayer(model: tf.LayersModel, isOne: (className: string) => boolean): boolean {
  return layersOf(model).some(({ layer }) => isOne(layer.getClassName()));
}

interface FoundLayer extends Place {
  /** Why the layer, or one around it, is called at more than one place; null where it is not. */
  readonly shared: string | null;
}

/** All layers, each once, outer ones before those they hold. */
function layersOf(model: tf.LayersModel): FoundLayer[] {
  if (!(model instanceof tf.LayersModel)) throw notALayersModel(model);
  const found = new Map<tf.layers.Layer, FoundLayer>();
  const visit = (layer: tf.layers.Layer, around: FoundLayer | null, applications: number): void => {
    const path = around === null ? layer.name : `${around.path}/${layer.name}`;
    const isShared = applications > 1 || found.has(layer);
    const here = isShared ? `${path} is applied at more than one place; give each a layer of its own` : null;
    const entry = { path, layer, shared: around?.shared ?? here };
    found.set(layer, entry);
    const count = isModel(layer) ? (inner: tf.layers.Layer) => applicationsIn(layer, inner) : () => 1;
    for (const inner of innerLayers(layer)) visit(inner, entry, count(inner));
  };
  for (const layer of model.layers) visit(layer, null, applicationsIn(model, layer));
  return [...found.values()];
}

/** How often a model applies one of its layers. A layer may be part of other models too, which its nodes tell of as well. */
function applicationsIn(model: tf.LayersModel, layer: tf.layers.Layer): number {
  // A sequential model keeps its graph in a functional one.
  const graph = (model as { model?: tf.LayersModel }).model ?? model;
  const { containerNodes } = graph as unknown as { containerNodes: ReadonlySet<string> };
  return layer.inboundNodes.filter((_, index) => containerNodes.has(`${layer.name}_ib-${index}`)).length;
}

const isModel = (layer: tf.layers.Layer): layer is tf.LayersModel => layer instanceof tf.LayersModel;

/** Layers that a layer holds: those of a nested model, or the one that a wrapper wraps. */
function innerLayers(layer: tf.layers.Layer): tf.layers.Layer[] {
  if (isModel(layer)) return layer.layers;
  const held = layer as {
    forwardLayer?: tf.layers.Layer;
    backwardLayer?: tf.layers.Layer;
    layer?: tf.layers.Layer;
  };
  // A bidirectional wrapper holds two copies beside the layer it was given.
  const wrapped = held.forwardLayer ? [held.forwardLayer, held.backwardLayer] : [held.layer];
  return wrapped.filter((inner) => inner instanceof tf.layers.Layer);
}

function reluOf(layer: tf.layers.Layer): { target: TargetName; obstacle: string | null } | null {
  switch (layer.getClassName()) {
    case "ReLU":
      return ofMaximum((layer as { maxValue?: number | null }).maxValue ?? null, layer);
    case "ThresholdedReLU":
      return (layer as { theta?: number }).theta === 0 ? { target: "relu", obstacle: null } : null;
  }
  const { activation, cell } = layer as Partial<ActivationHost> & { cell?: RecurrentCell };
  if (cell !== undefined && hasReLU(cell))
    return {
      target: "relu",
      obstacle: "a recurrent layer applies its activation within each moment in time, where PEA cannot stand",
    };
  switch (activation?.getClassName()) {
    case "relu":
      return { target: "relu", obstacle: null };
    case "relu6":
      return { target: "relu6", obstacle: null };
    // The layer, given as an activation by its name.
    case "ReLU":
      return { target: "relu", obstacle: null };
    default:
      return null;
  }
}

/** What a recurrent layer applies at each moment in time: one step, or a stack of such. */
interface RecurrentCell {
  readonly activation?: ActivationHost["activation"];
  /** Of the gates. */
  readonly recurrentActivation?: ActivationHost["activation"];
  readonly cells?: readonly RecurrentCell[];
}

function hasReLU({ activation, recurrentActivation, cells = [] }: RecurrentCell): boolean {
  const isReLU = (one?: ActivationHost["activation"]) => /^relu6?$/i.test(one?.getClassName() ?? "");
  return isReLU(activation) || isReLU(recurrentActivation) || cells.some(hasReLU);
}

function ofMaximum(maximum: number | null, layer: tf.layers.Layer) {
  if (maximum === null) return { target: "relu", obstacle: null } as const;
  if (maximum === 6) return { target: "relu6", obstacle: null } as const;
  const obstacle = `${layer.name} is clipped at ${maximum}, and only ReLU and ReLU6 can remain`;
  return { target: "relu", obstacle } as const;
}

function notALayersModel(model: unknown): PeaError {
  const isGraphModel = model instanceof tf.GraphModel;
  return new PeaError(
    isGraphModel
      ? "a GraphModel is frozen for inference and cannot be trained; convert the Keras model with " +
          "tensorflowjs_converter --output_format=tfjs_layers_model and load it by tf.loadLayersModel"
      : "PEA needs a tf.LayersModel: one of tf.sequential, tf.model or tf.loadLayersModel (of the same copy of " +
          "@tensorflow/tfjs that @pea/tfjs imports)",
    { kind: "usage" },
  );
}
