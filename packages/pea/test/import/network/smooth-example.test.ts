/** The examples of docs/import.md, on a few images: a network, and a body without its head, becomes one of ReLU. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { peaHere } from "../../support/pea-main.ts";
import { temporaryFolder, writeTinyData } from "../../support/tiny-data.ts";

const root = fileURLToPath(new URL("../../../../..", import.meta.url));
const folder = temporaryFolder();
const data = ["--data-dir", writeTinyData()];
/** Beside what a command says: the tiny data, where it reads data. */
const more: Readonly<Record<string, readonly string[]>> = {
  python3: data,
  train: [...data, "--batch-size", "32", "--threads", "1"],
};

/** The commands under the heading, each in words, their files in the temporary folder. */
const commands = (() => {
  const page = readFileSync(join(root, "docs/import.md"), "utf8");
  const [, block = ""] = /## An example: Swish on Fashion-MNIST\n.*?```sh\n(.*?)```/s.exec(page) ?? [];
  return block
    .trim()
    .split("\n")
    .map((line) =>
      line
        .replace(/ +#.*/, "")
        .replace(/^npx pea-train /, "")
        .split(" "),
    )
    .map((words) => words.map((word) => word.replace(/^(swish\.onnx|runs\/)/, join(folder, "$1"))));
})();

async function run([command = "", ...words]: readonly string[]): Promise<string> {
  const all = [...words, ...(more[command] ?? [])];
  if (command === "python3")
    return execFileSync("/usr/bin/python3", ["-B", ...all], { cwd: root, encoding: "utf8", stdio: "pipe" });
  const { code, stdout, stderr } = await peaHere(command, ...all);
  assert.equal(code, 0, stderr);
  return stdout;
}

test("the commands of docs/import.md end in a file without Swish", async () => {
  assert.equal(commands.length, 5);
  const [made, smooth, , , deployed] = await commands.reduce<Promise<string[]>>(
    async (printed, command) => [...(await printed), await run(command)],
    Promise.resolve([]),
  );
  assert.match(made as string, /^with Swish: /);
  assert.equal(smooth?.match(/ SiLU /g)?.length, 4);
  assert.match(
    smooth as string,
    /export to ONNX +not possible: Swish in 0\.2 .*; it has ReLU in the end with PEA/,
  );
  assert.doesNotMatch(deployed as string, /SiLU|Swish/);
  assert.equal(deployed?.match(/ ReLU /g)?.length, 4);
  assert.match(deployed as string, /export to ONNX +possible/);
});

test("examples/smooth-to-relu/distill-features.ts brings a body's features nearer, and exports ReLU and gates", () => {
  const words = [
    ...["--conditions=pea-source", "--import", import.meta.resolve("tsx")],
    join(root, "examples/smooth-to-relu/distill-features.ts"),
    fileURLToPath(new URL("../onnx/files/efficientnet.keep.onnx", import.meta.url)),
    ...["/features/features.2/squeeze/Mul_output_0", "100", writeTinyData()],
  ];
  const printed = execFileSync(process.execPath, words, { cwd: temporaryFolder(), encoding: "utf8" });
  const [before = 0, after = 0] = [...printed.matchAll(/features differ by (\S+) of/g)].map(([, loss]) =>
    Number(loss),
  );
  assert.ok(after > 0 && after < 0.7 * before, printed);
  assert.match(printed, /^features\.onnx: 7 Relu, 2 others$/m);
});
