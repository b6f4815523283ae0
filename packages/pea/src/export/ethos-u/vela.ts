/**
 * Vela, Arm's compiler for the Ethos-U: what it makes of a file, and what it says that will cost.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PeaError } from "@pea/core";
import type { IntegerSettings } from "../target.ts";

/** What Vela says of a network, for the circumstances that it names. */
export interface VelaReport {
  /** As Vela names it, e.g. `Ethos_U55_128`. */
  readonly accelerator: string;
  readonly systemConfig: string;
  readonly memoryMode: string;
  /** Operators of the file on the NPU, and left to the processor. */
  readonly npuOperators: number;
  readonly cpuOperators: number;
  /** Estimated cycles of the NPU, and of all, memory included. */
  readonly npuCycles: number;
  readonly totalCycles: number;
  /** Estimated time of one inference. */
  readonly milliseconds: number;
  /** Bytes of SRAM, and of flash, that it takes. */
  readonly sramBytes: number;
  readonly flashBytes: number;
}

export interface CompiledByVela {
  readonly model: Uint8Array;
  readonly report: VelaReport;
}

/** What compiles, and for which circumstances beside the chip. */
export type VelaSettings = Pick<IntegerSettings, "vela" | "systemConfig" | "memoryMode">;

/** The command that is taken where none is named. */
const usualVela = "vela";

/** Said where another was. */
const wayOut = "name the command of Vela with --vela PATH (pip install ethos-u-vela)";

/** Whether something is asked of Vela, so that it must be there. */
export const isVelaAsked = ({ vela, systemConfig, memoryMode }: VelaSettings): boolean =>
  [vela, systemConfig, memoryMode].some((setting) => setting !== undefined);

/**
 * Compiles as `compileWithVela`. Where nothing is asked of Vela, it is no error that there is none, or that it fails: the reason
 * is told.
 *
 * @throws PeaError as `compileWithVela`, where something is asked
 */
export async function compiledIfPossible(
  model: Uint8Array,
  accelerator: string,
  settings: VelaSettings,
): Promise<CompiledByVela | { readonly whyNot: string }> {
  try {
    return await compileWithVela(model, accelerator, settings);
  } catch (error) {
    if (isVelaAsked(settings) || !(error instanceof PeaError)) throw error;
    return { whyNot: error.message };
  }
}

/**
 * Compiles a TensorFlow Lite file for a chip.
 *
 * @param accelerator as Vela names it, e.g. `ethos-u55-128`
 * @throws PeaError of kind usage where there is no such command, or it cannot be run; with what it says where it fails, writes no
 *   file or tells no cost
 */
export async function compileWithVela(
  model: Uint8Array,
  accelerator: string,
  { vela = usualVela, systemConfig, memoryMode }: VelaSettings = {},
): Promise<CompiledByVela> {
  const circumstances = [
    ...(systemConfig === undefined ? [] : ["--system-config", systemConfig]),
    ...(memoryMode === undefined ? [] : ["--memory-mode", memoryMode]),
  ];
  const folder = await mkdtemp(join(tmpdir(), "pea-vela-"));
  try {
    const file = join(folder, "model.tflite");
    const out = join(folder, "out");
    await writeFile(file, model);
    const said = await run(
      vela,
      [file, "--accelerator-config", accelerator, "--output-dir", out, ...circumstances],
      `does not compile the network for ${accelerator}`,
    );
    const read = (end: string) => readWritten(out, end, said);
    return {
      model: new Uint8Array(await read("_vela.tflite")),
      report: readReport(said, (await read(".csv")).toString()),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * The version of Vela.
 *
 * @throws PeaError of kind usage where there is no such command, it cannot be run, or prints something else; with what it says
 *   where it fails
 */
export async function velaVersion({ vela = usualVela }: VelaSettings = {}): Promise<string> {
  const said = (await run(vela, ["--version"], "does not tell its version")).trim();
  const version = said.split("\n").at(-1) as string;
  if (/^\d+\.\d+\S*$/.test(version)) return version;
  const [first] = said.split("\n");
  throw new PeaError(
    `${vela} prints no version of Vela, but ${first ? JSON.stringify(first) : "nothing"} (${vela} --version); ${wayOut}`,
    { kind: "usage" },
  );
}

/** @param complaint what is said of Vela where it fails */
async function run(vela: string, words: readonly string[], complaint: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(vela, words, { maxBuffer: 1 << 26 });
    return stdout;
  } catch (error) {
    const {
      code,
      syscall,
      stdout = "",
      stderr = "",
      message,
    } = error as NodeJS.ErrnoException & { stdout?: string; stderr?: string };
    if (code === "ENOENT")
      throw new PeaError(
        `there is no command ${vela}; install it with pip install ethos-u-vela, on the PATH or named to pea inspect and pea export with --vela PATH`,
        { kind: "usage", cause: error },
      );
    if (syscall !== undefined)
      throw new PeaError(`${vela} cannot be run (${code}); ${wayOut}`, { kind: "usage", cause: error });
    throw new PeaError(`Vela ${complaint}: ${endOf(`${stdout}\n${stderr}`) || message}`, { cause: error });
  }
}

/** The file that Vela has written into a folder under a name with this end. */
async function readWritten(folder: string, end: string, said: string): Promise<Buffer> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  const name = names.find((each) => each.endsWith(end));
  if (name === undefined)
    throw new PeaError(`Vela has written no file *${end}; it says: ${endOf(said) || "nothing"}`);
  return readFile(join(folder, name));
}

/** What it says last: of a program that fails its error, without the way there. */
function endOf(said: string): string {
  const lines = said.trim().split("\n").slice(-3);
  const error = lines.findLastIndex((line) => /^\S*Error\b/.test(line));
  return lines.slice(Math.max(0, error)).join("\n");
}

/** What it prints has the operators, its table the rest. Its exit status is 0 where nothing is placed, too. */
function readReport(said: string, csv: string): VelaReport {
  const [names = "", values = ""] = csv.trim().split("\n");
  const cells = values.split(",");
  const table = new Map(names.split(",").map((name, place) => [name.trim(), cells[place]?.trim() ?? ""]));
  const given = (name: string, text: string | undefined): string => {
    if (text) return text;
    throw new PeaError(`Vela tells no ${name}; it says: ${endOf(said) || "nothing"}`);
  };
  const text = (name: string) => given(name, table.get(name));
  const number = (name: string) => {
    const value = Number(text(name));
    if (Number.isFinite(value)) return value;
    throw new PeaError(`Vela tells "${text(name)}" as its ${name}, which is no number`);
  };
  const operators = (where: string) =>
    Number(
      given(`number of ${where} operators`, new RegExp(`^${where} operators = (\\d+)`, "m").exec(said)?.[1]),
    );
  return {
    accelerator: text("accelerator_configuration"),
    systemConfig: text("system_config"),
    memoryMode: text("memory_mode"),
    npuOperators: operators("NPU"),
    cpuOperators: operators("CPU"),
    npuCycles: number("cycles_npu"),
    totalCycles: number("cycles_total"),
    milliseconds: number("inference_time") * 1000,
    sramBytes: number("sram_memory_used") * 1024,
    flashBytes: number("off_chip_flash_memory_used") * 1024,
  };
}
