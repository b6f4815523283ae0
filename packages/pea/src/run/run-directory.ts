/**
 * The directory of a run, the interface between the commands: what lies where, and `config.yaml`, which says how the
 * run was made.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PeaError } from "@pea/core";
import { engineInfo, writeFileAtomically } from "@pea/torch";
import { parse, stringify } from "yaml";
import { makeDirectory } from "../common/make-directory.ts";
import type { LabelTable } from "../images/label-table.ts";
import type { PixelStatistics } from "../images/pixel-statistics.ts";
import { isLockName, requireUnlocked } from "./run-lock.ts";

/** Paths of a run's files; which of them exist depends on how far the run has come. */
export interface RunDirectory {
  readonly path: string;
  readonly config: string;
  readonly metrics: string;
  readonly summary: string;
  /** Of a run with `diagnose`. */
  readonly diagnostics: string;
  /** Which images are in which part, by their ids. */
  readonly parts: string;
  readonly checkpoints: string;
  /** The file that its network came from, where it came from one. */
  readonly network: string;
  readonly model: string;
  /** Names of the files that `pea export` wrote beside: those of targets. */
  readonly exported: string;
  /** What exports in integers cost, for the report. */
  readonly integers: string;
  /** What a study exported of it, and the scores of that. */
  readonly targets: string;
  readonly targetScores: string;
  /** Scores of a run that ended. */
  readonly result: string;
  /** Made by `pea report`. */
  readonly report: string;
}

/** The names in a run's directory, whether it is there or not. */
export function runDirectory(path: string): RunDirectory {
  return {
    path,
    config: join(path, "config.yaml"),
    metrics: join(path, "metrics.jsonl"),
    summary: join(path, "summary.csv"),
    diagnostics: join(path, "diagnostics.jsonl"),
    parts: join(path, "parts.safetensors"),
    checkpoints: join(path, "checkpoints"),
    network: join(path, "network"),
    model: join(path, "model.onnx"),
    exported: join(path, "exported.json"),
    integers: join(path, "integers.json"),
    targets: join(path, "targets"),
    targetScores: join(path, "targets.json"),
    result: join(path, "result.json"),
    report: join(path, "report.html"),
  };
}

/**
 * Makes the directory of a new run.
 *
 * @param options.overwrite delete the run that is already there; files that are not a run's stay
 * @throws PeaError (usage) when the directory is a file, or not empty and nothing may be, or nothing is, overwritten
 */
export function createRunDirectory(
  path: string,
  { overwrite = false }: { overwrite?: boolean } = {},
): RunDirectory {
  refuseTaken(path, overwrite);
  const run = runDirectory(path);
  if (existsSync(run.config)) removeRun(run);
  makeDirectory(path);
  makeDirectory(run.checkpoints);
  return run;
}

/**
 * Checks that a new run can have the directory, which stays as it is.
 *
 * @param options.overwrite whether a run that is already there will be deleted
 * @throws PeaError (usage) where a new run cannot have the directory, as `createRunDirectory`; RunInUse where another process trains in it
 */
export function requireFree(path: string, { overwrite = false }: { overwrite?: boolean } = {}): void {
  try {
    refuseTaken(path, overwrite);
  } finally {
    // What is there may be of a process that has begun just now: it is in use rather than taken.
    requireUnlocked(path);
  }
}

function refuseTaken(path: string, overwrite: boolean): void {
  const isRun = existsSync(runDirectory(path).config);
  if (!isRun) refuseForeign(path);
  if (isRun && !overwrite)
    throw usage(`${path} already holds a run; go on with it with --resume, or delete it with --overwrite`);
}

/**
 * Opens the directory of a run made earlier.
 *
 * @throws PeaError (usage) when there is none
 */
export function openRunDirectory(path: string): RunDirectory {
  const run = runDirectory(path);
  if (existsSync(run.config)) return run;
  const wayOut = "give the folder of a run, which `pea train` makes and names when it begins";
  if (!existsSync(path)) throw usage(`${path} does not exist; ${wayOut}`);
  const lack = statSync(path).isDirectory() ? "it has no config.yaml" : "it is a file";
  throw usage(`${path} is not a run directory: ${lack}; ${wayOut}`);
}

function refuseForeign(path: string): void {
  const there = nearestThere(path);
  const isFile = !statSync(there).isDirectory();
  const wayOut = "give the run a directory of its own";
  if (isFile && there === path) throw usage(`${path} is a file, not a directory; ${wayOut}`);
  if (isFile) throw usage(`${path} cannot be made: ${there} is a file, not a directory; ${wayOut}`);
  if (there !== path) return;
  const foreign = readdirSync(path, { recursive: true }).find((name) => !isLeftByStart(String(name)));
  if (foreign === undefined) return;
  throw usage(`${path} is not empty and not a run directory (it holds ${foreign}); ${wayOut}`);
}

/** The path or, where nothing is there, the nearest one above it at which something is. */
function nearestThere(path: string): string {
  const above = dirname(path);
  return existsSync(path) || above === path ? path : nearestThere(above);
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });

/** What a run leaves that was killed before its config.yaml was there. */
const isLeftByStart = (name: string): boolean =>
  name === "checkpoints" || name === "config.yaml.tmp" || isLockName(name);

