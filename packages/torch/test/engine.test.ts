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
  TorchError,
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
});

test("a seed is any 64-bit integer, signed or unsigned; all else is refused", () => {
  const drawn = (seed: number | bigint) => {
    manualSeed(seed);
    return randn([4]).toNestedArray();
  };
  assert.deepEqual(drawn(2n ** 64n - 1n), drawn(-1));
  assert.deepEqual(drawn(2n ** 63n), drawn(-(2n ** 63n)));
  assert.notDeepEqual(drawn(2n ** 64n - 1n), drawn(2n ** 64n - 2n));
  for (const seed of [0.5, Number.NaN, 2 ** 53, 2n ** 64n, -(2n ** 63n) - 1n, "7", undefined, true]) {
    assert.throws(
      () => manualSeed(seed as number),
      (error: Error) =>
        error.message.startsWith("manualSeed: the seed must be an integer of 64 bits") &&
        error.message.endsWith(`got ${seed}`),
    );
  }
});

test("each GPU has a generator of its own, which manualSeed seeds too", { skip: !cudaIsAvailable() }, () => {
  const device = "cuda:0";
  manualSeed(7);
  const state = getRngState(device);
  const first = randn([4], { device }).toNestedArray();
  manualSeed(7);
  assert.deepEqual(randn([4], { device }).toNestedArray(), first);
  setRngState(state, device);
  assert.deepEqual(randn([4], { device }).toNestedArray(), first);
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

test("autocast takes bfloat16 or null, and stays as it was after any other dtype", () => {
  const a = ones([2, 2]);
  for (const wrong of ["float16", "float99", 16]) {
    assert.throws(
      () => autocast(wrong as never, () => assert.fail("the body ran")),
      new TorchError(`autocast: the dtype must be "bfloat16" or null (off), got ${JSON.stringify(wrong)}`),
    );
  }
  assert.equal(call("aten::mm", a, a).dtype, "float32");
});

test("autocast reaches CUDA's operators", { skip: !cudaIsAvailable() }, () => {
  const a = ones([2, 2], { device: "cuda" });
  assert.equal(
    autocast("bfloat16", () => call("aten::mm", a, a).dtype),
    "bfloat16",
  );
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
  assert.throws(() => zeros([1], { device: "cuda:0" }), /CUDA is not available: /);
  assert.throws(() => getRngState("cuda"), /^TorchError: getRngState: CUDA is not available: /);
  assert.throws(
    () => setRngState(getRngState(), "cuda:0"),
    /^TorchError: setRngState: CUDA is not available: /,
  );
});

test("a generator of a device that has none, or that is no device, is a clear error", () => {
  assert.throws(() => getRngState("meta"), /^TorchError: getRngState: .*meta/i);
  assert.throws(() => getRngState("toaster"), /^TorchError: getRngState: .*toaster/);
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
  assert.match(stderr, /TorchError: There is no engine .*LIBTORCH: \/no\/such\/torch has no lib/s);
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
