/**
 * The benchmark: this project beside PyTorch, on the same networks, shapes and threads; see docs/performance.md.
 *
 * cases.ts says what is measured, contenders.ts who is, measure.ts how, goals.ts what ought to come out.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { ALL_THREADS, IMAGES, listGroups } from "./cases.ts";
import { listContenders } from "./contenders.ts";
import { judge } from "./goals.ts";
import { makeImages } from "./images.ts";
import { describeMachine, type Machine } from "./machine.ts";
import { describeContenders, measureGroup } from "./measure.ts";
import { type BenchOptions, parseOptions, USAGE } from "./options.ts";
import { goalsTable, report } from "./report.ts";
import type { Measurement, Results } from "./results.ts";

const RESULTS = join(import.meta.dirname, "results.json");
const PAGE = join(import.meta.dirname, "../docs/performance.md");
const MARKERS = { begin: "<!-- benchmark: begin -->", end: "<!-- benchmark: end -->" };

const QUICK = { rounds: { most: 3, least: 3 }, group: 0, turn: 100 };
const FULL = { rounds: { most: 5, least: 3 }, group: 30_000, turn: 300 };

async function measure({ quick, filter, peers }: BenchOptions): Promise<Results> {
  const machine = describeMachine();
  warnOfLoad(machine);
  const contenders = listContenders(peers);
  const versions = Object.fromEntries(await describeContenders(contenders, ALL_THREADS));
  const groups = listGroups({ quick }).filter(({ name }) => filter === null || filter.test(name));
  if (groups.some(({ suite }) => suite === "loader")) await makeImages(IMAGES.folder, IMAGES.count);
  const measurements: Measurement[] = [];
  const failures: Results["failures"] = [];
  for (const [index, group] of groups.entries()) {
    process.stderr.write(`- ${index + 1} of ${groups.length}: ${group.name}\n`);
    try {
      measurements.push(...(await measureGroup(group, contenders, quick ? QUICK : FULL)));
    } catch (error) {
      // An hour of other groups is not to be lost by one.
      const { message } = error as Error;
      process.stderr.write(`! ${group.name} failed: ${message}\n`);
      failures.push({ group: group.name, error: message.split("\n")[0] as string });
    }
  }
  return { machine, versions, quick, measurements, failures };
}

function warnOfLoad({ loadBefore, cores }: Machine): void {
  if (loadBefore <= 0.3 * cores) return;
  process.stderr.write(
    `! the machine is busy (load ${loadBefore}): figures will be worse and scatter more\n`,
  );
}

/** Puts the tables between the markers of docs/performance.md. */
function updatePage(tables: string): void {
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(MARKERS.begin);
  const after = rest?.split(MARKERS.end)[1];
  if (after === undefined) throw new Error("docs/performance.md has lost the markers of its tables");
  writeFileSync(PAGE, `${before}${MARKERS.begin}\n\n${tables}\n\n${MARKERS.end}${after}`);
}

/** As JSON with four significant digits, which is more than the noise leaves. */
function toJson(results: Results): string {
  const round = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
  return `${JSON.stringify(results, round, 1)}\n`;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = parseOptions(args);
  const results = await measure(options);
  const verdicts = judge(results.measurements);
  const tables = report(results, verdicts);
  if (!options.quick && options.filter === null) {
    writeFileSync(RESULTS, toJson(results));
    updatePage(tables);
  }
  process.stdout.write(options.json ? toJson(results) : `${tables}\n`);
  if (results.failures.length > 0) return 1;
  if (!options.check) return 0;
  if (options.json) process.stderr.write(`${goalsTable(verdicts)}\n`);
  return verdicts.some(({ worst, isMet }) => worst !== null && !isMet) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = error instanceof PeaError ? error.exitCode : 1;
}
