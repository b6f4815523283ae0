/**
 * Who is compared: each contender is a command that speaks protocol.ts, with the environment it runs in.
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { nativeSearch, searchBinaries, thisSystem } from "@pea/torch/binaries";

export type ContenderName = "pea" | "pea-libtorch2" | "torch1" | "torch2" | "torch2-compiled";

export interface Contender {
  name: ContenderName;
  /** Name in tables. */
  title: string;
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** The peer whose settings, found by trying, it runs with (tuning.ts). */
  tunedAs?: TunedName;
  /** Paths of the native libraries of this project that it runs on. */
  libraries: readonly string[];
}

/** The peers that settings are tried with. */
export type TunedName = "torch1" | "torch2";

/** What a user can set from outside to make PyTorch faster on a CPU. */
export interface Setting {
  /** "tcmalloc, GOMP_SPINCOUNT=2000". */
  title: string;
  environment: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dirname, "..");
const PYTHON_2X = join(ROOT, ".venv/bench/bin/python");

/** Settings of memory, threads and libraries that would favour one side; each contender gets its own. */
const SETTINGS =
  /^(OPENBLAS|GOTO|OMP|GOMP|KMP|MKL|ONEDNN|DNNL|ATEN|MALLOC|TCMALLOC|GLIBC_TUNABLES|THP|TORCH|PEA|LIBTORCH|VIRTUAL_ENV|LD_PRELOAD|PYTHON|NODE_OPTIONS)/;

/** @returns the contenders of `peers`: "debian" needs nothing but the set-up, "all" adds libtorch 2.x on both sides */
export function listContenders(peers: "debian" | "all"): Contender[] {
  const own = {
    command: ["node", join(ROOT, ".setup/bench-worker.mjs")],
    environment: {},
  };
  const peer = { environment: {}, libraries: [] };
  const script = join(ROOT, "bench/peer/worker.py");
  const debian: Contender[] = [
    { ...own, name: "pea", title: "pea", libraries: nativeLibraries({}) },
    {
      ...peer,
      name: "torch1",
      title: "PyTorch 1.13",
      command: ["/usr/bin/python3", script],
      tunedAs: "torch1",
    },
  ];
  if (peers === "debian") return debian;
  const environment = { LIBTORCH: libtorch2() };
  return [
    ...debian,
    {
      ...own,
      name: "pea-libtorch2",
      title: "pea, libtorch 2",
      environment,
      libraries: nativeLibraries(environment),
    },
    { ...peer, name: "torch2", title: "PyTorch 2", command: [PYTHON_2X, script], tunedAs: "torch2" },
    {
      ...peer,
      name: "torch2-compiled",
      title: "PyTorch 2, compiled",
      command: [PYTHON_2X, script, "--compile"],
      environment: {
        TORCHINDUCTOR_CACHE_DIR: join(ROOT, ".setup/inductor"),
        CXX: join(ROOT, "bench/peer/g++"),
      },
      tunedAs: "torch2",
    },
  ];
}

/**
 * What a careful user would try: an allocator that keeps the memory of a step, without which page faults dominate, and
 * huge pages, which this project's allocator asks for too; and how long OpenMP's threads spin while they wait. The
 * first takes the least memory.
 */
export function candidateSettings(peer: TunedName): Setting[] {
  const allocators = {
    torch1: [...TCMALLOC, GLIBC],
    // Asks for huge pages itself, whatever the allocator.
    torch2: [withVariables(TCMALLOC[0] ?? KEEPING, { THP_MEM_ALLOC_ENABLE: "1" })],
  };
  return allocators[peer].flatMap((allocator) => [
    withVariables(allocator, SHORT_SPINNING),
    { ...allocator, title: `${allocator.title}, OpenMP's own spinning` },
  ]);
}

/** As @pea/torch sets it for itself. */
const SHORT_SPINNING = { GOMP_SPINCOUNT: "2000" };

/** Debian's libtcmalloc-minimal4, where it is installed. It knows no huge pages. */
const TCMALLOC: readonly Setting[] = readdirSync("/usr/lib")
  .filter((folder) => folder.endsWith("-linux-gnu"))
  .map((folder) => join("/usr/lib", folder, "libtcmalloc_minimal.so.4"))
  .filter((path) => existsSync(path))
  .map((path) => ({ title: "tcmalloc", environment: { LD_PRELOAD: path, TCMALLOC_RELEASE_RATE: "0" } }));

/** The C library, told to keep what it has. */
const KEEPING: Setting = {
  title: "glibc",
  environment: { MALLOC_MMAP_THRESHOLD_: String(2 ** 30), MALLOC_TRIM_THRESHOLD_: String(2 ** 33) },
};
const GLIBC = withVariables(KEEPING, { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" });

function withVariables({ title, environment }: Setting, added: Record<string, string>): Setting {
  const names = Object.entries(added).map(([name, value]) => `${name}=${value}`);
  return { title: [title, ...names].join(", "), environment: { ...environment, ...added } };
}

/** The environment of a contender's process, with `threads` for every library that has threads. */
export function environmentOf({ environment }: Contender, threads: number): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !SETTINGS.test(name));
  return {
    ...Object.fromEntries(inherited),
    OMP_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(threads),
    PYTHONWARNINGS: "ignore",
    PYTHONDONTWRITEBYTECODE: "1",
    ...environment,
  };
}

/** What is loaded in this environment. */
function nativeLibraries(environment: Contender["environment"]): string[] {
  const { home } = nativeSearch();
  const { binaries } = searchBinaries(home, { ...thisSystem, environment });
  if (binaries === undefined) {
    throw new Error("@pea/torch is not built for libtorch 2.x; `npm run bench -- --peers all` builds it");
  }
  return (["torch", "kernels", "pea"] as const).map(binaries.file);
}

/** PyPI's torch among what PYTHON_2X imports. */
function libtorch2(): string {
  const library = join(ROOT, ".venv/bench/lib");
  const python = existsSync(library)
    ? readdirSync(library).find((name) => name.startsWith("python"))
    : undefined;
  return join(library, python ?? "python3", "site-packages/torch");
}
