// pea setup where an engine has what NCCL is built of and the build fails: CMake and the engine are stand-ins.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { type Home, ncclFailureFile, ncclFile, searchBinaries } from "@pea/torch/binaries";
import { setUp } from "../../src/setup/index.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const write = (file: string, text = "") => {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
  return join(folder, file);
};

/** Builds empty files, and none for NCCL as long as there is `broken`; all of nothing where there is `broken-all`. */
const cmake = write(
  "bin/cmake",
  `#!/bin/sh
[ "$1" = --version ] && exit
echo "$*" >>'${folder}/calls'
[ "$1" = --build ] || exit 0
[ -e '${folder}/broken-all' ] && echo "c++: error: no such option" && exit 2
if [ "$4" = pea_nccl ]; then
  [ -e '${folder}/broken' ] && cat '${folder}/broken' && exit 2
  touch "$2/${ncclFile}"
else touch "$2/pea_torch.node" "$2/libpea_kernels.so" "$2/pea_images.node"; fi
`,
);
chmodSync(cmake, 0o755);
const header = write("site/nvidia/cu13/include/crt/host_config.h");
for (const name of ["nccl.h", "cublas_v2.h", "cusparse.h", "cusolverDn.h", "cuda_runtime_api.h", "nv/target"])
  write(`site/nvidia/cu13/include/${name}`);
for (const name of ["cpu", "cuda"]) write(`site/torch/lib/libtorch_${name}.so`);
write("site/torch/version.py", "__version__ = '2.15.0'\ncuda: Optional[str] = '13.2'\n");
const source = write("home/native/nccl/pea_nccl.cc", "1");
write("home/package.json", "{}");
const headers = createRequire(import.meta.url).resolve("node-api-headers/package.json");
symlinkSync(dirname(dirname(headers)), join(folder, "home/node_modules"));
const home: Home = { folder: join(folder, "home"), version: "9.9.9" };

/** Of this process, whose own engine must be found by `probe` all the same. */
const { PATH, XDG_CACHE_HOME } = process.env;
process.env.PATH = `${dirname(cmake)}:${PATH}`;
process.env.XDG_CACHE_HOME = join(folder, "cache");
after(() => {
  process.env.PATH = PATH;
  if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
});

/** What setup says and returns, and what CMake was asked for. */
async function setupOnce() {
  const environment = { LIBTORCH: join(folder, "site/torch"), XDG_CACHE_HOME: process.env.XDG_CACHE_HOME };
  const search = searchBinaries(home, { environment, debianLibraries: folder });
  write("calls");
  const lines: string[] = [];
  const { built, noNccl, engine } = await setUp((line) => lines.push(line), { home, search });
  const calls = readFileSync(join(folder, "calls"), "utf8").split("\n").slice(0, -1);
  return { said: lines.join("\n"), built, noNccl, calls, failureFile: ncclFailureFile(home, engine) };
}

describe("pea setup, where the build for NCCL fails,", () => {
  beforeEach(() => {
    rmSync(join(folder, "cache"), { recursive: true, force: true });
    rmSync(join(folder, "broken-all"), { force: true });
    write("broken", "Building\nnccl/pea_nccl.cc:4:10: fatal error: other.h: No such file\nStop.\n");
  });

  it("builds all else, says why, and builds nothing the second time", async () => {
    const first = await setupOnce();
    assert.notEqual(first.built, undefined, "nothing was built");
    const remedy = `once that is mended: rm "${first.failureFile}" && npx pea-train@9.9.9 setup`;
    const why = "building it failed: nccl/pea_nccl.cc:4:10: fatal error: other.h: No such file";
    assert.deepEqual(first.noNccl, { why, remedy });
    const second = await setupOnce();
    assert.deepEqual(second.calls, []);
    assert.equal(second.built, undefined);
    assert.deepEqual(second.noNccl, { why, remedy });
    assert.equal(
      second.said,
      "libpea_nccl.so is not built: that failed before, and what it is built of has not changed",
    );
  });

  it("builds it once the sources, the engine or a folder of headers are others", async () => {
    await setupOnce();
    const later = new Date(Date.now() + 10_000);
    for (const change of [
      () => writeFileSync(source, "2"),
      () => utimesSync(dirname(dirname(header)), later, later),
      () => utimesSync(join(folder, "site/torch/lib/libtorch_cpu.so"), later, later),
    ]) {
      change();
      const { calls } = await setupOnce();
      assert.ok(
        calls.some((call) => call.endsWith("--target pea_nccl")),
        `${change}: ${calls.join("\n")}`,
      );
      assert.deepEqual((await setupOnce()).calls, []);
    }
  });

  it("builds it once the file that keeps the failure is removed, and forgets it where that succeeds", async () => {
    const { failureFile } = await setupOnce();
    rmSync(failureFile);
    rmSync(join(folder, "broken"));
    const mended = await setupOnce();
    assert.equal(mended.noNccl, undefined);
    assert.ok(existsSync(join(mended.built as string, ncclFile)), "there is no library");
    assert.ok(!existsSync(failureFile), `${failureFile} is still there`);
    assert.deepEqual((await setupOnce()).calls, []);
  });

  it("builds it again where the disk was full or memory short", async () => {
    for (const words of [
      "fatal error: error writing to a.s: No space left on device",
      "c++: fatal error: Killed signal",
    ]) {
      write("broken", words);
      const { built, failureFile } = await setupOnce();
      assert.notEqual(built, undefined, "nothing was built");
      assert.ok(!existsSync(failureFile), `${words}: kept`);
      const { calls } = await setupOnce();
      assert.ok(
        calls.some((call) => call.endsWith("--target pea_nccl")),
        words,
      );
      rmSync(join(folder, "cache"), { recursive: true, force: true });
    }
  });

  it("builds all else where nothing can be kept", async () => {
    const { failureFile } = await setupOnce();
    rmSync(join(folder, "cache"), { recursive: true, force: true });
    mkdirSync(dirname(failureFile), { recursive: true });
    symlinkSync(join(folder, "nowhere/file"), failureFile);
    const { built } = await setupOnce();
    assert.ok(existsSync(join(built as string, "pea_torch.node")), "nothing was built");
  });

  it("is ready all the same where binaries are there and nothing can be built, which it does not try again either", async () => {
    const { built, failureFile } = await setupOnce();
    rmSync(failureFile);
    write("broken-all");
    const first = await setupOnce();
    assert.deepEqual(
      [first.built, first.noNccl?.why],
      [undefined, "building it failed: c++: error: no such option"],
    );
    assert.deepEqual((await setupOnce()).calls, []);
    assert.ok(existsSync(join(built as string, "pea_torch.node")), "the binaries are gone");
  });
});
