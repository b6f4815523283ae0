/**
 * The benchmark: this project beside PyTorch, on the same networks, shapes and threads; see docs/performance.md.
 *
 * cases.ts says what is measured, contenders.ts who is, measure.ts how, goals.ts what ought to come out.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { ALL_THREADS, IMAGES, listGroups } from "./cases.ts";
import { describeCode } from "./code.ts";
import { type Contender, listContenders } from "./contenders.ts";
import { judge } from "./goals.ts";
import { makeImages } from "./images.ts";
import { describeMachine, measureLoad } from "./machine.ts";
import { describeContenders, type MeasureOptions, measureGroup } from "./measure.ts";
import { type BenchOptions, parseOptions, USAGE } from "./options.ts";
import { goalsTable, report } from "./report.ts";
import type { Results } from "./results.ts";
import { resume, save, toJson } from "./results-file.ts";
import { chooseSettings, tune } from "./tuning.ts";

const QUICK: MeasureOptions = { rounds: { most: 5, least: 3 }, group: 5_000, turn: 100, peaks: 1 };
const FULL: MeasureOptions = { rounds: { most: 15, least: 5 }, group: 30_000, turn: 300, peaks: 3 };

async function measure(options: BenchOptions): Promise<Results> {
  const { quick, filter, peers } = options;
  const contenders = listContenders(peers);
  const versions = Object.fromEntries(await describeContenders(contenders, ALL_THREADS));
  const all = listGroups({ quick });
  const groups = all.filter(({ name }) => filter === null || filter.test(name));
  const names = groups.map(({ name }) => name);
  if (names.length === 0) {
    const known = all.map(({ name }) => name).join(", ");
    throw new PeaError(`--filter ${filter?.source} matches no group; there are ${known}`, { kind: "usage" });
  }
  const fresh: Results = {
    machine: describeMachine(),
    versions,
    code: describeCode(contenders),
    quick,
    groups: names,
    ended: [],
    settings: {},
    load: {},
    measurements: [],
    failures: [],
  };
  const results = options.resume ? resume(fresh) : await chooseFor(fresh, contenders);
  if (groups.some(({ cases }) => cases.some(({ workload }) => workload.kind === "loader")))
    await makeImages(IMAGES.folder, IMAGES.count);
  for (const [index, group] of groups.entries()) {
    if (results.ended.includes(group.name)) continue;
    process.stderr.write(`- ${index + 1} of ${groups.length}: ${group.name}\n`);
    results.load[group.name] = await measureLoad();
    warnOfLoad(results.load[group.name] as number);
    const tuned = contenders.map((contender) => tune(contender, results.settings, group.suite));
    try {
      results.measurements.push(...(await measureGroup(group, tuned, quick ? QUICK : FULL)));
      results.ended.push(group.name);
    } catch (error) {
      // An hour of other groups is not to be lost by one.
      const { message } = error as Error;
      process.stderr.write(`! ${group.name} failed: ${message}\n`);
      results.failures.push({ group: group.name, error: message.split("\n")[0] as string });
    }
    if (isKept(options)) save(results, report(results, judge(results.measurements)));
  }
  return results;
}

async function chooseFor(results: Results, contenders: readonly Contender[]): Promise<Results> {
  process.stderr.write("- trying the peers' settings\n");
  return { ...results, settings: await chooseSettings(contenders, ALL_THREADS) };
}

/** Only a run of everything goes into results.json. */
function isKept({ quick, filter }: BenchOptions): boolean {
  return !quick && filter === null;
}

function warnOfLoad(load: number): void {
  if (load <= 0.15 * ALL_THREADS) return;
  process.stderr.write(
    `! others keep ${load} of ${ALL_THREADS} processors busy: figures will be worse and scatter more\n`,
  );
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = parseOptions(args);
  const results = await measure(options);
  const verdicts = judge(results.measurements);
  process.stdout.write(options.json ? toJson(results) : `${report(results, verdicts)}\n`);
  if (results.failures.length > 0) return 1;
  if (!options.check) return 0;
  if (options.json) process.stderr.write(`${goalsTable(verdicts)}\n`);
  return verdicts.some(({ outcome }) => outcome === "missed") ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = error instanceof PeaError ? error.exitCode : 1;
}
