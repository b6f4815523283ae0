/** The libtorchs that this system offers, in the order in which they are asked for. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** A libtorch to run on. */
export interface Engine {
  /**
   * Binaries made for one engine run on all of its name: `libtorch1.13` for Debian's, whose libraries carry the version
   * in their names; `torch2.15` for PyPI's and pytorch.org's, whose libraries do not.
   */
  readonly name: string;
  /** The library to load. */
  readonly library: string;
  /** Folder with `include/` and `lib/` for the compiler; undefined where it knows them: Debian's. */
  readonly directory: string | undefined;
}

/** A place where an engine may lie. */
export interface EnginePlace {
  /** Who points there: `LIBTORCH`. */
  readonly origin: string;
  /** The user points there, by a variable or by activating an environment. */
  readonly isChosen: boolean;
  /** The engine, or in words why there is none. */
  readonly found: Engine | string;
}

/** Where engines are looked for; tests look elsewhere. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Parent of Debian's folders of libraries. */
  readonly debianLibraries: string;
}

export const thisSystem: Surroundings = { environment: process.env, debianLibraries: "/usr/lib" };

/**
 * The places, in the order of preference. Each is looked at when its turn comes: Python, which takes up to half a second to
 * answer, is asked where nothing else would do.
 */
export function* enginePlaces(surroundings: Surroundings = thisSystem): Generator<EnginePlace> {
  const { LIBTORCH, VIRTUAL_ENV, CONDA_PREFIX } = surroundings.environment;
  if (LIBTORCH) {
    yield { origin: "LIBTORCH", isChosen: true, found: engineIn(resolve(LIBTORCH)) };
    return;
  }
  for (const [origin, prefix] of [
    ["the active virtual environment", VIRTUAL_ENV],
    ["the active conda environment", CONDA_PREFIX],
  ] as const)
    if (prefix) yield { origin, isChosen: true, found: engineOfPrefix(prefix) };
  yield { origin: "Debian's package", isChosen: false, found: debianEngine(surroundings) };
  yield { origin: "python3", isChosen: false, found: pythonEngine(surroundings) };
}

/** The engine in a folder as PyPI's wheel and pytorch.org's archive make it. */
function engineIn(directory: string): Engine | string {
  const library = join(directory, "lib", "libtorch_cpu.so");
  if (!existsSync(library)) return `${directory} has no lib/libtorch_cpu.so`;
  // Debian's torch for Python links to Debian's libtorch.
  const real = realpathSync(library);
  const debian = /^libtorch_cpu\.so\.(\d+\.\d+)/.exec(basename(real));
  if (debian !== null) return debianLibrary(dirname(real), debian[1] as string);
  const version = versionIn(directory);
  if (version === undefined) return `${directory} does not say its version (in version.py or build-version)`;
  return { name: `torch${version}`, library, directory };
}

/** Major and minor version. */
function versionIn(directory: string): string | undefined {
  for (const name of ["version.py", "build-version"]) {
    const file = join(directory, name);
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const [, version] = /^(?:__version__ = ')?(\d+\.\d+)/m.exec(text) ?? [];
    if (version !== undefined) return version;
  }
  return undefined;
}

function engineOfPrefix(prefix: string): Engine | string {
  const library = join(prefix, "lib");
  const directory = namesIn(library)
    .map((python) => join(library, python, "site-packages", "torch"))
    .find((candidate) => existsSync(candidate));
  return directory === undefined ? `${prefix} has no torch` : engineIn(directory);
}

function debianEngine({ debianLibraries }: Surroundings): Engine | string {
  const engines = namesIn(debianLibraries)
    .filter((name) => name.endsWith("-linux-gnu"))
    .map((name) => join(debianLibraries, name))
    .flatMap((folder) =>
      namesIn(folder).flatMap((name) => {
        const version = /^libtorch_cpu\.so\.(\d+\.\d+)$/.exec(name)?.[1];
        return version === undefined ? [] : debianLibrary(folder, version);
      }),
    );
  // "2.6" comes after "1.13".
  engines.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  return engines.at(-1) ?? `no libtorch_cpu.so in ${join(debianLibraries, "*-linux-gnu")}`;
}

/** What a folder holds: nothing where there is none, or where it cannot be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const debianLibrary = (folder: string, version: string): Engine => ({
  name: `libtorch${version}`,
  library: join(folder, `libtorch_cpu.so.${version}`),
  directory: undefined,
});

/** The torch that `python3` would import. */
function pythonEngine({ environment }: Surroundings): Engine | string {
  // The working directory, where Python looks first, is not where a torch is installed.
  const program = `import importlib.util, sys
sys.path = [folder for folder in sys.path if folder]
torch = importlib.util.find_spec("torch")
print(torch.submodule_search_locations[0] if torch else "")`;
  const { error, stdout } = spawnSync("python3", ["-c", program], {
    encoding: "utf8",
    env: { ...environment },
    timeout: 30_000,
  });
  if (error !== undefined) return "there is no python3";
  const directory = stdout.trim();
  return directory === "" ? "it has no torch" : engineIn(directory);
}
