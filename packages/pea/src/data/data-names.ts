/** Names of the data sets and formats. In a file of its own: reading it loads no engine. */

/** Small images, read whole into memory. */
export const inMemoryNames = ["fashion-mnist", "idx", "cifar10", "cifar100"] as const;
export type InMemoryName = (typeof inMemoryNames)[number];

/** Images of any size, decoded when they are needed. */
export const streamedNames = ["imagefolder", "tfrecord", "webdataset", "cityscapes"] as const;
export type StreamedName = (typeof streamedNames)[number];

export type DataName = InMemoryName | StreamedName;

/** Each pixel has a label. */
export function hasLabelMaps(name: DataName): boolean {
  return name === "cityscapes";
}

export function isStreamed(name: DataName): name is StreamedName {
  return (streamedNames as readonly string[]).includes(name);
}
