// How libpea_nccl.so is opened and called, by stand-ins for it: it is open for the whole process.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { FileStore } from "@pea/torch";
import { nativeBinaries } from "@pea/torch/binaries";
import { native } from "../src/binding.ts";
import { within } from "../src/distributed/promised.ts";

const { directory } = nativeBinaries().engine;
const hasCuda = directory !== undefined && existsSync(join(directory, "lib/libtorch_cuda.so"));

const folder = mkdtempSync(join(tmpdir(), "pea-nccl-library-"));
after(() => rmSync(folder, { recursive: true }));

function standIn(name: string, ...options: string[]): string {
  const library = join(folder, name);
  const source = fileURLToPath(new URL("nccl-stand-in.cc", import.meta.url));
  execFileSync("c++", [
    "-std=c++17",
    "-shared",
    "-fPIC",
    "-Wall",
    "-Werror",
    ...options,
    "-o",
    library,
    source,
  ]);
  return library;
}

it("the library of NCCL is not opened by a libtorch without CUDA, which is told as the reason", {
  skip: hasCuda && "this one has CUDA",
}, () => {
  assert.match(
    native.openNccl(standIn("whole.so", "-DWHOLE")),
    /^this libtorch is built without CUDA; use PyPI's/,
  );
});

describe("the library of NCCL", { skip: !hasCuda && "this libtorch is built without CUDA" }, () => {
  it("is named where it is not there", () => {
    assert.match(native.openNccl(join(folder, "none.so")), /none\.so: cannot open shared object file/);
  });

  it("is of another version where it lacks a function", () => {
    assert.equal(native.openNccl(standIn("old.so")), "another version");
  });

  it("is opened with NCCL's waiting told to throw errors, and given rank, world size, timeout and device", async () => {
    assert.equal(native.openNccl(standIn("whole.so", "-DWHOLE")), "");
    assert.equal(process.env.TORCH_NCCL_BLOCKING_WAIT, "1");
    const store = new FileStore(join(folder, "store"), 8);
    // Nothing of the addon keeps the process alive meanwhile.
    await assert.rejects(
      within(60_000, native.connectNcclGroup(store.handle, 3, 8, 123_456, "cpu"), "the stand-in"),
      /rank 3 of 8 waits 123456 ms on device -1/,
    );
    await store.close();
  });
});
