/** The packages' types in a stranger's program, under the versions of TypeScript and the ways to find modules that there are. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import {
  createProject,
  install,
  type Outcome,
  oldest,
  type Project,
  succeeded,
  workplace,
} from "./project.ts";
import { readmeProgram } from "./readme-program.ts";
import { findTarballs } from "./tarballs.ts";

const tarballs = findTarballs();
const compilers = { "TypeScript 5.9": "typescript@5.9.3", "TypeScript 7": "typescript@7.0.2" };
const resolutions = { NodeNext: "NodeNext", Bundler: "ESNext" };

after(() => rmSync(workplace, { recursive: true, force: true }));

/** A project with these packages and both compilers. */
async function projectWith(name: string, packages: readonly string[]): Promise<Project> {
  const project = createProject(name, oldest);
  const aliases = Object.values(compilers).map((compiler) => `${aliasOf(compiler)}@npm:${compiler}`);
  succeeded(await project.run([...install, ...packages, ...aliases]));
  return project;
}

const aliasOf = (compiler: string): string => compiler.replace(/\W/g, "-");

/** Compiles program.ts strictly, without the types of Node.js; unless told to skip them, what it imports too. */
type Compile = (project: Project, options: { skipLibCheck: boolean }) => Promise<Outcome>;

function compilation(compiler: string, moduleResolution: keyof typeof resolutions): Compile {
  return (project, { skipLibCheck }) => {
    const compilerOptions = {
      ...{ module: resolutions[moduleResolution], moduleResolution, target: "ES2022", types: [] },
      ...{ strict: true, noEmit: true, skipLibCheck },
    };
    project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    return project.run(["node", `node_modules/${aliasOf(compiler)}/bin/tsc`, "-p", "."]);
  };
}

/** Tests each compiler with each way to find modules. */
function everywhere(title: string, check: (compile: Compile) => Promise<void>): void {
  for (const [name, compiler] of Object.entries(compilers))
    for (const resolution of Object.keys(resolutions) as (keyof typeof resolutions)[])
      test(`${name}, ${resolution}: ${title}`, () => check(compilation(compiler, resolution)));
}

describe("the toolkit", () => {
  let project: Project;
  before(async () => {
    const { "@pea/tfjs": _, ...toolkit } = tarballs;
    project = await projectWith("types-of-toolkit", Object.values(toolkit));
    project.write(
      "program.ts",
      `import { parseVariant } from "@pea/core";
import { ensembleAct } from "@pea/kernels";
import { scope, type Tensor, tensor, type TypedArray } from "@pea/torch";
import { applyPea, train } from "pea-train";

export const values: TypedArray = scope((): Tensor => tensor([1, 2])).toTypedArray();
export const run = train({ pea: "SM75%" });
export { applyPea, ensembleAct, parseVariant };
`,
    );
  });

  everywhere("the types stand alone, strict, without Node.js's", async (compile) => {
    succeeded(await compile(project, { skipLibCheck: false }));
  });
});

describe("@pea/tfjs", () => {
  let project: Project;
  before(async () => {
    const own = [tarballs["@pea/core"], tarballs["@pea/tfjs"]] as string[];
    project = await projectWith("types-of-tfjs", [...own, "@tensorflow/tfjs@4.22.0"]);
    project.write("program.ts", readmeProgram(project, "@pea/tfjs"));
  });

  everywhere("the README's lines are typed, strict, with skipLibCheck", async (compile) => {
    succeeded(await compile(project, { skipLibCheck: true }));
  });

  // TensorFlow.js's own types have faults, and those of WebGPU that it brings clash with TypeScript 7's.
  everywhere("without skipLibCheck no fault is in our types", async (compile) => {
    const { code, stdout } = await compile(project, { skipLibCheck: false });
    const faults = stdout.match(/^\S+\(\d+,\d+\): error TS.*$/gm) ?? [];
    assert.ok(code === 0 || faults.length > 0, stdout);
    assert.deepEqual(
      faults.filter((line) => /^(program\.ts|node_modules\/@pea\/)/.test(line)),
      [],
    );
  });
});
