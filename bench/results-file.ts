/**
 * What a run of everything leaves: bench/results.json, written after each group, and the tables in docs/performance.md.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "../packages/torch/src/atomic-file.ts";
import type { Results } from "./results.ts";

const ROOT = join(import.meta.dirname, "..");
const RESULTS = join(import.meta.dirname, "results.json");
const PAGE = join(import.meta.dirname, "../docs/performance.md");
const MARKERS = { begin: "<!-- benchmark: begin -->", end: "<!-- benchmark: end -->" };

/**
 * As JSON with four significant digits, which is more than the noise leaves, and paths from the project's root; each
 * measurement is a line.
 */
export function toJson(results: Results): string {
  const round = (_: string, value: unknown) => {
    if (typeof value === "string") return value.replace(`${ROOT}/`, "");
    return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
  };
  const { measurements, ...facts } = results;
  const head = JSON.stringify(facts, round, 1).replace(/\n\}$/, "");
  const lines = measurements.map((measurement) => `  ${JSON.stringify(measurement, round)}`);
  return `${head},\n "measurements": [\n${lines.join(",\n")}\n ]\n}\n`;
}

/** Writes results.json, and the tables between the markers of docs/performance.md. */
export function save(results: Results, tables: string): void {
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(MARKERS.begin);
  const after = rest?.split(MARKERS.end)[1];
  if (after === undefined) throw new Error("docs/performance.md has lost the markers of its tables");
  writeFileAtomically(RESULTS, [Buffer.from(toJson(results))]);
  const content = `${before}${MARKERS.begin}\n\n${tables}\n\n${MARKERS.end}${after}`;
  writeFileAtomically(PAGE, [Buffer.from(content)]);
}

/**
 * The results that an interrupted run left, for `fresh` to go on with.
 *
 * @throws PeaError (usage) where there are none, or where they are of another machine, other versions, other code or
 * other groups
 */
export function resume(fresh: Results, path = RESULTS): Results {
  if (!existsSync(path)) throw refusal("there is no bench/results.json to go on with");
  const left = JSON.parse(readFileSync(path, "utf8")) as Results;
  if (fresh.code.isDirty) throw refusal("packages/ or bench/ hold changes that are not committed");
  const circumstances = ({ machine, versions, code, groups }: Results) => ({
    "another machine": machine,
    "other versions": versions,
    "other code or other native libraries": code,
    "other groups": groups,
  });
  const [then, now] = [circumstances(left), circumstances(fresh)];
  for (const what of Object.keys(then) as (keyof typeof then)[])
    if (!isDeepStrictEqual(then[what], now[what])) throw refusal(`bench/results.json is of ${what}`);
  return { ...left, failures: [] };
}

const refusal = (why: string): PeaError =>
  new PeaError(`${why}; leave out --resume to measure everything anew`, { kind: "usage" });
