import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { type Engine, enginePlaces, homeOf, nativeFiles, searchBinaries } from "@pea/torch/binaries";
import type { Surroundings } from "../src/binaries/engines.ts";
import { doesNotLoad, engineCommand, noBinaries, type System } from "../src/binaries/remedies.ts";

const root = mkdtempSync(join(tmpdir(), "pea-binaries-"));
after(() => rmSync(root, { recursive: true }));

/** An empty file, with the folders above it. */
function touch(...path: string[]): string {
  const file = join(root, ...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "");
  return file;
}

/** A `torch` folder as the wheel makes it. */
function wheel(version: string, ...folder: string[]): string {
  touch(...folder, "lib", "libtorch_cpu.so");
  writeFileSync(touch(...folder, "version.py"), `from typing import Optional\n__version__ = '${version}'\n`);
  return join(root, ...folder);
}

/** A folder with a `python3` that answers so. */
function python(name: string, answer: string): string {
  const file = touch(name, "python3");
  writeFileSync(file, `#!/bin/sh\necho '${answer}'\n`);
  chmodSync(file, 0o755);
  return dirname(file);
}

const site = ["lib", "python3.12", "site-packages", "torch"];
const nowhere: Surroundings = {
  debianLibraries: join(root, "nothing"),
  environment: { PATH: python("bare", "") },
};
mkdirSync(nowhere.debianLibraries);

/** An installed @pea/torch. */
function installed(name: string): { folder: string; version: string } {
  writeFileSync(touch(name, "node_modules", "@pea", "torch", "package.json"), "{}");
  return { folder: join(root, name, "node_modules/@pea/torch"), version: "1.2.3" };
}

function firstEngine(surroundings: Surroundings): [origin: string, engine: Engine] | undefined {
  for (const { origin, found } of enginePlaces(surroundings))
    if (typeof found !== "string") return [origin, found];
  return undefined;
}

describe("an engine is found", () => {
  const torch = wheel("2.15.0+cu132", "own", "torch");

  test("where LIBTORCH points, and then nowhere else", () => {
    const places = [...enginePlaces({ ...nowhere, environment: { LIBTORCH: torch, VIRTUAL_ENV: root } })];
    const library = join(torch, "lib", "libtorch_cpu.so");
    assert.deepEqual(places, [
      { origin: "LIBTORCH", isChosen: true, found: { name: "torch2.15", library, directory: torch } },
    ]);
  });

  test("as pytorch.org's archive, which has its version in another file", () => {
    touch("archive", "lib", "libtorch_cpu.so");
    writeFileSync(touch("archive", "build-version"), "2.9.1+cpu\n");
    const environment = { LIBTORCH: join(root, "archive") };
    assert.equal(firstEngine({ ...nowhere, environment })?.[1].name, "torch2.9");
  });

  test("in the active virtual environment, before conda's", () => {
    wheel("2.14.1", "venv", ...site);
    wheel("2.13.0", "conda", ...site);
    const environment = { VIRTUAL_ENV: join(root, "venv"), CONDA_PREFIX: join(root, "conda") };
    const names = [...enginePlaces({ ...nowhere, environment: { ...nowhere.environment, ...environment } })];
    assert.deepEqual(
      names.map(({ origin, isChosen, found }) => [origin, isChosen, typeof found === "string" || found.name]),
      [
        ["the active virtual environment", true, "torch2.14"],
        ["the active conda environment", true, "torch2.13"],
        ["Debian's package", false, true],
        ["python3", false, true],
      ],
    );
  });

  test("among Debian's libraries, of several the newest, with no need of the headers' package", () => {
    touch("debian", "x86_64-linux-gnu", "libtorch_cpu.so.1.13");
    touch("debian", "x86_64-linux-gnu", "libtorch_cpu.so.1.13.0");
    const library = touch("debian", "x86_64-linux-gnu", "libtorch_cpu.so.2.6");
    assert.deepEqual(firstEngine({ ...nowhere, debianLibraries: join(root, "debian") }), [
      "Debian's package",
      { name: "libtorch2.6", library, directory: undefined },
    ]);
  });

  test("as Debian's where Python's torch links to it", () => {
    const library = touch("linked", "x86_64-linux-gnu", "libtorch_cpu.so.1.13");
    mkdirSync(join(root, "dist-packages/torch/lib"), { recursive: true });
    symlinkSync(library, join(root, "dist-packages/torch/lib/libtorch_cpu.so"));
    const environment = { LIBTORCH: join(root, "dist-packages/torch") };
    assert.deepEqual(firstEngine({ ...nowhere, environment })?.[1], {
      name: "libtorch1.13",
      library,
      directory: undefined,
    });
  });

  test("where python3 would import torch from", () => {
    const environment = { PATH: `${python("with-torch", torch)}:${process.env.PATH}` };
    assert.deepEqual(firstEngine({ ...nowhere, environment })?.[0], "python3");
  });

  test("nowhere: each place says why", () => {
    const environment = { LIBTORCH: join(root, "nothing") };
    const whys = (surroundings: Surroundings) => [...enginePlaces(surroundings)].map(({ found }) => found);
    assert.deepEqual(whys({ ...nowhere, environment }), [`${root}/nothing has no lib/libtorch_cpu.so`]);
    assert.deepEqual(whys({ ...nowhere, environment: { VIRTUAL_ENV: root, PATH: root } }), [
      `${root} has no torch`,
      `no libtorch_cpu.so in ${root}/nothing/*-linux-gnu`,
      "there is no python3",
    ]);
    const debianLibraries = join(root, "not-there");
    assert.deepEqual(whys({ debianLibraries, environment: { PATH: root } }), [
      `no libtorch_cpu.so in ${debianLibraries}/*-linux-gnu`,
      "there is no python3",
    ]);
    touch("nameless", "lib", "libtorch_cpu.so");
    assert.deepEqual(whys({ ...nowhere, environment: { LIBTORCH: join(root, "nameless") } }), [
      `${root}/nameless does not say its version (in version.py or build-version)`,
    ]);
  });
});

