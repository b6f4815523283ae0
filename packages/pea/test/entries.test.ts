import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { temporaryFolder } from "./support/tiny-data.ts";

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true }));

/** The modules that a program's import of an entry loads, as URLs; those of the command line by its words. */
function loadedBy(entry: string, ...words: string[]): string[] {
  const list = join(folder, `${[basename(entry), ...words].join("-")}.txt`);
  const hooks = `
    import { appendFileSync } from "node:fs";
    export function load(url, context, next) {
      appendFileSync(${JSON.stringify(list)}, url + "\\n");
      return next(url, context);
    }`;
  const program = `
    import { register } from "node:module";
    register("data:text/javascript," + encodeURIComponent(${JSON.stringify(hooks)}));
    const { main } = await import(${JSON.stringify(entry)});
    ${words.length > 0 ? `await main(${JSON.stringify(words)});` : ""}`;
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--conditions=pea-source", "--import", "tsx", "--input-type=module", "-e", program],
    { encoding: "utf8", cwd: import.meta.dirname },
  );
  assert.equal(status, 0, stderr);
  return readFileSync(list, "utf8").trim().split("\n");
}

const heavy = /onnxruntime|onnx-proto|protobufjs|\/sharp|echarts/;

for (const entry of ["pea-train/methods", "pea-train/models"])
  test(`${entry} loads neither ONNX Runtime nor sharp, and no room above its own`, () => {
    const loaded = loadedBy(entry);
    const rooms = new Set(loaded.flatMap((url) => /packages\/pea\/src\/([a-z]+)\//.exec(url)?.[1] ?? []));
    assert.ok(rooms.has(entry.split("/")[1] as string));
    assert.deepEqual(
      loaded.filter((url) => heavy.test(url)),
      [],
    );
    assert.deepEqual(
      [...rooms].filter(
        (room) =>
          !["common", "distributed", "activations", "trace", "import", "methods", "models"].includes(room),
      ),
      [],
    );
    assert.ok(loaded.length < 450, `${loaded.length} modules`);
  });

test("pea-train loads them all, so the count sees them", () => {
  assert.ok(loadedBy("pea-train").some((url) => heavy.test(url)));
});

const command = new URL("../src/cli/main.ts", import.meta.url).href;

test("pea --help loads the commands' descriptions alone: no recipe, no checks, no engine", () => {
  const loaded = loadedBy(command, "--help");
  const rooms = new Set(loaded.flatMap((url) => /packages\/pea\/src\/([a-z]+)\//.exec(url)?.[1] ?? []));
  assert.deepEqual([...rooms].sort(), ["cli", "terminal"]);
  assert.deepEqual(
    loaded.filter((url) => /\/(zod|yaml)\/|packages\/(torch|kernels|graph)\//.test(url)),
    [],
  );
});

test("pea export --help loads what names targets, and no engine", () => {
  const loaded = loadedBy(command, "export", "--help");
  assert.ok(loaded.some((url) => url.includes("packages/pea/src/export/built-in-targets.ts")));
  assert.ok(!loaded.some((url) => heavy.test(url) || url.includes("packages/torch/")));
});

test("pea train --help loads what reads recipes, so the rooms are seen, and no engine", () => {
  const loaded = loadedBy(command, "train", "--help");
  assert.ok(loaded.some((url) => url.includes("packages/pea/src/recipe/")));
  assert.ok(loaded.some((url) => url.includes("/zod/")));
  assert.ok(!loaded.some((url) => url.includes("packages/torch/")));
});
