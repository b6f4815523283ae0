/** The packages as a stranger gets them: what is in them, and what they do in a project that has nothing else. */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { glibcOf, namesFolder } from "./native-file.ts";
import {
  createProject,
  install,
  type NodeVersion,
  nodeVersions,
  oldest,
  type Project,
  succeeded,
  workplace,
} from "./project.ts";
import { type Registry, startRegistry } from "./registry.ts";
import { findTarballs } from "./tarballs.ts";

const root = join(import.meta.dirname, "../..");
const wheel =
  process.env.LIBTORCH ?? assert.fail("LIBTORCH must name the wheel that the packages are made for");
const smoke = readFileSync(join(import.meta.dirname, "smoke.mjs"), "utf8");

const { "@pea/tfjs": _, ...toolkit } = findTarballs();
after(() => rmSync(workplace, { recursive: true, force: true }));

/** A project with the toolkit from tarballs, and no script run. */
async function installToolkit(name: string, version: NodeVersion = oldest): Promise<Project> {
  const project = createProject(name, version);
  succeeded(await project.run([...install, ...Object.values(toolkit)]));
  project.write("smoke.mjs", smoke);
  return project;
}

const works = (engine: string, libraries: string, origin: string) => ({
  ...{ engine, libraries, origin, activations: 27, isExact: true, isScored: true },
});
const onDebian = works(
  "libtorch1.13",
  "/usr/lib/x86_64-linux-gnu",
  "the package @pea/linux-x64-libtorch1.13",
);
const onWheel = works("torch2.15", join(wheel, "lib"), "the package @pea/linux-x64-torch2.15");

const runSmoke = async (project: Project, environment: Record<string, string> = {}): Promise<unknown> =>
  JSON.parse(succeeded(await project.run(["node", "smoke.mjs"], environment)));

test("native files need glibc 2.34 or older, and name no folder of the machine that built them", () => {
  for (const name of readdirSync(join(root, "binaries"))) {
    const folder = join(root, "binaries", name);
    const files = readdirSync(folder).filter((file) => /\.(node|so)/.test(file));
    assert.deepEqual(files.sort(), [
      "libjpeg.so.62",
      "libpea_kernels.so",
      "pea_images.node",
      "pea_torch.node",
    ]);
    for (const file of files.map((file) => join(folder, file))) {
      const [, minor] = glibcOf(file).split(".");
      assert.ok(Number(minor) <= 34, `${file} needs glibc 2.${minor}`);
      assert.ok(!namesFolder(file), file);
      assert.ok(!readFileSync(file).includes(root), `${file} names ${root}`);
    }
  }
});

for (const version of nodeVersions)
  describe(`on Node.js ${version}, from tarballs, with install scripts off`, () => {
    let project: Project;
    before(async () => {
      project = await installToolkit(`node-${version}`, version);
    });

    test("trains, exports and decodes images on Debian's libtorch", async () => {
      assert.deepEqual(await runSmoke(project), onDebian);
    });

    test("the same on PyPI's torch in the active virtual environment", async () => {
      const environment = { VIRTUAL_ENV: join(wheel, "../../../..") };
      assert.deepEqual(await runSmoke(project, environment), onWheel);
    });

    test("the command answers to both of its names", async () => {
      for (const name of ["pea", "pea-train"])
        assert.match(
          succeeded(await project.run(["npx", "--no", name, "doctor"])),
          /^✓ engine +libtorch 1\.13/m,
        );
    });
  });

describe("from a registry", () => {
  let registry: Registry;
  let project: Project;
  before(async () => {
    registry = await startRegistry(toolkit);
    project = createProject("from-registry", oldest);
    project.write(".npmrc", `registry=${registry.url}\n`);
  });
  after(() => registry?.stop());

  test("npm i pea-train brings the others and the binaries, with install scripts off", async () => {
    succeeded(await project.run([...install, "pea-train"]));
    project.write("smoke.mjs", smoke);
    assert.deepEqual(await runSmoke(project), onDebian);
  });

  test("npx pea-train runs it where no project has it", async () => {
    const elsewhere = createProject("elsewhere", oldest);
    elsewhere.write(".npmrc", `registry=${registry.url}\n`);
    const cache = { npm_config_cache: join(workplace, "npm-cache"), npm_config_ignore_scripts: "true" };
    assert.match(
      succeeded(await elsewhere.run(["npx", "--yes", "pea-train", "doctor"], cache)),
      /^✓ binaries /m,
    );
  });
});