describe("binaries", () => {
  const target = `${process.platform}-${process.arch}`;
  const wheels = { "2.15.0": wheel("2.15.0", "w15"), "2.9.0": wheel("2.9.0", "w9") };
  const cache = join(root, "cache");
  const on = (version: keyof typeof wheels) => ({
    ...nowhere,
    environment: { LIBTORCH: wheels[version], XDG_CACHE_HOME: cache },
  });

  test("are those of the package for platform and engine", () => {
    const home = installed("project");
    const file = touch("project", "node_modules", "@pea", `${target}-torch2.15`, nativeFiles.torch);
    writeFileSync(join(dirname(file), "package.json"), "{}");
    const { binaries } = searchBinaries(home, on("2.15.0"));
    assert.equal(binaries?.file("torch"), file);
    assert.equal(binaries?.file("kernels"), join(dirname(file), "libpea_kernels.so"));
    assert.equal(binaries?.origin, `the package @pea/${target}-torch2.15`);
    assert.equal(searchBinaries(home, on("2.9.0")).binaries, undefined);
  });

  test("are those that setup built for this version of the packages, rather", () => {
    const home = installed("project");
    touch("cache", "pea", "1.2.2", `${target}-torch2.15`, nativeFiles.torch);
    assert.match(searchBinaries(home, on("2.15.0")).binaries?.origin ?? "", /^the package /);
    const file = touch("cache", "pea", "1.2.3", `${target}-torch2.15`, nativeFiles.torch);
    assert.equal(searchBinaries(home, on("2.15.0")).binaries?.file("torch"), file);
  });

  test("of an engine that comes later, where an environment that is merely active has none", () => {
    const home = installed("other");
    wheel("2.9.0", "active", ...site);
    touch("system", "x86_64-linux-gnu", "libtorch_cpu.so.1.13");
    touch("cache", "pea", "1.2.3", `${target}-libtorch1.13`, nativeFiles.torch);
    const { binaries, passedOver } = searchBinaries(home, {
      debianLibraries: join(root, "system"),
      environment: { VIRTUAL_ENV: join(root, "active"), XDG_CACHE_HOME: cache },
    });
    assert.equal(binaries?.engineOrigin, "Debian's package");
    assert.deepEqual(
      passedOver.map(({ place, why }) => [place.origin, why]),
      [
        [
          "the active virtual environment",
          `no binaries for libtorch 2.9 in ${join(root, "active", ...site, "lib")}: ` +
            `there is no ${cache}/pea/1.2.3/${target}-torch2.9; @pea/${target}-torch2.9 is not installed`,
        ],
      ],
    );
  });
});

