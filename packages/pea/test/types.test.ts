/** What TypeScript makes of the packages as their users see them: of `dist/`, which the set-up compiles. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./support/tiny-data.ts";

const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const packages = fileURLToPath(new URL("../..", import.meta.url));

const program = `
import { parseVariant } from "@pea/core";
import { ensembleAct } from "@pea/kernels";
import { scope, type Tensor, tensor, type TypedArray } from "@pea/torch";
import { nativeBinaries } from "@pea/torch/binaries";
import { applyPea, train } from "pea-train";

const code: string = parseVariant("SM75%").smooth;
const values: TypedArray = scope((): Tensor => tensor([1, 2])).toTypedArray();
const engine: string = nativeBinaries().engine.name;
const stopped = train({ pea: "SM75%" }, { signal: { aborted: false } });
export { applyPea, code, engine, ensembleAct, stopped, values };
`;

for (const [resolution, module] of [
  ["NodeNext", "NodeNext"],
  ["Bundler", "ESNext"],
] as const)
  test(`the types stand alone under ${resolution}: strict, libraries checked, nothing but ES2022`, () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "node_modules/@pea"), { recursive: true });
    for (const name of ["core", "graph", "torch", "kernels"])
      symlinkSync(join(packages, name), join(folder, "node_modules/@pea", name));
    symlinkSync(join(packages, "pea"), join(folder, "node_modules/pea-train"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(join(folder, "program.ts"), program);
    const compilerOptions = {
      ...{ module, moduleResolution: resolution, target: "ES2022", lib: ["ES2022"], types: [] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false },
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    const { stdout } = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
    // zod's own declarations want a global URL, which Node.js' types or a browser's declare.
    const errors = stdout.split("\n").filter((line) => line !== "" && !/^\S*node_modules\/zod\//.test(line));
    assert.deepEqual(errors, []);
  });
