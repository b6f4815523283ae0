/**
 * Files as exporters write them, each with its framework's answer to some images: the committed ones, or those of the folder
 * `PEA_ONNX_CORPUS`, which `scripts/onnx-corpus/make` fills.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Values } from "./run-graph.ts";

export const folder = process.env.PEA_ONNX_CORPUS ?? fileURLToPath(new URL("files", import.meta.url));

export const files: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .sort();

/** Shape of the images and of the answer, and its values, by the file's name. */
export const answers: Readonly<Record<string, { images: number[]; shape: number[]; values: number[] }>> =
  JSON.parse(readFileSync(join(folder, "answers.json"), "utf8"));

export function answerOf(name: string): Values {
  const { shape, values } = answers[name] ?? { shape: [], values: [] };
  return { shape, data: Float32Array.from(values) };
}

/** Shape of some images for a file. */
export function imagesFor(name: string, count: number): number[] {
  return [count, ...(answers[name]?.images.slice(1) ?? [])];
}

/** 1e-5 of the largest number of an answer, and of 1. */
export function tolerance({ data }: Values): number {
  return 1e-5 * data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
}
