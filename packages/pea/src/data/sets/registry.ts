/**
 * Data sets by name: those of this package and the user's own.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { nearestName } from "../../common/nearest-name.ts";
import type { FolderView } from "../sources/folder-view.ts";
import { builtIn } from "./built-in.ts";
import type { DatasetDescriptor } from "./dataset-descriptor.ts";

const registered = new Map<string, DatasetDescriptor>();

/** All data sets: those of this package, then the registered ones. */
export function listDatasets(): DatasetDescriptor[] {
  return [...builtIn, ...registered.values()];
}

/** A data set by its name; null where there is none. */
export function findDataset(name: string): DatasetDescriptor | null {
  return listDatasets().find((dataset) => dataset.name === name) ?? null;
}

/**
 * A data set by its name.
 *
 * @throws PeaError of kind usage for an unknown name (with the one that is near, or else all)
 */
export function datasetNamed(name: string): DatasetDescriptor {
  const found = findDataset(name);
  if (found !== null) return found;
  const known = listDatasets().map((dataset) => dataset.name);
  const nearest = nearestName(name, known);
  const hint = nearest === null ? `known are ${known.join(", ")}` : `did you mean ${nearest}?`;
  throw usage(`unknown data set ${name}; ${hint}`);
}

/** The data set in a folder, looked for among the user's own first; null where there is none. */
export function recognizeDataset(folder: FolderView): DatasetDescriptor | null {
  return [...registered.values(), ...builtIn].find((dataset) => dataset.isIn?.(folder)) ?? null;
}

/** What a user says of a data set; left out, `task` is classification and `layout` the title. */
export type RegisteredDataset = Omit<DatasetDescriptor, "task" | "layout"> &
  Partial<Pick<DatasetDescriptor, "task" | "layout">>;

/**
 * Makes a data set of the user's own known wherever there is one to choose: in recipes and studies, and for `pea init`.
 *
 * @example
 * registerDataset({
 *   name: "digits", title: "Digits", images: "in memory",
 *   open: (folder) => ({ train: readDigits(join(folder, "train.csv")), test: readDigits(join(folder, "test.csv")) }),
 * });
 *
 * @throws PeaError of kind usage when the name is taken or none, or a property is missing or of no meaning
 */
export function registerDataset(dataset: RegisteredDataset): void {
  // The types of a user's module are not checked.
  const { name, title, images, open } = { ...dataset };
  if (typeof name !== "string" || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
    throw usage(`a data set's name must be of small letters, digits and dashes, not ${JSON.stringify(name)}`);
  if (findDataset(name) !== null) throw usage(`a data set named ${name} exists already; choose another name`);
  if (typeof title !== "string" || title === "")
    throw usage(`data set ${name} needs a title, as tables and reports write it`);
  if (images !== "in memory" && images !== "in files")
    throw usage(
      `images of data set ${name} is ${JSON.stringify(images)}, but must be "in memory" or "in files"`,
    );
  if (typeof open !== "function")
    throw usage(`data set ${name} needs a function open(folder, options) that returns its parts`);
  registered.set(name, { task: "classification", layout: title, ...dataset });
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
