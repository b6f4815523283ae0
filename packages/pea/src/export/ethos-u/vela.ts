/**
 * Vela, Arm's compiler for the Ethos-U: what it makes of a file, and what it says that will cost.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PeaError } from "@pea/core";

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

/**
 * Compiles a TensorFlow Lite file with Vela's own system configuration and memory mode for a device.
 *
 * @param vela the command, e.g. `vela`
 * @param accelerator as Vela names it, e.g. `ethos-u55-128`
 * @throws PeaError of kind usage where there is no such command; with what it says where it fails
 */
export async function compileWithVela(
  vela: string,
  model: Uint8Array,
  accelerator: string,
): Promise<CompiledByVela> {
  const folder = await mkdtemp(join(tmpdir(), "pea-vela-"));
  try {
    const file = join(folder, "model.tflite");
    const out = join(folder, "out");
    await writeFile(file, model);
    const said = await run(vela, [file, "--accelerator-config", accelerator, "--output-dir", out]);
    const names = await readdir(out);
    const named = (end: string) => names.find((name) => name.endsWith(end)) ?? end;
    return {
      // Where nothing is for the NPU, Vela writes no other file.
      model: new Uint8Array(await readFile(join(out, named("_vela.tflite")))),
      report: readReport(said, await readFile(join(out, named(".csv")), "utf8")),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The version of Vela; undefined where there is no such command. */
export async function velaVersion(vela: string): Promise<string | undefined> {
  try {
    return (await run(vela, ["--version"])).trim();
  } catch {
    return undefined;
  }
}

async function run(vela: string, words: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(vela, words, { maxBuffer: 1 << 26 });
    return stdout;
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === "ENOENT")
      throw new PeaError(
        `there is no command ${vela}; install it with pip install ethos-u-vela, and name it with --vela PATH`,
        { kind: "usage", cause: error },
      );
    const last = `${stdout}\n${stderr}`.trim().split("\n").slice(-3).join("\n");
    throw new PeaError(`Vela does not compile the network for ${words[2]}: ${last}`, { cause: error });
  }
}

/** What it prints has the operators, its table the rest. Its exit status is 0 where nothing is placed, too. */
function readReport(said: string, csv: string): VelaReport {
  const [names = "", values = ""] = csv.trim().split("\n");
  const cells = values.split(",");
  const table = new Map(names.split(",").map((name, place) => [name.trim(), cells[place]?.trim() ?? ""]));
  const number = (name: string) => Number(table.get(name));
  const operators = (where: string) =>
    Number(new RegExp(`^${where} operators = (\\d+)`, "m").exec(said)?.[1] ?? Number.NaN);
  return {
    accelerator: table.get("accelerator_configuration") ?? "",
    systemConfig: table.get("system_config") ?? "",
    memoryMode: table.get("memory_mode") ?? "",
    npuOperators: operators("NPU"),
    cpuOperators: operators("CPU"),
    npuCycles: number("cycles_npu"),
    totalCycles: number("cycles_total"),
    milliseconds: number("inference_time") * 1000,
    sramBytes: number("sram_memory_used") * 1024,
    flashBytes: number("off_chip_flash_memory_used") * 1024,
  };
}