describe("a bundle", () => {
  const program = `import { ones } from "@pea/torch";\nconsole.log(ones([2]).shape.join());\n`;
  let project: Project;
  before(async () => {
    project = await installToolkit("bundler");
    const bundlers = ["esbuild@0.28.2", "rollup@4.68.8", "@rollup/plugin-node-resolve@16.0.3"];
    succeeded(await project.run([...install, ...bundlers]));
    project.write("program.mjs", program);
  });

  const esbuild = ["npx", "esbuild", "program.mjs", "--bundle", "--platform=node", "--log-level=error"];
  const rollup = ["npx", "rollup", "program.mjs", "--silent", "--format=es", "-p", "node-resolve"];
  const advice = /TorchError: @pea\/torch was bundled into .*--external:@pea\/\*/;

  for (const [name, words, file] of [
    ["esbuild, ES module", [...esbuild, "--format=esm", "--outfile=dist/a.mjs"], "dist/a.mjs"],
    ["esbuild, CommonJS", [...esbuild, "--format=cjs", "--outfile=dist/b.cjs"], "dist/b.cjs"],
    ["Rollup", [...rollup, "--file=dist/c.mjs"], "dist/c.mjs"],
  ] as const)
    test(`${name}: away from its addon, it says what to leave out`, async () => {
      succeeded(await project.run(words));
      const { code, stderr } = await project.run(["node", file]);
      assert.equal(code, 1);
      assert.match(stderr, advice);
    });

  test("works with the packages left out, as the error says", async () => {
    const external = ["--external:@pea/*", "--external:pea-train"];
    succeeded(await project.run([...esbuild, "--format=esm", "--outfile=dist/d.mjs", ...external]));
    assert.equal(succeeded(await project.run(["node", "dist/d.mjs"])), "2\n");
  });
});

describe("an engine", () => {
  let project: Project;
  before(async () => {
    project = await installToolkit("engines");
  });

  /** A copy of the wheel's folder by links, in another place. */
  function copyWheel(name: string): string {
    const folder = join(workplace, name, "torch");
    mkdirSync(folder, { recursive: true });
    symlinkSync(join(wheel, "lib"), join(folder, "lib"));
    symlinkSync(join(wheel, "include"), join(folder, "include"));
    cpSync(join(wheel, "version.py"), join(folder, "version.py"));
    return folder;
  }

  test("of another version than the binaries' is told apart before it is loaded", async () => {
    const other = copyWheel("other-version");
    writeFileSync(join(other, "version.py"), "__version__ = '2.14.0'\n");
    const { code, stderr } = await project.run(["npx", "pea", "models"], { LIBTORCH: other });
    assert.equal(code, 1);
    assert.match(stderr, /no binaries for libtorch 2\.14 in .*: there is no .*linux-x64-torch2\.14; /);
    assert.match(stderr, /Build them: npx pea-train@\S+ setup/);
  });

  test("works from wherever it lies", async () => {
    const moved = join(workplace, "moved");
    cpSync(join(wheel, "../nvidia"), join(moved, "nvidia"), { recursive: true });
    cpSync(join(wheel, "lib"), join(moved, "torch/lib"), { recursive: true });
    cpSync(join(wheel, "version.py"), join(moved, "torch/version.py"));
    const LIBTORCH = join(moved, "torch");
    assert.deepEqual(await runSmoke(project, { LIBTORCH }), { ...onWheel, libraries: join(LIBTORCH, "lib") });
    rmSync(moved, { recursive: true });
  });

  test("without its binaries: says which package and which command bring them, and setup builds them", async () => {
    const shipped = join(project.folder, "node_modules/@pea/linux-x64-torch2.15");
    renameSync(shipped, join(workplace, "put-aside"));
    const environment = { LIBTORCH: wheel };
    const { code, stderr } = await project.run(["node", "smoke.mjs"], environment);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /@pea\/linux-x64-torch2\.15 is not installed\nBuild them: npx pea-train@\S+ setup\n/,
    );

    const { name, version } = JSON.parse(readFileSync(join(root, "packages/pea/package.json"), "utf8"));
    const built = join(workplace, "cache/pea", version, "linux-x64-torch2.15");
    const killed = await project.run(["timeout", "--signal=KILL", "20", "npx", name, "setup"], environment);
    assert.notEqual(killed.code, 0);
    assert.ok(!existsSync(built), "nothing half-written takes the name");

    assert.match(
      succeeded(await project.run(["npx", name, "setup"], environment)),
      /^ready: libtorch 2\.15 in /,
    );
    assert.deepEqual(readdirSync(join(built, "..")), ["linux-x64-torch2.15"]);
    assert.deepEqual(await runSmoke(project, environment), { ...onWheel, origin: "pea setup" });
    assert.match(
      succeeded(await project.run(["npx", "pea", "setup"], environment)),
      /^ready: libtorch 2\.15 in .*, with binaries that load$/m,
    );
  });
});
