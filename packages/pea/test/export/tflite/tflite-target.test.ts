/** A run's network as TensorFlow Lite files. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { ConvTranspose2d, manualSeed, randn, Sequential, setNumThreads } from "@pea/torch";
import { exportNetwork, exportRun } from "../../../src/export/export.ts";
import { networksOfToday } from "../../support/networks-of-today.ts";
import { peaHere } from "../../support/pea-main.ts";
import { readTflite } from "../../support/tflite-reader.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { trainMobilenet } from "../../support/trained-mobilenet.ts";

setNumThreads(1);
const folder = temporaryFolder();
const run = join(folder, "run");

before(() => trainMobilenet(run));

async function exported(...words: string[]) {
  const { code, stdout, stderr } = await peaHere("export", run, ...words, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

const readModel = (name = "tflite") => readTflite(readFileSync(join(run, name, "model.tflite")));

describe("pea export --target tflite", () => {
  for (const words of [[], ["--per-tensor"]])
    test(`${words.join(" ") || "as it is"}: within half a point of floats, as the interpreter computes`, async () => {
      const { integers } = await exported("--target", "tflite", ...words);
      assert.ok(Math.abs(integers.scores.loss) <= 0.5, JSON.stringify(integers.scores));
      assert.ok(integers.scores.float.top1 > 90, "the network has learned something");
      assert.equal(integers.scores.images, 400);
    });

  test("a folder holds the file, with what images want to be, and bytes that it must give", async () => {
    await exported("--target", "tflite", "--images", "10");
    const { inputs, outputs, tensors, metadata } = readModel();
    assert.deepEqual(tensors[inputs[0] as number]?.shape, [1, 28, 28, 1]);
    assert.deepEqual(tensors[outputs[0] as number]?.shape, [1, 10]);
    assert.equal(JSON.parse(metadata.get("preprocessing") as string).channelOrder, "grey");
    const golden = join(run, "tflite", "golden");
    assert.deepEqual(readdirSync(golden).sort(), [
      "0.input",
      "0.output",
      "1.input",
      "1.output",
      "2.input",
      "2.output",
    ]);
    assert.deepEqual(
      [readFileSync(join(golden, "0.input")).length, readFileSync(join(golden, "0.output")).length],
      [784, 10],
    );
  });

  test("without the Python that was named for LiteRT, nothing is written", async () => {
    const words = [
      "--target",
      "tflite",
      "--images",
      "10",
      "--litert",
      "no-such-python",
      "-o",
      join(folder, "none"),
    ];
    const { code, stderr } = await peaHere("export", run, ...words);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /no-such-python cannot be run \(ENOENT\); name a Python that has it with --litert PATH/,
    );
    assert.doesNotMatch(stderr, /calibration/);
    assert.ok(!existsSync(join(folder, "none")));
    const onnx = await peaHere("export", run, "--target", "onnx-int8", "--litert", "python3");
    assert.match(onnx.stderr, /ONNX in integers has no setting litert/);
  });

  test("its bytes are read back, run and scored; LiteRT is not asked where it is neither named nor found", async () => {
    const { verified, readBack, litert } = await exported("--target", "tflite", "--images", "10");
    assert.deepEqual(readBack, { images: 8, largest: 0, mean: 0 });
    assert.equal(litert, undefined);
    assert.ok(verified.includes("its bytes, read back, compute the exact integers (8 images)"));
    assert.match(
      verified.at(-1),
      /^not run in LiteRT \(none is found\): --litert PATH names a Python that has it/,
    );
  });

  test("is stopped between two images, and leaves nothing", async () => {
    const out = join(folder, "stopped");
    const signal = { aborted: false, reason: "SIGINT" };
    let scored = 0;
    const onProgress = (what: string, done: number) => {
      if (what === "test") scored = done;
      signal.aborted = scored === 5;
    };
    await assert.rejects(exportRun(run, { target: "tflite", out, signal, onProgress }), {
      name: "ExportInterrupted",
      message: "export stopped; nothing is written",
      reason: "SIGINT",
    });
    assert.equal(scored, 5);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("stopped")),
      [],
    );
  });

  test("the ends are what is asked for", async () => {
    await exported(
      "--target",
      "tflite",
      "--images",
      "10",
      "--input-type",
      "uint8",
      "--output-type",
      "float32",
    );
    const { inputs, outputs, tensors } = readModel();
    assert.equal(tensors[inputs[0] as number]?.type, "UINT8");
    assert.equal(tensors[outputs[0] as number]?.type, "FLOAT32");
  });

  test("in 16 bits nothing is lost", async () => {
    const { integers } = await exported("--target", "tflite", "--activations", "int16", "--images", "100");
    assert.equal(integers.scores.sameClass, 100);
    const { tensors } = readModel();
    assert.ok(tensors.some(({ type }) => type === "INT16") && tensors.some(({ type }) => type === "INT64"));
  });

  for (const [words, reason] of [
    [["--target", "tflite", "--activations", "uint8"], /computes in int8 or int16, not in uint8/],
    [["--target", "tflite", "--batch", "4"], /written for one image at a time, not 4/],
    [["--target", "rknn", "--batch", "4"], /RKNN-Toolkit2 .* is written for one image at a time, not 4/],
    [["--target", "ethos-u55", "--macs", "100"], /macs is 100, but the Ethos-U55 has 32, 64, 128, 256/],
    [
      ["--target", "onnx-int8", "--input-type", "uint8"],
      /ONNX in integers has no setting inputType \(--input-type\); leave it out/,
    ],
  ] as const)
    test(`${words.join(" ")} is refused`, async () => {
      const { code, stderr } = await peaHere("export", run, ...words, "-o", join(folder, "refused"));
      assert.equal(code, 2, stderr);
      assert.match(stderr, reason);
      assert.doesNotMatch(stderr, /calibration/, "before anything is computed");
      assert.ok(!existsSync(join(folder, "refused")));
    });
});

describe("networks of today leave as TensorFlow Lite", () => {
  for (const [name, create] of Object.entries(networksOfToday)) {
    if (name === "VGG with average pooling") continue;
    test(name, async () => {
      manualSeed(3);
      const path = join(folder, "today");
      await exportNetwork(create(), path, {
        target: "tflite",
        inputs: randn([2, 3, 64, 64]),
        trainingImages: randn([16, 3, 64, 64]),
      });
      assert.ok(readTflite(readFileSync(join(path, "model.tflite"))).operators.length > 0);
    });
  }
});

test("a network with an operator that has no form there is refused before ranges are taken, by name", async () => {
  const grouped = new Sequential(new ConvTranspose2d(4, 4, 2, { stride: 2, groups: 2 }));
  await assert.rejects(
    exportNetwork(grouped, join(folder, "grouped"), {
      target: "tflite",
      inputs: randn([1, 4, 8, 8]),
      trainingImages: randn([1, 4, 8, 8]),
    }),
    /ConvTranspose in 0: a transposed convolution of several groups has no form in TensorFlow Lite/,
  );
});
