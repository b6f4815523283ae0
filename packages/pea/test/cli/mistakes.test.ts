import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
mkdirSync(at("empty"));
for (const [name, text] of Object.entries({
  "list.yaml": "- a",
  "broken.yaml": "lr: [",
  "in-file.yaml": "batchSize: -3",
  "part.yaml": "valFraction: 0.2",
  "unknown.yaml": "epoch: 3",
  "inner.yaml": "l2: { coeff: 1 }",
  "twice.yaml": "lr: 0.1\nlr: 0.2\n",
  "binary.yaml": "\u0000\u0001: \u0002",
  "no.onnx": "no network",
  "no.png": "no image",
}))
  writeFileSync(at(name), text);

/** Each is the user's mistake: one message that says what is wrong, code 2, one JSON document, no stack. */
const mistakes: [words: string[], message: RegExp][] = [
  [["bogus"], /unknown command 'bogus'; see pea --help/],
  [["trian"], /Did you mean train\?/],
  [["train", "--epoch", "3"], /Did you mean --epochs\?/],
  [["train", "--batch", "3"], /Did you mean one of --batch-norm-reestimate, --batch-size\?/],
  [["train", "--batch=3"], /unknown option '--batch=3'\n\(Did you mean one of .*--batch-size\?/],
  [["train", "--smoothing", "0.1"], /Did you mean --label-smoothing\?/],
  [["train", "--nothing-like-it"], /unknown option '--nothing-like-it'; see pea train --help/],
  [["train", "extra"], /too many arguments/],
  [["train", "-c"], /argument missing/],
  [["train", "-c", at("nowhere.yaml")], /cannot read .*nowhere\.yaml/],
  [["train", "-c", folder], /cannot read .*EISDIR/],
  [["train", "-c", at("list.yaml")], /must hold keys and values, not \["a"\]/],
  [["train", "-c", at("broken.yaml")], /is no valid YAML/],
  [["train", "-c", at("twice.yaml")], /Map keys must be unique/],
  [["train", "-c", at("binary.yaml")], /binary\.yaml/],
  [["train", "-c", at("unknown.yaml")], /unknown key "epoch" in .*; did you mean "epochs"\?/],
  [["train", "-c", at("inner.yaml")], /unknown key "coeff" in l2; did you mean "coef"\?/],
  [["train", "--epochs", "0"], /^pea: --epochs is 0, but must be a whole number of at least 1/m],
  [["train", "--batch-size", "-3"], /^pea: --batch-size is -3, but must be a whole number of at least 1/m],
  [["train", "--batch-size=0"], /^pea: --batch-size is 0, but/m],
  [["train", "--l2", "-1"], /^pea: --l2 is -1, but/m],
  [["train", "--validate-on", "test"], /^pea: --val-fraction is 0\.1, but with --validate-on "test"/m],
  [["train", "-c", at("in-file.yaml")], /^pea: batchSize is -3, but must be/m],
  [["train", "-c", at("in-file.yaml"), "--lr", "-1", "--batch-size", "8"], /^pea: --lr is -1, but/m],
  [
    ["train", "-c", at("part.yaml"), "--validate-on", "test"],
    /^pea: valFraction is 0\.2, but with --validate-on "test" nothing is split off; set valFraction to 0/m,
  ],
  [["train", "--no-exif-orientation"], /have no EXIF orientation .*; leave --no-exif-orientation out$/m],
  [["train", "--epochs", "1.5"], /epochs is 1\.5, but/],
  [["train", "--epochs", "many"], /epochs is "many", but/],
  [["train", "--lr", "-1"], /lr is -1, but/],
  [["train", "--lr", "nan"], /lr is "nan", but/],
  [["train", "--pea", "SM100%"], /pea is "SM100%", but/],
  [["train", "--data", "imagefolder"], /--data "imagefolder" needs --data-dir/],
  [["train", "--data", "imagefolder", "--data-dir", at("nowhere")], /cannot read .*nowhere/],
  [["train", "--data", "imagefolder", "--data-dir", at("empty")], /empty holds no class folders but nothing/],
  [["train", "--data-dir", at("empty")], /Fashion-MNIST is not in/],
  [["train", "--device", "gpu"], /device is "gpu", but must be cpu/],
  [["train", "--model", ""], /model is "", but/],
  [
    ["train", "--import", at("nowhere.ts"), "--limit-train", "300"],
    /there is no module .*nowhere\.ts to import/,
  ],
  [["train", "--limit-train", "0"], /--limit-train is 0, but/],
  [
    ["train", "--resume", at("empty")],
    /empty is not a run directory: it has no config\.yaml; give the folder of a run/,
  ],
  [["train", "--resume", at("nowhere")], /nowhere does not exist; give the folder of a run/],
  [
    ["train", "--run", at("no.onnx")],
    /no\.onnx is a file, not a directory; give the run a directory of its own/,
  ],
  [["train", "--resume", at("empty"), "--dry-run"], /leave --dry-run out/],
  [["eval"], /missing required argument 'run'/],
  [["eval", "a", "b"], /too many arguments/],
  [["eval", at("empty"), "--checkpoint", "first"], /Allowed choices are best, last/],
  [["eval", at("empty"), "--part", "all"], /Allowed choices are test, validation/],
  [["eval", at("nowhere")], /nowhere does not exist; give the folder of a run/],
  [["eval", at("no.onnx/inside")], /inside does not exist; give the folder of a run/],
  [["export", at("no.onnx")], /no\.onnx is not a run directory: it is a file; give the folder of a run/],
  [["models", "all"], /too many arguments/],
  [["table", "9"], /Allowed choices are 2, 3, 4, 5, 6/],
  [["table", "2", at("nowhere")], /cannot read .*nowhere/],
  [["inspect"], /missing required argument 'network'/],
  [["inspect", ""], /unknown model/],
  [
    ["inspect", "resnet18", "--classes", "0"],
    /--classes <N>' argument '0' is invalid. It must be a whole number of at least 1/,
  ],
  [
    ["inspect", "resnet18", "--batch", "-3"],
    /--batch <N>' argument '-3' is invalid. It must be a whole number of at least 1/,
  ],
  [
    ["inspect", "resnet18", "--batch", "0"],
    /--batch <N>' argument '0' is invalid. It must be a whole number of at least 1/,
  ],
  [
    ["inspect", "resnet18", "--batch", "1.5"],
    /argument '1.5' is invalid. It must be a whole number of at least 1/,
  ],
  [
    ["train", "--expected-train", "5"],
    /--expected-test is missing beside --expected-train, but must be a whole number of/,
  ],
  [["predict", at("empty")], /missing required argument 'images'/],
  [["predict", at("empty"), at("no.png")], /empty is not a run directory/],
  [["predict", at("no.onnx"), at("no.png")], /no\.onnx is not an ONNX model/],
  [["predict", at("nowhere"), at("no.png")], /there is no .*nowhere/],
  [["study"], /required option '-c, --config <FILE>' not specified/],
  [["study", "-c", at("nowhere.yaml")], /cannot read .*nowhere\.yaml/],
  [["report", at("nowhere")], /nowhere does not exist/],
  [["init", at("empty")], /holds no data set/],
  [["init", at("nowhere")], /there is no folder/],
];

describe("a mistake is told in one message, with code 2 and one JSON document", () => {
  for (const [words, message] of mistakes)
    test(`pea ${words.map((word) => word.replace(`${folder}/`, "")).join(" ")}`, async () => {
      const [command = "", ...rest] = words;
      const { code, stdout, stderr } = await peaHere(command, "--json", ...rest);
      assert.match(stderr, message);
      assert.match(stderr, /^pea: /m);
      assert.doesNotMatch(stderr, /^ {4}at /m);
      assert.equal(code, 2);
      assert.match(JSON.parse(stdout).error.message, /\S/);
    });
});

describe("pea at the end of a pipe", () => {
  const entry = fileURLToPath(new URL("../../bin/pea.js", import.meta.url));

  test("goes quietly when its reader does, and prints no colours", () => {
    const { stdout, stderr, status } = spawnSync("sh", ["-c", `node ${entry} inspect resnet50 | head -2`], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    assert.deepEqual([status, stderr, stdout.split("\n").length], [0, "", 3]);
    assert.ok(!stdout.includes("\u001b"));
  });

  test("says that its output cannot be written where the disk is full, as the demo does", () => {
    const demo = fileURLToPath(new URL("../../dist/demo/main.js", import.meta.url));
    for (const words of [`${entry} models`, `${entry} --help`, demo]) {
      const { stderr, status } = spawnSync("sh", ["-c", `node ${words} > /dev/full`], {
        cwd: folder,
        encoding: "utf8",
      });
      assert.deepEqual([status, stderr.split("\n").length], [1, 2], stderr);
      assert.match(stderr, /^(pea|demo): cannot write the output: ENOSPC/);
    }
  });
});