/**
 * Only what a run writes, and what is left of it where writing was cut off: a mistyped path must not cost anybody's
 * files. config.yaml goes last and marks the run.
 */
function removeRun({ path, config, ...others }: RunDirectory): void {
  const exported = exportedNames(others);
  const names = [...Object.values(others).map((file) => basename(file)), ...exported];
  const cutOff = new Set([...names, basename(config)].map((name) => `${name}.tmp`));
  const isUnverified = (name: string) =>
    name.endsWith(".unverified") && exported.some((file) => name.startsWith(`${file}.`));
  const isOfRun = (name: string) =>
    names.includes(name) || cutOff.has(name) || isUnverified(name) || name.startsWith("events.out.tfevents.");
  for (const name of [...readdirSync(path).filter(isOfRun), basename(config)])
    rmSync(join(path, name), { recursive: true, force: true });
}

/** Notes a file in a run's folder that is about to be exported, so that it goes when the run does. */
export function noteExported(run: Pick<RunDirectory, "exported" | "model">, name: string): void {
  const names = exportedNames(run);
  if (!names.includes(name))
    writeFileAtomically(run.exported, [Buffer.from(JSON.stringify([...names, name]))]);
}

/** Names of what was exported into a run's folder, `model.onnx` always among them. */
function exportedNames({ exported, model }: Pick<RunDirectory, "exported" | "model">): string[] {
  const noted: unknown = existsSync(exported) ? JSON.parse(readFileSync(exported, "utf8")) : [];
  const names = Array.isArray(noted) ? noted.filter((name) => typeof name === "string") : [];
  return [...new Set([basename(model), ...names.map((name) => basename(name))])];
}

/** What a run was made with. */
export interface Environment {
  readonly pea: string;
  readonly node: string;
  readonly libtorch: string;
  /** Operating system and processor. */
  readonly platform: string;
  /** Commit of the working directory, with `-dirty` where it had changes; null outside of git. */
  readonly commit: string | null;
}

/** The environment of this process. */
export function currentEnvironment(): Environment {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return {
    pea: manifest.version,
    node: process.versions.node,
    libtorch: engineInfo().version,
    platform: `${process.platform}-${process.arch}`,
    commit: currentCommit(),
  };
}

/** Changes in `results`, which studies write themselves, are none of the code's. */
function currentCommit(): string | null {
  const git = (...words: string[]) =>
    execFileSync("git", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const commit = git("rev-parse", "HEAD");
    const changes = git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)results");
    return changes === "" ? commit : `${commit}-dirty`;
  } catch {
    return null;
  }
}

/** What the data made of a run: with it and the recipe its network can be built again without them. */
export interface NetworkFacts {
  /** Channels, height and width of an image. */
  readonly inputShape: readonly [number, number, number];
  readonly classes: readonly string[];
  /** In segmentation: the labels of the classes, in their order. */
  readonly labels?: LabelTable;
  /** Of a network that came from a file: SHA-256 of its files by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Of the pixels, by which images are standardized. */
  readonly statistics: PixelStatistics;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

/** Contents of `config.yaml`. */
export interface RunConfig {
  /** Every setting of the run, resolved. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Absent in a file written by hand: only those who open a network without its data need it. */
  readonly network?: NetworkFacts;
  /** The form that it is trained for, by `loadTarget`'s words; nothing where none was named. */
  readonly target?: string;
  readonly environment: Environment;
  /** Where the run went on under other circumstances: `config` has the present ones. */
  readonly resumed?: readonly Resumption[];
}

/** A run going on with settings that are not those before. */
export interface Resumption {
  /** Weight updates done by then. */
  readonly step: number;
  /** What was in force before. */
  readonly before: Readonly<Record<string, unknown>>;
  /** How the data had changed, where they had. */
  readonly data?: string;
}

/** Writes `config.yaml`. */
export function writeRunConfig(
  run: RunDirectory,
  { config, network, target, environment, resumed }: RunConfig,
): void {
  writeFileAtomically(run.config, [
    Buffer.from(stringify({ config, network, target, environment, resumed })),
  ]);
}

/**
 * Puts settings in the place of those in `config.yaml`, and notes there what they were up to this step.
 *
 * @param change.data how the data have changed, where they have
 */
export function changeRunConfig(
  run: RunDirectory,
  { step, settings, data }: { step: number; settings: Readonly<Record<string, unknown>>; data?: string },
): void {
  const { config, resumed = [], ...others } = readRunConfig(run);
  const before = Object.fromEntries(Object.keys(settings).map((key) => [key, config[key] ?? null]));
  writeRunConfig(run, {
    ...others,
    config: { ...config, ...settings },
    resumed: [...resumed, { step, before, ...(data !== undefined && { data }) }],
  });
}

/**
 * Reads `config.yaml`; the settings come unchecked.
 *
 * @throws PeaError when it is not as `writeRunConfig` writes it
 */
export function readRunConfig(run: RunDirectory): RunConfig {
  let document: unknown;
  try {
    document = parse(readFileSync(run.config, "utf8"));
  } catch (error) {
    throw new PeaError(`cannot read ${run.config}: ${(error as Error).message}`);
  }
  if (!isObject(document) || !isObject(document.config) || !isObject(document.environment)) {
    throw new PeaError(`${run.config} lacks the sections config and environment: it was not written by pea`);
  }
  return document as unknown as RunConfig;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
