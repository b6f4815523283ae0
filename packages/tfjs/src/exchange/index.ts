/**
 * Weights of convolutional networks between tfjs and PyTorch, or @pea/torch, as a state dict in a safetensors file.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { weightedLayers } from "../sites.ts";
import { type Layout, layouts } from "./layouts.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.ts";

/** A weight of a model, and what it is called and how it lies in a state dict. */
interface Weight {
  readonly key: string;
  readonly variable: tf.LayerVariable;
  readonly layout: Layout;
  /** [H, W, C] of what a dense layer's input was before it was flattened; null elsewhere. */
  readonly flattened: readonly number[] | null;
}

/**
 * A model's weights as a state dict: kernels as PyTorch lays them out, keys from the layers' names (`conv1.weight`,
 * `bn1.running_mean`). Rows of a dense layer behind a flattened image are put in PyTorch's order, channels first.
 *
 * @returns the bytes of a safetensors file
 * @throws PeaError of kind usage naming a layer whose weights have no counterpart
 */
export function toSafetensors(model: tf.LayersModel): Uint8Array {
  const tensors = new Map<string, StoredTensor>();
  for (const weight of weightsOf(model)) {
    tensors.set(weight.key, toTorch(weight));
    if (weight.layout.name !== "running_var") continue;
    const counter = weight.key.replace(/running_var$/, "num_batches_tracked");
    tensors.set(counter, { dtype: "I64", shape: [], data: new BigInt64Array(1) });
  }
  return encodeSafetensors(tensors);
}

/**
 * Loads what `toSafetensors` wrote, or PyTorch or `pea train` for a network of the same layers under the same names.
 *
 * @throws PeaError of kind usage naming keys that are missing, left over or of another shape; the model is then as it was
 */
export function loadSafetensors(model: tf.LayersModel, bytes: Uint8Array): void {
  const tensors = decodeSafetensors(bytes);
  const weights = weightsOf(model);
  const known = new Set(weights.map(({ key }) => key));
  const missing = weights.map(({ key }) => key).filter((key) => !tensors.has(key));
  const unknown = [...tensors.keys()].filter(
    (key) => !known.has(key) && !key.endsWith("num_batches_tracked"),
  );
  if (missing.length + unknown.length > 0)
    throw usage(
      `the file does not fit ${model.name}: ${list("it lacks", missing)}${list("it has besides", unknown)}`,
    );
  const loaded = weights.map((weight) => ({
    weight,
    value: fromTorch(tensors.get(weight.key) as StoredTensor, weight),
  }));
  for (const { weight, value } of loaded) {
    weight.variable.write(value);
    value.dispose();
  }
}

function list(intro: string, keys: readonly string[]): string {
  if (keys.length === 0) return "";
  return `${intro} ${keys.slice(0, 5).join(", ")}${keys.length > 5 ? ` and ${keys.length - 5} more` : ""}; `;
}

function weightsOf(model: tf.LayersModel): Weight[] {
  return weightedLayers(model).flatMap(({ path, layer }) =>
    layer.weights.map((variable) => {
      const name = variable.originalName.split("/").at(-1) as string;
      const layout = layouts[layer.getClassName()]?.[name];
      if (layout === undefined)
        throw usage(
          `${path} (${layer.getClassName()}) has the weight ${name}, for which no counterpart in PyTorch is known`,
        );
      const key = `${path.replaceAll("/", ".")}.${layout.name}`;
      return { key, variable, layout, flattened: flattenedShape(layer, layout) };
    }),
  );
}

/** [H, W, C] where a dense layer sees a flattened image, perhaps through layers that work element by element. */
function flattenedShape(layer: tf.layers.Layer, { name }: Layout): readonly number[] | null {
  if (layer.getClassName() !== "Dense" || name !== "weight") return null;
  for (let source = sourceOf(layer); source !== null; source = sourceOf(source)) {
    if (source.getClassName() === "Flatten") {
      const [, ...shape] = (source.input as tf.SymbolicTensor).shape as number[];
      return shape.length === 3 ? shape : null;
    }
    if (!elementwise.includes(source.getClassName())) return null;
  }
  return null;
}

const elementwise = [
  "Dropout",
  "Activation",
  "ReLU",
  "ThresholdedReLU",
  "EnsembleActivation",
  "GaussianNoise",
];

/** The layer whose output a layer takes; null at the beginning. */
function sourceOf(layer: tf.layers.Layer): tf.layers.Layer | null {
  return layer.inboundNodes[0]?.inboundLayers[0] ?? null;
}

function toTorch({ variable, layout, flattened }: Weight): StoredTensor {
  const permuted = tf.tidy(() => {
    const value = variable.read();
    const rows = flattened && tf.transpose(tf.reshape(value, [...flattened, -1]), [2, 0, 1, 3]);
    return tf.transpose(rows ? tf.reshape(rows, value.shape) : value, [...layout.axes]);
  });
  const shape = layout.reshape?.(permuted.shape) ?? permuted.shape;
  const data = Float32Array.from(permuted.dataSync());
  permuted.dispose();
  return { dtype: "F32", shape, data };
}

function fromTorch(
  { data, shape, dtype }: StoredTensor,
  { key, variable, layout, flattened }: Weight,
): tf.Tensor {
  const here = variable.shape as number[];
  const permuted = layout.axes.map((axis) => here[axis] as number);
  const wanted = layout.reshape?.(permuted) ?? permuted;
  if (dtype !== "F32" || `${shape}` !== `${wanted}`)
    throw usage(
      `${key} is ${dtype} of shape [${shape}] in the file, but the model needs F32 of shape [${wanted}]`,
    );
  return tf.tidy(() => {
    const back = layout.axes.map((_, axis) => layout.axes.indexOf(axis));
    const value = tf.transpose(tf.tensor(data as Float32Array, permuted), back);
    if (flattened === null) return value;
    const [height = 0, width = 0, channels = 0] = flattened;
    return tf.reshape(tf.transpose(tf.reshape(value, [channels, height, width, -1]), [1, 2, 0, 3]), here);
  });
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
