/** What is not reached through TypeScript: the operators in Python, and the kernels under sanitizers. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { nativeBinaries } from "@pea/torch/binaries";

const packageFile = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(status, 0, `${command} ${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

const { engine, file } = nativeBinaries();
const library = file("kernels");
const debianOnly = engine.directory !== undefined && "Debian's engine alone";

test("Python loads the operators: gradcheck, autocast, meta tensors, one derivative", {
  skip: debianOnly || (!existsSync(library) && "the kernels are not built"),
}, () => {
  const output = run("/usr/bin/python3", packageFile("test/python_use.py"), library);
  assert.deepEqual(output.trim().split("\n"), [
    "gradcheck",
    "autocast",
    "meta",
    "grad mode",
    "double backward",
    "conv3x3",
    "conv3x1",
    "depthwise",
    "pointwise",
    "stem",
  ]);
});

test("every capability of this CPU is right and stays in bounds under the sanitizers", {
  skip: debianOnly,
}, () => {
  const build = packageFile("build-sanitized");
  run("cmake", "-S", packageFile("native"), "-B", build, "-DPEA_NATIVE_TESTS=ON");
  run("cmake", "--build", build, "--target", "native_test", "--parallel", "2");
  assert.match(run(`${build}/native_test`), /^portable .*passed\n$/);
});

test("the sources without libtorch are right for arm64, as far as its compiler can tell", (context) => {
  const compiler = "aarch64-linux-gnu-g++";
  if (spawnSync(compiler, ["--version"]).error) return context.skip(`there is no ${compiler}`);
  const sources = readdirSync(packageFile("native"), { recursive: true, encoding: "utf8" }).filter((name) =>
    /(_kernel|^test.*|mask_generator|cpu_capability)\.cc$/.test(name),
  );
  assert.ok(sources.includes("depthwise/depthwise_kernel.cc"));
  const options = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-fopenmp-simd"];
  run(
    compiler,
    ...options,
    ...["-DPEA_CAPABILITY=portable", `-I${packageFile("native")}`],
    ...sources.map((name) => packageFile(`native/${name}`)),
  );
});
