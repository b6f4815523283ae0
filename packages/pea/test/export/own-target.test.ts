import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { randn, readSafetensors, setNumThreads, type Tensor } from "@pea/torch";
import { builtInTargets } from "../../src/export/built-in-targets.ts";
import { exportNetwork } from "../../src/export/export.ts";
import { registerTarget, targetNames } from "../../src/export/targets.ts";
import { createModel } from "../../src/models/index.ts";
import { train } from "../../src/train/train.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

setNumThreads(1);
const module = fileURLToPath(new URL("../../../../examples/own-target/c-header.ts", import.meta.url));

describe("a target of one's own, from the command", () => {
  const folder = temporaryFolder();
  const run = join(folder, "run");

  before(async () => {
    const recipe = {
      model: "mobilenet-0.02-small",
      epochs: 1,
      batchSize: 32,
      threads: 1,
      pea: "none",
    } as const;
    await train({ ...recipe, dataDir: writeTinyData() }, { runDirectory: run });
  });

  test("says what it does not take, and writes nothing", async () => {
    const { code, stderr } = await peaHere("export", run, "--target", module);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^pea: BatchNormalization in features\.0\.bn is left: fold it, with --fold-batch-norms/,
    );
    assert.equal(existsSync(join(run, "model.h")), false);
  });

  test("writes its file beside the others and says what it has proven", async () => {
    const { code, stdout, stderr } = await peaHere("export", run, "--target", module, "--fold-batch-norms");
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /model\.h: .*\n.*\nRelu is the only activation\nall \d+ weights read back as they are/,
    );
    assert.deepEqual(JSON.parse(readFileSync(join(run, "exported.json"), "utf8")), ["model.onnx", "model.h"]);
  });

  test("is C: its numbers are the network's", () => {
    const program = `#include <stdio.h>\n#include "${join(run, "model.h")}"
      int main(void) { for (int i = 0; i < 10; i++) printf("%.9g\\n", fc_bias[i]); return 0; }`;
    writeFileSync(join(folder, "print.c"), program);
    execFileSync("g++", ["-x", "c", join(folder, "print.c"), "-o", join(folder, "print")]);
    const printed = execFileSync(join(folder, "print"), { encoding: "utf8" }).trim().split("\n").map(Number);
    const { tensors } = readSafetensors(join(run, "checkpoints", "best.safetensors"));
    assert.deepEqual(printed.map(Math.fround), [
      ...((tensors.get("fc.bias") as Tensor).toTypedArray() as Float32Array),
    ]);
  });

  test("has no opset, and is not taken for another", async () => {
    for (const [words, message] of [
      [["--target", module, "--opset", "13"], /^pea: opset is 13, but C header has none; leave it out/],
      [["--target", "onxx"], /^pea: unknown target onxx; did you mean onnx\?/],
      [["--target", join(run, "config.yaml")], /^pea: cannot import .*config\.yaml/],
    ] as const) {
      const { code, stderr } = await peaHere("export", run, ...words);
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr);
    }
  });
});

describe("registerTarget", () => {
  const target = (name: string) => ({
    name,
    title: "Nothing",
    file: "nothing",
    obstacle: () => null,
    write: () => "nothing",
    verify: async (file: string) => ({ text: readFileSync(file, "utf8") }),
    describe: ({ text }: { text: string }) => [`holds ${text}`],
  });

  test("makes a form known by its name", async () => {
    registerTarget(target("nothing"));
    const file = join(temporaryFolder(), "file");
    const options = { inputs: randn([1, 1, 28, 28]), target: "nothing" };
    const { verified, bytes, operators } = await exportNetwork(
      createModel("mobilenet-0.02-small", { inputChannels: 1 }),
      file,
      options,
    );
    assert.deepEqual([verified, bytes, operators.Relu], [["holds nothing"], 7, 27]);
  });

  test("leaves nothing of a file that its target does not verify", async () => {
    const broken = { ...target("broken"), verify: () => Promise.reject(new Error("it is empty")) };
    registerTarget(broken);
    const file = join(temporaryFolder(), "file");
    const model = createModel("mobilenet-0.02-small", { inputChannels: 1 });
    await assert.rejects(exportNetwork(model, file, { inputs: randn([1, 1, 28, 28]), target: "broken" }), {
      name: "PeaError",
      message: /file is not written, for it failed its verification: it is empty/,
    });
    assert.equal(existsSync(file), false);
  });

  test("names what its description lacks", () => {
    const { write, ...others } = target("half");
    assert.throws(() => registerTarget(others as never), {
      kind: "usage",
      message: "write of target half is missing, but must be a function",
    });
  });

  test("has the built-in ones before it, by the names that help has of them", () => {
    assert.deepEqual(targetNames().slice(0, builtInTargets.length), builtInTargets);
    assert.equal(new Set(builtInTargets).size, 14);
  });

  test("refuses a name that is taken, or none", () => {
    assert.throws(() => registerTarget(target("onnx")), { kind: "usage", message: /onnx exists already/ });
    assert.throws(() => registerTarget(target("My Target")), { kind: "usage", message: /small letters/ });
  });
});