describe("an error", () => {
  const home = { folder: join(root, "away"), version: "1.2.3" };
  const system: System = { arch: "x64", debian: "12", lacksVenv: false, isRoot: false, glibc: "2.36" };
  const none = (environment: Record<string, string | undefined> = nowhere.environment) =>
    searchBinaries(home, { ...nowhere, environment });

  test("names every place without an engine, and the one command that brings it", () => {
    assert.equal(
      noBinaries(home, none(), system).message,
      `There is no engine (libtorch). Looked at:
  Debian's package: no libtorch_cpu.so in ${root}/nothing/*-linux-gnu
  python3: it has no torch
Install one: sudo apt-get update && sudo apt-get install -y libtorch-dev libopenblas0-pthread`,
    );
  });

  test("knows what brings an engine where: apt on Debian 12 and 13, elsewhere pip", () => {
    assert.equal(
      engineCommand({ ...system, debian: "13", isRoot: true }),
      "apt-get update && apt-get install -y libtorch-dev libopenblas0-pthread cmake g++ make libjpeg-dev",
    );
    const wheel = "python3 -m venv .venv && . .venv/bin/activate && pip install torch==2.15.0";
    assert.equal(engineCommand({ ...system, debian: "11" }), wheel);
    assert.equal(engineCommand({ ...system, debian: undefined }), wheel);
    assert.equal(
      engineCommand({ ...system, debian: undefined, lacksVenv: true }),
      `sudo apt-get update && sudo apt-get install -y python3-venv && ${wheel}`,
    );
  });

  test("advises the wheel that the published binaries are made for", () => {
    const { optionalDependencies } = JSON.parse(
      readFileSync(new URL("../package.json", import.meta.url), "utf8"),
    );
    const made = Object.keys(optionalDependencies).flatMap((name) => /-torch(2\.\d+)$/.exec(name)?.[1] ?? []);
    const advised = /torch==(\d+\.\d+)/.exec(engineCommand({ ...system, debian: undefined }))?.[1];
    assert.deepEqual(made, [advised]);
  });

  test("says what LIBTORCH takes", () => {
    const { message } = noBinaries(home, none({ LIBTORCH: join(root, "nothing") }), system);
    assert.match(message, /LIBTORCH: \S+\/nothing has no lib\/libtorch_cpu\.so\nLIBTORCH takes the folder/);
  });

  test("of an engine without binaries names the engine, where they were sought, and what builds them", () => {
    const torch = wheel("2.9.0", "without", "torch");
    const { message } = noBinaries(home, none({ LIBTORCH: torch, XDG_CACHE_HOME: "/cache" }), system);
    const target = `${process.platform}-${process.arch}-torch2.9`;
    assert.equal(
      message,
      `No engine (libtorch) has native binaries. Looked at:
  LIBTORCH: no binaries for libtorch 2.9 in ${torch}/lib: there is no /cache/pea/1.2.3/${target}; @pea/${target} is not installed
Build them: npx pea-train@1.2.3 setup`,
    );
  });

  test("names another C library", () => {
    assert.match(noBinaries(home, none(), { ...system, glibc: undefined }).message, /the GNU C library/);
  });

  const engine = { name: "torch2.15", library: "/t/lib/libtorch_cpu.so", directory: "/t" };
  const binaries = { engine, engineOrigin: "LIBTORCH", origin: "the package p", file: () => "/p/a.node" };
  const lacks = (library: string) => `${library}: cannot open shared object file: No such file or directory`;

  test("of a library that the engine lacks says what brings the engine whole, not to build", () => {
    const message = (of: Engine, library: string) =>
      doesNotLoad(home, { ...binaries, engine: of }, "/p/a.node", lacks(library), system).message;
    const cuda = message(engine, "libcudart.so.13");
    assert.match(cuda, /libcudart\.so\.13 is missing on this system; .*--force-reinstall "torch==2\.15\.\*"/);
    const library = "/usr/lib/x86_64-linux-gnu/libtorch_cpu.so.1.13";
    const blas = message({ name: "libtorch1.13", library, directory: undefined }, "libblas.so.3");
    assert.match(blas, /libblas\.so\.3 is missing .*install -y libtorch-dev libopenblas0-pthread$/);
    for (const text of [cuda, blas]) assert.doesNotMatch(text, /Build it here/);
  });

  test("of a library that the native file needs beside the engine names its package", () => {
    const { message } = doesNotLoad(home, binaries, "/p/pea_images.node", lacks("libjpeg.so.62"), system);
    assert.match(message, /Install it: sudo apt-get update && sudo apt-get install -y libjpeg62-turbo$/);
  });

  test("of a native file made for another libtorch says to build", () => {
    for (const library of ["libtorch_cpu.so.1.13", "libc10.so.1.13"])
      assert.match(
        doesNotLoad(home, binaries, "/p/a.node", lacks(library), system).message,
        /Build it here: npx pea-train@1\.2\.3 setup$/,
      );
  });

  test("of a library made for a newer glibc compares the two", () => {
    const cause = "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /p/a.node)";
    assert.equal(
      doesNotLoad(home, binaries, "/p/a.node", cause, { ...system, glibc: "2.31" }).message,
      `The native library /p/a.node (from the package p) does not load on libtorch 2.15 in /t/lib (LIBTORCH): ${cause}. ` +
        "It was built on a newer system: it needs GLIBC 2.34, this system has 2.31. " +
        "Build it here: npx pea-train@1.2.3 setup",
    );
  });

  test("of a bundle says what to leave out of it", () => {
    for (const [url, where] of [
      [pathToFileURL(touch("app", "dist", "bundle.js")).href, `${root}/app/dist/bundle.js`],
      [undefined, "a CommonJS file"],
    ] as const)
      assert.throws(() => homeOf(url), {
        name: "TorchError",
        message: new RegExp(
          `^@pea/torch was bundled into ${where}, .*--external:@pea/\\* --external:pea-train`,
        ),
      });
  });
});
