import { PeaError } from "@pea/core";

/** What a layer's entry in `model.json` looks like. */
interface Entry {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Looks into the `model.json` of a Keras model for ReLUs that `tf.loadLayersModel` changes without a word: it drops
 * `negative_slope` and `threshold` of `ReLU`, and of `LeakyReLU` as Keras 3 spells it. The loaded model no longer shows
 * them; PEA would glide to a plain ReLU that never was there.
 *
 * @param json the parsed file, or its `modelTopology`
 * @throws PeaError of kind usage naming such layers
 */
export function checkTopology(json: unknown): void {
  const changed = entriesIn(json).flatMap(changeOf);
  if (changed.length > 0)
    throw new PeaError(
      `tfjs loads these layers as others than they are: ${changed.join("; ")}; before the conversion, let LeakyReLU with ` +
        "alpha (Keras 2, tf_keras) or a plain ReLU stand there",
      { kind: "usage" },
    );
}

/** All entries in any depth: nested models, wrapped layers and activations given as layers are told of alike. */
function entriesIn(value: unknown): Entry[] {
  if (typeof value !== "object" || value === null) return [];
  const { class_name: className, config } = value as Partial<Entry>;
  const isEntry = typeof className === "string" && typeof config === "object" && config !== null;
  return [...(isEntry ? [value as Entry] : []), ...Object.values(value).flatMap(entriesIn)];
}

function changeOf({ class_name: className, config }: Entry): string[] {
  const { name = className, negative_slope: slope, threshold } = config;
  const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== 0;
  if (className === "LeakyReLU" && slope !== undefined && config.alpha === undefined)
    return [`${name} with negative_slope ${slope}`];
  if (className !== "ReLU") return [];
  return [
    ...(isSet(slope) ? [`${name} with negative_slope ${slope}`] : []),
    ...(isSet(threshold) ? [`${name} with threshold ${threshold}`] : []),
  ];
}
