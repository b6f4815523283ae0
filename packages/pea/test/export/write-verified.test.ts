import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { writeVerified } from "../../src/export/write-verified.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const passes = async (written: string) => written;

describe("writeVerified", () => {
  test("gives a file its name once it has passed", async () => {
    const path = join(temporaryFolder(), "file");
    writeFileSync(path, "old");
    const { bytes, verification } = await writeVerified(path, "äb", async (written) => {
      assert.notEqual(written, path);
      return [readFileSync(written, "utf8"), readFileSync(path, "utf8")];
    });
    assert.deepEqual([bytes, verification, readFileSync(path, "utf8")], [3, ["äb", "old"], "äb"]);
  });

  test("writes the files of a folder by their paths, in the place of those that were there", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "model");
    mkdirSync(path);
    writeFileSync(join(path, "model.bin"), "old");
    const content = { "model.bin": Uint8Array.of(1, 2), "golden/input.txt": "1" };
    const { bytes } = await writeVerified(path, content, passes);
    assert.equal(bytes, 3);
    assert.deepEqual(readdirSync(path, { recursive: true }).sort(), [
      "golden",
      "golden/input.txt",
      "model.bin",
    ]);
    assert.deepEqual([...readFileSync(join(path, "model.bin"))], [1, 2]);
    assert.deepEqual(readdirSync(folder), ["model"]);
  });

  test("makes no folder of a file's name", async () => {
    const path = join(temporaryFolder(), "network.tflite");
    const content = { "model.tflite": "1", "golden/0.input": "2" };
    await assert.rejects(writeVerified(path, content, passes), {
      kind: "usage",
      message:
        /network\.tflite would be a folder of 2 files, among them model\.tflite; name a folder, e\.g\. .*\/network$/,
    });
    assert.ok(!existsSync(path));
    await writeVerified(path.replace("network.tflite", "network.v2"), content, passes);
  });

  test("puts no file in the place of a folder", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "exports");
    mkdirSync(path);
    await assert.rejects(writeVerified(path, "1", passes), {
      kind: "usage",
      message: `${path} is a folder; name a file in it`,
    });
    assert.deepEqual(readdirSync(folder), ["exports"]);
  });

  test("puts no folder in the place of a file, and says so before it verifies", async () => {
    const path = join(temporaryFolder(), "notes");
    writeFileSync(path, "mine");
    const verify = async () => assert.fail("verified");
    await assert.rejects(writeVerified(path, { "model.bin": "1" }, verify), {
      kind: "usage",
      message: `${path} is a file; name a folder, or what is not there yet`,
    });
    assert.equal(readFileSync(path, "utf8"), "mine");
  });

  test("leaves what was there, and nothing else, where the new one does not pass", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "model");
    for (const content of ["new", { "a/b": "new" }]) {
      const broken = writeVerified(path, content, async (written) => {
        throw new Error(`${written} is bad`);
      });
      await assert.rejects(broken, { message: /model is not written, .*: the new file is bad$/ });
      assert.deepEqual(readdirSync(folder), []);
    }
  });

  test("takes no folder that holds other things alone, and says so before it verifies", async () => {
    const path = temporaryFolder();
    writeFileSync(join(path, "mine"), "mine");
    const verify = () => assert.fail("verified");
    await assert.rejects(writeVerified(path, { "model.bin": "new" }, verify), {
      kind: "usage",
      message: / holds mine, and none of the new files; empty it/,
    });
    assert.deepEqual(readdirSync(path), ["mine"]);
  });

  test("leaves what others made of its files beside the new ones, but no former file of its own", async () => {
    const path = temporaryFolder();
    await writeVerified(
      path,
      { "model.bin": "old", "golden/0": "1", "golden/1": "2", "compiled.bin": "old" },
      passes,
    );
    writeFileSync(join(path, "firmware.so"), "mine");
    await writeVerified(path, { "model.bin": "new", "golden/0": "1", "compiled.bin": undefined }, passes);
    assert.deepEqual(readdirSync(path, { recursive: true }).sort(), [
      "firmware.so",
      "golden",
      "golden/0",
      "model.bin",
    ]);
  });

  test("says where it cannot write", async () => {
    const path = join(temporaryFolder(), "none/model");
    await assert.rejects(writeVerified(path, "file", passes), { message: /^cannot write .*none\/model: / });
  });
});
