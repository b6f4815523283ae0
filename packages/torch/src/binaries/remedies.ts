/** What to do where the engine, or the binaries for it, are missing or do not load. */
import { existsSync, readFileSync } from "node:fs";
import { TorchError } from "../error.ts";
import { type Binaries, describeEngine, type Home, type Search, setupCommand } from "./binaries.ts";

/** What the advice depends on. */
export interface System {
  readonly arch: string;
  /** Of Debian: "12"; undefined on other systems. */
  readonly debian: string | undefined;
  readonly isRoot: boolean;
  /** Version of the GNU C library; undefined where the C library is another one. */
  readonly glibc: string | undefined;
}

/** The facts on this system. */
export function readSystem(): System {
  const file = "/etc/os-release";
  const release = existsSync(file) ? readFileSync(file, "utf8") : "";
  const isDebian = /^ID="?debian"?$/m.test(release);
  return {
    arch: process.arch,
    debian: isDebian ? /^VERSION_ID="?(\d+)/m.exec(release)?.[1] : undefined,
    isRoot: process.getuid?.() === 0,
    glibc: glibcVersion(),
  };
}

function glibcVersion(): string | undefined {
  // Without the network's state, which takes long to gather.
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  return header.glibcVersionRuntime;
}

/** The line of the shell that installs Debian's packages. */
export function aptCommand({ isRoot }: System, packages: readonly string[]): string {
  const sudo = isRoot ? "" : "sudo ";
  return `${sudo}apt-get update && ${sudo}apt-get install -y ${packages.join(" ")}`;
}

/** What native sources are built with, as Debian's packages. */
export const buildPackages = ["cmake", "g++", "make", "libjpeg-dev"] as const;

/** The line of the shell that brings an engine. */
export function engineCommand(system: System): string {
  if (system.debian === undefined || Number(system.debian) < 12) {
    return "python3 -m venv .venv && . .venv/bin/activate && pip install torch==2.15.0";
  }
  // libopenblas0-pthread: without it libtorch runs on the reference BLAS, many times slower.
  const engine = ["libtorch-dev", "libopenblas0-pthread"];
  const hasBinaries = system.debian === "12" && system.arch === "x64";
  return aptCommand(system, hasBinaries ? engine : [...engine, ...buildPackages]);
}

const otherLibc =
  "libtorch runs on the GNU C library, which this system has not got (Alpine has musl): use Debian's or another";

/** The error where no engine has binaries. */
export function noBinaries(home: Home, { passedOver }: Search, system: System): TorchError {
  const isEngineThere = passedOver.some(({ place }) => typeof place.found !== "string");
  const heading = isEngineThere
    ? "No engine (libtorch) has native binaries"
    : "There is no engine (libtorch)";
  return new TorchError(
    `${heading}. Looked at:\n${passedOver.map(({ place, why }) => `  ${place.origin}: ${why}`).join("\n")}\n${remedy()}`,
  );

  function remedy(): string {
    if (system.glibc === undefined) return `${otherLibc}.`;
    if (isEngineThere) return `Build them: ${setupCommand(home)}`;
    if (passedOver[0]?.place.origin === "LIBTORCH")
      return "LIBTORCH takes the folder torch of PyPI's wheel, or libtorch of pytorch.org's archive; without it others are looked for.";
    return `Install one: ${engineCommand(system)}`;
  }
}

/** The error where a native file is there, but does not load. */
export function doesNotLoad(
  home: Home,
  { engine, engineOrigin, origin }: Binaries,
  file: string,
  cause: string,
  system: System,
): TorchError {
  const needed = /version `(GLIBC_[\d.]+)' not found/.exec(cause)?.[1];
  const why =
    system.glibc === undefined
      ? ` ${otherLibc}.`
      : needed !== undefined
        ? ` It was built on a newer system: it needs ${needed.replace("_", " ")}, this system has ${system.glibc}.`
        : "";
  return new TorchError(
    `The native library ${file} (from ${origin}) does not load on ${describeEngine(engine)} (${engineOrigin}): ${cause}.${why} ` +
      `Build it here: ${setupCommand(home)}`,
  );
}
