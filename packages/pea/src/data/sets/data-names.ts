/** Names of the data sets and formats. In a file of its own: reading it loads no engine. */

/** Small images, read whole into memory. */
export const inMemoryNames = ["fashion-mnist", "idx", "cifar10", "cifar100"] as const;
export type InMemoryName = (typeof inMemoryNames)[number];

/** Images of any size, decoded when they are needed. */
export const streamedNames = ["imagefolder", "tfrecord", "webdataset", "cityscapes"] as const;
export type StreamedName = (typeof streamedNames)[number];

/** Formats of one's own whose labels are numbers. */
export const labelledNames = ["tfrecord", "webdataset", "idx"] as const satisfies readonly DataName[];

/** Formats whose files may be numbered sets. */
export const shardedNames = ["tfrecord", "webdataset"] as const satisfies readonly DataName[];

export type DataName = InMemoryName | StreamedName;

/** Labels are numbers, of which one stands for the first class. */
export function hasLabelBase(name: DataName): boolean {
  return (labelledNames as readonly DataName[]).includes(name);
}

/** Files of a set may be missing. */
export function hasShards(name: DataName): boolean {
  return (shardedNames as readonly DataName[]).includes(name);
}

/** Each pixel has a label. */
export function hasLabelMaps(name: DataName): boolean {
  return name === "cityscapes";
}

export function isStreamed(name: DataName): name is StreamedName {
  return (streamedNames as readonly string[]).includes(name);
}
