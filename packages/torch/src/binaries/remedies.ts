/** What to do where the engine, or the binaries for it, are missing or do not load. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { TorchError } from "../error.ts";
import { type Binaries, describeEngine, type Home, type Search, setupCommand } from "./binaries.ts";
import type { Engine } from "./engines.ts";

/** What the advice depends on. */
export interface System {
  readonly arch: string;
  /** Of Debian: "12"; undefined on other systems. */
  readonly debian: string | undefined;
  /** Debian, or a system made of it as Ubuntu is, where Python cannot make virtual environments: a package of its own brings that. */
  readonly lacksVenv: boolean;
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
    lacksVenv: /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release) && !hasVenv(),
    isRoot: process.getuid?.() === 0,
    glibc: glibcVersion(),
  };
}

/** `venv` itself comes with Debian's python3; ensurepip, by which it brings pip, with python3-venv. */
function hasVenv(): boolean {
  return spawnSync("python3", ["-c", "import venv, ensurepip"], { timeout: 30_000 }).status === 0;
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

/** Debian's engine. libopenblas0-pthread: without it libtorch runs on the reference BLAS, many times slower. */
const enginePackages = ["libtorch-dev", "libopenblas0-pthread"] as const;

/** The line of the shell that brings an engine. */
export function engineCommand(system: System): string {
  if (system.debian === undefined || Number(system.debian) < 12) {
    const venv = system.lacksVenv ? `${aptCommand(system, ["python3-venv"])} && ` : "";
    return `${venv}python3 -m venv .venv && . .venv/bin/activate && pip install torch==2.15.0`;
  }
  const hasBinaries = system.debian === "12" && system.arch === "x64";
  return aptCommand(system, hasBinaries ? enginePackages : [...enginePackages, ...buildPackages]);
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
  const failure = `The native library ${file} (from ${origin}) does not load on ${describeEngine(engine)} (${engineOrigin}): ${cause}.`;
  const missing = missingLibrary(cause);
  if (missing !== undefined && system.glibc !== undefined)
    return new TorchError(
      `${failure} ${missing} is missing on this system; building anew would not bring it. ${libraryRemedy(missing, engine, system)}`,
    );
  const needed = /version `(GLIBC_[\d.]+)' not found/.exec(cause)?.[1];
  const why =
    system.glibc === undefined
      ? ` ${otherLibc}.`
      : needed !== undefined
        ? ` It was built on a newer system: it needs ${needed.replace("_", " ")}, this system has ${system.glibc}.`
        : "";
  return new TorchError(`${failure}${why} Build it here: ${setupCommand(home)}`);
}

/** The library that is not there, unless it is libtorch itself: that one is there in another version. */
function missingLibrary(cause: string): string | undefined {
  const [, name] = /([^\s/:]+\.so[.\w]*): cannot open shared object file/.exec(cause) ?? [];
  return name === undefined || /^lib(torch|c10)/.test(name) ? undefined : name;
}

/** What brings a library that the native files or their engine need. */
function libraryRemedy(library: string, engine: Engine, system: System): string {
  const own = /^lib(jpeg|gomp|stdc\+\+|gcc_s)\.so/.exec(library)?.[1];
  if (own !== undefined) {
    if (system.debian === undefined) return "Install it with your system's packages.";
    const packages = {
      jpeg: "libjpeg62-turbo",
      gomp: "libgomp1",
      "stdc++": "libstdc++6",
      gcc_s: "libgcc-s1",
    };
    return `Install it: ${aptCommand(system, [packages[own as keyof typeof packages]])}`;
  }
  if (engine.directory === undefined)
    return `Debian's engine needs it. Install that with all it depends on: ${aptCommand(system, enginePackages)}`;
  const version = engine.name.replace("torch", "");
  return (
    "The engine needs it. Install torch again with all it depends on (no --no-deps): " +
    `pip install --force-reinstall "torch==${version}.*"; or point LIBTORCH to an engine that is whole, such as one for the CPU alone`
  );
}
