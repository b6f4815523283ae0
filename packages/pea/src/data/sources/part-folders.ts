/**
 * What the folders in a folder of images are: parts that hold a folder for each class, or the classes themselves.
 *
 * Names alone do not tell: there are classes called `train`. A part holds folders and no image beside them.
 *
 * @module
 */
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { isImageName } from "../../images/image-names.ts";
import { listedClasses } from "./class-names.ts";
import { enumerate, listFolder } from "./list-folder.ts";
import { type PartName, partOfFolder, partWords, speaksOfPart } from "./part-names.ts";

/** What was found, and what to tell of it. */
export interface PartFolders {
  /** Path of each part; none where the folders are the classes. */
  readonly parts: ReadonlyMap<PartName, string>;
  readonly notes: readonly string[];
}

/** A folder in the root. */
interface Entry {
  readonly name: string;
  /** Names of the folders in it. */
  readonly folders: readonly string[];
  /** Whether there are images in it, beside its folders. */
  readonly holdsImages: boolean;
}

/**
 * Tells parts from classes by the names of folders and by what they hold. Where that leaves a doubt, a file `classes.txt`
 * that lists all the folders says that they are classes.
 *
 * @throws PeaError (usage) with the question, where it cannot be told; for a part that two folders are named after; for a
 *   folder that cannot be read
 */
export async function findPartFolders(root: string): Promise<PartFolders> {
  const names = (await listFolder(root)).folders;
  const listed = new Set(listedClasses(root));
  if (names.every((name) => listed.has(name))) return { parts: new Map(), notes: [] };
  const named = await lookInto(root, names.filter(partOfFolder));
  const others = names.filter((name) => !partOfFolder(name));
  if (named.length === 0) {
    await refuseLikelyParts(root, names);
    return { parts: new Map(), notes: [] };
  }
  const imagesElsewhere = await firstWithImages(root, others);
  if (imagesElsewhere !== undefined) {
    if (named.every(({ holdsImages, folders }) => holdsImages && folders.length === 0))
      return asClasses(named, imagesElsewhere);
    const isWhole = named.some(({ name }) => partOfFolder(name) === "train") && named.length > 1;
    if (!isWhole)
      throw askOf(root, names, `could ${list(named)} be a part, or a class as ${imagesElsewhere}?`);
  }
  return asParts(root, named, others);
}

function asClasses(named: readonly Entry[], other: string): PartFolders {
  const taken =
    named.length === 1
      ? "is taken for a class and not for a part: it holds"
      : "are taken for classes and not for parts: they hold";
  return { parts: new Map(), notes: [`${list(named)} ${taken} images, as ${other} does`] };
}

async function asParts(
  root: string,
  named: readonly Entry[],
  others: readonly string[],
): Promise<PartFolders> {
  const folders = new Map<PartName, string>();
  for (const { name } of named) {
    const part = partOfFolder(name) as PartName;
    const other = folders.get(part);
    if (other !== undefined)
      throw usage(
        `${root} has two folders named after the ${partWords[part]} part, ${other} and ${name}; keep one, or rename the other`,
      );
    folders.set(part, name);
  }
  const parts = new Map<PartName, string>();
  for (const [part, name] of folders) parts.set(part, await innermost(join(root, name), part));
  const notes = Array.from(folders)
    .filter(([, name]) => !/^(train|val|validation|test)$/i.test(name))
    .map(([part, name]) => `${name} is taken for the ${partWords[part]} part`);
  const passedOver = others.length === 1 ? "folder is" : "folders are";
  if (others.length > 0)
    notes.push(`${others.length} ${passedOver} passed over beside the parts: ${enumerate(others)}`);
  return { parts, notes };
}

/** Archives are often unpacked into folders of their own name: `seg_train/seg_train/…`. */
async function innermost(path: string, part: PartName): Promise<string> {
  const { folders, files } = await listFolder(path);
  const [inner] = folders;
  const isWrapped =
    inner !== undefined && folders.length === 1 && files.length === 0 && partOfFolder(inner) === part;
  return isWrapped ? innermost(join(path, inner), part) : path;
}

/**
 * Folders whose names are none of a part's usual ones, but that look like parts all the same.
 *
 * @throws PeaError (usage) with the question
 */
async function refuseLikelyParts(root: string, names: readonly string[]): Promise<void> {
  if (names.length > 1 && names.every(speaksOfPart))
    throw askOf(root, names, `class folders ${enumerate(names)} have parts in their names; are they parts?`);
  const entries: Entry[] = [];
  for (const name of names) {
    const [entry] = await lookInto(root, [name]);
    // One that holds images is a class, and with it all are.
    if (entry === undefined || entry.holdsImages || entry.folders.length === 0) return;
    entries.push(entry);
  }
  const [first] = entries;
  if (first && entries.length === 1)
    throw usage(
      `${root} holds ${first.name} alone, and that no image but folders (${enumerate(first.folders)}); are these the ` +
        `classes or the parts? Then give ${join(root, first.name)} as the folder of the data`,
    );
  const inner = new Set(entries.flatMap(({ folders }) => folders));
  if (inner.size > 1 && [...inner].every(partOfFolder))
    throw usage(
      `${root} has parts within its classes, ${enumerate([...inner].map((part) => `${first?.name}/${part}`))} …; put the ` +
        "classes into the parts: train/CLASS and test/CLASS",
    );
  const isShared = (name: string) => entries.filter(({ folders }) => folders.includes(name)).length > 1;
  // Parts have classes in common, and more than one. Subfolders of classes mostly differ.
  if (inner.size > 1 && [...inner].some(isShared))
    throw askOf(
      root,
      names,
      `class folders ${enumerate(names)} hold no image but folders (${enumerate([...inner])}); are they parts?`,
    );
}

function askOf(root: string, names: readonly string[], question: string): PeaError {
  return usage(
    `${root}: ${question} Name parts train, validation and test. If ${enumerate(names)} are the classes, list them in a ` +
      "file classes.txt beside them, one a line",
  );
}

async function lookInto(root: string, names: readonly string[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of names) {
    const { folders, files } = await listFolder(join(root, name));
    entries.push({
      name,
      folders,
      holdsImages: files.some(isImageName),
    });
  }
  return entries;
}

/** The first of some folders with an image in it or below. */
async function firstWithImages(root: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const { folders, files } = await listFolder(join(root, name));
    if (files.some(isImageName)) return name;
    if ((await firstWithImages(join(root, name), folders)) !== undefined) return name;
  }
  return undefined;
}

const list = (entries: readonly Entry[]): string => entries.map(({ name }) => name).join(", ");
const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
