/**
 * What the bytes of label maps mean.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { PeaError } from "@pea/core";
import { z } from "zod";

/** Class of pixels that count neither in the loss nor in the scores. */
export const IGNORED = 255;

const byte = z.int().min(0).max(255);
const labelSchema = z.strictObject({
  /** Byte in label maps. */
  id: byte,
  name: z.string().min(1),
  /** Class that networks are trained on, from 0; 255 for labels that do not count. Several labels may share one. */
  trainId: byte,
  /** Red, green, blue. */
  color: z.tuple([byte, byte, byte]),
});

/** One label. */
export type Label = Readonly<z.infer<typeof labelSchema>>;

/** All labels of a data set. */
export type LabelTable = readonly Label[];

/**
 * Reads a table of labels: a JSON list of `{ "id": 24, "name": "person", "trainId": 11, "color": [220, 20, 60] }`.
 *
 * @throws PeaError (usage) naming the file and what is wrong with it
 */
export function readLabelTable(path: string): LabelTable {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw wrong(path, (error as Error).message);
  }
  const { data, error } = z.array(labelSchema).min(1).safeParse(content);
  if (!data) {
    const [issue] = error.issues;
    throw wrong(path, `${issue?.path.join(".") || "it"}: ${issue?.message}`);
  }
  const repeated = data.find(({ id }, i) => data.findIndex((other) => other.id === id) !== i);
  if (repeated) throw wrong(path, `it has the id ${repeated.id} twice`);
  const trainIds = new Set(data.map(({ trainId }) => trainId).filter((trainId) => trainId !== IGNORED));
  const missing = [...trainIds].findIndex((_, i) => !trainIds.has(i));
  if (missing !== -1 || trainIds.size === 0)
    throw wrong(
      path,
      `trainId must count the classes from 0 without a gap, but ${Math.max(missing, 0)} is missing`,
    );
  const names = classLabels(data).map(({ name }) => name);
  const shared = names.find((name, i) => names.indexOf(name) !== i);
  if (shared !== undefined) throw wrong(path, `two classes are named "${shared}"`);
  return data;
}

const wrong = (path: string, problem: string): PeaError =>
  new PeaError(`${path} is no table of labels: ${problem}`, { kind: "usage" });

/** The label that stands for each class, where several share one the first; in the order of the classes. */
export function classLabels(table: LabelTable): Label[] {
  const classes = new Map<number, Label>();
  for (const label of table)
    if (label.trainId !== IGNORED && !classes.has(label.trainId)) classes.set(label.trainId, label);
  return [...classes.values()].sort((a, b) => a.trainId - b.trainId);
}

/** The class of each byte: 255 where it does not count, −1 where it is no label. */
export function classesOfBytes(table: LabelTable): Int16Array {
  const classes = new Int16Array(256).fill(-1);
  for (const { id, trainId } of table) classes[id] = trainId;
  return classes;
}
