import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Contender, candidateSettings, environmentOf } from "../contenders.ts";
import { fastest, tune } from "../tuning.ts";

const torch1: Contender = {
  name: "torch1",
  title: "PyTorch 1.13",
  command: [],
  environment: { OWN: "1" },
  tunedAs: "torch1",
  libraries: [],
};

const foreign = [
  "ATEN_CPU_CAPABILITY",
  "DNNL_MAX_CPU_ISA",
  "GLIBC_TUNABLES",
  "GOMP_SPINCOUNT",
  "LD_PRELOAD",
  "MALLOC_ARENA_MAX",
  "NODE_OPTIONS",
  "ONEDNN_MAX_CPU_ISA",
  "OMP_WAIT_POLICY",
  "OPENBLAS_CORETYPE",
  "PEA_KERNELS",
  "THP_MEM_ALLOC_ENABLE",
];
const saved = { ...process.env };
before(() => {
  for (const name of foreign) process.env[name] = "0";
  process.env.NODE_EXTRA_CA_CERTS = "/dev/null";
});
after(() => {
  process.env = saved;
});

test("nothing that tunes one side is inherited, everything else is", () => {
  const environment = environmentOf(torch1, 3);
  assert.deepEqual(
    foreign.filter((name) => name in environment),
    [],
  );
  assert.equal(environment.NODE_EXTRA_CA_CERTS, "/dev/null");
  assert.deepEqual([environment.OWN, environment.OMP_NUM_THREADS], ["1", "3"]);
});

test("each allocator is tried with short spinning and with OpenMP's own", () => {
  for (const peer of ["torch1", "torch2"] as const) {
    const candidates = candidateSettings(peer);
    const allocators = candidates.map(({ environment: { GOMP_SPINCOUNT: _, ...others } }) =>
      JSON.stringify(others),
    );
    assert.equal(new Set(allocators).size, candidates.length / 2);
    assert.deepEqual(
      candidates.map(({ environment }) => environment.GOMP_SPINCOUNT),
      allocators.map((_, index) => (index % 2 === 0 ? "2000" : undefined)),
    );
    assert.equal(new Set(candidates.map(({ title }) => title)).size, candidates.length);
  }
  assert.ok(
    candidateSettings("torch1").some(({ environment }) => environment.GLIBC_TUNABLES?.includes("hugetlb=1")),
  );
  assert.ok(candidateSettings("torch2").every(({ environment }) => environment.THP_MEM_ALLOC_ENABLE === "1"));
});

test("the setting with the smallest median is chosen, and what was tried is kept", () => {
  const trial = (title: string, rounds: number[]) => ({
    setting: { title, environment: { TITLE: title } },
    rounds,
  });
  const choice = fastest([trial("a", [5, 5, 1]), trial("b", [4, 4, 90])]);
  assert.deepEqual(choice, { title: "b", environment: { TITLE: "b" }, tried: { a: 5, b: 4 } });
});

test("a contender runs with what was chosen for its peer, without losing its own environment", () => {
  const choices = { torch2: { title: "b", environment: { B: "2" }, tried: {} } };
  const compiled: Contender = { ...torch1, name: "torch2-compiled", tunedAs: "torch2" };
  assert.deepEqual(tune(compiled, choices, "step").environment, { OWN: "1", B: "2" });
  const own: Contender = { ...torch1, name: "pea", tunedAs: undefined };
  assert.equal(tune(own, choices, "step"), own);
});

test("peaks of memory are taken with the first candidate, whatever is fastest", () => {
  const choices = { torch1: { title: "b", environment: { B: "2" }, tried: {} } };
  assert.deepEqual(tune(torch1, choices, "memory").environment, {
    ...candidateSettings("torch1")[0]?.environment,
    OWN: "1",
  });
});
