import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import {
  autocast,
  backward,
  call,
  cudaIsAvailable,
  engineInfo,
  getNumThreads,
  getRngState,
  loadLibrary,
  manualSeed,
  ones,
  randn,
  scope,
  setNumThreads,
  setRngState,
  zeros,
} from "@pea/torch";

const nodeArgs = ["--conditions=pea-source", "--import", "tsx"];
const packageRoot = fileURLToPath(new URL("..", import.meta.url));

test("a seed fixes the random numbers; a saved state goes on from its point", () => {
  manualSeed(7);
  const first = randn([4]).toNestedArray();
  const state = getRngState();
  const second = randn([4]).toNestedArray();
  manualSeed(7);
  assert.deepEqual(randn([4]).toNestedArray(), first);
  setRngState(state);
  assert.deepEqual(randn([4]).toNestedArray(), second);
  assert.throws(() => setRngState(ones([3])), /setRngState: /);
  assert.throws(() => manualSeed(0.5), /seed must be an integer, got 0\.5/);
});

test("threads can be set; nonsense is refused", () => {
  const before = getNumThreads();
  setNumThreads(1);
  assert.equal(getNumThreads(), 1);
  setNumThreads(before);
  assert.throws(() => setNumThreads(0), /between 1 and 1024, got 0/);
  assert.throws(() => setNumThreads(Number.NaN), /NaN/);
});

test("autocast computes products in bfloat16, nests, and ends with its block", () => {
  const a = ones([2, 2]);
  const dtype = () => call("aten::mm", a, a).dtype;
  assert.equal(
    autocast("bfloat16", () => {
      assert.equal(autocast(null, dtype), "float32");
      return dtype();
    }),
    "bfloat16",
  );
  assert.throws(() =>
    autocast("bfloat16", () => {
      throw new Error("x");
    }),
  );
  assert.equal(dtype(), "float32");
});

test("engineInfo names the engine", () => {
  const info = engineInfo();
  assert.match(info.version, /^(1\.13|2\.)/);
  assert.match(info.config, /CPU capability/);
  assert.ok(info.libraries.length > 0);
});

test("a GPU is reported as absent where there is none, and asking for it is a clear error", {
  skip: cudaIsAvailable(),
}, () => {
  assert.throws(() => zeros([1], { device: "cuda:0" }), /CUDA/i);
});

test("a library that is not there is named", () => {
  assert.throws(
    () => loadLibrary("/no/such/library.so"),
    /loadLibrary: cannot load .*\/no\/such\/library\.so/,
  );
});

test("a chosen engine that is not there is a clear error, not a crash", () => {
  const { status, stderr } = spawnSync(process.execPath, [...nodeArgs, "-e", 'import("@pea/torch")'], {
    cwd: packageRoot,
    env: { ...process.env, LIBTORCH: "/no/such/torch" },
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.match(stderr, /TorchError: The native addon .*\/no\/such\/torch/s);
});

test("several worker threads train at once, each with its own modes", async () => {
  const run = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./training-worker.mjs", import.meta.url));
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  assert.deepEqual(await Promise.all([run(), run(), run()]), [200, 200, 200]);
  backward(call("aten::sum", ones([2], { requiresGrad: true })));
  scope(() => zeros([1]));
});

test("a steady loop over large tensors makes almost no page faults: freed memory stays in the process", () => {
  const script = `
    import { call, ones, scope } from "@pea/torch";
    const x = ones([12_800_000]);
    const step = () => scope(() => { call("aten::neg", call("aten::neg", x)); });
    for (let i = 0; i < 5; i++) step();
    const before = process.resourceUsage().minorPageFault;
    for (let i = 0; i < 20; i++) step();
    console.log((process.resourceUsage().minorPageFault - before) / 20);`;
  const faults = Number(
    execFileSync(process.execPath, [...nodeArgs, "--input-type=module", "-e", script], {
      cwd: packageRoot,
      encoding: "utf8",
    }),
  );
  assert.ok(faults < 100, `${faults} minor page faults per step of 102 MB`);
});
