import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The rooms from the lowest to the highest, as docs/architecture.md lists them. */
const [, list = ""] =
  /```rooms\n([^`]*)```/.exec(readFileSync(join(root, "docs/architecture.md"), "utf8")) ?? [];
const rooms = list
  .trim()
  .split("\n")
  .flatMap((line) => {
    const [name = "", ...within] = line.split(/\s+/);
    const source = `packages/${name}/src`;
    return within.length > 0 ? within.map((room) => `${source}/${room}`) : [source];
  });

const files = readdirSync(join(root, "packages"))
  .flatMap((name) => {
    const source = `packages/${name}/src`;
    return readdirSync(join(root, source), { recursive: true }).map((file) => `${source}/${file}`);
  })
  .filter((file) => file.endsWith(".ts"))
  .sort();

/** The files of ours that a file imports, in whatever way, type-only imports included. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8").replace(/^\s*(\*|\/\/).*$/gm, "");
  const named = [...text.matchAll(/\b(?:from|import|import\.meta\.resolve)\s*\(?\s*"([^"]+)"/g)];
  return named.flatMap(([, name = ""]) => {
    const [, ours, entry = "index"] = /^@pea\/([a-z]+)(?:\/([a-z-]+))?$/.exec(name) ?? [];
    const source = `packages/${ours}/src/${entry}`;
    if (ours !== undefined)
      return [[`${source}.ts`, `${source}/index.ts`].find((path) => files.includes(path)) ?? name];
    return name.startsWith(".") && name.endsWith(".ts")
      ? [relative(root, resolve(root, dirname(file), name))]
      : [];
  });
}

/** The innermost room that a file is in; undefined for a package's entries, which gather what all rooms hold. */
function roomOf(file: string): string | undefined {
  return rooms.filter((room) => file.startsWith(`${room}/`)).sort((a, b) => b.length - a.length)[0];
}

const imports = new Map(files.map((file) => [file, importsOf(file)]));

test("every file is in a room, but for the entries of packages", () => {
  const homeless = files.filter((file) => roomOf(file) === undefined);
  assert.deepEqual(homeless, ["packages/pea/src/index.ts"]);
  const empty = rooms.filter((room) => !files.some((file) => roomOf(file) === room));
  assert.deepEqual(empty, []);
});

test("imports point from higher rooms to lower ones", () => {
  const upwards = [...imports].flatMap(([file, targets]) =>
    targets
      .filter((target) => {
        const [from, to] = [roomOf(file), roomOf(target)];
        return from !== undefined && (to === undefined || rooms.indexOf(to) > rooms.indexOf(from));
      })
      .map((target) => `${file} imports ${target}`),
  );
  assert.deepEqual(upwards, []);
});

test("no file imports itself, through whichever others", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" > "));
    else if (!done.has(file)) {
      for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    }
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(circles, []);
});

test("the reading of imports sees static, type-only, dynamic and package imports", () => {
  const all = [...imports.values()].flat();
  const has = (from: string, to: string) => imports.get(`packages/${from}`)?.includes(`packages/${to}`);
  assert.ok(has("pea/src/train/trainer.ts", "pea/src/run/plan.ts"), "a type-only import");
  assert.ok(has("pea/src/cli/program.ts", "pea/src/cli/train.ts"), "a dynamic import");
  assert.ok(has("pea/src/train/training-step.ts", "torch/src/index.ts"), "another package");
  assert.deepEqual(
    all.filter((file) => !files.includes(file)),
    [],
  );
});
