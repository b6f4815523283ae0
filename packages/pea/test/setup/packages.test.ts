/** What npm would publish. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const folders = ["packages", "binaries"].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => join(root, parent, name)),
);

interface Manifest {
  name: string;
  version: string;
  bin?: Record<string, string>;
  engines?: { node: string };
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
const read = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const manifests = folders.map(read);
const toolkit = read(join(root, "packages/pea"));

/** The files of a package, as npm would pack them. */
function packed(folder: string): string[] {
  const report = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    ...{ cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  });
  const [entry]: { files: { path: string }[] }[] = JSON.parse(report);
  return (entry?.files ?? []).map(({ path }) => path);
}

test("the toolkit goes by a name that is ours, with the command under its short name and under that", () => {
  assert.equal(toolkit.name, "pea-train");
  assert.deepEqual(Object.keys(toolkit.bin ?? {}), ["pea", "pea-train"]);
});

test("the packages go together: one version, by which they depend on one another", () => {
  const names = new Set(manifests.map(({ name }) => name));
  for (const { name, version, dependencies, optionalDependencies } of manifests) {
    assert.equal(version, toolkit.version, name);
    for (const [other, range] of Object.entries({ ...dependencies, ...optionalDependencies }))
      if (names.has(other)) assert.equal(range, version, `${name} on ${other}`);
  }
});

test("none has an install script", () => {
  for (const { name, scripts } of manifests) assert.equal(scripts, undefined, name);
});

describe("a tarball", () => {
  for (const folder of folders.filter((folder) => existsSync(join(folder, "src")))) {
    const { name } = read(folder);
    test(`of ${name} has what is run, native sources and what tells of it, and nothing else`, () => {
      const files = packed(folder);
      assert.ok(files.includes("dist/index.js") && files.includes("dist/index.d.ts"));
      assert.ok(files.includes("README.md"));
      assert.equal(
        files.some((file) => file === "native/CMakeLists.txt"),
        existsSync(join(folder, "native")),
      );
      const other = files.filter(
        (file) =>
          !/^dist\/.+\.(js|d\.ts|js\.map)$|^native\/(?!test\/)([^/]+\/)*[^/]+\.(cc|h|txt|md)$|^bin\/|^(README\.md|package\.json|LICENSE)$/.test(
            file,
          ),
      );
      assert.deepEqual(other, []);
    });
  }
});

test("texts and messages never send anyone to the other package by npx", () => {
  const tracked = execFileSync("git", ["ls-files", "-z", "*.md", "*.ts", "*.html", "*.yaml"], {
    ...{ cwd: root, encoding: "utf8" },
  });
  const files = tracked.split("\0").filter((file) => file !== "" && existsSync(join(root, file)));
  const wrong = files.filter((file) =>
    /npx (-\S+ )*pea [a-z…]+/.test(readFileSync(join(root, file), "utf8")),
  );
  assert.deepEqual(wrong, []);
});
