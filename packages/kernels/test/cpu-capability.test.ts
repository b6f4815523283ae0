import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { cpuCapability, loadKernels } from "@pea/kernels";

test("the kernels name the most instructions that they are compiled for and the processor has", {
  skip: (process.arch !== "x64" || !existsSync("/proc/cpuinfo")) && "Linux tells the processor's on x86-64",
}, () => {
  assert.ok(loadKernels(), "the kernels are built");
  const flags = new Set(/^flags\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "));
  const has = (...names: string[]) => names.every((name) => flags.has(name));
  const isWide = has("fma", "avx512f", "avx512bw", "avx512dq", "avx512vl");
  const expected = isWide
    ? has("avx512_bf16")
      ? "AVX512_BF16"
      : "AVX512"
    : has("fma", "avx2")
      ? "AVX2"
      : "portable";
  assert.equal(cpuCapability(), expected);
});
