/**
 * The tables of docs/import.md are what the import does. `PEA_RENEW=1` writes them anew.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { foldedOperators } from "../../../src/import/onnx/folding/index.ts";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { converters } from "../../../src/import/onnx/operators/index.ts";

const page = fileURLToPath(new URL("../../../../../docs/import.md", import.meta.url));
const folder = fileURLToPath(new URL("files", import.meta.url));

/** What a file's name says of how it was made, by its second part. */
const ways: Readonly<Record<string, string>> = {
  keep: "PyTorch 2, batch norms kept",
  folded: "PyTorch 2, for inference",
  new: "PyTorch 2, default",
  unoptimized: "PyTorch 2, `optimize=False`",
  single: "PyTorch 2, default, one image",
  external: "PyTorch 2, default, weights in another file",
  opset24: "PyTorch 2, default, opset 24",
  opset7: "PyTorch 2, opset 7",
  opset9: "PyTorch 1.13, opset 9",
  "torch1.13": "PyTorch 1.13",
  keras: "Keras on TensorFlow",
  paddle9: "Paddle, opset 9",
  paddle13: "Paddle, opset 13",
};

async function rowOf(file: string): Promise<string> {
  const [, network = "", way = ""] = /^([^.]+)\.(.*)\.onnx$/.exec(file) ?? [];
  const { findings } = await importOnnx(join(folder, file));
  const { nodes, batchNorms, foldedBatchNorms, activations } = findings;
  const kinds = Object.entries(activations).sort(([a], [b]) => a.localeCompare(b));
  const told = kinds.map(([kind, count]) => `${count} ${kind}`).join(", ");
  const row = [network, ways[way], nodes.file, nodes.graph, batchNorms, foldedBatchNorms, told];
  return `| ${row.join(" | ")} |`;
}

const listed = (names: Iterable<string>): string =>
  [...new Set(names)]
    .sort()
    .map((name) => `\`${name}\``)
    .join(", ");

test("docs/import.md has the files, and the operators, that the import has", async () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".onnx"));
  const rows: string[] = [];
  for (const file of files.sort()) rows.push(await rowOf(file));
  const parts = {
    files: [
      "| network | by | nodes of the file | of the graph | batch norms | lost | activations |",
      "|---|---|---|---|---|---|---|",
      ...rows,
    ].join("\n"),
    operators: `${listed(converters.keys())}.`,
    folded: `${listed(foldedOperators)}.`,
  };
  const text = readFileSync(page, "utf8");
  const renewed = Object.entries(parts).reduce(
    (soFar, [name, part]) =>
      soFar.replace(
        new RegExp(`<!-- ${name} -->.*<!-- end of ${name} -->`, "s"),
        () => `<!-- ${name} -->\n${part}\n<!-- end of ${name} -->`,
      ),
    text,
  );
  if (process.env.PEA_RENEW) writeFileSync(page, renewed);
  assert.equal(text, renewed, "PEA_RENEW=1 with this test writes the tables anew");
});
