/** @pea/tfjs as a stranger gets it, with TensorFlow.js beside it and without the toolkit. */
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  createProject,
  install,
  nodeVersions,
  oldest,
  onNode,
  type Project,
  succeeded,
  workplace,
} from "./project.ts";
import { readmeProgram } from "./readme-program.ts";
import { startRegistry } from "./registry.ts";
import { findTarballs } from "./tarballs.ts";

const tarballs = findTarballs();

after(() => rmSync(workplace, { recursive: true, force: true }));

/** Runs the README's lines, and compares what they print with what they say that they print. */
async function runsReadme(project: Project): Promise<void> {
  const program = readmeProgram(project, "@pea/tfjs");
  project.write("program.mjs", program);
  const said = /console\.log\(.*\); \/\/ (.*)$/m.exec(program)?.[1];
  const printed = succeeded(await project.run(["node", "program.mjs"]));
  assert.equal(printed.trim().split("\n").at(-1), said);
}

describe("@pea/tfjs, from tarballs, with install scripts off", () => {
  let project: Project;
  before(async () => {
    project = createProject("tfjs", oldest);
    const own = [tarballs["@pea/core"], tarballs["@pea/tfjs"]] as string[];
    succeeded(await project.run([...install, ...own, "@tensorflow/tfjs@4.22.0"]));
  });

  test("has the method and TensorFlow.js, and no libtorch", () => {
    assert.deepEqual(readdirSync(join(project.folder, "node_modules/@pea")), ["core", "tfjs"]);
  });

  for (const version of nodeVersions)
    test(`the README's lines work on Node.js ${version}`, () => runsReadme(onNode(project, version)));
});

test("npm i @pea/tfjs from a registry brings all that the README's lines need", async () => {
  const registry = await startRegistry(tarballs);
  try {
    const project = createProject("tfjs-from-registry", oldest);
    project.write(".npmrc", `registry=${registry.url}\n`);
    succeeded(await project.run([...install, "@pea/tfjs"]));
    await runsReadme(project);
  } finally {
    await registry.stop();
  }
});
