/**
 * Who is compared: each contender is a command that speaks protocol.ts, with the environment it runs in.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type ContenderName = "pea" | "pea-libtorch2" | "torch1" | "torch2" | "torch2-compiled";

export interface Contender {
  name: ContenderName;
  /** Name in tables. */
  title: string;
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dirname, "..");
const PYTHON_2X = join(ROOT, ".venv/bench/bin/python");

/** Settings of memory, threads and libraries that would favour one side; each contender gets its own. */
const SETTINGS =
  /^(OPENBLAS|OMP|GOMP|KMP|MKL|MALLOC|TCMALLOC|TORCH|PEA|LIBTORCH|VIRTUAL_ENV|LD_PRELOAD|PYTHON)/;

/** @returns the contenders of `peers`: "debian" needs nothing but the set-up, "all" adds libtorch 2.x on both sides */
export function listContenders(peers: "debian" | "all"): Contender[] {
  const worker = ["node", "--conditions=pea-source", "--import", "tsx", join(ROOT, "bench/worker/main.ts")];
  const peer = join(ROOT, "bench/peer/worker.py");
  const tuned = { ...tunedMemory(), ...SHORT_SPINNING };
  const debian: Contender[] = [
    { name: "pea", title: "pea", command: worker, environment: {} },
    { name: "torch1", title: "PyTorch 1.13", command: ["/usr/bin/python3", peer], environment: tuned },
  ];
  if (peers === "debian") return debian;
  const compiler = { ...tuned, TORCHINDUCTOR_CACHE_DIR: join(ROOT, ".setup/inductor") };
  return [
    ...debian,
    {
      name: "pea-libtorch2",
      title: "pea, libtorch 2",
      command: worker,
      environment: { LIBTORCH: libtorch2() },
    },
    { name: "torch2", title: "PyTorch 2", command: [PYTHON_2X, peer], environment: tuned },
    {
      name: "torch2-compiled",
      title: "PyTorch 2, compiled",
      command: [PYTHON_2X, peer, "--compile"],
      environment: compiler,
    },
  ];
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

/** As @pea/torch sets it for itself: on a machine with anything else to do, long spinning costs whole time slices. */
const SHORT_SPINNING = { GOMP_SPINCOUNT: "1000" };

/**
 * What a careful user of PyTorch on a CPU sets: an allocator that keeps the memory of a step. Without it page faults
 * dominate. Debian's libtcmalloc-minimal4, or else the C library told to keep what it has.
 */
function tunedMemory(): Record<string, string> {
  const tcmalloc = readdirSync("/usr/lib")
    .filter((folder) => folder.endsWith("-linux-gnu"))
    .map((folder) => join("/usr/lib", folder, "libtcmalloc_minimal.so.4"))
    .find((path) => existsSync(path));
  return tcmalloc === undefined
    ? { MALLOC_MMAP_THRESHOLD_: String(2 ** 30), MALLOC_TRIM_THRESHOLD_: String(2 ** 33) }
    : { LD_PRELOAD: tcmalloc, TCMALLOC_RELEASE_RATE: "0" };
}

/** The libtorch 2.x that this project's addon was built for. */
function libtorch2(): string {
  const cache = join(ROOT, "packages/torch/build-libtorch2/CMakeCache.txt");
  const directory = existsSync(cache)
    ? /^TORCH_DIR:PATH=(.+)$/m.exec(readFileSync(cache, "utf8"))?.[1]
    : undefined;
  if (directory === undefined) {
    throw new Error("@pea/torch is not built for libtorch 2.x; `npm run bench -- --peers all` builds it");
  }
  return directory;
}
